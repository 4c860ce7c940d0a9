//! Declared collections, on tables that the tests make.

use std::collections::BTreeMap;
use std::sync::Arc;

use nearby::catalog::Catalog;
use nearby::domain::TextField;
use nearby::engine::Engine;
use nearby::engine::memory::MemoryEngine;
use nearby::engine::sql::SqlEngine;
use nearby::store::{
    Attribute, Collection, CollectionName, ColumnName, Database, DatabaseUrl, Field, PoolSettings,
    Store,
};
use tempfile::TempDir;

/// A name of a column.
pub fn column(name: &str) -> ColumnName {
    ColumnName::new(name).expect("a plain word")
}

/// A collection on the table of its name, with a location or without.
pub fn collection(name: &str, is_located: bool, attributes: Vec<Attribute>) -> Collection {
    let mut columns = BTreeMap::from([
        (Field::Id, column("id")),
        (Field::Text(TextField::Name), column("name")),
        (Field::Text(TextField::Country), column("country")),
        (Field::Latitude, column("latitude")),
        (Field::Longitude, column("longitude")),
    ]);
    if is_located {
        columns.insert(Field::Location, column("location"));
    }
    let public = CollectionName::new(name).expect("a plain word");
    Collection::new(public, column(name), columns)
        .expect("these are all that are needed")
        .with_attributes(attributes)
        .expect("nothing else is called so")
}

/// A catalog over the table of a collection, as `serve` makes it.
pub async fn catalog(database: &Database, declared: Collection) -> Catalog {
    let columns = database.columns(&declared).await.expect("it answers");
    let collection = declared.read_from(&columns);
    let store = Store::new(database, &collection);
    let engine = if let Some(engine) = SqlEngine::over(&store) {
        Engine::Sql(engine)
    } else {
        let engine = MemoryEngine::new(collection.name.as_str());
        Engine::Memory(engine.with_fields(collection.fields()))
    };
    let catalog = Catalog::new(store, Arc::new(engine));
    catalog.load().await.expect("it answers");
    catalog
}

/// An embedded database in a file of its own, on which some statements ran.
pub async fn file(statements: &[String]) -> (Database, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("test.gpkg");
    let url = DatabaseUrl::of_file(&path);
    let database = Database::connect(&url, &PoolSettings::default()).await;
    let database = database.expect("a file can be made");
    database.ensure_schema(true).await.expect("it is new");
    let file = rusqlite::Connection::open(&path).expect("it is there");
    for statement in statements {
        file.execute_batch(statement).expect("it is taken");
    }
    (database, folder)
}

/// A point as SQL, where a row has one.
pub fn point(at: Option<(f64, f64)>) -> String {
    let (latitude, longitude) = at.unwrap_or((0.0, 0.0));
    // The antimeridian is 180 in every stored point.
    let longitude = if longitude == -180.0 {
        180.0
    } else {
        longitude
    };
    format!("ST_SRID(POINT({longitude}, {latitude}), 4326)")
}
