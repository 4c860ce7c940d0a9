//! Attributes that an import adds.

use std::str::FromStr;

use anyhow::{Context as _, bail};

use super::{Args, Job};
use crate::cli::attributes::kind_of;
use crate::cli::signals::told_to_stop;
use crate::domain::FieldKind;
use crate::output::note;
use crate::store::{Attribute, AttributeError, Collection, ColumnName};
use crate::transfer::find_kinds;
use crate::transfer::read::{BytesRead, RowReader};

/// An attribute that is asked for, as `category` or `category:text`.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    name: ColumnName,
    kind: Option<FieldKind>,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, kind) = match text.rsplit_once(':') {
            None => (text, None),
            Some((name, kind)) => (name, Some(kind_of(kind)?)),
        };
        let name = ColumnName::new(name).map_err(|error| error.to_string())?;
        Ok(Self { name, kind })
    }
}

/// Those of the attributes asked for that a collection does not have yet. Kinds that are not
/// given are found out from the file, which has to have each of them.
pub(super) async fn new_attributes(
    args: &Args,
    collection: &Collection,
) -> anyhow::Result<Vec<(ColumnName, FieldKind)>> {
    let is_known = |wanted: &&Wanted| {
        let mut known = collection.attributes().iter();
        let name = wanted.name.as_str();
        known.any(|other| other.name.as_str().eq_ignore_ascii_case(name))
    };
    let wanted: Vec<&Wanted> = args.with_attributes.iter().collect();
    let wanted: Vec<&Wanted> = wanted.into_iter().filter(|one| !is_known(one)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if !collection.is_ours() {
        bail!(AttributeError::NotOurs {
            collection: collection.name.clone(),
            table: collection.table.as_str().to_owned(),
        });
    }
    let as_texts: Vec<_> = wanted
        .iter()
        .map(|one| (one.name.clone(), one.kind.unwrap_or(FieldKind::Text)))
        .collect();
    let extended = with_new(collection, &as_texts)?;
    let job = Job::new(args, &extended)?;
    if job.size.is_none() {
        if let Some(unknown) = wanted.iter().find(|one| one.kind.is_none()) {
            let name = unknown.name.as_str();
            bail!(
                "{} can be read only once, so the kind of {name} cannot be found out: give it, as \
                 in --with-attributes {name}:text",
                job.name
            );
        }
        return Ok(as_texts);
    }
    let first = collection.attributes().len();
    let places: Vec<usize> = (first..first + wanted.len()).collect();
    let (source, options) = (job.source.clone(), job.read_options());
    let reader = RowReader::of_source(&source, BytesRead::default(), &options)
        .map_err(|error| job.refused(error))?;
    let reading = tokio::task::spawn_blocking(move || find_kinds(reader, &places));
    let found = tokio::select! {
        found = reading => found?.with_context(|| job.name.clone())?,
        () = told_to_stop() => bail!("stopped; nothing was written"),
    };
    let mut new = Vec::new();
    for (one, found) in wanted.into_iter().zip(found) {
        let name = one.name.as_str();
        let found = found.with_context(|| {
            format!(
                "{} has nothing for the attribute {name}: leave it out of --with-attributes, or \
                 name its column with --map {name}=COLUMN",
                job.name
            )
        })?;
        new.push((one.name.clone(), one.kind.unwrap_or(found)));
    }
    Ok(new)
}

/// A collection with attributes that its table is to have.
pub(super) fn with_new(
    collection: &Collection,
    new: &[(ColumnName, FieldKind)],
) -> anyhow::Result<Collection> {
    let new = new
        .iter()
        .map(|(name, kind)| Attribute::new(name.clone(), *kind, name.clone()));
    let all = collection.attributes().iter().cloned().chain(new);
    Ok(collection.clone().with_attributes(all.collect())?)
}

/// Says which attributes an import adds, or would add.
pub(super) fn tell(new: &[(ColumnName, FieldKind)], does: &str) {
    if !new.is_empty() {
        let each = new
            .iter()
            .map(|(name, kind)| format!("{}:{}", name.as_str(), kind.name()));
        note!(
            "{does} the attributes {}",
            each.collect::<Vec<_>>().join(", ")
        );
    }
}
