//! What an upsert has to do, decided against the rows that are there.

use std::collections::{HashMap, HashSet};

use super::{BatchItem, Collection, Upserted};
use crate::domain::{Center, CenterDraft, CenterId, TextField};

/// A row as an upsert finds it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) center: Center,
    /// Whether the coordinates are whole or NULL and the location says the same.
    pub(super) in_order: bool,
}

/// A row to write.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    pub(super) id: CenterId,
    pub(super) draft: &'a CenterDraft,
}

/// The statements that items come to.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) inserts: Vec<&'a BatchItem>,
    pub(super) updates: Vec<Edit<'a>>,
    unchanged: u64,
}

impl<'a> Plan<'a> {
    /// Compares items, none of which shares its id with another, with the rows
    /// that have their ids.
    pub(super) fn new(
        collection: &Collection,
        items: &[&'a BatchItem],
        stored: Vec<Stored>,
    ) -> Self {
        let stored: HashMap<CenterId, Stored> = stored
            .into_iter()
            .map(|stored| (stored.center.id, stored))
            .collect();
        let mut plan = Self::default();
        for &item in items {
            let found = item.id.and_then(|id| stored.get(&id));
            let (Some(id), Some(found)) = (item.id, found) else {
                plan.inserts.push(item);
                continue;
            };
            let moved = !(found.in_order && found.center.position == item.draft.position());
            let differs = texts_differ(collection, &found.center, &item.draft)
                || attributes_differ(&found.center, &item.draft);
            if moved || differs {
                plan.updates.push(Edit {
                    id,
                    draft: &item.draft,
                });
            } else {
                plan.unchanged += 1;
            }
        }
        plan
    }

    /// What the plan comes to once it is carried out.
    pub(super) fn outcome(&self) -> Upserted {
        Upserted {
            inserted: self.inserts.len() as u64,
            updated: self.updates.len() as u64,
            unchanged: self.unchanged,
        }
    }
}

fn texts_differ(collection: &Collection, center: &Center, draft: &CenterDraft) -> bool {
    TextField::ALL.into_iter().any(|field| {
        collection.text(field).is_some() && center.text.get(field) != draft.text().get(field)
    })
}

fn attributes_differ(center: &Center, draft: &CenterDraft) -> bool {
    let stored = center.attributes.values();
    let mut said = draft.attributes();
    said.any(|(place, value)| stored[place].as_ref() != value)
}

/// Cuts items into runs of at most `longest` in which no id occurs twice, so
/// that later items see what earlier ones wrote. Items without an id come last:
/// the ids that they are given must not be those of items to come.
pub(super) fn runs(items: &[BatchItem], longest: usize) -> Vec<Vec<&BatchItem>> {
    let (named, new): (Vec<&BatchItem>, Vec<&BatchItem>) =
        items.iter().partition(|item| item.id.is_some());
    let mut runs: Vec<Vec<&BatchItem>> = Vec::new();
    let mut ids = HashSet::new();
    for item in named.into_iter().chain(new) {
        let repeats = item.id.is_some_and(|id| !ids.insert(id));
        match runs.last_mut() {
            Some(run) if run.len() < longest && !repeats => run.push(item),
            _ => {
                ids = item.id.into_iter().collect();
                runs.push(vec![item]);
            }
        }
    }
    runs
}

impl std::ops::AddAssign for Upserted {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CenterText;

    fn item(id: Option<i64>) -> BatchItem {
        let text = CenterText {
            name: "a".to_owned(),
            ..CenterText::default()
        };
        BatchItem {
            id: id.and_then(CenterId::new),
            draft: CenterDraft::new(text, None).unwrap(),
        }
    }

    fn ids(runs: &[Vec<&BatchItem>]) -> Vec<Vec<Option<i64>>> {
        runs.iter()
            .map(|run| run.iter().map(|item| item.id.map(CenterId::get)).collect())
            .collect()
    }

    #[test]
    fn an_id_that_comes_again_begins_a_new_run() {
        let items = [Some(1), Some(2), Some(1), Some(3)].map(item);
        let expected = vec![vec![Some(1), Some(2)], vec![Some(1), Some(3)]];
        assert_eq!(ids(&runs(&items, 100)), expected);
    }

    #[test]
    fn runs_are_bounded_and_items_without_an_id_come_last() {
        let items = [None, Some(1), None, Some(2), Some(3)].map(item);
        let expected = vec![vec![Some(1), Some(2)], vec![Some(3), None], vec![None]];
        assert_eq!(ids(&runs(&items, 2)), expected);
    }
}
