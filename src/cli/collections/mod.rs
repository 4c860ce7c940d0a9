//! The collections of a service, and which one a command is about.

mod file;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::store::{Collection, ColumnName, Database, Obstacle, Store, TableColumns};
use file::Declared;

/// Collections beside the built-in ones.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Collections")]
pub(super) struct DeclaredArgs {
    /// A TOML file that declares more collections: tables, and which column holds which field
    #[arg(long, env = "NEARBY_COLLECTIONS", value_name = "FILE")]
    collections: Option<PathBuf>,
    /// One collection without a file: `shops: table=shops id=shop_id name=title latitude=lat longitude=lon`; may be repeated
    #[arg(long, value_name = "NAME: KEY=COLUMN …")]
    declare: Vec<String>,
}

/// Which collection a command is about.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Collections")]
pub(super) struct CollectionArgs {
    /// Which collection: `centers`, `dive-sites`, or one of the file's
    #[arg(long, value_name = "NAME", default_value = "centers")]
    collection: String,
    #[command(flatten)]
    declared: DeclaredArgs,
}

impl DeclaredArgs {
    /// Those that the file and the flags declare.
    fn read(&self) -> anyhow::Result<Declared> {
        let mut declared = match &self.collections {
            Some(path) => file::read(path)?,
            None => Declared::default(),
        };
        for text in &self.declare {
            for collection in file::of_flag(text)? {
                let name = &collection.name;
                let mut others = declared.collections.iter();
                if others.any(|other| other.name == *name) {
                    bail!("the collection {name} is declared twice: choose another name");
                }
                declared.collections.push(collection);
            }
        }
        Ok(declared)
    }

    /// The collection of a name, as it is declared.
    ///
    /// # Errors
    /// When the file is wrong or there is no such collection.
    pub(super) fn named(&self, name: &str) -> anyhow::Result<Collection> {
        let declared = self.read()?;
        let built_in = Collection::built_in().into_iter();
        let built_in = built_in.map(|collection| declared.with_attributes(collection));
        let mut all = built_in.collect::<anyhow::Result<Vec<_>>>()?;
        all.extend(declared.collections);
        let names: Vec<String> = all.iter().map(|c| format!("`{}`", c.name)).collect();
        match all.into_iter().find(|other| other.name.as_str() == name) {
            Some(collection) => Ok(collection),
            None => bail!(
                "there is no collection `{name}`; there are {}",
                names.join(", ")
            ),
        }
    }

    /// The collection of a name, with the attributes that a database remembers of it.
    ///
    /// # Errors
    /// As [`Self::named`], and when an attribute is declared otherwise than it is remembered.
    pub(super) async fn named_in(
        &self,
        name: &str,
        database: &Database,
    ) -> anyhow::Result<Collection> {
        with_remembered(self.named(name)?, database).await
    }

    /// All collections that a database can serve, the default one first.
    ///
    /// # Errors
    /// When a declaration is wrong, or a table is not what it says.
    pub(super) async fn served(
        &self,
        database: &Database,
        default: &Collection,
    ) -> anyhow::Result<Vec<Collection>> {
        let declared = self.read()?;
        let centers = declared.with_attributes(Collection::diving_centers())?;
        let centers = centers_of(with_remembered(centers, database).await?, database).await?;
        let mut served = Vec::new();
        if default.name == centers.name {
            served.push(centers);
        } else {
            served.extend(if_usable(centers, database).await?);
        }
        let sites = declared.with_attributes(Collection::dive_sites())?;
        let sites = with_remembered(sites, database).await?;
        let sites = fitted(sites, database, |_| false).await?;
        served.extend(if_usable(sites, database).await?);
        for collection in declared.collections {
            if let Some(why) = unusable(&collection, database).await? {
                bail!("the collection {} cannot be served: {why}", collection.name);
            }
            let columns = database.columns(&collection).await?;
            check_attributes(&collection, &columns)?;
            served.push(collection.read_from(&columns));
        }
        match served.iter().position(|other| other.name == default.name) {
            Some(at) => served[..=at].rotate_right(1),
            None => bail!("the default collection {} cannot be served", default.name),
        }
        Ok(served)
    }
}

impl CollectionArgs {
    /// The collection as it is declared.
    ///
    /// # Errors
    /// When the file is wrong or there is no such collection.
    pub(super) fn declared(&self) -> anyhow::Result<Collection> {
        self.declared.named(&self.collection)
    }

    /// The collection as it is declared, with the attributes that a database remembers of it.
    ///
    /// # Errors
    /// As [`Self::declared`], and when an attribute is declared otherwise than it is remembered.
    pub(super) async fn declared_in(&self, database: &Database) -> anyhow::Result<Collection> {
        self.declared.named_in(&self.collection, database).await
    }

    /// The collection as it is in a database.
    ///
    /// # Errors
    /// When the file is wrong, there is no such collection, or its table is not
    /// what the file says.
    pub(super) async fn open(&self, database: &Database) -> anyhow::Result<Collection> {
        let collection = self.declared_in(database).await?;
        if is_built_in(&collection) {
            return fitted(collection, database, |_| false).await;
        }
        match unusable(&collection, database).await? {
            None => {
                let columns = database.columns(&collection).await?;
                check_attributes(&collection, &columns)?;
                Ok(collection.read_from(&columns))
            }
            Some(why) => bail!("the collection {} cannot be used: {why}", collection.name),
        }
    }

    /// The same, with a column for the location, which is to be written.
    ///
    /// # Errors
    /// As [`Self::open`], and when there is no such column.
    pub(super) async fn open_located(&self, database: &Database) -> anyhow::Result<Collection> {
        let collection = self.open(database).await?;
        if !collection.is_located() {
            let table = collection.table.as_str();
            bail!(
                "the collection {} has no location: {table} is only read. Declare `location`, and \
                 `nearby adopt{} --apply` adds the column",
                collection.name,
                collection.flag()
            );
        }
        // What was drawn in it while nobody served the file.
        Store::new(database, &collection).take_over_moved().await?;
        Ok(collection)
    }
}

/// Centers. Where another application made their table, it may say which of them are
/// claimed.
async fn centers_of(centers: Collection, database: &Database) -> anyhow::Result<Collection> {
    let centers = fitted(centers, database, |_| false).await?;
    let columns = database.columns(&centers).await?;
    Ok(centers.with_ownership(|column| columns.has(column)))
}

/// A built-in collection that is not the default one, if it can be served. Where another
/// application made its table, the location may be of no use, or all of it: the default
/// one is served all the same.
async fn if_usable(
    collection: Collection,
    database: &Database,
) -> anyhow::Result<Option<Collection>> {
    let Some(why) = unusable(&collection, database).await? else {
        return Ok(Some(collection));
    };
    let name = collection.name.clone();
    let location = collection.location.clone();
    let bare = collection.keeping(|column| *column != location);
    if unusable(&bare, database).await?.is_none() {
        tracing::warn!("{name} are searched by their coordinates, and only read: {why}");
        return Ok(Some(bare));
    }
    tracing::warn!("{name} are not served: {why}");
    Ok(None)
}

/// A collection with the attributes that a database remembers of it, after those that are
/// declared.
async fn with_remembered(
    collection: Collection,
    database: &Database,
) -> anyhow::Result<Collection> {
    if !collection.is_ours() {
        return Ok(collection);
    }
    let mut attributes = collection.attributes().to_vec();
    let declared = attributes.len();
    for remembered in database.attributes_of(&collection.name).await? {
        let mut declared = attributes[..declared].iter();
        if !declared.any(|other| other.column == remembered.column) {
            attributes.push(remembered);
        }
    }
    let name = collection.name.clone();
    collection.with_attributes(attributes).with_context(|| {
        format!("`nearby attributes list` shows what the database remembers of {name}")
    })
}

fn is_built_in(collection: &Collection) -> bool {
    let mut built_in = Collection::built_in().into_iter();
    built_in.any(|other| other.name == collection.name)
}

/// The table of a built-in collection may have fewer columns where another application
/// made it. Those that are `wanted` are kept all the same.
pub(super) async fn fitted(
    collection: Collection,
    database: &Database,
    wanted: impl Fn(&ColumnName) -> bool,
) -> anyhow::Result<Collection> {
    if !is_built_in(&collection) {
        return Ok(collection);
    }
    let columns = database.columns(&collection).await?;
    let fitted = if database.is_adopted(&collection).await? {
        collection.keeping(|column| wanted(column) || columns.has(column.as_str()))
    } else {
        collection
    };
    check_attributes(&fitted, &columns)?;
    Ok(fitted.read_from(&columns))
}

impl Declared {
    /// A built-in collection with the attributes that are declared of it.
    fn with_attributes(&self, collection: Collection) -> anyhow::Result<Collection> {
        let mut of_built_in = self.of_built_in.iter();
        match of_built_in.find(|of_it| of_it.name == collection.name) {
            Some(of_it) => {
                let collection = collection.with_attributes(of_it.attributes.clone())?;
                Ok(collection.in_time_zone(of_it.time_zone))
            }
            None => Ok(collection),
        }
    }
}

/// Refuses attributes whose columns a table does not have.
fn check_attributes(collection: &Collection, columns: &TableColumns) -> anyhow::Result<()> {
    let table = collection.table.as_str();
    for attribute in collection.attributes() {
        let column = attribute.column.as_str();
        if !columns.has(column) {
            let names: Vec<&str> = columns.names().collect();
            bail!(
                "the attribute {} of {}: {table} has no column {column}; it has {}",
                attribute.name.as_str(),
                collection.name,
                names.join(", ")
            );
        }
    }
    Ok(())
}

/// What keeps a collection from being served, and what to do about it.
async fn unusable(collection: &Collection, database: &Database) -> anyhow::Result<Option<String>> {
    let found = database.obstacles_to_serving(collection).await?;
    let said = |obstacle: &Obstacle| format!("{} ({})", obstacle.what, obstacle.remedy);
    let said: Vec<String> = found.iter().map(said).collect();
    Ok((!said.is_empty()).then(|| said.join("; ")))
}
