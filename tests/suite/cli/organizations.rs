//! `nearby organizations`

use super::process::{Ended, run};
use crate::support::{TestDatabase, on_both_stores};

fn on(db: &TestDatabase, action: &str) -> Ended {
    run(&["organizations", action, "--database-url", db.url()])
}

fn lines(ended: &Ended) -> Vec<&str> {
    ended.assert(0, &[]);
    std::str::from_utf8(&ended.stdout)
        .expect("output is UTF-8")
        .lines()
        .collect()
}

on_both_stores! {
    async fn the_ten_large_organizations_are_added_once(db: TestDatabase) {
        db.execute("INSERT INTO diving_organizations (name, acronym) VALUES ('Theirs', 'padi')").await;
        let seeded = on(&db, "seed");
        let added = lines(&seeded);
        assert_eq!((added[0], added.len()), ("added 9", 10));
        assert_eq!(lines(&on(&db, "seed")), ["nothing to add"]);
        let listed = on(&db, "list");
        let all = lines(&listed);
        assert_eq!(all.len(), 10);
        for acronym in ["padi", "SSI", "GUE", "RAID", "CMAS", "TDI", "NAUI", "BSAC", "SDI", "IANTD"] {
            let of = |line: &&&str| line.split_whitespace().nth(1) == Some(acronym);
            assert_eq!(all.iter().filter(of).count(), 1, "{acronym} in {all:?}");
        }
    }
}
