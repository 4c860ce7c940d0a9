//! `nearby verify --mirror URL`: whether a running instance holds what the database does.
//!
//! The instance is asked over its public HTTP, page by page, and the rows that its pages
//! stretch over are read beside. Both go on changing: a row counts as differing where both
//! say the same for a while, and not the same as each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::super::Outcome;
use super::super::findings;
use super::Format;
use super::instance::{Instance, Page};
use crate::domain::{
    Center, CenterId, FieldValue, Filter, Rating, RatingVisibility, reviews_switch,
};
use crate::output::say;
use crate::progress::Progress;
use crate::store::{Collection, Database, Finding, MAX_FIRST_IDS, Store};
use crate::wire::{push_attributes, render_rating, render_summary};

/// Rows that are read at once.
const PART: usize = 1_000;
/// How often differing rows are read again, and the rest before each time.
const TRIES: u32 = 3;
const REST: Duration = Duration::from_millis(500);
/// How far behind the instance may be to begin with, and how long it may take to come there.
const NEARLY_LEVEL: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Organizations that are read at once.
const ORGANIZATIONS: usize = 1_000;

/// A center as answers hold it.
type Shown = Map<String, Value>;

/// What of a center is in one place and in the other; `None` where it is not there.
#[derive(Debug, Clone, PartialEq)]
struct Odd {
    held: Option<Shown>,
    stored: Option<Shown>,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    rows: u64,
    differing: Finding,
    held_only: Finding,
    stored_only: Finding,
    /// Of the first ids, what is not the same.
    examples: Vec<String>,
    /// Organizations whose centers are not the same.
    organizations: Vec<String>,
}

impl Found {
    fn is_same(&self) -> bool {
        let findings = [&self.differing, &self.held_only, &self.stored_only];
        findings.iter().all(|finding| finding.count == 0) && self.organizations.is_empty()
    }

    fn add(&mut self, id: CenterId, odd: &Odd) {
        let finding = match (&odd.held, &odd.stored) {
            (Some(_), Some(_)) => &mut self.differing,
            (Some(_), None) => &mut self.held_only,
            _ => &mut self.stored_only,
        };
        finding.count += 1;
        if finding.first_ids.len() < MAX_FIRST_IDS {
            finding.first_ids.push(id.get());
            self.examples.extend(odd.told(id));
        }
    }
}

impl Odd {
    /// Which of its fields are not the same, where it is in both places.
    fn told(&self, id: CenterId) -> Option<String> {
        let (held, stored) = (self.held.as_ref()?, self.stored.as_ref()?);
        let names: BTreeSet<&String> = held.keys().chain(stored.keys()).collect();
        let fields = names.into_iter().filter_map(|name| {
            let (held, stored) = (held.get(name), stored.get(name));
            let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            (held != stored).then(|| {
                format!(
                    "{name} is {} in memory and {} in the database",
                    text(held),
                    text(stored)
                )
            })
        });
        let fields: Vec<String> = fields.collect();
        Some(format!("{id}: {}", fields.join(", ")))
    }
}

pub(super) async fn verify(
    database: &Database,
    collection: &Collection,
    url: &str,
    format: Format,
) -> anyhow::Result<Outcome> {
    if database.feed().is_none() {
        bail!("--mirror compares an instance with MySQL: an embedded file has no mirrors");
    }
    let instance = Instance::at(url, collection)?;
    until_level(&instance).await?;
    let comparing = Comparing {
        store: Store::new(database, collection),
        ratings: RatingVisibility::of(database.setting(&reviews_switch()).await?.as_ref()),
        instance,
    };
    let mut found = Found::default();
    let total = database.count_rows(collection, None).await?;
    let mut shown = Progress::new("verify", Some(total));
    comparing
        .walk(None, &mut |rows| shown.set(rows), &mut found)
        .await?;
    shown.finish();
    if collection.is_linked() {
        comparing.organizations(&mut found).await?;
    }
    match format {
        Format::Text => print_text(&found),
        Format::Json => say!("{:#}", to_json(&found)),
    }
    Ok(if found.is_same() {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    })
}

/// Waits until the instance is hardly behind.
async fn until_level(instance: &Instance) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let lag = instance.lag().await?;
        if lag <= NEARLY_LEVEL {
            return Ok(());
        }
        if began.elapsed() > LONGEST_WAIT {
            bail!(
                "the instance is {:.0} s behind the database and comes no nearer: see its log",
                lag.as_secs_f64()
            );
        }
        sleep(REST).await;
    }
}

/// An instance, and the table that it mirrors.
struct Comparing {
    store: Store,
    ratings: RatingVisibility,
    instance: Instance,
}

impl Comparing {
    /// Compares all, or those of one organization.
    async fn walk(
        &self,
        organization: Option<&str>,
        each: &mut impl FnMut(u64),
        found: &mut Found,
    ) -> anyhow::Result<()> {
        let mut cursor: Option<String> = None;
        let mut after = None;
        loop {
            let page = self.instance.page(organization, cursor.as_deref()).await?;
            let end_of_page = page.end();
            loop {
                let (stored, end_of_stored) = self.stored(organization, after).await?;
                let end = end_of_page.into_iter().chain(end_of_stored).min();
                let part = Part {
                    organization,
                    cursor: cursor.as_deref(),
                    after,
                    // What comes behind the last row meanwhile is no part of this.
                    end: end.or_else(|| {
                        let held = page.centers().last_key_value().map(|(id, _)| *id);
                        held.max(stored.last_key_value().map(|(id, _)| *id))
                    }),
                };
                let odd = part.odd(&page, &stored);
                let odd = self.lasting(&part, odd).await?;
                for (id, odd) in &odd {
                    found.add(*id, odd);
                }
                if organization.is_none() {
                    found.rows += part.count(&stored);
                    each(found.rows);
                }
                after = end;
                if end.is_none() {
                    return Ok(());
                }
                if end == end_of_page {
                    break;
                }
            }
            cursor = page.next;
        }
    }

    /// The rows beyond an id, those that have a position, and up to where they were read;
    /// `None` where that is to the end.
    async fn stored(
        &self,
        organization: Option<&str>,
        after: Option<CenterId>,
    ) -> anyhow::Result<(BTreeMap<CenterId, Shown>, Option<CenterId>)> {
        let filter = Filter {
            organizations: organization.map(str::to_owned).into_iter().collect(),
            ..Filter::default()
        };
        let centers = self.store.list(&filter, after, PART).await?;
        let last = centers.last().map(|center| center.id);
        let end = last.filter(|_| centers.len() == PART);
        let ratings =
            if self.ratings == RatingVisibility::Shown && self.store.collection().is_linked() {
                let ids = centers.iter().map(|center| center.id);
                self.store.database().ratings(ids).await?
            } else {
                HashMap::new()
            };
        let shown = centers.iter().filter_map(|center| {
            let rating = ratings.get(&center.id).copied();
            Some((center.id, self.shown(center, rating)?))
        });
        Ok((shown.collect(), end))
    }

    /// A center as answers hold it; `None` without a position.
    fn shown(&self, center: &Center, rating: Option<Rating>) -> Option<Shown> {
        let summary = center.summary()?;
        let mut text = Vec::new();
        render_summary(&summary, &mut text);
        let value = |place: usize| summary.attributes[place].as_ref().map(FieldValue::borrowed);
        push_attributes(self.store.collection().fields(), value, &mut text);
        text.extend(rating.map(render_rating).unwrap_or_default().bytes());
        text.push(b'}');
        serde_json::from_slice(&text).ok()
    }

    /// Those of some differences that last, and that the instance has come past.
    async fn lasting(
        &self,
        part: &Part<'_>,
        mut odd: BTreeMap<CenterId, Odd>,
    ) -> anyhow::Result<BTreeMap<CenterId, Odd>> {
        let began = Instant::now();
        let mut tries = 0;
        let mut is_past = false;
        while !odd.is_empty() && (tries < TRIES || !is_past) {
            tries += 1;
            sleep(REST).await;
            // What it holds when it is read is at least all that was there when this began.
            let lag = self.instance.lag().await?;
            is_past = began.elapsed() > lag + REST;
            if began.elapsed() > LONGEST_WAIT {
                bail!(
                    "the instance is {:.0} s behind the database and comes no nearer: see its log",
                    lag.as_secs_f64()
                );
            }
            let mut page = self.instance.page(part.organization, part.cursor).await?;
            // What came between may have made the page shorter.
            while page
                .end()
                .is_some_and(|last| part.end.is_none_or(|end| last < end))
            {
                let Some(next) = page.next.take() else {
                    break;
                };
                page.append(self.instance.page(part.organization, Some(&next)).await?);
            }
            let (stored, end_of_stored) = self.stored(part.organization, part.after).await?;
            let now = part.odd(&page, &stored);
            let is_read = |id: CenterId| end_of_stored.is_none_or(|end| id <= end);
            odd.retain(|id, odd| is_read(*id) && now.get(id) == Some(odd));
        }
        Ok(odd)
    }

    async fn organizations(&self, found: &mut Found) -> anyhow::Result<()> {
        let database = self.store.database();
        let mut after = None;
        loop {
            let all = database.organizations(after, ORGANIZATIONS).await?;
            for organization in &all {
                let text = &organization.text;
                let names = [&text.acronym, &text.name];
                let Some(name) = names.into_iter().find(|name| !name.trim().is_empty()) else {
                    continue;
                };
                let mut of_it = Found::default();
                let compared = self.walk(Some(name), &mut |_| {}, &mut of_it).await;
                compared.with_context(|| format!("the organization {name}"))?;
                // Rows themselves have been compared.
                if of_it.held_only.count + of_it.stored_only.count > 0 {
                    found.organizations.push(name.clone());
                }
            }
            match all.last() {
                Some(last) if all.len() == ORGANIZATIONS => after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }
}

/// A part of the table, between two ids.
struct Part<'a> {
    organization: Option<&'a str>,
    /// Of a page that begins no later.
    cursor: Option<&'a str>,
    after: Option<CenterId>,
    end: Option<CenterId>,
}

impl Part<'_> {
    fn has(&self, id: CenterId) -> bool {
        self.after.is_none_or(|after| id > after) && self.end.is_none_or(|end| id <= end)
    }

    fn count(&self, stored: &BTreeMap<CenterId, Shown>) -> u64 {
        stored.keys().filter(|id| self.has(**id)).count() as u64
    }

    /// How the two differ.
    fn odd(&self, page: &Page, stored: &BTreeMap<CenterId, Shown>) -> BTreeMap<CenterId, Odd> {
        let held = page.centers();
        let ids: BTreeSet<CenterId> = held.keys().chain(stored.keys()).copied().collect();
        let ids = ids.into_iter().filter(|id| self.has(*id));
        ids.filter_map(|id| {
            let odd = Odd {
                held: held.get(&id).cloned(),
                stored: stored.get(&id).cloned(),
            };
            (odd.held != odd.stored).then_some((id, odd))
        })
        .collect()
    }
}

fn print_text(found: &Found) {
    findings::print_count("rows with a position", found.rows);
    findings::print("differ", &found.differing);
    findings::print("in memory only", &found.held_only);
    findings::print("in the database only", &found.stored_only);
    for example in &found.examples {
        say!("  {example}");
    }
    for name in &found.organizations {
        say!("other centers work by {name} in memory than in the database");
    }
}

fn to_json(found: &Found) -> Value {
    json!({
        "sound": found.is_same(),
        "rows": found.rows,
        "differing": findings::to_json(&found.differing),
        "in_memory_only": findings::to_json(&found.held_only),
        "in_database_only": findings::to_json(&found.stored_only),
        "examples": found.examples,
        "organizations": found.organizations,
    })
}
