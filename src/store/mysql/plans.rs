//! Which index answers each shape of search, as the server explains it with its
//! values bound.

use std::sync::{Arc, Weak};

use sqlx::{AssertSqlSafe, Executor as _, MySqlPool, Row as _};
use tokio::sync::Mutex;

use super::connect::connect;
use super::query::query;
use super::retrying_pool::RetryingPool;
use super::{MySqlStore, url};
use crate::domain::{
    Area, Bounds, CenterId, Condition, Cursor, EngineKind, FieldId, Filter, Limit, Listing,
    MinRating, OrganizationId, Origin, Part, Search, SortBy, TextField, Viewport, coarsest_cover,
    finest_cover,
};
use crate::store::statement::Statement;
use crate::store::{Collection, Database, Look, PoolSettings};

const LOCATION: &str = "idx_diving_centers_location";
const FILTERS: [&str; 3] = [
    "idx_diving_centers_country",
    "idx_diving_centers_region",
    "idx_diving_centers_city",
];
/// Enough for the server to weigh an index against a scan.
const ROWS: u32 = 20_000;

/// The rows, for all tests that run beside each other.
static SHARED: Mutex<Weak<Rows>> = Mutex::const_new(Weak::new());

/// A database of its own.
struct Rows {
    url: String,
    name: String,
}

/// How a test looks at the rows.
struct World {
    store: MySqlStore,
    pool: RetryingPool,
    rows: Arc<Rows>,
}

/// One table that a statement reads.
#[derive(Debug)]
struct Step {
    table: String,
    /// `ref`, `range`, `ALL` and the like.
    kind: String,
    key: Option<String>,
}

impl Rows {
    /// Those of the tests that run now, or new ones.
    async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(rows) = shared.upgrade() {
            return rows;
        }
        let rows = Arc::new(Self::new().await);
        *shared = Arc::downgrade(&rows);
        rows
    }

    /// All over the globe, half of them around one town.
    async fn new() -> Self {
        let server = std::env::var("NEARBY_TEST_MYSQL_URL").expect("run scripts/test");
        let name = format!("nearby_plans_{:016x}", rand::random::<u64>());
        let admin = MySqlPool::connect(&server).await.unwrap();
        admin
            .execute(AssertSqlSafe(format!("CREATE DATABASE `{name}`")))
            .await
            .unwrap();
        let url = format!("{}/{name}", server.trim_end_matches('/'));
        let opened = connect(&url::parse(&url).unwrap(), &PoolSettings::default()).await;
        let opened = opened.unwrap();
        let database = Database::of(opened.clone());
        database.migrate_up(None).await.unwrap();
        let mut connection = opened.pool().acquire().await.unwrap();
        for statement in [
            format!("SET SESSION cte_max_recursion_depth = {ROWS}"),
            // By the golden ratio, so that no two coincide.
            format!(
                "INSERT INTO diving_centers (name, latitude, longitude, country, region, city) \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
                 SELECT i, IF(i % 2, 48 + MOD(i * 0.618034, 1), DEGREES(ASIN(2 * i / {ROWS} - 1))), \
                 IF(i % 2, 2 + MOD(i * 0.414214, 1), MOD(i * 0.618034, 1) * 360 - 180), \
                 CONCAT('C', i % 50), CONCAT('R', i % 500), CONCAT('T', i % 4000) FROM n"
            ),
            // Every third center works by one of three organizations, one of which
            // has nearly all of these; every fourth is rated.
            "INSERT INTO diving_organizations (name, acronym) \
             VALUES ('A', 'A'), ('B', 'B'), ('C', 'C')"
                .to_owned(),
            "INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) \
             SELECT id, IF(id % 60, 1, 2 + id % 120 / 60) FROM diving_centers WHERE id % 3 = 0"
                .to_owned(),
            "INSERT INTO center_ratings (diving_center_id, user_id, score) \
             SELECT id, 1, 1 + id % 10 FROM diving_centers WHERE id % 4 = 0"
                .to_owned(),
            "ANALYZE TABLE diving_centers, diving_center_organizations, center_ratings".to_owned(),
        ] {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        Self { url, name }
    }
}

impl World {
    async fn new() -> Self {
        let rows = Rows::shared().await;
        let opened = connect(&url::parse(&rows.url).unwrap(), &PoolSettings::default()).await;
        let opened = opened.unwrap();
        let pool = opened.pool().clone();
        let store = MySqlStore::new(&opened, &Arc::new(Collection::diving_centers()));
        store.learn_indexes().await.unwrap();
        Self { store, pool, rows }
    }

    /// How the server would go about a statement.
    async fn explain(&self, statement: Statement<'_>) -> Vec<Step> {
        let rows = query(statement.explained()).fetch_all(&self.pool).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}"));
        let text_of = |row: &sqlx::mysql::MySqlRow, column: &str| {
            let bytes: Option<Vec<u8>> = row.try_get_unchecked(column).unwrap();
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        rows.iter()
            .map(|row| Step {
                table: text_of(row, "table").unwrap_or_default(),
                kind: text_of(row, "type").unwrap_or_default(),
                key: text_of(row, "key"),
            })
            .collect()
    }

    /// The index by which each part of a statement reads the centers. The tables
    /// beside them, `m` and `r`, are never read from end to end.
    async fn keys(&self, statement: Statement<'_>) -> Vec<Option<String>> {
        let steps = self.explain(statement).await;
        for step in &steps {
            let is_beside = ["m", "r"].contains(&step.table.as_str());
            assert!(!is_beside || step.key.is_some(), "{step:?}");
            assert!(!is_beside || step.kind != "index", "{step:?}");
        }
        let centers = steps
            .into_iter()
            .filter(|step| step.table == "diving_centers");
        centers.map(|step| step.key).collect()
    }

    /// Explains both statements of a search; gives how many parts that came to.
    async fn check(&self, look: &Look<'_>) -> usize {
        let sql = &self.store.statements.search;
        let found = self.keys(sql.find(look));
        let counted = self.keys(sql.count(look));
        let (found, counted) = (found.await, counted.await);
        assert_eq!(found.len(), look.cover.len(), "{look:?}");
        assert_eq!(counted.len(), look.cover.len(), "{look:?}");
        let keys = found.into_iter().chain(counted);
        let filter = &look.search.filter;
        let has_index = !filter.condition.conjuncts().is_empty();
        let mut count = 0;
        for key in keys {
            let key = key.unwrap_or_default();
            // Where few rows pass a filter, finding these is faster.
            let by_filter = has_index && FILTERS.contains(&key.as_str());
            assert!(key == LOCATION || by_filter, "`{key}` answers {look:?}");
            count += 1;
        }
        count
    }

    /// Removes the rows where no other test looks at them.
    async fn remove(self) {
        let mut shared = SHARED.lock().await;
        let Ok(rows) = Arc::try_unwrap(self.rows) else {
            return;
        };
        *shared = Weak::new();
        let mut connection = self.pool.acquire().await.unwrap();
        connection
            .execute(AssertSqlSafe(format!("DROP DATABASE `{}`", rows.name)))
            .await
            .unwrap();
    }
}

/// Filters by the fields of a center, each with an index.
fn filters_by_field() -> [Filter; 3] {
    let texts = |field, prefix: &str, count: usize| {
        Condition::texts(field, (0..count).map(|i| format!("{prefix}{i}")))
    };
    [
        texts(FieldId::COUNTRY, "C", 1),
        texts(FieldId::COUNTRY, "C", 9).and(texts(FieldId::REGION, "R", 2)),
        texts(FieldId::CITY, "T", 1),
    ]
    .map(|condition| Filter {
        condition,
        ..Filter::default()
    })
}

/// Filters by organizations and ratings, which other tables keep.
fn filters_by_other_tables() -> [Filter; 5] {
    let named = |names: &[&str]| Filter {
        organizations: names.iter().map(|&name| name.to_owned()).collect(),
        ..Filter::default()
    };
    let min_rating = MinRating::new(7.0);
    [
        named(&["A"]),
        named(&["B", "C"]),
        Filter {
            min_rating,
            ..Filter::default()
        },
        Filter {
            min_rating,
            ..named(&["A", "B"])
        },
        Filter {
            condition: Condition::texts(FieldId::COUNTRY, ["C1"]),
            min_rating,
            ..named(&["B"])
        },
    ]
}

/// The organizations of a filter, as a store finds them by their names.
fn organizations(filter: &Filter) -> Vec<OrganizationId> {
    let id = |name: &String| match name.as_str() {
        "A" => 1,
        "B" => 2,
        _ => 3,
    };
    let ids = filter.organizations.iter().map(id);
    ids.map(|id| OrganizationId::new(id).unwrap()).collect()
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn every_shape_of_search_within_bounds_reads_the_spatial_index() {
    let world = World::new().await;
    let mut explained = 0;
    for (latitude, longitude) in [
        (48.5, 2.5),
        (-17.5, 180.0),
        (-48.9, -123.4),
        (89.9, 5.0),
        (-90.0, 0.0),
    ] {
        let origin = Origin::new(latitude, longitude).unwrap();
        for radius_m in [0.0, 1e3, 25e3, 500e3, 3_000e3, 9_000e3, 15_000e3] {
            let covers = [
                coarsest_cover(origin, radius_m),
                finest_cover(origin, radius_m),
            ];
            let covers = covers.iter().filter(|cover| cover[..] != [Bounds::Globe]);
            let filters = || {
                let by_field = filters_by_field().into_iter();
                let by_any = by_field.chain(filters_by_other_tables());
                std::iter::once(Filter::default()).chain(by_any)
            };
            for (cover, filter) in covers.flat_map(|cover| filters().map(move |it| (cover, it))) {
                let organizations = organizations(&filter);
                let plain = nearest(origin, filter);
                let excluding = Search {
                    exclude: vec![CenterId::new(7).unwrap(), CenterId::new(8).unwrap()],
                    ..plain.clone()
                };
                let going_on = Search {
                    after: Some(Cursor {
                        engine: EngineKind::Sql,
                        key: radius_m / 2.0,
                        id: CenterId::new(7).unwrap(),
                        search: plain.fingerprint("centers"),
                    }),
                    ..plain.clone()
                };
                for (search, longest_ms) in
                    [(plain, Some(200)), (excluding, None), (going_on, None)]
                {
                    explained += world
                        .check(&Look {
                            search: &search,
                            radius_m,
                            cover,
                            rows: 11,
                            organizations: &organizations,
                            longest_ms,
                        })
                        .await;
                }
            }
        }
    }
    println!("{explained} parts of statements were explained");
    assert!(explained > 2_000, "{explained}");
    world.remove().await;
}

fn nearest(origin: Origin, filter: Filter) -> Search {
    Search {
        area: Area::around(origin, None),
        limit: Limit::new(10).unwrap(),
        filter,
        exclude: Vec::new(),
        after: None,
    }
}

fn all_over_the_globe<'a>(search: &'a Search, organizations: &'a [OrganizationId]) -> Look<'a> {
    Look {
        search,
        radius_m: 20e6,
        cover: &[Bounds::Globe],
        rows: 11,
        organizations,
        longest_ms: None,
    }
}

/// Bounds would not help where all there is was asked for.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn few_matches_all_over_the_globe_are_found_by_the_index_of_their_filter() {
    let world = World::new().await;
    let sql = &world.store.statements.search;
    for filter in filters_by_field() {
        let search = nearest(Origin::new(48.5, 2.5).unwrap(), filter);
        let look = all_over_the_globe(&search, &[]);
        let found = world.keys(sql.find(&look)).await;
        let matching = sql.matching(&search.filter, &[], 3_000);
        let matching = world.keys(matching).await;
        for key in found.into_iter().chain(matching) {
            let key = key.expect("there is an index");
            let by_filter = |name: &str| key.split(',').any(|part| part == name);
            assert!(
                FILTERS.into_iter().any(by_filter),
                "{key} answers {search:?}"
            );
        }
    }
    world.remove().await;
}

/// From the few memberships to their centers, not the other way round.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn few_centers_of_an_organization_are_found_by_their_ids() {
    let world = World::new().await;
    let sql = &world.store.statements.search;
    let filter = Filter {
        organizations: vec!["B".to_owned()],
        ..Filter::default()
    };
    let organizations = organizations(&filter);
    let search = nearest(Origin::new(48.5, 2.5).unwrap(), filter);
    let look = all_over_the_globe(&search, &organizations);
    let found = world.explain(sql.find(&look)).await;
    let read: Vec<_> = found
        .iter()
        .map(|step| (step.table.as_str(), step.key.as_deref().unwrap_or_default()))
        .collect();
    let by_organization = "idx_diving_center_organizations_organization";
    assert_eq!(
        read,
        [("m", by_organization), ("diving_centers", "PRIMARY")]
    );
    world.remove().await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_list_of_what_a_map_shows_reads_the_spatial_index() {
    let world = World::new().await;
    let sql = &world.store.statements.listing;
    for (north, south, east, west) in [
        (48.6, 48.5, 2.5, 2.4),
        (-15.0, -20.0, -179.0, 179.0),
        (-48.0, -50.0, -122.0, -124.0),
    ] {
        for sort_by in [SortBy::Text(TextField::Name), SortBy::Id] {
            let listing = Listing {
                viewport: Viewport::new(north, south, east, west),
                sort_by,
                ..Listing::default()
            };
            let part = Part {
                offset: 0,
                count: 50,
            };
            let page = world.keys(sql.page(&listing, part));
            let count = world.keys(sql.count(&listing));
            let keys = page.await.into_iter().chain(count.await);
            for key in keys {
                assert_eq!(key.as_deref(), Some(LOCATION), "{listing:?}");
            }
        }
    }
    world.remove().await;
}
