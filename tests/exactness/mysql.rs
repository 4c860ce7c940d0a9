//! The sql engine, on a real MySQL, against brute force.

use std::sync::Arc;

use nearby::domain::{
    CenterDraft, CenterId, CenterText, Filter, Limit, MAX_LIMIT, Origin, Position, Radius, Search,
};
use nearby::engine::brute::BruteForce;
use nearby::engine::sql::SqlEngine;
use nearby::store::{BatchItem, Collection, Database, PoolSettings, Store};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::compare::judge;
use crate::memory::Page;
use crate::questions::Questions;
use crate::world::{self, Place};

/// Questions under way at the same time.
const TASKS: usize = 4;
/// One question in so many is walked to its last page.
const WALKED: usize = 10;
/// Walks of more centers than this stop there.
const LONGEST_WALK: usize = 3_000;
/// Rows given to the store at a time.
const ROWS: usize = 1_000;

/// A MySQL database of its own with places in it.
struct World {
    name: String,
    database: Database,
    engine: SqlEngine,
    brute: BruteForce,
}

impl World {
    async fn of(places: &[Place]) -> Self {
        let mut url: url::Url = std::env::var("NEARBY_TEST_MYSQL_URL")
            .expect("NEARBY_TEST_MYSQL_URL is set: run scripts/test")
            .parse()
            .expect("NEARBY_TEST_MYSQL_URL is a URL");
        let name = format!("nearby_exactness_{:016x}", rand::random::<u64>());
        on_server(&url, &format!("CREATE DATABASE `{name}`")).await;
        url.set_path(&name);
        let url = url.as_str().parse().expect("the URL names a database");
        let database = Database::connect(&url, &PoolSettings::default())
            .await
            .expect("MySQL answers");
        database.migrate_up(None).await.expect("migrations apply");

        let store = Store::new(&database, &Collection::diving_centers());
        let items: Vec<BatchItem> = places.iter().map(item).collect();
        for items in items.chunks(ROWS) {
            store.upsert(items).await.expect("rows are taken");
        }
        let Store::MySql(mysql) = store else {
            panic!("this is MySQL");
        };
        let mut brute = BruteForce::default();
        for summary in places.iter().filter_map(Place::summary) {
            brute.push(&summary);
        }
        Self {
            name,
            database,
            engine: SqlEngine::new(mysql),
            brute,
        }
    }

    async fn page(&self, search: &Search) -> Page {
        let mut page = Page::default();
        self.engine
            .search(search, &mut page)
            .await
            .expect("MySQL answers");
        page
    }

    /// Asks the engine and lets brute force judge. Gives the centers compared.
    async fn compare(&self, search: &Search, walk: bool) -> usize {
        let radius_m = search.radius.map(Radius::m);
        let Page { mut centers, next } = self.page(search).await;
        let mut limit = search.limit.get();
        assert!(next.is_none() || centers.len() == limit, "{search:?}");
        if walk {
            let mut search = Search {
                after: next,
                ..search.clone()
            };
            while search.after.is_some() && centers.len() < LONGEST_WALK {
                // Pages may differ in size.
                search.limit = Limit::new((centers.len() * 2).clamp(1, MAX_LIMIT)).unwrap();
                let page = self.page(&search).await;
                centers.extend(page.centers);
                search.after = page.next;
            }
            limit = match search.after {
                Some(_) => centers.len(),
                None => usize::MAX,
            };
        }
        if let Err(wrong) = judge(self.brute.measured(search), radius_m, limit, &centers) {
            panic!("{wrong}\nsearch: {search:?}\nanswer: {centers:?}");
        }
        centers.len()
    }

    async fn remove(&self) {
        let drop = AssertSqlSafe(format!("DROP DATABASE `{}`", self.name));
        let Database::MySql(pool) = &self.database else {
            panic!("this is MySQL");
        };
        pool.execute(drop).await.expect("the database is dropped");
    }
}

async fn on_server(url: &url::Url, sql: &str) {
    let pool = sqlx::MySqlPool::connect(url.as_str())
        .await
        .expect("MySQL answers");
    pool.execute(AssertSqlSafe(sql.to_owned()))
        .await
        .expect("the statement is taken");
}

fn item(place: &Place) -> BatchItem {
    let text = CenterText {
        name: place.name.clone(),
        country: place.country.clone(),
        region: place.region.clone(),
        city: place.city.clone(),
        ..CenterText::default()
    };
    let position = place
        .at
        .map(|(latitude, longitude)| Position::new(latitude, longitude).unwrap());
    BatchItem {
        id: CenterId::new(place.id),
        draft: CenterDraft::new(text, position).expect("places are right"),
    }
}

/// A tenth where the code is not optimised: brute force is what takes time.
fn questions(optimised: usize) -> usize {
    if cfg!(debug_assertions) {
        optimised / 10
    } else {
        optimised
    }
}

async fn compare_many(name: &str, places: Vec<Place>, count: usize) {
    let world = Arc::new(World::of(&places).await);
    let places = Arc::new(places);
    let asking: Vec<_> = (0..TASKS)
        .map(|task| {
            let (world, places) = (Arc::clone(&world), Arc::clone(&places));
            tokio::spawn(async move {
                let mut questions = Questions::new(&places, 70 + task as u64);
                let mut compared = 0;
                for number in 0..count.div_ceil(TASKS) {
                    compared += world.compare(&questions.ask(), number % WALKED == 0).await;
                }
                compared
            })
        })
        .collect();
    let mut centers = 0;
    for task in asking {
        centers += task.await.expect("every answer is right");
    }
    world.remove().await;
    println!(
        "MySQL against brute force, {name}: {} origins over {} places, {centers} centers compared",
        count.div_ceil(TASKS) * TASKS,
        places.len(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn answers_of_mysql_over_a_sample_of_the_world_equal_brute_force() {
    compare_many("sample", world::with_hostile(6), questions(2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn answers_of_mysql_over_hostile_points_alone_equal_brute_force() {
    compare_many("hostile points", world::hostile(), questions(2_000)).await;
}

/// What the engine asks is taken from the server's own record, with the values
/// it was asked with.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn every_query_with_a_box_reads_the_spatial_index() {
    let world = World::of(&world::with_hostile(60)).await;
    for (latitude, longitude) in [(37.98, 23.72), (10.0, 180.0), (89.99, 5.0), (0.0, -150.0)] {
        for radius_m in [Some(1_000.0), Some(25_000.0), Some(300_000.0), None] {
            for countries in [vec![], vec!["GR".to_owned()]] {
                let search = Search {
                    origin: Origin::new(latitude, longitude).unwrap(),
                    radius: radius_m.map(|radius_m| Radius::from_m(radius_m).unwrap()),
                    limit: Limit::new(5).unwrap(),
                    filter: Filter {
                        countries,
                        ..Filter::default()
                    },
                    exclude: vec![CenterId::new(1).unwrap()],
                    after: None,
                };
                let next = world.page(&search).await.next;
                world
                    .page(&Search {
                        after: next,
                        ..search
                    })
                    .await;
            }
        }
    }
    let Database::MySql(pool) = &world.database else {
        panic!("this is MySQL");
    };
    let asked = sqlx::query(
        "SELECT CONVERT(query_sample_text USING utf8mb4), digest_text \
         FROM performance_schema.events_statements_summary_by_digest \
         WHERE schema_name = DATABASE() AND digest_text LIKE '%`MBRIntersects`%' \
         AND digest_text LIKE 'SELECT%'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut shapes = 0;
    for row in asked {
        let text: String = row.get(0);
        let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN FORMAT=TREE {text}")))
            .fetch_one(pool)
            .await
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        let plan: String = plan.get(0);
        // A filter's own index may be the better one where there are few matches.
        let by_filter = plan.contains("idx_diving_centers_country");
        assert!(
            plan.contains("idx_diving_centers_location") || by_filter,
            "{plan}\n{text}"
        );
        shapes += 1;
    }
    world.remove().await;
    assert!(
        shapes >= 6,
        "the engine asks in both forms of box: {shapes}"
    );
}
