//! Adopting a layer that another program made in an embedded file: triggers note the
//! points that are drawn and moved in it.

use anyhow::bail;
use serde_json::json;

use super::{Args, Outcome};
use crate::output::say;
use crate::store::{Collection, Database, LayerTrigger, Store, WorkAction};

pub(super) async fn adopt(
    database: &Database,
    collection: &Collection,
    args: &Args,
) -> anyhow::Result<Outcome> {
    if args.undo {
        bail!(
            "--undo is for MySQL: of a layer in an embedded file, DROP TRIGGER {}_moved_location and \
             its kin undo what adopting made",
            collection.table.as_str()
        );
    }
    let obstacles = database.obstacles_to_serving(collection).await?;
    if let Some(obstacle) = obstacles.first() {
        bail!("{} ({})", obstacle.what, obstacle.remedy);
    }
    let missing = database.missing_layer_triggers(collection).await?;
    if args.sql {
        for trigger in &missing {
            say!("{};", trigger.sql);
        }
    } else if args.json {
        say!("{:#}", to_json(collection, &missing));
    } else {
        print(collection, &missing, args.apply);
    }
    if missing.is_empty() {
        return Ok(Outcome::Done);
    }
    if !args.apply {
        return Ok(Outcome::FoundWrong);
    }
    // Where the triggers put their notes.
    database.ensure_schema(false).await?;
    database.make_layer_triggers(collection, &missing).await?;
    super::note_steps(
        database,
        collection,
        WorkAction::Adopted,
        missing.len() as u64,
    )
    .await;
    let taken_over = Store::new(database, collection).take_over_moved().await?;
    if !args.json {
        say!("done; points drawn before that have coordinates now: {taken_over}");
    }
    Ok(Outcome::Done)
}

fn print(collection: &Collection, missing: &[LayerTrigger], applies: bool) {
    let table = collection.table.as_str();
    if missing.is_empty() {
        say!("{table} has its triggers: nothing to do");
        return;
    }
    say!(
        "coordinates do not follow points that other programs draw and move in {table}; to do: make"
    );
    for LayerTrigger { name, .. } in missing {
        say!("  the trigger {name}");
    }
    if !applies {
        let flag = collection.flag();
        say!(
            "`nearby adopt{flag} --apply` does this; `nearby adopt{flag} --sql` prints the statements"
        );
    }
}

fn to_json(collection: &Collection, missing: &[LayerTrigger]) -> serde_json::Value {
    let names = missing.iter().map(|trigger| &trigger.name);
    json!({
        "table": collection.table.as_str(),
        "missing_triggers": names.collect::<Vec<_>>(),
    })
}
