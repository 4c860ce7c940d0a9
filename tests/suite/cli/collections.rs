//! `--collections FILE` and `--collection NAME`.

use std::io::Write as _;

use tempfile::NamedTempFile;

use super::process::{Ended, run};
use super::served::Served;
use crate::support::{TestDatabase, on_both_stores};

const SHOPS: &str = r#"
[collections.shops]
table = "shops"
id = "shop_id"
name = "title"
latitude = "lat"
longitude = "lon"
country = "country_code"
"#;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file can be made");
    file.write_all(text.as_bytes()).expect("it can be written");
    file
}

/// Runs a command on a database with a file of collections.
fn on(db: &TestDatabase, declared: &str, args: &[&str]) -> Ended {
    let file = file(declared);
    let path = file.path().to_str().expect("a text");
    let rest = ["--collections", path, "--database-url", db.url()];
    run(&[args, &rest].concat())
}

/// That `serve` ends before it begins, and why.
#[track_caller]
fn refused(db: &TestDatabase, declared: &str, said: &[&str]) {
    on(db, declared, &["serve", "--bind", "127.0.0.1:0"]).assert(2, said);
}

fn stdout(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.stdout).expect("output is UTF-8")
}

async fn make_shops(db: &TestDatabase) {
    db.execute(
        "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2))",
    )
    .await;
    db.execute(
        "INSERT INTO shops VALUES (1, 'one', 0, 0, 'GR'), (2, 'two', 0, 0.001, 'FR'), \
         (3, 'nowhere', NULL, NULL, 'GR'), (4, 'beyond', 91, 0, 'GR')",
    )
    .await;
}

/// Every text of a place in a column of another type, and each name in another case
/// than the table has it.
const PLACES: &str = r#"
[collections.places]
table = "places"
id = "id"
name = "number"
latitude = "latitude"
longitude = "longitude"
country = "flags"
region = "since"
city = "height"
address = "code"
email = "sort"
phone = "price"
website = "data"
description = "raw"
"#;

const PLACE: [(&str, &str); 9] = [
    ("name", "30"),
    ("country", "5"),
    ("region", "2020-02-03"),
    ("city", "1.5"),
    ("address", "GR"),
    ("email", "shop"),
    ("phone", "7.5"),
    ("website", r#"{"a": 1}"#),
    ("description", "00FF"),
];

async fn make_places(db: &TestDatabase) {
    let (columns, row) = if db.is_mysql() {
        (
            "ID INT PRIMARY KEY, Number INT, Latitude DOUBLE, Longitude DOUBLE, flags BIT(8), \
             Since DATE, height DOUBLE, code BINARY(16), sort ENUM('shop', 'club'), \
             price DECIMAL(4,1), data JSON, raw VARBINARY(9)",
            r#"1, 30, 1, 1, 5, '2020-02-03', 1.5, 'GR', 'shop', 7.5, '{"a":1}', x'00FF'"#,
        )
    } else {
        (
            "ID INTEGER PRIMARY KEY, Number INT, Latitude DOUBLE, Longitude DOUBLE, flags INT, \
             Since DATE, height DOUBLE, code BLOB, sort, price DECIMAL, data JSON, raw BLOB",
            r#"1, 30, 1, 1, 5, '2020-02-03', 1.5, x'4752', 'shop', 7.5, '{"a": 1}', '00FF'"#,
        )
    };
    db.execute(&format!("CREATE TABLE places ({columns})"))
        .await;
    db.execute(&format!("INSERT INTO places VALUES ({row})"))
        .await;
}

on_both_stores! {
    async fn columns_of_any_type_and_case_are_shown_filtered_and_exported_as_texts(db: TestDatabase) {
        make_places(&db).await;
        let declared = file(PLACES);
        let args = ["--collections", declared.path().to_str().unwrap(), "--database-url", db.url()];
        let served = Served::start(&args);
        let (_, item) = served.get("/collections/places/items/1?format=json").await;
        for (field, text) in PLACE {
            assert_eq!(item[field], text, "{field} of {item}");
        }
        let (_, near) = served.get("/collections/places/nearby?lat=1&lng=1").await;
        let (_, named) = served.get("/collections/places/search?q=30").await;
        for answer in [&near, &named] {
            assert!(answer.to_string().contains(r#""name":"30""#), "{answer}");
        }
        for asked in ["nearby?lat=1&lng=1&", "items?format=json&"] {
            for (filter, ids) in [
                ("country=5&region=2020-02-03&city=1.5", &[1][..]),
                ("country=05", &[]),
                ("city=1.50", &[]),
                ("region=2020-2-3", &[]),
            ] {
                let path = format!("/collections/places/{asked}{filter}");
                assert_eq!(served.found_ids(&path).await, ids, "{path}");
            }
        }
        let exported = on(&db, PLACES, &["export", "-", "--collection", "places"]);
        exported.assert(0, &["1 centers exported"]);
        for text in ["30", "2020-02-03", "1.5", "GR", "7.5", "00FF"] {
            assert!(stdout(&exported).contains(text), "{text} in {}", stdout(&exported));
        }
        on(&db, PLACES, &["verify", "--collection", "places"]).assert(0, &[]);
    }

    async fn a_declared_table_is_served(db: TestDatabase) {
        make_shops(&db).await;
        let file = file(SHOPS);
        let path = file.path().to_str().unwrap();
        let served = Served::start(&["--collections", path, "--database-url", db.url()]);
        assert_eq!(served.found_ids("/collections/shops/nearby?lat=0&lng=0").await, [1, 2]);
        assert_eq!(served.found_ids("/collections/shops/nearest?lat=0&lng=0&country=FR").await, [2]);
        assert_eq!(served.found_ids("/dive-sites").await, [0; 0]);
        let (_, all) = served.get("/collections").await;
        assert_eq!(all["collections"].as_array().unwrap().len(), 3);
    }

    async fn a_flag_declares_what_a_file_does(db: TestDatabase) {
        make_shops(&db).await;
        let shops = "shops: table=shops id=shop_id name=title latitude=lat longitude=lon";
        let served = Served::start(&["--declare", shops, "--database-url", db.url()]);
        assert_eq!(served.found_ids("/collections/shops/nearby?lat=0&lng=0").await, [1, 2]);
        on(&db, SHOPS, &["verify", "--declare", shops]).assert(2, &["shops is declared twice"]);
    }

    async fn a_table_without_a_location_is_verified_exported_and_only_read(db: TestDatabase) {
        make_shops(&db).await;
        let of_shops = ["--collection", "shops"];
        let verified = on(&db, SHOPS, &[&["verify"], &of_shops[..]].concat());
        verified.assert(1, &[]);
        for line in ["rows                            4", "without coordinates             1",
                     "in drift                        0", "out of range                    1  ids 4"] {
            assert!(stdout(&verified).contains(line), "{line} in {}", stdout(&verified));
        }
        let exported = on(&db, SHOPS, &[&["export", "-"], &of_shops[..]].concat());
        exported.assert(0, &["4 centers exported"]);
        assert!(stdout(&exported).contains("two"));
        let csv = NamedTempFile::with_suffix(".csv").unwrap();
        std::fs::write(csv.path(), "name,latitude,longitude\nthree,1,1\n").unwrap();
        for command in [&["backfill"][..], &["import", csv.path().to_str().unwrap()]] {
            let ended = on(&db, SHOPS, &[command, &of_shops[..]].concat());
            ended.assert(2, &["shops has no location", "Declare `location`"]);
        }
        let adopted = on(&db, SHOPS, &[&["adopt"], &of_shops[..]].concat());
        adopted.assert(2, &["shops has no location", "`location = \"location\"` to [collections.shops]"]);
        assert_eq!(db.number("SELECT COUNT(*) FROM shops").await, 4);
    }

    async fn dive_sites_are_verified_and_backfilled_imported_and_exported(db: TestDatabase) {
        let sites = ["--collection", "dive-sites"];
        let csv = NamedTempFile::with_suffix(".csv").unwrap();
        std::fs::write(csv.path(), "id,name,latitude,longitude,country,city\n7,Patris,0,24.27,GR,Kea\n8,x,,,,\n").unwrap();
        let import = ["import", csv.path().to_str().unwrap()];
        on(&db, "[collections]", &[&import[..], &sites].concat()).assert(0, &["2 inserted", "dive-sites have no such field, or compute it: `city`"]);
        assert_eq!(db.number("SELECT COUNT(*) FROM dive_sites WHERE status = 'approved'").await, 2);
        assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 0);
        on(&db, "[collections]", &[&["verify"], &sites[..]].concat()).assert(0, &[]);

        let drop = if db.is_mysql() { "dive_sites_location_update" } else { "dive_sites_stale_location" };
        db.execute(&format!("DROP TRIGGER {drop}")).await;
        db.execute("UPDATE dive_sites SET latitude = 0.5 WHERE id = 7").await;
        let drifted = on(&db, "[collections]", &[&["verify"], &sites[..]].concat());
        drifted.assert(1, &[]);
        assert!(stdout(&drifted).contains("`nearby backfill --collection dive-sites`"), "{}", stdout(&drifted));
        on(&db, "[collections]", &["verify"]).assert(0, &[]);
        on(&db, "[collections]", &[&["backfill"], &sites[..]].concat()).assert(0, &[]);
        on(&db, "[collections]", &[&["verify"], &sites[..]].concat()).assert(0, &[]);
        let exported = on(&db, "[collections]", &[&["export", "-"], &sites[..]].concat());
        assert!(stdout(&exported).contains("7,Patris,"), "{}", stdout(&exported));
    }

    async fn what_a_table_has_is_told_where_the_file_is_wrong(db: TestDatabase) {
        make_shops(&db).await;
        let with = |from: &str, to: &str| SHOPS.replace(from, to);
        refused(&db, &with("\"shops\"", "\"chops\""), &["there is no table chops", "diving_centers", "shops"]);
        refused(&db, &with("\"title\"", "\"titel\""), &[
            "collection shops", "shops has no column titel", "shop_id, title, lat, lon, country_code",
        ]);
        refused(&db, &with("\"shop_id\"", "\"id\""), &["shops has no column id", "shop_id, title"]);
        refused(&db, &with("\"lat\"", "\"title\"").replace("name = \"title\"", "name = \"lat\""), &[
            "shops.title is", "no number of degrees",
        ]);
        refused(&db, &format!("{SHOPS}location = \"point\"\n"), &["shops has no column point", "location"]);
        refused(&db, &with("country =", "cuntry ="), &["line 8", "`cuntry`", "country, region"]);
        refused(&db, &with("\"lon\"", "\"lat\""), &["`latitude` and `longitude`", "column lat"]);
        refused(&db, &with("shops]", "centers]"), &["centers is built in"]);
        let missing = ["serve", "--collections", "/no/such.toml", "--database-url", db.url()];
        run(&missing).assert(2, &["cannot read /no/such.toml"]);
        on(&db, SHOPS, &["verify", "--collection", "chops"])
            .assert(2, &["no collection `chops`", "`centers`, `dive-sites`, `shops`"]);
    }

    async fn a_view_and_a_table_without_a_key_are_refused(db: TestDatabase) {
        make_shops(&db).await;
        db.execute("CREATE VIEW open_shops AS SELECT * FROM shops").await;
        db.execute("CREATE TABLE loose (shop_id INTEGER, title VARCHAR(100), lat DOUBLE, lon DOUBLE, \
                    country_code CHAR(2))").await;
        let of = |table: &str| SHOPS.replace("\"shops\"", &format!("\"{table}\""));
        refused(&db, &of("open_shops"), &["open_shops is a view", "key", "the table under it"]);
        refused(&db, &of("loose"), &["loose.shop_id is no key"]);
        db.execute("DROP TABLE loose").await;
        db.execute("CREATE TABLE loose (shop_id INTEGER NOT NULL UNIQUE, title VARCHAR(100), lat DOUBLE, \
                    lon DOUBLE, country_code CHAR(2))").await;
        let verified = on(&db, &of("loose"), &["verify", "--collection", "shops"]);
        verified.assert(0, &[]);
    }

    async fn a_location_of_another_kind_is_refused(db: TestDatabase) {
        make_shops(&db).await;
        let located = format!("{SHOPS}location = \"point\"\n");
        let kinds: &[(&str, &[&str])] = if db.is_mysql() {
            &[
                ("point VARCHAR(20)", &["shops.point is varchar(20), not POINT"]),
                ("point POLYGON NOT NULL SRID 4326", &["polygon, not POINT"]),
                ("point POINT NOT NULL SRID 3857", &["SRID 3857", "another reference system"]),
                ("point POINT NOT NULL", &["has no SRID", "`nearby adopt --collection shops --apply`"]),
                ("point POINT NULL SRID 4326", &["may be NULL", "`nearby adopt --collection shops --apply`"]),
            ]
        } else {
            &[("point TEXT", &["shops.point is TEXT, not POINT", "leave `location` out"])]
        };
        for (column, said) in kinds {
            db.execute("DELETE FROM shops").await;
            db.execute(&format!("ALTER TABLE shops ADD COLUMN {column}")).await;
            refused(&db, &located, said);
            db.execute("ALTER TABLE shops DROP COLUMN point").await;
        }
        if !db.is_mysql() {
            db.execute("ALTER TABLE shops ADD COLUMN point POINT").await;
            db.execute("INSERT INTO gpkg_contents (table_name, data_type, srs_id) \
                        VALUES ('shops', 'features', 4326)").await;
            for (kind, srs, said) in [("POLYGON", 4326, "holds POLYGON"), ("POINT", 0, "reference system 0")] {
                db.execute("DELETE FROM gpkg_geometry_columns WHERE table_name = 'shops'").await;
                db.execute(&format!("INSERT INTO gpkg_geometry_columns \
                                     VALUES ('shops', 'point', '{kind}', {srs}, 0, 0)")).await;
                refused(&db, &located, &[said]);
            }
        }
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_may_not_be_read_is_refused_with_the_grant() {
    let db = TestDatabase::mysql().await;
    make_shops(&db).await;
    let url = db.user_with("INSERT").await;
    let name = db.url().rsplit('/').next().unwrap();
    for table in ["diving_centers", "dive_sites", "_sqlx_migrations"] {
        db.execute(&format!("GRANT SELECT ON `{name}`.{table} TO `{name}`"))
            .await;
    }
    let declared = file(SHOPS);
    let path = declared.path().to_str().unwrap();
    let args = [
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--collections",
        path,
        "--database-url",
        &url,
    ];
    run(&args).assert(2, &["may not read shops", "GRANT SELECT ON"]);
    db.execute(&format!("REVOKE INSERT ON `{name}`.* FROM `{name}`"))
        .await;
    run(&args).assert(
        2,
        &[
            "there is no table shops",
            "may not see it",
            "GRANT SELECT ON shops",
        ],
    );
}

/// Half of the rows have their place written by adopting.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_declared_table_is_adopted_and_served_by_its_index() {
    let db = TestDatabase::mysql().await;
    make_shops(&db).await;
    db.execute("DELETE FROM shops WHERE shop_id = 4").await;
    let located = format!("{SHOPS}location = \"point\"\n");
    let shops = ["--collection", "shops"];
    let looked = on(&db, &located, &[&["adopt"], &shops[..]].concat());
    looked.assert(1, &[]);
    assert!(
        stdout(&looked).contains("`nearby adopt --collection shops --apply`"),
        "{}",
        stdout(&looked)
    );
    on(&db, &located, &[&["adopt", "--apply"], &shops[..]].concat()).assert(0, &[]);
    let verified = on(&db, &located, &[&["verify"], &shops[..]].concat());
    assert_eq!(verified.code, Some(0), "{}", stdout(&verified));
    let declared = file(&located);
    let path = declared.path().to_str().unwrap();
    let served = Served::start(&["--collections", path, "--database-url", db.url()]);
    assert_eq!(
        served
            .found_ids("/collections/shops/nearby?lat=0&lng=0")
            .await,
        [1, 2]
    );
    // Migrations know nothing of it, and leave it alone.
    assert_eq!(db.number("SELECT COUNT(*) FROM shops").await, 3);
}
