//! `nearby audit`, and what commands leave in the log.

use reqwest::Method;
use serde_json::{Value, json};

use super::process::{Ended, nearby, run};
use super::served::Served;
use crate::api::audit::entries;
use crate::support::{TestDatabase, on_both_stores};

fn audit(db: &TestDatabase, args: &[&str]) -> Ended {
    run(&[&["audit", "--database-url", db.url()], args].concat())
}

fn objects(ended: &Ended) -> Vec<Value> {
    ended.assert(0, &[]);
    let text = std::str::from_utf8(&ended.stdout).expect("output is UTF-8");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// Numbers of entries, as they are printed.
fn numbers(db: &TestDatabase, args: &[&str]) -> Vec<i64> {
    let objects = objects(&audit(db, &[&["--format", "json"], args].concat()));
    objects
        .iter()
        .map(|entry| entry["entry"].as_i64().expect("a number"))
        .collect()
}

/// Entries of one a day, from the first of November on: the number is the day.
async fn with_entries(db: &TestDatabase, days: i64) {
    let first = 1_793_491_200_000_i64;
    let rows = (1..=days).map(|day| {
        let at = first + (day - 1) * 86_400_000;
        let who = if day % 2 == 0 { "shop" } else { "admin" };
        let collection = if day % 3 == 0 {
            "dive-sites"
        } else {
            "centers"
        };
        format!(
            "({day}, {at}, '{who}', 'created', '{collection}', '{}')",
            day % 5
        )
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    db.execute(&format!(
        "INSERT INTO nearby_audit (id, at_ms, who, action, collection, row_id) VALUES {rows}"
    ))
    .await;
}

on_both_stores! {
    async fn entries_are_told_newest_first_and_as_they_are_asked_for(db: TestDatabase) {
        with_entries(&db, 20).await;
        let all: Vec<i64> = (1..=20).rev().collect();
        assert_eq!(numbers(&db, &[]), all);
        assert_eq!(numbers(&db, &["--limit", "3"]), [20, 19, 18]);
        assert_eq!(numbers(&db, &["--since", "2026-11-18"]), [20, 19, 18]);
        assert_eq!(numbers(&db, &["--since", "2026-11-19T00:00:01Z"]), [20]);
        assert_eq!(numbers(&db, &["--who", "shop", "--limit", "2"]), [20, 18]);
        assert_eq!(numbers(&db, &["--collection", "dive-sites"]), [18, 15, 12, 9, 6, 3]);
        assert_eq!(numbers(&db, &["--collection", "centers", "--id", "2"]), [17, 7, 2]);
        let both = ["--collection", "centers", "--id", "2", "--who", "admin", "--since", "2026-11-03"];
        assert_eq!(numbers(&db, &both), [17, 7]);
        let none = audit(&db, &["--who", "nobody"]);
        none.assert(0, &["there are no such entries"]);
        assert!(none.stdout.is_empty());
    }

    /// Entries of one moment among them.
    async fn more_entries_than_are_read_at_a_time_are_told_once_each(db: TestDatabase) {
        let rows: Vec<String> = (1..=350)
            .map(|id| format!("({id}, {}, 'a', 'created', 'centers')", id / 150))
            .collect();
        let rows = rows.join(", ");
        db.execute(&format!("INSERT INTO nearby_audit (id, at_ms, who, action, collection) VALUES {rows}")).await;
        let all: Vec<i64> = (1..=350).rev().collect();
        assert_eq!(numbers(&db, &["--limit", "1000"]), all);
        assert_eq!(numbers(&db, &["--limit", "230"]), all[..230]);
        assert_eq!(numbers(&db, &[]).len(), 100);
    }

    async fn people_are_told_what_changed_and_programs_the_whole_row(db: TestDatabase) {
        let served = Served::start(&["--database-url", db.url()]);
        let body = json!({ "name": "a\u{1b}[31m", "city": "x" });
        assert_eq!(served.post("/centers", &body).await.0, 400);
        let body = json!({ "name": "a", "city": "x" });
        assert_eq!(served.post("/centers", &body).await.0, 201);
        let patch = json!({ "name": "b", "city": null });
        assert_eq!(served.send(Method::PATCH, "/centers/1", &patch).await.0, 200);
        let (_, now) = served.get("/centers/1").await;
        served.stop();
        let told = audit(&db, &["--limit", "1"]);
        told.assert(0, &[]);
        let text = String::from_utf8(told.stdout).expect("output is UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("Z  admin  updated  centers 1  request "), "{text}");
        for line in ["  - city: \"x\"", "  - name: \"a\"", "  + name: \"b\""] {
            assert!(lines.contains(&line), "{text}");
        }
        assert!(!text.contains("country"), "{text}");
        let entry = &objects(&audit(&db, &["--limit", "1", "--format", "json"]))[0];
        assert_eq!(entry["after"], now);
        assert_eq!(entry["before"]["city"], "x");
        assert_eq!((&entry["id"], &entry["action"]), (&json!("1"), &json!("updated")));
    }

    async fn what_cannot_be_asked_for_is_refused(db: TestDatabase) {
        for (args, said) in [
            (["--limit", "0"], "1..=100000"),
            (["--limit", "100001"], "1..=100000"),
            (["--since", "yesterday"], "2026-11-30T18:00:00Z"),
            (["--format", "xml"], "json"),
            (["--audit", "maybe"], "off"),
        ] {
            audit(&db, &args).assert(2, &[said]);
        }
        db.execute("DROP TABLE nearby_audit").await;
        audit(&db, &[]).assert(2, &["no table nearby_audit", "`nearby migrate up`"]);
    }

    async fn a_command_that_writes_many_rows_leaves_one_entry_with_counts(db: TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("centers.csv");
        let mut lines = vec!["id,name,latitude,longitude".to_owned()];
        lines.extend((1..=50).map(|id| format!("{id},c{id},1.5,2.5")));
        std::fs::write(&file, lines.join("\n")).unwrap();
        let file = file.to_str().unwrap();
        let import = |more: &[&str]| {
            let args = ["import", file, "--batch-size", "7", "--database-url", db.url()];
            run(&[&args[..], more].concat()).assert(0, &[]);
        };
        import(&["--audit", "off"]);
        assert!(entries(&db).await.is_empty());
        db.execute("DELETE FROM diving_centers WHERE id <= 20").await;
        db.execute("UPDATE diving_centers SET name = 'other' WHERE id > 45").await;
        import(&[]);
        // Nothing is left to do.
        import(&[]);
        let all = entries(&db).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        let entry = &all[0];
        assert_eq!((entry.who.as_str(), entry.action.as_str()), ("nearby import", "imported"));
        assert_eq!((entry.collection.as_str(), &entry.row_id), ("centers", &None));
        let counts = entry.counts.as_ref().expect("it counts").get();
        let counts: Value = serde_json::from_str(counts).expect("JSON");
        assert_eq!(counts, json!({ "inserted": 20, "updated": 5, "unchanged": 25 }));
        let told = audit(&db, &[]);
        let text = String::from_utf8(told.stdout).expect("output is UTF-8");
        assert!(text.contains("nearby import  imported  centers  inserted: 20"), "{text}");
    }

    async fn a_backfill_is_noted_when_it_wrote(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(30).await;
        let backfill = |more: &[&str]| {
            run(&[&["backfill", "--database-url", db.url()], more].concat())
        };
        backfill(&["--dry-run"]).assert(1, &[]);
        assert!(entries(&db).await.is_empty());
        backfill(&[]).assert(0, &[]);
        backfill(&[]).assert(0, &[]);
        let all = entries(&db).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((all[0].who.as_str(), all[0].action.as_str()), ("nearby backfill", "backfilled"));
        assert!(all[0].counts.is_some());
    }

    async fn what_serve_mends_is_noted(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(30).await;
        let _served = Served::start(&["--database-url", db.url(), "--verify-every", "1", "--mend"]);
        let began = std::time::Instant::now();
        while entries(&db).await.is_empty() {
            assert!(began.elapsed() < crate::api::server::PATIENCE, "nothing is noted");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let all = entries(&db).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((all[0].who.as_str(), all[0].action.as_str()), ("nearby serve --mend", "backfilled"));
    }

    async fn keys_are_noted_by_what_they_allow_and_never_by_what_they_are(db: TestDatabase) {
        let keys = |args: &[&str]| run(&[&["keys"], args, &["--database-url", db.url()]].concat());
        let made = keys(&["create", "--name", "shop", "--scope", "write", "--rate", "10/s"]);
        made.assert(0, &[]);
        keys(&["revoke", "shop"]).assert(0, &[]);
        keys(&["revoke", "shop"]).assert(1, &[]);
        keys(&["create", "--name", "admin", "--scope", "read"])
            .assert(2, &["NEARBY_ADMIN_KEY", "another name"]);
        let told = objects(&audit(&db, &["--format", "json", "--collection", "access-keys"]));
        assert_eq!(told.len(), 2, "{told:#?}");
        let key = &told[1]["after"];
        assert_eq!((&key["name"], &key["scope"]), (&json!("shop"), &json!("write")));
        assert_eq!(key["requests_per_minute"], 600);
        assert_eq!((&told[1]["who"], &told[0]["who"]), (&json!("nearby keys create"), &json!("nearby keys revoke")));
        assert_eq!((&told[0]["action"], &told[0]["before"]["name"]), (&json!("deleted"), &json!("shop")));
        let key = String::from_utf8(made.stdout).expect("a key is text");
        let digest = crate::support::hex(&nearby::keyring::digest_of(key.trim().as_bytes()));
        let said = format!("{told:?}");
        assert!(!said.contains(key.trim()) && !said.contains(&digest), "{said}");
    }

    async fn organizations_that_are_seeded_are_noted_one_by_one(db: TestDatabase) {
        let seed = ["organizations", "seed", "--database-url", db.url()];
        run(&seed).assert(0, &[]);
        run(&seed).assert(0, &[]);
        let all = entries(&db).await;
        assert_eq!(all.len(), 10);
        assert!(all.iter().all(|entry| entry.who == "nearby organizations seed"));
        let is_new = |entry: &nearby::store::AuditEntry| entry.action == "created" && entry.collection == "organizations";
        assert!(all.iter().all(is_new));
    }

    async fn the_variable_turns_it_off_as_well(db: TestDatabase) {
        let create = ["keys", "create", "--name", "a", "--scope", "read", "--database-url", db.url()];
        let mut command = nearby();
        let ended: Ended = command.args(create).env("NEARBY_AUDIT", "off").output().unwrap().into();
        ended.assert(0, &[]);
        assert!(entries(&db).await.is_empty());
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_is_noted_with_its_steps_and_so_is_its_end() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "CREATE TABLE shops (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100) NOT NULL, \
            latitude DOUBLE, longitude DOUBLE); \
         INSERT INTO shops (name, latitude, longitude) VALUES ('a', 1, 2), ('b', 3, 4)",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collections.toml");
    std::fs::write(&file, "[collections.shops]\ntable = \"shops\"\nid = \"id\"\nname = \"name\"\nlatitude = \"latitude\"\nlongitude = \"longitude\"\nlocation = \"location\"\n").unwrap();
    let adopt = |more: &[&str]| {
        let file = file.to_str().unwrap();
        let args = [
            "adopt",
            "--collections",
            file,
            "--collection",
            "shops",
            "--database-url",
            db.url(),
        ];
        run(&[&args[..], more].concat())
    };
    adopt(&[]).assert(1, &[]);
    assert!(entries(&db).await.is_empty());
    adopt(&["--apply"]).assert(0, &[]);
    adopt(&["--apply"]).assert(0, &[]);
    adopt(&["--undo", "--apply"]).assert(0, &[]);
    let all = entries(&db).await;
    let told: Vec<_> = all
        .iter()
        .map(|entry| {
            (
                entry.who.as_str(),
                entry.action.as_str(),
                entry.collection.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("nearby adopt", "adopted", "shops"),
            ("nearby adopt", "given back", "shops")
        ]
    );
}
