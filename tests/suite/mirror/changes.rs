//! What listeners hear of rows that other applications write.

use super::mirror;
use crate::api::changes::Listener;
use crate::api::server::center;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rows_that_others_write_are_told_as_they_appear_change_and_go() {
    let server = mirror().await;
    let mut listener = Listener::open(&server, "/changes?bbox=0,0,2,2", None).await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    let told = |event: &str| (event.to_owned(), Some(id));
    assert_eq!(listener.told().await, told("appear"));
    for (change, event) in [
        ("name = 'b'", "change"),
        ("latitude = 5", "go"),
        ("latitude = 1.5", "appear"),
    ] {
        let sql = format!("UPDATE diving_centers SET {change} WHERE id = {id}");
        server.db.execute(&sql).await;
        assert_eq!(listener.told().await, told(event), "{change}");
    }
    let sql = format!("DELETE FROM diving_centers WHERE id = {id}");
    server.db.execute(&sql).await;
    assert_eq!(listener.told().await, told("go"));
    // What keys cannot tell.
    server.db.execute("TRUNCATE TABLE diving_centers").await;
    assert_eq!(listener.told().await, ("reset".to_owned(), None));
}
