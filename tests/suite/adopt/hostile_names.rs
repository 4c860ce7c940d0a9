//! Names that come from the database are names, whatever they hold.

use std::fmt::Write as _;

use super::neighbour::{nearby, stdout};
use crate::cli::served::Served;
use crate::support::TestDatabase;

/// Would be run as statements, if it ever left its quotes.
const HOSTILE: &str = "a` VISIBLE;CREATE TABLE evil(a INT);#'\"\\%s*/\nDROP TABLE other;--";

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The statements of a file, as a client takes them apart: comments go to the end of
/// their line, and a semicolon within quotes ends nothing.
fn statements(file: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quote = None;
    let mut rest = file;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        match (c, quote) {
            (';', None) => all.push(String::new()),
            _ => all.last_mut().expect("there is one").push(c),
        }
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '`' | '\'' | '"') {
            quote = Some(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    all.retain(|statement| !statement.trim().is_empty());
    all
}

async fn with_hostile_names() -> TestDatabase {
    let db = TestDatabase::mysql_empty().await;
    let hostile = quoted(HOSTILE);
    let mut sql = format!(
        "CREATE TABLE other (a INT);
         CREATE TABLE {hostile} (a INT);
         CREATE TABLE diving_centers (
             id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(255) NOT NULL,
             latitude DECIMAL(10,8), longitude DECIMAL(11,8),
             location POINT NOT NULL SRID 4326
                 COMMENT 'it''s; DROP TABLE other; \\\\',
             {hostile} TIMESTAMP NULL DEFAULT '2020-01-01' ON UPDATE CURRENT_TIMESTAMP,
             SPATIAL INDEX {hostile} (location) INVISIBLE
         );
         CREATE TRIGGER {hostile} BEFORE DELETE ON diving_centers FOR EACH ROW
             INSERT INTO other VALUES (1);"
    );
    for row in 1..=20 {
        let _ = write!(
            sql,
            "INSERT INTO diving_centers (name, latitude, longitude, location)
             VALUES ('c{row}', {row}, {row}, ST_SRID(POINT(0, 0), 4326));"
        );
    }
    db.execute(&sql).await;
    db
}

async fn assert_nothing_else_was_done(db: &TestDatabase) {
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES \
                  WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('evil', 'other')";
    assert_eq!(db.number(tables).await, 1, "other is there, evil is not");
    let column = format!(
        "SELECT COUNT(*) FROM diving_centers WHERE {} = '2020-01-01'",
        quoted(HOSTILE)
    );
    assert_eq!(db.number(&column).await, 20, "the column kept its values");
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn hostile_names_of_columns_indexes_and_triggers_stay_names_when_a_table_is_adopted() {
    let db = with_hostile_names().await;
    let looked = nearby(&db, &["adopt"]).await;
    looked.assert(1, &[]);
    let applied = nearby(&db, &["adopt", "--apply"]).await;
    applied.assert(0, &[]);
    let visible = "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = \
                   DATABASE() AND INDEX_TYPE = 'SPATIAL' AND IS_VISIBLE = 'YES'";
    assert_eq!(db.number(visible).await, 1);
    for args in [&["verify"][..], &["backfill"], &["export", "-"]] {
        nearby(&db, args).await.assert(0, &[]);
    }
    assert_nothing_else_was_done(&db).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn printed_statements_with_hostile_names_do_what_they_say_and_nothing_else() {
    let db = with_hostile_names().await;
    let printed = nearby(&db, &["adopt", "--sql"]).await;
    printed.assert(1, &[]);
    for statement in statements(stdout(&printed)) {
        db.execute(&statement).await;
    }
    let left = nearby(&db, &["adopt"]).await;
    assert_eq!(left.code, Some(0), "{}", stdout(&left));
    assert_nothing_else_was_done(&db).await;
}

/// Names of any script are names.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_with_greek_names_is_adopted_filled_and_searched() {
    for table in [
        "κέντρα",
        "τα_καταδυτικά_κέντρα_και_οι_σχολές_όλης_της_ελλάδας",
    ] {
        adopt_greek(table).await;
    }
}

/// As people name tables that come from spreadsheets.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_whose_names_have_blanks_is_adopted_and_searched() {
    let db = TestDatabase::mysql_empty().await;
    db.execute(
        "CREATE TABLE `Dive Centers-2024` (`Center ID` INT PRIMARY KEY AUTO_INCREMENT, \
           `Full Name` VARCHAR(90), `Lat (N)` INT, `Lat-N` DOUBLE, `Lng-E` DOUBLE, \
           `Star Rating` DOUBLE, INDEX `by stars` (`Star Rating`)); \
         INSERT INTO `Dive Centers-2024` (`Full Name`, `Lat-N`, `Lng-E`, `Star Rating`) \
         VALUES ('Kea', 37.6, 24.3, 4.5), ('Hydra', 37.3, 23.5, 3)",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let declared = folder.path().join("collections.toml");
    std::fs::write(
        &declared,
        "[collections.sheet]\n\
         table = \"Dive Centers-2024\"\nid = \"Center ID\"\nname = \"Full Name\"\n\
         latitude = \"Lat-N\"\nlongitude = \"Lng-E\"\nlocation = \"Map Point\"\n\
         [collections.sheet.attributes]\n\
         \"Star Rating\" = \"number\"\n",
    )
    .unwrap();
    let declared = declared.to_str().unwrap();
    let of_it = ["--collections", declared, "--collection", "sheet"];
    for adopt in [&["adopt", "--apply"][..], &["adopt", "--online", "--apply"]] {
        let adopt = [adopt, &of_it].concat();
        nearby(&db, &adopt).await.assert(0, &[]);
        let verify = [&["verify"][..], &of_it].concat();
        nearby(&db, &verify).await.assert(0, &[]);
        for engine in ["sql", "memory"] {
            let served = Served::start(&[
                "--collections",
                declared,
                "--database-url",
                db.url(),
                "--default-collection",
                "sheet",
                "--engine",
                engine,
            ]);
            let near = "/collections/sheet/nearby?lat=37.5&lng=24&radius_km=500";
            let (_, found) = served.get(&format!("{near}&Star%20Rating=4..")).await;
            assert_eq!(found["centers"][0]["Star Rating"], 4.5, "{found}");
            assert_eq!(found["centers"].as_array().unwrap().len(), 1);
            let (_, found) = served
                .get(&format!("{near}&filter=%22Star%20Rating%22%20%3C%204"))
                .await;
            assert_eq!(found["centers"][0]["name"], "Hydra", "{found}");
        }
        let undo = [&["adopt", "--undo", "--apply"][..], &of_it].concat();
        nearby(&db, &undo).await.assert(0, &[]);
    }
}

async fn adopt_greek(table: &str) {
    let db = TestDatabase::mysql_empty().await;
    db.execute(&format!(
        "CREATE TABLE `{table}` (`κωδικός` INT PRIMARY KEY AUTO_INCREMENT, `όνομα` VARCHAR(90), \
           `πλάτος` DOUBLE, `μήκος` DOUBLE, `χώρα` VARCHAR(2), INDEX `ανά_χώρα` (`χώρα`), \
           `τύπος` VARCHAR(20) AS (CONCAT(`χώρα`, '!'))); \
         INSERT INTO `{table}` (`όνομα`, `πλάτος`, `μήκος`, `χώρα`) VALUES ('Κέα', 37.6, 24.3, 'GR')"
    ))
    .await;
    let declared = format!(
        "kentra: table={table} id=κωδικός name=όνομα latitude=πλάτος longitude=μήκος \
         location=θέση country=χώρα description=τύπος"
    );
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("more.csv");
    std::fs::write(
        &csv,
        "name,latitude,longitude,country,description\nΎδρα,37.3,23.5,GR,no\n",
    )
    .unwrap();
    let of_it = ["--declare", &declared, "--collection", "kentra"];
    let with = |command: &[&'static str]| {
        let command: Vec<&str> = command.to_vec();
        [&command[..], &of_it].concat()
    };
    nearby(&db, &with(&["adopt", "--apply"]))
        .await
        .assert(0, &[]);
    let import = [&["import", csv.to_str().unwrap()], &of_it[..]].concat();
    let imported = nearby(&db, &import).await;
    imported.assert(0, &["1 inserted", "or compute it: `description`"]);
    nearby(&db, &with(&["verify"])).await.assert(0, &[]);
    let exported = nearby(&db, &with(&["export", "-"])).await;
    assert!(
        stdout(&exported).contains("2,Ύδρα,"),
        "{}",
        stdout(&exported)
    );
    nearby(&db, &with(&["adopt", "--undo", "--apply"]))
        .await
        .assert(0, &[]);
}
