//! Attributes that the database remembers, and files that have them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use super::process::{Ended, nearby, run, run_with_input};
use super::served::Served;
use crate::support::{TestDatabase, on_both_stores};

const FOUR: [&str; 5] = [
    "centers",
    "category:text",
    "stars:number",
    "is_open:boolean",
    "since:date",
];

const SHOPS: &str = "id,name,latitude,longitude,category,stars,is_open,since\n\
    1,a,37.9,23.7,school,4.5,yes,2020-02-29\n\
    2,b,37.8,23.6,\"bar, \"\"late\"\"\",-3,0,2024/01/31\n\
    3,c,,,,,,\n";
/// The same as an export has it.
const SHOWN: [&str; 3] = [
    ",school,4.5,true,2020-02-29",
    ",\"bar, \"\"late\"\"\",-3,false,2024-01-31",
    ",,,,",
];

struct Files<'a> {
    db: &'a TestDatabase,
    folder: TempDir,
}

impl<'a> Files<'a> {
    fn of(db: &'a TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { db, folder }
    }

    fn run(&self, args: &[&str]) -> Ended {
        run(&[args, &["--database-url", self.db.url()]].concat())
    }

    fn attributes(&self, args: &[&str]) -> Ended {
        self.run(&[&["attributes"], args].concat())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, name: &str, content: &str, more: &[&str]) -> Ended {
        let path = self.path(name);
        if !content.is_empty() {
            fs::write(&path, content).unwrap();
        }
        self.run(&[&["import", path.to_str().unwrap()], more].concat())
    }

    /// What an export has of attributes, row by row.
    fn exported(&self) -> Vec<String> {
        let csv = self.run(&["export", "-"]);
        csv.assert(0, &[]);
        let csv = String::from_utf8(csv.stdout).unwrap();
        let rows = csv.lines().skip(1);
        rows.map(|row| {
            row.split_once("Z,20")
                .unwrap()
                .1
                .split_once('Z')
                .unwrap()
                .1
                .to_owned()
        })
        .collect()
    }
}

on_both_stores! {
    async fn attributes_that_are_added_are_columns_which_files_fill_and_hold(db: TestDatabase) {
        let files = Files::of(&db);
        files.attributes(&[&["add"], &FOUR[..]].concat()).assert(0, &["centers have the attribute stars, a number"]);
        files.attributes(&[&["add"], &FOUR[..]].concat()).assert(0, &["have these attributes already"]);
        let listed = files.attributes(&["list"]).stdout;
        let listed = String::from_utf8(listed).unwrap();
        assert_eq!(listed.lines().collect::<Vec<_>>(), &FOUR[1..]);

        files.import("a.csv", SHOPS, &[]).assert(0, &["3 inserted"]);
        assert_eq!(files.exported(), SHOWN);
        files.import("a.csv", "", &[]).assert(0, &["3 unchanged"]);
        let both = "SELECT COUNT(*) FROM diving_centers WHERE category = 'school' AND stars = 4.5 AND is_open AND since = '2020-02-29'";
        assert_eq!(db.number(both).await, 1);

        for name in ["b.csv", "b.geojson", "b.geojsonl", "b.gpkg"] {
            let path = files.path(name);
            let path = path.to_str().unwrap();
            files.run(&["export", path]).assert(0, &["3 centers exported"]);
            files.import(name, "", &[]).assert(0, &["3 unchanged"]);
            db.execute("DELETE FROM diving_centers").await;
            files.import(name, "", &[]).assert(0, &["3 inserted"]);
            assert_eq!(files.exported(), SHOWN, "{name}");
        }
    }

    async fn a_file_says_nothing_of_attributes_that_it_has_not(db: TestDatabase) {
        let files = Files::of(&db);
        files.attributes(&[&["add"], &FOUR[..]].concat()).assert(0, &[]);
        files.import("a.csv", SHOPS, &[]).assert(0, &["3 inserted"]);
        let some = "id,name,lat,lng,rating\n1,a,37.9,23.7,5\n2,b,37.8,23.6,\n";
        files.import("b.csv", some, &["--map", "stars=rating"]).assert(0, &["2 updated"]);
        assert_eq!(files.exported()[..2], [
            ",school,5,true,2020-02-29",
            ",\"bar, \"\"late\"\"\",,false,2024-01-31",
        ]);
        let features = concat!(
            r#"{"type":"Feature","id":1,"geometry":null,"properties":{"name":"a","is_open":null}}"#, "\n",
            r#"{"type":"Feature","id":2,"geometry":null,"properties":{"name":"b","stars":7,"since":"2021-01-01"}}"#,
        );
        files.import("c.geojsonl", features, &[]).assert(0, &["2 updated"]);
        assert_eq!(files.exported()[..2], [
            ",school,5,,2020-02-29",
            ",\"bar, \"\"late\"\"\",7,false,2021-01-01",
        ]);
    }

    async fn a_value_that_is_none_of_its_kind_is_rejected_with_its_line(db: TestDatabase) {
        let files = Files::of(&db);
        files.attributes(&[&["add"], &FOUR[..]].concat()).assert(0, &[]);
        for (row, told) in [
            ("a,,x,,", "line 3: stars must be a number with a decimal point, got `x`"),
            ("a,,\"4,5\",,", "line 3: stars must be a number with a decimal point, got `4,5`"),
            ("a,,,maybe,", "line 3: is_open must be true or false, got `maybe`"),
            ("a,,,,2023-02-29", "line 3: since must be a day as in 2024-01-31, got `2023-02-29`"),
        ] {
            let content = format!("name,category,stars,is_open,since,lat,lng\nok,,,,,1,2\n{row},1,2\n");
            files.import("a.csv", &content, &[]).assert(1, &[told, "nothing was written"]);
        }
        let list = r#"{"type":"Feature","geometry":null,"properties":{"name":"a","stars":[1]}}"#;
        files.import("a.geojsonl", list, &[]).assert(1, &["stars must be a text, a number or null, got a list"]);
        assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 0);
    }

    async fn an_import_adds_the_attributes_that_it_is_asked_for(db: TestDatabase) {
        let files = Files::of(&db);
        files.import("a.csv", SHOPS, &["--dry-run"])
            .assert(0, &["map to no field: `category`, `stars`, `is_open`, `since`", "--with-attributes"]);
        let content = SHOPS.replace("2024/01/31", "2024-01-31").replace("yes", "true").replace(",0,", ",false,");
        let all = ["--with-attributes", "category,stars,is_open,since"];
        files.import("a.csv", &content, &[&all[..], &["--dry-run"]].concat())
            .assert(0, &["would add the attributes category:text, stars:number, is_open:boolean, since:date"]);
        assert!(files.attributes(&["list"]).stdout.is_empty());
        files.import("a.csv", &content, &all).assert(0, &["added the attributes category:text", "3 inserted"]);
        assert_eq!(files.exported(), SHOWN);
        let again = files.import("a.csv", &content, &all);
        again.assert(0, &["3 unchanged"]);
        assert!(!again.stderr.contains("added"), "{}", again.stderr);
    }

    async fn attributes_that_cannot_be_are_refused_before_anything_is_made(db: TestDatabase) {
        let files = Files::of(&db);
        for (args, code, told) in [
            (&["add", "centers", "category"][..], 2, "write NAME:KIND, as in category:text"),
            (&["add", "centers", "category:string"], 2, "the kinds are text, number, boolean, date"),
            (&["add", "centers", "new:text", "city:text"], 2, "`city` cannot be the name of an attribute"),
            (&["add", "centers", "new:text", "New:text"], 0, "centers have the attribute new"),
            (&["add", "centers", "new:number"], 2, "new is an attribute of centers already, and holds a text, not a number"),
            (&["add", "shops", "new:text"], 2, "there is no collection `shops`"),
            (&["remove", "centers", "old"], 1, "remembers no attribute old"),
        ] {
            files.attributes(args).assert(code, &[told]);
        }
        let header = "name,lat,lng,mood\na,1,2,happy\n";
        files.import("a.csv", header, &["--with-attributes", "moood"])
            .assert(2, &["has nothing for the attribute moood", "--map moood=COLUMN"]);
        let asked = ["import", "-", "--database-url", db.url(), "--with-attributes", "mood"];
        run_with_input(&asked, header.as_bytes())
            .assert(2, &["standard input can be read only once", "--with-attributes mood:text"]);
        let asked = [&asked[..5], &["mood:text"]].concat();
        run_with_input(&asked, header.as_bytes()).assert(0, &["added the attributes mood:text", "1 inserted"]);
        let listed = String::from_utf8(files.attributes(&["list", "centers"]).stdout).unwrap();
        assert_eq!(listed, "new:text\nmood:text\n");
    }

    async fn an_attribute_is_forgotten_and_its_column_dropped_only_when_asked(db: TestDatabase) {
        let files = Files::of(&db);
        files.attributes(&["add", "centers", "mood:text", "stars:number"]).assert(0, &[]);
        files.import("a.csv", "name,lat,lng,mood,stars\na,1,2,happy,3\n", &[]).assert(0, &["1 inserted"]);
        files.attributes(&["remove", "centers", "mood"]).assert(0, &["its column is still there"]);
        files.attributes(&["remove", "centers", "stars", "--drop-column"]).assert(0, &["its column is dropped"]);
        assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers WHERE mood = 'happy'").await, 1);
        assert_eq!(files.exported(), [""]);
        // What it held comes back with it, of that kind.
        files.attributes(&["add", "centers", "mood:text", "stars:number"]).assert(0, &[]);
        assert_eq!(files.exported(), [",happy,"]);
    }

    async fn a_column_that_holds_something_else_is_no_attribute_of_another_kind(db: TestDatabase) {
        let files = Files::of(&db);
        files.attributes(&["add", "centers", "code:number"]).assert(0, &[]);
        files.attributes(&["remove", "centers", "code"]).assert(0, &[]);
        files.attributes(&["add", "centers", "new:text", "code:text"])
            .assert(2, &["diving_centers has a column code already, which holds numbers"]);
        files.import("a.csv", "name,lat,lng,code\na,1,2,007\n", &["--with-attributes", "code"])
            .assert(2, &["which holds numbers"]);
        assert!(files.attributes(&["list"]).stdout.is_empty(), "nothing is made by halves");
        db.execute("ALTER TABLE diving_centers ADD COLUMN spot POINT").await;
        files.attributes(&["add", "centers", "spot:text"]).assert(2, &["holds what is no attribute"]);
        files.attributes(&["add", "centers", "code:number"]).assert(0, &[]);
    }

    async fn attributes_of_any_name_come_back_from_every_file(db: TestDatabase) {
        let files = Files::of(&db);
        let names = ["a-b:text", "we ird:text", "geom:text", "Größe:number", "x$:boolean"];
        files.attributes(&[&["add", "centers"], &names[..]].concat()).assert(0, &[]);
        let content = "name,lat,lng,a-b,we ird,geom,Größe,x$\na,1,2,h,b,g,7,true\n";
        files.import("a.csv", content, &[]).assert(0, &["1 inserted"]);
        assert_eq!(files.exported(), [",h,b,g,7,true"]);
        for name in ["b.csv", "b.geojson", "b.gpkg"] {
            let path = files.path(name);
            files.run(&["export", path.to_str().unwrap()]).assert(0, &["1 centers exported"]);
            db.execute("DELETE FROM diving_centers").await;
            let ended = files.import(name, "", &[]);
            ended.assert(0, &["1 inserted"]);
            assert!(!ended.stderr.contains("map to no field"), "{}", ended.stderr);
            assert_eq!(files.exported(), [",h,b,g,7,true"], "{name}");
        }
        for name in ["datetime:date", "zoom:number", "f:text"] {
            files.attributes(&["add", "centers", name]).assert(2, &["cannot be the name of an attribute"]);
        }
    }

    async fn attributes_that_several_add_at_once_are_added_once(db: TestDatabase) {
        let args = ["attributes", "add", "centers", "same:text", "other:number"];
        let args = [&args[..], &["--database-url", db.url()]].concat();
        let adding: Vec<_> = (0..4)
            .map(|_| nearby().args(&args).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        for child in adding {
            let ended: Ended = child.wait_with_output().unwrap().into();
            ended.assert(0, &[]);
        }
        let listed = Files::of(&db).attributes(&["list"]).stdout;
        let mut listed: Vec<&str> = std::str::from_utf8(&listed).unwrap().lines().collect();
        listed.sort_unstable();
        assert_eq!(listed, ["other:number", "same:text"]);
    }

    async fn an_instance_whose_column_was_dropped_says_that_its_database_lacks_something(db: TestDatabase) {
        let files = Files::of(&db);
        files.attributes(&["add", "centers", "mood:text"]).assert(0, &[]);
        let served = Served::start(&["--database-url", db.url()]);
        let (status, made) = served.post("/centers", &json!({ "name": "a", "mood": "happy" })).await;
        assert_eq!((status, &made["mood"]), (201, &json!("happy")));
        files.attributes(&["remove", "centers", "mood", "--drop-column"]).assert(0, &[]);
        let (status, _) = served.post("/centers", &json!({ "name": "b" })).await;
        assert_eq!(status, 503);
        let (status, _) = served.get(&format!("/centers/{}", made["id"])).await;
        assert_eq!(status, 503);
    }

    async fn a_table_of_another_application_is_declared_in_a_file_instead(db: TestDatabase) {
        let files = Files::of(&db);
        db.execute(
            "CREATE TABLE shops (id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, lat DOUBLE, lon DOUBLE)",
        )
        .await;
        let declare = ["--declare", "shops: table=shops id=id name=title latitude=lat longitude=lon"];
        files.attributes(&[&["add", "shops", "mood:text"], &declare[..]].concat())
            .assert(2, &["shops is another application's table", "[collections.shops.attributes]"]);
        let more = [&declare[..], &["--collection", "shops", "--with-attributes", "mood"]].concat();
        files.import("a.csv", "name,lat,lng,mood\na,1,2,happy\n", &more)
            .assert(2, &["shops is another application's table"]);
    }

    async fn a_database_that_was_not_migrated_remembers_none_and_says_what_to_do(db: TestDatabase) {
        let files = Files::of(&db);
        db.execute("DROP TABLE nearby_attributes").await;
        files.import("a.csv", SHOPS, &[]).assert(0, &["3 inserted", "map to no field: `category`"]);
        files.attributes(&["list"]).assert(0, &["centers have no attributes"]);
    }
}
