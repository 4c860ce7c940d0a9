//! What years leave in tables: triggers of accounts that are gone, zero dates.

use super::neighbour::{Kind, assert_told, divemap, nearby, stdout};
use crate::support::TestDatabase;

const GONE: &str = "'nearby_gone'@'%'";
const INSERT: &str = "INSERT INTO diving_centers (name, latitude, longitude) VALUES ('new', 1, 1)";

/// Puts the trigger of an account that never was in the place of ours.
async fn orphan(db: &TestDatabase, event: &str) {
    trigger_of(db, GONE, event).await;
}

/// Puts the trigger of an account in the place of ours.
async fn trigger_of(db: &TestDatabase, account: &str, event: &str) {
    let name = format!("diving_centers_location_{event}");
    let body: String = sqlx::query_scalar(
        "SELECT CAST(ACTION_STATEMENT AS CHAR) FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME = ?",
    )
    .bind(&name)
    .fetch_one(db.mysql_pool())
    .await
    .expect("it is there");
    db.execute(&format!("DROP TRIGGER {name}")).await;
    db.execute(&format!(
        "CREATE DEFINER = {account} TRIGGER {name} BEFORE {event} ON diving_centers FOR EACH ROW {body}"
    ))
    .await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_with_which_every_write_fails_are_named_and_ours_are_mended() {
    let db = divemap(Kind::WithLocation, 60).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    orphan(&db, "insert").await;
    orphan(&db, "update").await;
    assert!(db.try_execute(INSERT).await.is_err());
    let verified = nearby(&db, &["verify"]).await;
    verified.assert(1, &[]);
    for said in [
        "error 1449",
        "diving_centers_location_insert",
        "nearby_gone@%",
    ] {
        assert!(
            stdout(&verified).contains(said),
            "{said} in {}",
            stdout(&verified)
        );
    }
    // Migrations leave the table alone, and tell.
    let status = nearby(&db, &["migrate", "status"]).await;
    status.assert(1, &[]);
    assert_told(
        &status,
        &[
            "wrong: diving_centers: every INSERT fails with error 1449",
            "diving_centers_location_update",
        ],
    );
    nearby(&db, &["migrate", "up"])
        .await
        .assert(0, &["every INSERT fails with error 1449"]);
    nearby(&db, &["adopt"]).await.assert(1, &[]);
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute(INSERT).await;
    nearby(&db, &["adopt"]).await.assert(0, &[]);
    nearby(&db, &["migrate", "status"]).await.assert(0, &[]);

    // The application drops what it did not make.
    db.execute("ALTER TABLE diving_centers DROP COLUMN location")
        .await;
    assert!(db.try_execute(INSERT).await.is_err());
    for command in [&["verify"][..], &["migrate", "status"]] {
        let found = nearby(&db, command).await;
        found.assert(1, &[]);
        for event in ["INSERT", "UPDATE"] {
            let failing = format!("every {event} fails with error 1054");
            assert_told(
                &found,
                &[&failing, "`nearby adopt --apply` adds the column"],
            );
        }
    }
    let looked = nearby(&db, &["adopt"]).await;
    looked.assert(1, &[]);
    assert_told(&looked, &["uses a column that is gone"]);
    assert!(!stdout(&looked).contains("in place"), "{}", stdout(&looked));
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute(INSERT).await;
    nearby(&db, &["verify"]).await.assert(0, &[]);
    nearby(&db, &["migrate", "status"]).await.assert(0, &[]);
    let looked = nearby(&db, &["adopt"]).await;
    assert_told(&looked, &["in place"]);

    db.execute(&format!(
        "CREATE DEFINER = {GONE} TRIGGER audit BEFORE DELETE ON diving_centers \
         FOR EACH ROW SET @seen = 1"
    ))
    .await;
    for command in ["adopt", "verify"] {
        let found = nearby(&db, &[command]).await;
        assert_ne!(found.code, Some(0));
        for said in [
            "every DELETE fails",
            "audit",
            "CREATE USER 'nearby_gone'@'%'",
        ] {
            assert!(
                stdout(&found).contains(said),
                "{said} in {}",
                stdout(&found)
            );
        }
    }
}

/// The account is there, and its rights were taken away.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_whose_account_lacks_a_right_are_named_and_ours_are_mended() {
    let db = divemap(Kind::WithLocation, 60).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let url = db.user_with("USAGE").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let account = format!("'{user}'@'%'");
    for (granted, lacking) in [("SELECT", "TRIGGER"), ("SELECT, TRIGGER", "UPDATE")] {
        db.execute(&format!("GRANT {granted} ON diving_centers TO {account}"))
            .await;
        trigger_of(&db, &account, "insert").await;
        assert!(db.try_execute(INSERT).await.is_err());
        let verified = nearby(&db, &["verify"]).await;
        verified.assert(1, &[]);
        assert_told(
            &verified,
            &[
                "every INSERT fails with error 1142",
                &format!("without the right {lacking}"),
            ],
        );
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        db.execute(INSERT).await;
        nearby(&db, &["verify"]).await.assert(0, &[]);
    }
    // An account that may do all of it by the whole schema is fine.
    db.execute(&format!("REVOKE ALL ON diving_centers FROM {account}"))
        .await;
    db.execute(&format!(
        "GRANT SELECT, TRIGGER, UPDATE ON `{user}`.* TO {account}"
    ))
    .await;
    trigger_of(&db, &account, "insert").await;
    db.execute(INSERT).await;
    nearby(&db, &["verify"]).await.assert(0, &[]);
}

/// Roles count where they are active without anybody asking for them.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rights_by_a_role_count_for_a_trigger_where_the_role_is_active_by_default() {
    let db = divemap(Kind::WithLocation, 60).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let url = db.user_with("USAGE").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let account = format!("'{user}'@'%'");
    let (role, outer) = (format!("'{user}_r'@'%'"), format!("'{user}_o'@'%'"));
    db.execute(&format!(
        "CREATE ROLE {role}, {outer}; GRANT SELECT, TRIGGER, UPDATE ON diving_centers TO {role}; \
         GRANT {role} TO {outer}; GRANT {outer} TO {account}"
    ))
    .await;
    trigger_of(&db, &account, "insert").await;
    assert!(db.try_execute(INSERT).await.is_err());
    let verified = nearby(&db, &["verify"]).await;
    verified.assert(1, &[]);
    assert_told(&verified, &["every INSERT fails with error 1142"]);

    db.execute(&format!("ALTER USER {account} DEFAULT ROLE {outer}"))
        .await;
    db.execute(INSERT).await;
    nearby(&db, &["verify"]).await.assert(0, &[]);

    // A trigger of another application: what to grant is told whole.
    db.execute(&format!(
        "ALTER USER {account} DEFAULT ROLE NONE; \
         CREATE DEFINER = {account} TRIGGER audit BEFORE DELETE ON diving_centers \
         FOR EACH ROW SET @seen = 1"
    ))
    .await;
    let looked = nearby(&db, &["adopt"]).await;
    let grant = format!("GRANT TRIGGER ON `{user}`.`diving_centers` TO {account}");
    assert_told(&looked, &[&grant]);
    db.execute(&grant).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute("DELETE FROM diving_centers LIMIT 1").await;
    db.execute(&format!("DROP ROLE {role}, {outer}")).await;
}

/// Of nearby's own tables those of ours are made again, and those of others named.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn migrating_up_makes_our_triggers_again_and_names_those_of_others() {
    let db = TestDatabase::mysql().await;
    orphan(&db, "insert").await;
    db.execute(&format!(
        "CREATE DEFINER = {GONE} TRIGGER audit BEFORE DELETE ON dive_sites FOR EACH ROW SET @seen = 1"
    ))
    .await;
    let failing = "wrong: diving_centers: every INSERT fails";
    let audit = "dive_sites: every DELETE fails with error 1449: the trigger audit";
    let status = nearby(&db, &["migrate", "status"]).await;
    status.assert(1, &[]);
    assert_told(&status, &[failing, audit]);
    let up = nearby(&db, &["migrate", "up"]).await;
    up.assert(0, &[audit]);
    assert!(!up.stderr.contains("INSERT"), "{}", up.stderr);
    db.execute(INSERT).await;
    let status = nearby(&db, &["migrate", "status"]).await;
    status.assert(1, &[]);
    assert_told(&status, &[audit]);
    assert!(!stdout(&status).contains(failing), "{}", stdout(&status));
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_with_zero_dates_is_adopted_by_us_and_by_the_printed_statements() {
    for printed in [false, true] {
        let db = divemap(Kind::Ignorant, 60).await;
        db.execute(
            "SET SESSION sql_mode = ''; \
             ALTER TABLE diving_centers \
               ADD seen_at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', \
               ADD opened DATE NULL; \
             UPDATE diving_centers SET opened = '0000-00-00', updated_at = '0000-00-00 00:00:00'",
        )
        .await;
        if printed {
            let sql = nearby(&db, &["adopt", "--sql"]).await;
            let lines = stdout(&sql).lines();
            let mut statements = lines.filter(|line| !line.starts_with("--"));
            // In one session, as an administrator's client is.
            let mode = statements.next().expect("there are some");
            for statement in statements {
                db.execute(&format!("{mode}{}", statement.trim_end_matches(';')))
                    .await;
            }
        } else {
            nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        }
        let left = nearby(&db, &["adopt"]).await;
        assert_eq!(left.code, Some(0), "{}", stdout(&left));
        let kept = "SELECT COUNT(*) FROM diving_centers \
                    WHERE CAST(seen_at AS CHAR) LIKE '0000%' AND CAST(updated_at AS CHAR) LIKE '0000%'";
        assert_eq!(db.number(kept).await, 60);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_that_went_along_with_a_renamed_table_are_named_with_it() {
    let db = divemap(Kind::Ignorant, 20).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute(
        "RENAME TABLE diving_centers TO diving_centers_old; \
         CREATE TABLE diving_centers LIKE diving_centers_old",
    )
    .await;
    let refused = nearby(&db, &["adopt", "--apply"]).await;
    refused.assert(2, &[]);
    assert_told(
        &refused,
        &["on the table diving_centers_old", "DROP TRIGGER"],
    );
    for name in ["insert", "update"] {
        db.execute(&format!("DROP TRIGGER diving_centers_location_{name}"))
            .await;
    }
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
}
