//! The sql engine, on a real MySQL, against brute force.

use std::collections::HashSet;
use std::sync::Arc;

use nearby::domain::{
    Area, CenterDraft, CenterId, CenterText, Condition, FieldId, Filter, Limit, MAX_LIMIT,
    OrganizationNames, Origin, Position, Radius, Search, Summary,
};
use nearby::engine::brute::BruteForce;
use nearby::engine::sql::SqlEngine;
use nearby::store::{BatchItem, Collection, Database, PoolSettings, Store};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::compare::judge_search;
use crate::memory::Page;
use crate::questions::Questions;
use crate::tally::{COUNTED, Counter, facets_of};
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
    /// What writes behind the store's back.
    pool: sqlx::MySqlPool,
    engine: SqlEngine,
    brute: BruteForce,
    is_of_sites: bool,
}

impl World {
    async fn of(places: &[Place]) -> Self {
        let MySqlDatabase {
            name,
            database,
            pool,
        } = MySqlDatabase::new().await;
        database.migrate_up(None).await.expect("migrations apply");

        let store = Store::new(&database, &Collection::diving_centers());
        let mut world = Self {
            name,
            database,
            pool,
            engine: SqlEngine::over(&store).expect("MySQL is searched by SQL"),
            brute: BruteForce::default(),
            is_of_sites: false,
        };
        for (id, (name, acronym, _)) in (1..).zip(world::ORGANIZATIONS) {
            let sql = format!(
                "INSERT INTO diving_organizations (id, name, acronym) \
                 VALUES ({id}, '{name}', '{acronym}')"
            );
            let pool = world.pool();
            pool.execute(AssertSqlSafe(sql))
                .await
                .expect("organizations are taken");
        }
        let names = OrganizationNames::of(&world::organizations());
        world.brute.name_organizations(names);
        world.add(places).await;
        world
    }

    fn pool(&self) -> sqlx::MySqlPool {
        self.pool.clone()
    }

    /// The same places, as if their table had no location.
    fn by_coordinates(mut self) -> Self {
        let centers = Collection::diving_centers();
        let location = centers.location.clone();
        let bare = centers.keeping(|column| *column != location);
        assert!(!bare.is_located());
        let store = Store::new(&self.database, &bare);
        self.engine = SqlEngine::over(&store).expect("MySQL is searched by SQL");
        self
    }

    /// The same places as dive sites, of which a third is pending and a seventh
    /// deleted.
    async fn of_sites(places: &[Place]) -> Self {
        let mut world = Self::of(&[]).await;
        world.is_of_sites = true;
        let store = Store::new(&world.database, &Collection::dive_sites());
        let items: Vec<BatchItem> = places.iter().map(item).collect();
        for items in items.chunks(ROWS) {
            store.upsert(items).await.expect("rows are taken");
        }
        let pool = world.pool();
        for hide in [
            "UPDATE dive_sites SET status = 'pending' WHERE id % 3 = 0",
            "UPDATE dive_sites SET deleted_at = UTC_TIMESTAMP() WHERE id % 7 = 0",
        ] {
            pool.execute(hide).await.expect("rows are hidden");
        }
        world.engine = SqlEngine::over(&store).expect("MySQL is searched by SQL");
        for place in places {
            let is_shown = place.id % 3 != 0 && place.id % 7 != 0;
            if let Some(summary) = place.summary().filter(|_| is_shown) {
                // Sites are in no city.
                world.brute.push(&Summary {
                    city: None,
                    ..summary
                });
            }
        }
        world
    }

    async fn add(&mut self, places: &[Place]) {
        let store = Store::new(&self.database, &Collection::diving_centers());
        let items: Vec<BatchItem> = places.iter().map(item).collect();
        for items in items.chunks(ROWS) {
            store.upsert(items).await.expect("rows are taken");
        }
        for place in places {
            let id = CenterId::new(place.id).expect("test ids are positive");
            let organizations = world::organizations_of(place.id);
            self.brute.set_organizations(id, &organizations);
            if let Some(rating) = world::rating_of(place.id) {
                self.brute.set_rating(id, rating);
            }
        }
        let pool = self.pool();
        let marks: Vec<String> = places
            .iter()
            .flat_map(|place| {
                (1..)
                    .zip(world::marks_of(place.id))
                    .map(|(user, mark)| format!("({}, {user}, {mark})", place.id))
            })
            .collect();
        for marks in marks.chunks(ROWS) {
            let sql = format!(
                "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES {}",
                marks.join(", ")
            );
            let marked = pool.execute(AssertSqlSafe(sql)).await;
            marked.expect("marks are taken");
        }
        for (id, (_, _, divisor)) in (1..).zip(world::ORGANIZATIONS) {
            let sql = format!(
                "INSERT IGNORE INTO diving_center_organizations \
                 (diving_center_id, diving_organization_id) \
                 SELECT id, {id} FROM diving_centers WHERE id % {divisor} = 0"
            );
            pool.execute(AssertSqlSafe(sql))
                .await
                .expect("links are taken");
        }
        for summary in places.iter().filter_map(Place::summary) {
            self.brute.push(&summary);
        }
    }

    /// Dive sites have no city.
    fn facets_of(&self, number: usize) -> Vec<FieldId> {
        let facets = facets_of(number).iter().copied();
        let is_there = |field: &FieldId| *field != FieldId::CITY || !self.is_of_sites;
        facets.filter(is_there).collect()
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
        let Page {
            mut centers,
            next,
            ratings,
        } = self.page(search).await;
        for (center, rating) in centers.iter().zip(ratings) {
            assert_eq!(rating, self.brute.told_rating(search, center.id));
        }
        let mut limit = search.limit.get();
        assert!(next.is_none() || centers.len() == limit, "{search:?}");
        if walk {
            let mut search = Search {
                after: next,
                ..search.clone()
            };
            while search.after.is_some() && centers.len() < LONGEST_WALK {
                // Pages may differ in size.
                search.limit = Limit::new((centers.len() * 2).clamp(1, MAX_LIMIT))
                    .expect("the limit is clamped");
                let page = self.page(&search).await;
                centers.extend(page.centers);
                search.after = page.next;
            }
            limit = match search.after {
                Some(_) => centers.len(),
                None => usize::MAX,
            };
        }
        if let Err(wrong) = judge_search(search, self.brute.measured(search), limit, &centers) {
            panic!("{wrong}\nsearch: {search:?}\nanswer: {centers:?}");
        }
        centers.len()
    }

    async fn remove(&self) {
        let drop = AssertSqlSafe(format!("DROP DATABASE `{}`", self.name));
        self.pool()
            .execute(drop)
            .await
            .expect("the database is dropped");
    }
}

/// An empty database of its own.
pub struct MySqlDatabase {
    name: String,
    pub database: Database,
    /// What writes behind the store's back.
    pool: sqlx::MySqlPool,
}

impl MySqlDatabase {
    pub async fn new() -> Self {
        let mut url: url::Url = std::env::var("NEARBY_TEST_MYSQL_URL")
            .expect("NEARBY_TEST_MYSQL_URL is set: run scripts/test")
            .parse()
            .expect("NEARBY_TEST_MYSQL_URL is a URL");
        let name = format!("nearby_exactness_{:016x}", rand::random::<u64>());
        on_server(&url, &format!("CREATE DATABASE `{name}`")).await;
        url.set_path(&name);
        let pool = sqlx::MySqlPool::connect(url.as_str()).await;
        let url = url.as_str().parse().expect("the URL names a database");
        let settings = PoolSettings::default();
        let database = Database::connect(&url, &settings);
        let database = database.await.expect("MySQL answers");
        Self {
            name,
            database,
            pool: pool.expect("MySQL answers"),
        }
    }

    pub async fn execute(&self, sql: &str) {
        let executed = self.pool.execute(AssertSqlSafe(sql.to_owned())).await;
        executed.expect("the statement is taken");
    }

    pub async fn remove(&self) {
        self.execute(&format!("DROP DATABASE `{}`", self.name))
            .await;
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
        .map(|(latitude, longitude)| Position::new(latitude, longitude).expect("places are right"));
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
    let world = World::of(&places).await;
    compare_in(world, name, places, count).await;
}

async fn compare_in(world: World, name: &str, places: Vec<Place>, count: usize) {
    let world = Arc::new(world);
    let places = Arc::new(places);
    let asking: Vec<_> = (0..TASKS)
        .map(|task| {
            let (world, places) = (Arc::clone(&world), Arc::clone(&places));
            tokio::spawn(async move {
                let oracle = Counter::new(&world.brute, &places);
                let mut questions = Questions::new(&places, 70 + task as u64);
                let (mut compared, mut counted) = (0, 0);
                for number in 0..count.div_ceil(TASKS) {
                    let search = questions.ask();
                    compared += world.compare(&search, number % WALKED == 0).await;
                    if number % COUNTED == 0 {
                        let facets = world.facets_of(number);
                        let tally = world.engine.tally(&search, &facets).await;
                        if let Some(tally) = tally.expect("MySQL answers") {
                            oracle.judge(&search, &facets, &tally);
                            counted += 1;
                        }
                    }
                }
                (compared, counted)
            })
        })
        .collect();
    let (mut centers, mut counted) = (0, 0);
    for task in asking {
        let of_task = task.await.expect("every answer is right");
        centers += of_task.0;
        counted += of_task.1;
    }
    // A busy machine may take too long for most.
    assert!(
        counted > count / COUNTED / 10,
        "only {counted} were counted"
    );
    world.remove().await;
    println!(
        "MySQL against brute force, {name}: {} origins over {} places, {centers} centers compared, \
         {counted} counted",
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn answers_of_mysql_by_its_density_equal_brute_force() {
    let places = world::with_hostile(6);
    let world = World::of(&places).await;
    world.engine.measure_density().await.expect("MySQL answers");
    compare_in(world, "density", places, questions(2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn answers_of_mysql_by_coordinates_alone_equal_brute_force() {
    let places = world::with_hostile(6);
    let world = World::of(&places).await.by_coordinates();
    compare_in(world, "by coordinates", places, questions(1_000)).await;
    let places = world::hostile();
    let world = World::of(&places).await.by_coordinates();
    world.engine.measure_density().await.expect("MySQL answers");
    compare_in(world, "by coordinates, hostile", places, questions(2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn answers_of_mysql_over_sites_that_are_not_all_shown_equal_brute_force() {
    let places = world::with_hostile(6);
    let world = World::of_sites(&places).await;
    world.engine.measure_density().await.expect("MySQL answers");
    compare_in(world, "dive sites", places, questions(1_000)).await;
}

/// Centers that came since then lie where there were none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_density_that_is_out_of_date_costs_time_and_no_center() {
    let places = world::with_hostile(6);
    let (some, others) = places.split_at(places.len() / 20);
    let mut world = World::of(some).await;
    world.engine.measure_density().await.expect("MySQL answers");
    world.add(others).await;
    compare_in(world, "density out of date", places, questions(1_000)).await;
}

/// A scan would examine every row. What was examined is taken from the server's
/// own record of the statements that it executed.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn every_query_with_a_box_reads_the_spatial_index() {
    const FEW_ROWS: u64 = 300;
    const MANY_ROWS: usize = 3_000;
    let places = world::with_hostile(60);
    assert!(places.len() > MANY_ROWS);
    let world = World::of(&places).await;
    let pool = &world.pool();
    let mut shapes = HashSet::new();
    for (latitude, longitude) in [(48.85, 2.35), (10.0, 180.0), (89.99, 5.0), (-90.0, 0.0)] {
        for radius_m in [0.0, 1_000.0, 25_000.0, 40_000.0] {
            for (countries, organizations) in [
                (vec![], vec![]),
                (vec!["FR"], vec![]),
                (vec!["even"; 9], vec![]),
                (vec![], vec!["du".to_owned()]),
            ] {
                let mut search = Search {
                    area: Area::around(
                        Origin::new(latitude, longitude).unwrap(),
                        Some(Radius::from_m(radius_m).unwrap()),
                    ),
                    limit: Limit::new(1).unwrap(),
                    filter: Filter {
                        condition: match countries.len() {
                            0 => Condition::default(),
                            _ => Condition::texts(FieldId::COUNTRY, countries),
                        },
                        organizations,
                        ..Filter::default()
                    },
                    exclude: Vec::new(),
                    after: None,
                };
                search.after = world.page(&search).await.next;
                world.page(&search).await;
                search.after = None;
                search.exclude = vec![CenterId::new(1).unwrap()];
                world.page(&search).await;

                let executed = sqlx::query(
                    "SELECT sql_text, rows_examined FROM performance_schema.events_statements_history \
                     WHERE current_schema = DATABASE() AND sql_text LIKE '%MBRIntersects%' \
                     AND sql_text NOT LIKE '%events_statements_history%' \
                     AND event_name = 'statement/com/Execute'",
                )
                .fetch_all(pool)
                .await
                .unwrap();
                for row in executed {
                    let (text, examined): (String, u64) = (row.get(0), row.get(1));
                    assert!(examined < FEW_ROWS, "{examined} rows examined by {text}");
                    let kind = [
                        "COUNT",
                        "LINESTRING",
                        "MULTIPOINT",
                        "COLLATE",
                        "NOT IN",
                        "EXISTS",
                    ];
                    shapes.insert(kind.map(|word| text.contains(word)));
                }
            }
        }
    }
    world.remove().await;
    // A count or not, both forms of box, with and without a filter.
    assert!(shapes.len() >= 12, "{shapes:?}");
}
