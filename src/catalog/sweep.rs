//! Comparing an index with the table that it mirrors, part by part: it finds what no log
//! tells.
//!
//! The database goes on being written meanwhile, so most differences are of the moment. One
//! counts where it is still there after a while, everything has been followed that was
//! committed until then, and nothing of that was about the center.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::sleep;

use super::Catalog;
use super::mirror::Found;
use crate::domain::{CenterId, Filter};
use crate::engine::memory::MemoryEngine;
use crate::engine::names::Name;
use crate::store::StoreError;
use crate::store::feed::Keys;

/// Ids of the index that are gathered at once.
const GATHERED: usize = 65_536;
/// How long a difference has to last: a commit is seen a moment before the server counts it
/// among those that it has.
const LASTING: Duration = Duration::from_millis(250);

/// A way through a table by its key, and through the index beside it.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Up to this id everything has been compared.
    after: Option<CenterId>,
    /// Ids beyond it that the index held, in their order.
    held: VecDeque<CenterId>,
    /// Whether those are all.
    is_gathered: bool,
}

/// What was found of a part of a table.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many rows it has.
    pub rows: usize,
    /// Whether it was the last part.
    pub is_last: bool,
    /// The centers of which the index did not hold what the tables say; it does now.
    pub mismatches: BTreeSet<CenterId>,
    /// Whether it did not hold what organizations are called.
    pub organizations: bool,
}

impl Sweep {
    /// Gathers ids of the index until there are more than `most`, or all.
    fn gather(&mut self, engine: &MemoryEngine, most: usize) {
        if !self.is_gathered && self.held.len() <= most {
            self.held = engine.lowest_ids(self.after, GATHERED).into();
            self.is_gathered = self.held.len() < GATHERED;
        }
    }

    /// Everything up to an id has been compared, or everything.
    fn advance(&mut self, end: Option<CenterId>) {
        match end {
            None => *self = Self::default(),
            Some(end) => {
                self.after = Some(end);
                self.held.retain(|&id| id > end);
            }
        }
    }
}

impl Catalog {
    /// Compares the next part of the table, of up to so many rows, with the index, and has
    /// the index hold what it did not. `None` where that cannot be told now: the index is
    /// being loaded, or too far behind.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sweep_part(
        &self,
        sweep: &mut Sweep,
        most: usize,
    ) -> Result<Option<Swept>, StoreError> {
        let Some((engine, _)) = self.mirror() else {
            return Ok(None);
        };
        let Some(loads) = self.mirroring.loads() else {
            return Ok(None);
        };
        let watch = self.mirroring.watch();
        let (found, end) = self.read_part(sweep, engine, most).await?;
        let mut swept = Swept {
            rows: found.centers.len(),
            is_last: end.is_none(),
            ..Swept::default()
        };
        let mut odd = self.not_held(engine, &found);
        if !odd.is_empty() {
            sleep(LASTING).await;
            odd = self.not_held(engine, &self.read_back(&odd).await?);
        }
        if !odd.is_empty() {
            match self.be_level().await {
                Err(StoreError::Busy) => return Ok(None),
                level => level?,
            }
            if self.mirroring.loads() != Some(loads) {
                return Ok(None);
            }
            odd.rows.retain(|&id| !watch.has_followed(id));
            odd.linked.clone_from(&odd.rows);
            odd.organizations &= !watch.has_followed_organizations();
            swept.mismatches.clone_from(&odd.rows);
            swept.organizations = odd.organizations;
            self.follow_keys(odd).await?;
        }
        sweep.advance(end);
        Ok(Some(swept))
    }

    /// Reads the next part: its rows, and as gone what the index has between them; and where
    /// it ends, if not with the table.
    async fn read_part(
        &self,
        sweep: &mut Sweep,
        engine: &MemoryEngine,
        most: usize,
    ) -> Result<(Found, Option<CenterId>), StoreError> {
        sweep.gather(engine, most);
        let all = Filter::default();
        let mut centers = self.store.list(&all, sweep.after, most).await?;
        let last = centers.last().map(|center| center.id);
        let end_of_rows = last.filter(|_| centers.len() == most);
        let end_of_held = sweep.held.get(most).copied();
        let end = end_of_rows.into_iter().chain(end_of_held).min();
        let is_in_part = |id: CenterId| {
            sweep.after.is_none_or(|after| id > after) && end.is_none_or(|end| id <= end)
        };
        centers.retain(|center| is_in_part(center.id));
        let mut ids: BTreeSet<CenterId> = sweep.held.iter().copied().collect();
        ids.extend(self.names.held(is_in_part).unwrap_or_default().into_keys());
        ids.retain(|&id| is_in_part(id));
        let mut gone = ids.clone();
        for center in &centers {
            gone.remove(&center.id);
            ids.insert(center.id);
        }
        let mut found = Found {
            centers,
            gone: gone.into_iter().collect(),
            ..Found::default()
        };
        if sweep.after.is_none() {
            self.read_organizations(&mut found).await?;
        }
        self.read_links(&mut found, ids).await?;
        Ok((found, end))
    }

    /// What of all this index and names do not hold.
    fn not_held(&self, engine: &MemoryEngine, found: &Found) -> Keys {
        let mut rows = engine.not_held(&found.changes());
        let there = found.centers.iter().map(|center| {
            let name = Name::of(&center.text.name, center.position);
            (center.id, Some(name))
        });
        let gone = found.gone.iter().map(|&id| (id, None));
        let names: HashMap<CenterId, Option<Name>> = there.chain(gone).collect();
        if let Some(held) = self.names.held(|id| names.contains_key(&id)) {
            let odd = names
                .iter()
                .filter(|(id, name)| held.get(id) != name.as_ref());
            rows.extend(odd.map(|(id, _)| *id));
        }
        let is_called = |names| engine.holds_organization_names(names);
        Keys {
            linked: rows.clone(),
            rows,
            all_links: false,
            organizations: !found.names.as_ref().is_none_or(is_called),
        }
    }
}
