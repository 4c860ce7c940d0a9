//! `nearby attributes`

use std::str::FromStr;

use clap::Subcommand;

use super::Outcome;
use super::collections::DeclaredArgs;
use super::database::DatabaseArgs;
use crate::domain::FieldKind;
use crate::output::{note, say};
use crate::store::{ColumnName, Database};

#[derive(Debug, clap::Args)]
#[command(long_about = "Add columns to the tables that nearby makes\n\n\
        An attribute is in every answer under its name, can be written, imported and exported, \
        and filters searches and lists. It is a column of the table, which other programs see \
        too, and the database remembers what it holds. Running instances know new attributes \
        when they are started again.\n\n\
        Columns of another application's table are declared in a file of collections instead.")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a column for each attribute and remember it; a column that is there is taken as it is
    Add(AddArgs),
    /// List the attributes of a collection, declared and remembered
    List(ListArgs),
    /// Forget an attribute; its column stays, unless it is to be dropped
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// The collection: `centers` or `dive-sites`
    collection: String,
    /// The attributes, as `category:text`; the kinds are text, number, boolean and date
    #[arg(required = true, value_name = "NAME:KIND")]
    attributes: Vec<NewAttribute>,
    #[command(flatten)]
    declared: DeclaredArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The collection
    #[arg(default_value = "centers")]
    collection: String,
    #[command(flatten)]
    declared: DeclaredArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// The collection: `centers` or `dive-sites`
    collection: String,
    /// The name of the attribute
    #[arg(value_parser = ColumnName::new)]
    name: ColumnName,
    /// Drop its column and all that it holds. Instances that were started before read it, and answer
    /// 503 from then on until they are started again
    #[arg(long)]
    drop_column: bool,
    #[command(flatten)]
    declared: DeclaredArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// An attribute to be made, as `category:text`.
#[derive(Debug, Clone)]
struct NewAttribute {
    name: ColumnName,
    kind: FieldKind,
}

impl FromStr for NewAttribute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, kind) = text.rsplit_once(':').ok_or_else(|| {
            format!(
                "write NAME:KIND, as in category:text; the kinds are {}",
                kinds()
            )
        })?;
        Ok(Self {
            name: ColumnName::new(name).map_err(|error| error.to_string())?,
            kind: kind_of(kind)?,
        })
    }
}

/// The kind of a name.
///
/// # Errors
/// When there is none, with those there are.
pub(super) fn kind_of(name: &str) -> Result<FieldKind, String> {
    FieldKind::of_name(name)
        .ok_or_else(|| format!("there is no kind `{name}`: the kinds are {}", kinds()))
}

fn kinds() -> String {
    FieldKind::ALL.map(FieldKind::name).join(", ")
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.action {
        Action::Add(args) => {
            args.database
                .with_new(async |db| add(&args, db).await)
                .await
        }
        Action::List(args) => args.database.with(async |db| list(&args, db).await).await,
        Action::Remove(args) => args.database.with(async |db| remove(&args, db).await).await,
    }
}

async fn add(args: &AddArgs, database: &Database) -> anyhow::Result<Outcome> {
    let collection = args.declared.named(&args.collection)?;
    database.ensure_schema_for(&collection).await?;
    let asked: Vec<_> = args
        .attributes
        .iter()
        .map(|attribute| (attribute.name.clone(), attribute.kind))
        .collect();
    let new = database.add_attributes(&collection, &asked).await?;
    for attribute in &new {
        let (name, kind) = (attribute.name.as_str(), attribute.kind.name());
        note!("{} have the attribute {name}, a {kind}", collection.name);
    }
    if new.is_empty() {
        note!("{} have these attributes already", collection.name);
    } else {
        note!("running instances show and filter by them when they are started again");
    }
    Ok(Outcome::Done)
}

async fn list(args: &ListArgs, database: &Database) -> anyhow::Result<Outcome> {
    let declared = &args.declared;
    let collection = declared.named_in(&args.collection, database).await?;
    for attribute in collection.attributes() {
        let (name, kind) = (attribute.name.as_str(), attribute.kind.name());
        say!("{name}:{kind}");
    }
    if collection.attributes().is_empty() {
        note!("{} have no attributes", collection.name);
    }
    Ok(Outcome::Done)
}

async fn remove(args: &RemoveArgs, database: &Database) -> anyhow::Result<Outcome> {
    let collection = args.declared.named(&args.collection)?;
    let name = &args.name;
    let removed = database
        .remove_attribute(&collection, name, args.drop_column)
        .await?;
    let (name, collection) = (name.as_str(), &collection.name);
    if !removed {
        note!("the database remembers no attribute {name} of {collection}");
        return Ok(Outcome::FoundWrong);
    }
    if args.drop_column {
        note!("{collection} have no attribute {name} any more, and its column is dropped");
    } else {
        note!("{collection} have no attribute {name} any more; its column is still there");
    }
    Ok(Outcome::Done)
}
