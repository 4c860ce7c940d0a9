//! Schemas up, down and up again, with rows in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nearby::store::{Collection, Guard, MigrateError, MigrationState, SchemaState};
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::cli::served::Served;
use crate::support::{TestDatabase, hex, on_both_stores};

const ALL: usize = 1_000;

async fn latest(db: &TestDatabase) -> i64 {
    let migrations = db.database().migrations().await.unwrap();
    migrations.last().expect("there are migrations").version
}

async fn rows(db: &TestDatabase) -> u64 {
    let collection = Collection::diving_centers();
    db.database().count_rows(&collection, None).await.unwrap()
}

async fn insert_centers(db: &TestDatabase) {
    let location = if db.is_mysql() {
        "ST_SRID(POINT(23.5, 37.25), 4326)"
    } else {
        "NULL"
    };
    db.execute(&format!(
        "INSERT INTO diving_centers (name, latitude, longitude, location) \
         VALUES ('Athens', 37.25, 23.5, {location}), ('Nowhere', NULL, NULL, {location})"
    ))
    .await;
}

on_both_stores! {
    async fn a_schema_with_rows_goes_up_down_and_up_again(db: TestDatabase) {
        let database = db.database();
        insert_centers(&db).await;
        assert_eq!(rows(&db).await, 2);

        let undone = database.migrate_down(ALL).await.unwrap();
        assert_eq!(undone.first(), Some(&latest(&db).await));
        assert!(matches!(database.schema_state().await.unwrap(), SchemaState::Behind { .. }));
        assert!(db.try_execute("SELECT 1 FROM diving_centers").await.is_err());
        assert_eq!(rows(&db).await, 0);

        let migrated = database.migrate_up(None).await.unwrap();
        assert_eq!(migrated.applied.len(), undone.len());
        assert_eq!(database.schema_state().await.unwrap(), SchemaState::UpToDate);
        insert_centers(&db).await;
        assert_eq!(rows(&db).await, 2);

        let again = database.migrate_up(None).await.unwrap();
        assert_eq!(again.applied, Vec::<i64>::new());
        assert_eq!(rows(&db).await, 2);
    }

    async fn going_up_and_down_stops_where_it_is_told_to(db: TestDatabase) {
        let database = db.database();
        let versions: Vec<i64> =
            database.migrations().await.unwrap().iter().map(|m| m.version).collect();
        database.migrate_down(ALL).await.unwrap();
        for (index, &version) in versions.iter().enumerate() {
            let migrated = database.migrate_up(Some(version)).await.unwrap();
            assert_eq!(migrated.applied, [version]);
            let applied = database.migrations().await.unwrap();
            let applied = applied.iter().filter(|m| m.state == MigrationState::Applied);
            assert_eq!(applied.count(), index + 1);
        }
        for &version in versions.iter().rev() {
            assert_eq!(database.migrate_down(1).await.unwrap(), [version]);
        }
        assert_eq!(database.migrate_down(1).await.unwrap(), Vec::<i64>::new());
        assert!(matches!(
            database.migrate_up(Some(999)).await,
            Err(MigrateError::UnknownVersion { version: 999, .. })
        ));
    }

    async fn looking_at_an_empty_database_changes_nothing(db: TestDatabase) {
        let database = db.database();
        database.migrate_down(ALL).await.unwrap();
        db.execute("DROP TABLE _sqlx_migrations").await;
        let state = database.schema_state().await.unwrap();
        assert!(matches!(state, SchemaState::Behind { .. }));
        assert!(state.to_string().contains("`nearby migrate up`"));
        assert!(db.try_execute("SELECT 1 FROM _sqlx_migrations").await.is_err());
    }

    async fn a_schema_of_a_newer_binary_is_ahead_and_left_alone(db: TestDatabase) {
        let database = db.database();
        db.execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (999, 'from the future', TRUE, '', 0)",
        )
        .await;
        assert_eq!(database.schema_state().await.unwrap(), SchemaState::Ahead { version: 999 });
        for refused in [
            database.migrate_up(None).await.map(|_| ()),
            database.migrate_down(1).await.map(|_| ()),
            database.ensure_schema(true).await.map(|_| ()),
        ] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("applied by a newer nearby"), "{text}");
        }
    }

    async fn an_edited_migration_is_seen_and_stamped_over(db: TestDatabase) {
        let database = db.database();
        db.execute("UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 1").await;
        assert_eq!(database.schema_state().await.unwrap(), SchemaState::Changed { version: 1 });
        assert!(database.migrate_up(None).await.is_err());
        database.stamp(latest(&db).await).await.unwrap();
        assert_eq!(database.schema_state().await.unwrap(), SchemaState::UpToDate);
    }

    async fn a_schema_made_by_hand_is_stamped(db: TestDatabase) {
        let database = db.database();
        db.execute("DROP TABLE _sqlx_migrations").await;
        if db.is_mysql() {
            // What no migration made is somebody else's.
            let migrations = database.migrations().await.unwrap();
            assert_eq!(migrations[0].state, MigrationState::Adopted);
        } else {
            assert!(matches!(database.migrate_up(None).await, Err(MigrateError::Failed { .. })));
        }
        database.stamp(latest(&db).await).await.unwrap();
        assert_eq!(database.schema_state().await.unwrap(), SchemaState::UpToDate);
        let migrations = database.migrations().await.unwrap();
        assert!(migrations.iter().all(|m| m.state == MigrationState::Applied));
        database.stamp(0).await.unwrap();
        let migrations = database.migrations().await.unwrap();
        assert!(migrations.iter().all(|m| m.state != MigrationState::Applied));
        assert!(matches!(
            database.stamp(999).await,
            Err(MigrateError::UnknownVersion { .. })
        ));
    }

    async fn instances_that_start_together_migrate_once(db: TestDatabase) {
        db.database().migrate_down(ALL).await.unwrap();
        let other = crate::support::connect(db.url()).await;
        let (one, two) = tokio::join!(db.database().migrate_up(None), other.migrate_up(None));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(!one.applied.is_empty() || !two.applied.is_empty());
        assert_eq!(db.database().schema_state().await.unwrap(), SchemaState::UpToDate);
        other.close().await;
    }
}

#[tokio::test]
async fn an_embedded_database_migrates_itself() {
    let db = TestDatabase::sqlite_empty().await;
    let migrated = db.database().ensure_schema(false).await.unwrap();
    assert!(!migrated.expect("it was empty").applied.is_empty());
    assert!(db.database().ensure_schema(false).await.unwrap().is_none());
}

/// Its statements and its ledger are those that sqlx would have left.
#[tokio::test]
async fn a_file_that_sqlx_migrated_goes_on_working() {
    let db = TestDatabase::sqlite_empty().await;
    let ledger = include_str!("fixtures/ledger_of_sqlx.sql");
    let noted = ledger
        .lines()
        .filter(|line| line.starts_with("INSERT"))
        .count();
    let scripts = files("sqlite").await;
    let up = scripts
        .iter()
        .filter(|m| m.migration_type.is_up_migration());
    for script in up.take(noted) {
        db.execute(script.sql.as_str()).await;
    }
    db.execute(
        "CREATE TABLE _sqlx_migrations ( version INTEGER NOT NULL PRIMARY KEY, \
         description TEXT NOT NULL, installed_on DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, \
         success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time INTEGER NOT NULL )",
    )
    .await;
    db.execute(ledger).await;
    insert_centers(&db).await;
    let database = db.database();
    let all = database.migrations().await.unwrap();
    let applied = all.iter().filter(|m| m.state == MigrationState::Applied);
    assert_eq!(applied.count(), noted, "{all:?}");
    database.ensure_schema(false).await.unwrap();
    assert_eq!(
        database.schema_state().await.unwrap(),
        SchemaState::UpToDate
    );
    assert_eq!(rows(&db).await, 2);
    // And its last migration is undone and made again.
    let last = latest(&db).await;
    assert_eq!(database.migrate_down(1).await.unwrap(), [last]);
    assert_eq!(database.migrate_up(None).await.unwrap().applied, [last]);
}

/// Such as a layer that somebody drew in QGIS before nearby had a table of that
/// name.
#[tokio::test]
async fn a_table_of_others_in_the_embedded_file_is_left_alone() {
    let db = TestDatabase::sqlite().await;
    let database = db.database();
    let sites = 3;
    let all = database.migrations().await.unwrap();
    let later = all.iter().filter(|m| m.version >= sites).count();
    database.migrate_down(later).await.unwrap();
    db.execute("CREATE TABLE dive_sites (fid INTEGER PRIMARY KEY, geom BLOB)")
        .await;
    database.ensure_schema(false).await.unwrap();
    let all = database.migrations().await.unwrap();
    let of_sites = all.iter().find(|m| m.version == sites).unwrap();
    assert_eq!(of_sites.state, MigrationState::Adopted, "{all:?}");
    let kept = "SELECT COUNT(*) FROM pragma_table_info('dive_sites')";
    assert_eq!(db.number(kept).await, 2);
    // It cannot be searched, and is not; centers are.
    let served = Served::start(&["--database-url", db.url()]);
    assert_eq!(served.get("/nearby?lat=0&lng=0").await.0, 200);
    assert_eq!(served.get("/dive-sites").await.0, 404);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn mysql_is_migrated_only_where_it_is_asked_for() {
    let db = TestDatabase::mysql_empty().await;
    let refused = db.database().ensure_schema(false).await.unwrap_err();
    assert!(
        refused.to_string().contains("`nearby migrate up`"),
        "{refused}"
    );
    assert!(db.database().ensure_schema(true).await.unwrap().is_some());
}

/// Of the two tables that migration 4 makes, one is there: killed on its way up or down.
async fn killed_between_two_tables() -> TestDatabase {
    let db = TestDatabase::mysql_empty().await;
    db.database().migrate_up(Some(4)).await.unwrap();
    db.execute("DROP TABLE diving_center_organizations").await;
    db.execute("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 4")
        .await;
    let state = db.database().schema_state().await.unwrap();
    assert_eq!(state, SchemaState::Dirty { version: 4 });
    db
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_migration_that_was_killed_is_finished_by_the_next() {
    let db = killed_between_two_tables().await;
    let all = db.database().migrate_up(None).await.unwrap().applied;
    assert_eq!(all.first(), Some(&4));
    let state = db.database().schema_state().await.unwrap();
    assert_eq!(state, SchemaState::UpToDate);
    db.execute("SELECT is_primary FROM diving_center_organizations")
        .await;

    let db = killed_between_two_tables().await;
    assert_eq!(db.database().migrate_down(2).await.unwrap(), [4, 3]);
    let left = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
                AND (TABLE_NAME LIKE '%organizations' OR TABLE_NAME = 'settings')";
    assert_eq!(db.number(left).await, 0);
    db.database().migrate_up(None).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_migration_that_stops_midway_says_how_to_mend_it() {
    let db = TestDatabase::mysql_empty().await;
    let database = db.database();
    // What a server that dies in the middle of its DDL leaves.
    database.stamp(1).await.unwrap();
    db.execute("CREATE TABLE diving_centers (a INT)").await;
    db.execute("UPDATE _sqlx_migrations SET success = FALSE")
        .await;
    assert_eq!(
        database.schema_state().await.unwrap(),
        SchemaState::Dirty { version: 1 }
    );
    let text = database.migrate_up(None).await.unwrap_err().to_string();
    assert!(text.contains("`nearby migrate stamp 1`"), "{text}");

    db.execute("DROP TABLE diving_centers").await;
    database.stamp(0).await.unwrap();
    database.migrate_up(None).await.unwrap();
    assert_eq!(
        database.schema_state().await.unwrap(),
        SchemaState::UpToDate
    );
}

async fn files(store: &str) -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(store);
    let migrator = Migrator::new(folder.as_path()).await.unwrap();
    migrator.iter().cloned().collect()
}

#[tokio::test]
async fn every_migration_can_be_undone_and_numbers_go_up() {
    for store in ["mysql", "sqlite"] {
        let migrations = files(store).await;
        let of = |kind: MigrationType| -> Vec<i64> {
            let kind = |m: &&Migration| m.migration_type == kind;
            migrations.iter().filter(kind).map(|m| m.version).collect()
        };
        let (up, down) = (
            of(MigrationType::ReversibleUp),
            of(MigrationType::ReversibleDown),
        );
        assert_eq!(up, down, "{store}");
        assert_eq!(up.len() + down.len(), migrations.len(), "{store}");
        assert!(
            up.windows(2).all(|pair| pair[0] < pair[1]),
            "{store}: {up:?}"
        );
        assert_eq!(up[0], 1, "{store}");
    }
}

/// What was released stays as it is: databases keep its checksum.
#[tokio::test]
async fn migrations_are_only_ever_added() {
    let mut found = BTreeSet::new();
    for store in ["mysql", "sqlite"] {
        for migration in files(store).await {
            let direction = match migration.migration_type {
                MigrationType::ReversibleDown => "down",
                _ => "up",
            };
            let checksum = hex(&migration.checksum[..16]);
            found.insert(format!(
                "{store} {:04} {direction} {checksum}",
                migration.version
            ));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/checksums.txt");
    let kept = fs::read_to_string(path).unwrap();
    let kept: BTreeSet<String> = kept
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let edited: Vec<&String> = kept.difference(&found).collect();
    assert!(
        edited.is_empty(),
        "edited or removed: {edited:#?}; write a new migration instead"
    );
    let added: Vec<&String> = found.difference(&kept).collect();
    assert!(
        added.is_empty(),
        "add to migrations/checksums.txt: {added:#?}"
    );
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_hold_the_location_against_writers_that_forget_it() {
    let db = TestDatabase::mysql().await;
    let at = async |id: i64, x: i64, y: i64| {
        let agrees = format!(
            "SELECT location = ST_SRID(POINT({x}, {y}), 4326) FROM diving_centers WHERE id = {id}"
        );
        assert_eq!(db.number(&agrees).await, 1, "center {id} at {x} {y}");
    };
    db.execute(
        "INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (1, 'a', 10, 20)",
    )
    .await;
    at(1, 20, 10).await;
    db.execute("UPDATE diving_centers SET latitude = 11 WHERE id = 1")
        .await;
    at(1, 20, 11).await;
    db.execute("UPDATE diving_centers SET location = ST_SRID(POINT(1, 1), 4326) WHERE id = 1")
        .await;
    at(1, 20, 11).await;
    db.execute("UPDATE diving_centers SET longitude = -180 WHERE id = 1")
        .await;
    at(1, 180, 11).await;
    db.execute("UPDATE diving_centers SET latitude = NULL WHERE id = 1")
        .await;
    at(1, 0, 0).await;
    db.execute(
        "INSERT INTO diving_centers (id, name, latitude, longitude, location) \
         VALUES (2, 'beyond the pole', 99, 20, ST_SRID(POINT(5, 5), 4326)), \
                (3, 'elsewhere', 10, 20, ST_SRID(POINT(5, 5), 4326)), (4, 'nowhere', NULL, NULL, NULL)",
    )
    .await;
    // All that says where it is.
    at(2, 5, 5).await;
    at(3, 20, 10).await;
    at(4, 0, 0).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_server_merges_pages_of_our_spatial_indexes_late_until_it_is_undone() {
    let db = TestDatabase::mysql().await;
    let indexes_merged_at = async |percent: u32| {
        db.number(&format!(
            "SELECT COUNT(*) FROM information_schema.innodb_indexes i \
             JOIN information_schema.innodb_tables t USING (table_id) \
             WHERE t.name LIKE CONCAT(DATABASE(), '/%') \
             AND i.name IN ('idx_diving_centers_location', 'idx_dive_sites_location') \
             AND i.merge_threshold = {percent}"
        ))
        .await
    };
    assert_eq!(indexes_merged_at(10).await, 2);
    let later = usize::try_from(latest(&db).await - 5).unwrap();
    db.database().migrate_down(later).await.unwrap();
    assert_eq!(indexes_merged_at(50).await, 2);
    db.database().migrate_up(None).await.unwrap();
    assert_eq!(indexes_merged_at(10).await, 2);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_are_made_anew_only_where_they_differ() {
    let db = TestDatabase::mysql().await;
    let collection = Collection::diving_centers();
    let guard = async || db.database().guard(&collection).await.unwrap();
    assert_eq!(guard().await, Some(Guard::InPlace));
    db.execute("DROP TRIGGER diving_centers_location_update")
        .await;
    db.execute(
        "CREATE TRIGGER diving_centers_location_update BEFORE UPDATE ON diving_centers \
         FOR EACH ROW SET NEW.name = 'theirs'",
    )
    .await;
    assert_eq!(guard().await, Some(Guard::Installed));
    assert_eq!(guard().await, Some(Guard::InPlace));
    db.drop_centers().await;
    assert_eq!(guard().await, None);
}

#[tokio::test]
async fn a_forgotten_location_is_dropped_rather_than_left_wrong() {
    let db = TestDatabase::sqlite().await;
    db.execute(
        "INSERT INTO diving_centers (id, name, latitude, longitude, location) \
         VALUES (1, 'a', 1, 2, x'01'), (2, 'b', 1, 180, x'01'), (3, 'c', 1, 2, x'01')",
    )
    .await;
    let without = async || {
        db.number("SELECT COUNT(*) FROM diving_centers WHERE location IS NULL")
            .await
    };
    for keeps in [
        "UPDATE diving_centers SET latitude = latitude, name = 'x'",
        "UPDATE diving_centers SET longitude = -180 WHERE id = 2",
        "UPDATE diving_centers SET latitude = 5, location = x'02' WHERE id = 3",
    ] {
        db.execute(keeps).await;
        assert_eq!(without().await, 0, "{keeps}");
    }
    db.execute("UPDATE diving_centers SET latitude = 1.5 WHERE id = 1")
        .await;
    assert_eq!(without().await, 1);
    db.execute("UPDATE diving_centers SET latitude = 2, longitude = 180 WHERE id = 2")
        .await;
    assert_eq!(without().await, 2);
}
