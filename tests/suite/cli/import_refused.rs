//! Rows that are as they should be and that the table does not take.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use nearby::domain::Filter;

use super::process::{Ended, run};
use crate::support::{TestDatabase, on_both_stores};

fn import(db: &TestDatabase, folder: &tempfile::TempDir, content: &str, args: &[&str]) -> Ended {
    let path = folder.path().join("a.csv");
    fs::write(&path, content).unwrap();
    let mut all = vec!["import", path.to_str().unwrap(), "--database-url", db.url()];
    all.extend_from_slice(args);
    run(&all)
}

async fn names(db: &TestDatabase) -> Vec<String> {
    let store = db.store();
    let centers = store.list(&Filter::default(), None, 10_000).await.unwrap();
    centers.into_iter().map(|center| center.text.name).collect()
}

/// No two rows with one e-mail address, and nothing in XX.
async fn make_rules(db: &TestDatabase) {
    db.execute("CREATE UNIQUE INDEX one_email ON diving_centers (email)")
        .await;
    db.execute(if db.is_mysql() {
        "ALTER TABLE diving_centers ADD CONSTRAINT not_xx CHECK (country <> 'XX')"
    } else {
        "CREATE TRIGGER not_xx BEFORE INSERT ON diving_centers WHEN NEW.country = 'XX' \
         BEGIN SELECT RAISE(ABORT, 'not_xx is violated'); END"
    })
    .await;
}

on_both_stores! {
    async fn rows_that_the_table_refuses_are_reported_by_line_and_the_others_written(db: TestDatabase) {
        make_rules(&db).await;
        let folder = tempfile::tempdir().unwrap();
        let mut content = "id,name,lat,lng,email,country\n".to_owned();
        for row in 0..700 {
            // Lines 100 and 613 break a rule, 300 is no center at all; every other
            // row has no id of its own.
            let (line, id) = (row + 2, if row % 2 == 0 { (row + 1).to_string() } else { String::new() });
            let row = match line {
                100 => format!("{id},In XX,1,2,,XX\n"),
                300 => format!("{id},Too far north,91,2,,\n"),
                613 => format!("{id},Twice,1,2,row4@x,\n"),
                _ => format!("{id},Row {row},1,2,row{row}@x,GR\n"),
            };
            content.push_str(&row);
        }
        import(&db, &folder, &content, &["--on-error", "skip"]).assert(1, &[
            "700 rows read: 697 inserted, 0 updated, 0 unchanged, 0 without coordinates, 3 rejected",
            "line 100: the table does not take it: ",
            "not_xx",
            "line 300: latitude must be a number",
            "line 613: the table does not take it: ",
            "3 of 700 rows cannot be taken",
        ]);
        let found = names(&db).await;
        assert_eq!(found.len(), 697);
        assert!(!found.iter().any(|name| name == "In XX" || name == "Twice"));
        let report = fs::read_to_string(folder.path().join("a.csv.rejected.csv")).unwrap();
        let mut lines: Vec<&str> = report.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["100", "300", "613"]);
        assert!(report.contains(",99,In XX,1,2,,XX\n"), "{report}");

        let mended = report.replace("XX\n", "GR\n").replace("row4@x", "row611@x").replace("91", "1");
        import(&db, &folder, &mended, &[]).assert(0, &["3 inserted"]);
    }

    async fn an_import_that_aborts_names_the_line_that_the_table_refuses(db: TestDatabase) {
        make_rules(&db).await;
        let folder = tempfile::tempdir().unwrap();
        let content = "id,name,lat,lng,email,country\n1,A,1,2,a@x,\n2,B,1,2,b@x,\n3,C,1,2,c@x,\n4,D,1,2,d@x,XX\n5,E,1,2,a@x,\n";
        import(&db, &folder, content, &[]).assert(1, &["line 5: the table does not take it", "nothing was written"]);
        assert_eq!(names(&db).await, [""; 0]);
        import(&db, &folder, content, &["--batch-size", "3"])
            .assert(1, &["line 5: the table does not take it", "what was written stays, up to line 4"]);
        assert_eq!(names(&db).await, ["A", "B", "C"]);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn every_rule_of_a_mysql_table_refuses_its_row_only() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "CREATE TABLE regions (code VARCHAR(100) NOT NULL PRIMARY KEY); \
         INSERT INTO regions VALUES ('Attica'); \
         ALTER TABLE diving_centers MODIFY name VARCHAR(10) NOT NULL, \
           MODIFY phone ENUM('yes', 'no'), MODIFY city VARCHAR(100) CHARACTER SET latin1, \
           MODIFY email VARCHAR(100) NULL CHECK (email <> 'x'), ADD UNIQUE (website), \
           ADD FOREIGN KEY (region) REFERENCES regions (code); \
         CREATE TRIGGER refuse BEFORE INSERT ON diving_centers FOR EACH ROW \
         BEGIN IF NEW.address = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such address'; END IF; END",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let content = "name,lat,lng,phone,city,email,website,region,address\n\
        Good,1,2,yes,Athens,,w,Attica,\n\
        Much too long,1,2,,,,,,\n\
        Enum,1,2,maybe,,,,,\n\
        Charset,1,2,,\u{1f93f},,,,\n\
        Check,1,2,,,x,,,\n\
        Unique,1,2,,,,w,,\n\
        Key,1,2,,,,,Nowhere,\n\
        Signal,1,2,,,,,,bad\n\
        Last,1,2,no,,,,,\n";
    let ended = import(&db, &folder, content, &["--on-error", "skip"]);
    ended.assert(
        1,
        &[
            "9 rows read: 2 inserted",
            "line 3: the table does not take it: Data too long for column 'name'\n",
            "line 4: the table does not take it: Data truncated for column 'phone'\n",
            "line 5: the table does not take it: ",
            "line 6: the table does not take it: Check constraint",
            "line 7: the table does not take it: Duplicate entry 'w'",
            "line 8: the table does not take it: Cannot add or update a child row",
            "line 9: the table does not take it: no such address",
        ],
    );
    assert!(!ended.stderr.contains("at row"), "{}", ended.stderr);
    assert_eq!(names(&db).await, ["Good", "Last"]);
}
