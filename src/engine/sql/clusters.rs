//! What a map shows of the table.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::SqlEngine;
use crate::domain::{Cells, Center, CenterId, Filter, MapPoint, RatingVisibility};
use crate::engine::{OnMap, SearchError};
use crate::store::{InCells, StoreError};
use crate::wire::{push_attributes, render_rating, render_summary};

impl SqlEngine {
    /// The centers of some cells that a filter keeps: a cluster of each cell that has
    /// several.
    ///
    /// # Errors
    /// When the database does not answer, or takes too long.
    pub async fn clusters(&self, cells: &Cells, filter: &Filter) -> Result<OnMap, SearchError> {
        let organizations = self.store.organizations_of(filter).await?;
        if self.keeps_nobody(filter, &organizations).await? {
            return Ok(OnMap::default());
        }
        let asked = InCells {
            cells,
            filter,
            organizations: &organizations,
        };
        let sums = self.searcher.cell_sums(&asked).await?;
        let sums = sums.ok_or(SearchError::TooSlow)?;
        let (clusters, alone): (Vec<_>, Vec<_>) = sums.into_iter().partition(|sum| sum.count > 1);
        let alone: Vec<CenterId> = alone.iter().map(|sum| sum.one).collect();
        let mut shown = self.shown(&alone, filter).await?;
        shown.clusters = clusters;
        shown.sort();
        Ok(shown)
    }

    /// The same with every center by itself; `None` where there are more than so many.
    ///
    /// # Errors
    /// When the database does not answer, or takes too long.
    pub async fn centers_in(
        &self,
        cells: &Cells,
        filter: &Filter,
        most: usize,
    ) -> Result<Option<OnMap>, SearchError> {
        let ids = self.ids(cells, filter, None, most + 1).await?;
        if ids.len() > most {
            return Ok(None);
        }
        Ok(Some(self.shown(&ids, filter).await?))
    }

    /// Up to so many centers of some cells with ids beyond one, by id.
    ///
    /// # Errors
    /// When the database does not answer, or takes too long.
    pub async fn leaves(
        &self,
        cells: &Cells,
        filter: &Filter,
        after: Option<CenterId>,
        count: usize,
    ) -> Result<OnMap, SearchError> {
        let ids = self.ids(cells, filter, after, count).await?;
        Ok(self.shown(&ids, filter).await?)
    }

    async fn ids(
        &self,
        cells: &Cells,
        filter: &Filter,
        after: Option<CenterId>,
        most: usize,
    ) -> Result<Vec<CenterId>, SearchError> {
        let organizations = self.store.organizations_of(filter).await?;
        if self.keeps_nobody(filter, &organizations).await? {
            return Ok(Vec::new());
        }
        let asked = InCells {
            cells,
            filter,
            organizations: &organizations,
        };
        let ids = self.searcher.ids_in_cells(&asked, after, most).await?;
        ids.ok_or(SearchError::TooSlow)
    }

    /// Centers by themselves; those that are gone by now are left out.
    async fn shown(&self, ids: &[CenterId], filter: &Filter) -> Result<OnMap, StoreError> {
        let mut shown = OnMap::default();
        if ids.is_empty() {
            return Ok(shown);
        }
        let centers = self.store.read_many(ids).await?;
        let ratings =
            if filter.ratings == RatingVisibility::Shown && self.is_rated.load(Ordering::Relaxed) {
                self.store.database().ratings(ids.iter().copied()).await?
            } else {
                HashMap::new()
            };
        let fields = self.store.collection().fields();
        for summary in centers.iter().filter_map(Center::summary) {
            let rating = ratings.get(&summary.id).copied();
            shown.push_center(summary.id, MapPoint::of(summary.position), |text| {
                render_summary(&summary, text);
                let value = |place: usize| Some(summary.attributes[place].as_ref()?.borrowed());
                push_attributes(fields, value, text);
                text.extend(rating.map(render_rating).unwrap_or_default().bytes());
            });
        }
        shown.sort();
        Ok(shown)
    }
}
