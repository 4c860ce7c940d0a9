//! What clients were told of their writes, and whether it is so.

use std::collections::BTreeMap;

use crate::support::TestDatabase;

/// Where a center is, in thousandths of a degree of latitude; `None` where there is none.
pub type Latitude = Option<i32>;

/// By name of a center, where it may be: one latitude, or several where nobody knows.
#[derive(Debug, Default)]
pub struct Ledger {
    pub may_be: BTreeMap<String, Vec<Latitude>>,
    pub made: usize,
    pub refused: usize,
    pub unsettled: usize,
    /// Answers that no client expects.
    pub strange: Vec<String>,
    /// By name of a center, what was said when a write was refused last.
    pub refusals: BTreeMap<String, String>,
}

impl Ledger {
    /// That a center is here and nowhere else.
    pub fn is(&mut self, name: &str, latitude: Latitude) {
        self.may_be.insert(name.to_owned(), vec![latitude]);
    }

    /// That it may be here too.
    pub fn may_be(&mut self, name: &str, latitude: Latitude) {
        let known = self.may_be.entry(name.to_owned());
        known.or_insert_with(|| vec![None]).push(latitude);
    }

    /// Adds what another client was told of centers of its own.
    pub fn add(&mut self, other: Self) {
        self.may_be.extend(other.may_be);
        self.made += other.made;
        self.refused += other.refused;
        self.unsettled += other.unsettled;
        self.strange.extend(other.strange);
        self.refusals.extend(other.refusals);
    }

    /// Panics unless the database has what clients were told, each once; tells how much that is.
    pub async fn holds(&self, db: &TestDatabase, what: &str) {
        let rows = centers_of(db).await;
        let mut wrong = Vec::new();
        for (name, may_be) in &self.may_be {
            let there = rows.get(name).map_or(&[][..], Vec::as_slice);
            let is_as_told = match there {
                [] => may_be.contains(&None),
                [latitude] => may_be.contains(&Some(*latitude)),
                _ => false,
            };
            if !is_as_told {
                let refusal = self.refusals.get(name);
                wrong.push(format!(
                    "{name} is at {there:?}, was told {may_be:?}, refused last with {refusal:?}"
                ));
            }
        }
        println!(
            "{what}: {} writes made, {} refused, {} unsettled; {} centers looked at, {} not as told",
            self.made,
            self.refused,
            self.unsettled,
            self.may_be.len(),
            wrong.len()
        );
        assert!(wrong.is_empty(), "{wrong:#?}");
        let strangers = rows.keys().filter(|name| !self.may_be.contains_key(*name));
        assert_eq!(strangers.collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(self.strange.is_empty(), "{:#?}", self.strange);
        assert!(self.made > 0, "nothing was written");
    }
}

/// What the table says, asked by SQL.
async fn centers_of(db: &TestDatabase) -> BTreeMap<String, Vec<i32>> {
    let rows: Vec<(String, f64)> = if db.is_mysql() {
        let asking = sqlx::query_as("SELECT name, CAST(latitude AS DOUBLE) FROM diving_centers");
        asking.fetch_all(db.mysql_pool()).await.expect("it answers")
    } else {
        let file = db.sqlite_connection();
        let mut asking = file
            .prepare("SELECT name, latitude FROM diving_centers")
            .expect("the table is there");
        let rows = asking.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("it answers")
            .collect::<Result<_, _>>()
            .expect("each is a center")
    };
    let mut centers = BTreeMap::<String, Vec<i32>>::new();
    for (name, latitude) in rows {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is from -90000 to 90000"
        )]
        let latitude = (latitude * 1_000.0).round() as i32;
        centers.entry(name).or_default().push(latitude);
    }
    centers
}
