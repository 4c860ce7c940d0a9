//! What a map shows of the table.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::{LONGEST_TALLY_MS, SqlEngine};
use crate::domain::{
    Area, Cell, CellSum, Cells, Center, CenterId, Filter, Limit, MAX_RADIUS_M, MapPoint,
    RatingVisibility, Search, Summary,
};
use crate::engine::{OnMap, SearchError};
use crate::store::{InCells, Look, StoreError};
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
        let sums = if filter.condition.needs_rows() {
            self.sums_here(&asked).await?
        } else {
            let sums = self.searcher.cell_sums(&asked).await?;
            sums.ok_or(SearchError::TooSlow)?
        };
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
        if filter.condition.needs_rows() {
            return self.ids_here(&asked, after, most).await;
        }
        let ids = self.searcher.ids_in_cells(&asked, after, most).await?;
        ids.ok_or(SearchError::TooSlow)
    }

    /// The sums from the rows themselves, where the database cannot tell which count.
    async fn sums_here(&self, asked: &InCells<'_>) -> Result<Vec<CellSum>, SearchError> {
        let mut sums: HashMap<Cell, CellSum> = HashMap::new();
        let mut each = |id, at| {
            let cell = Cell::of(at, asked.cells.zoom());
            let sum = sums.entry(cell);
            sum.and_modify(|sum| sum.add(at))
                .or_insert_with(|| CellSum::of_one(cell, id, at));
        };
        self.each_here(asked, &mut each).await?;
        Ok(sums.into_values().collect())
    }

    /// The ids from the rows themselves.
    async fn ids_here(
        &self,
        asked: &InCells<'_>,
        after: Option<CenterId>,
        most: usize,
    ) -> Result<Vec<CenterId>, SearchError> {
        let mut ids = Vec::new();
        let mut each = |id, _| {
            if after.is_none_or(|after| after < id) {
                ids.push(id);
            }
        };
        self.each_here(asked, &mut each).await?;
        ids.sort_unstable();
        ids.truncate(most);
        Ok(ids)
    }

    /// Every center of some cells that a filter keeps, read row by row.
    async fn each_here(
        &self,
        asked: &InCells<'_>,
        each: &mut (dyn FnMut(CenterId, MapPoint) + Send),
    ) -> Result<(), SearchError> {
        let viewport = asked.cells.viewport();
        let search = Search {
            area: Area::Within(viewport),
            limit: Limit::new(1).expect("it is within the bounds"),
            filter: asked.filter.clone(),
            exclude: Vec::new(),
            after: None,
        };
        let look = Look {
            search: &search,
            organizations: asked.organizations,
            radius_m: MAX_RADIUS_M,
            cover: &[viewport.bounds()],
            rows: usize::MAX,
            longest_ms: Some(LONGEST_TALLY_MS),
        };
        let mut each = |_, summary: Summary<'_>| {
            let at = MapPoint::of(summary.position);
            let cell = Cell::of(at, asked.cells.zoom());
            if asked.cells.place_of(cell).is_some() && asked.filter.matches(&summary) {
                each(summary.id, at);
            }
        };
        let ended = self.searcher.find(&look, &mut each).await?;
        if ended {
            Ok(())
        } else {
            Err(SearchError::TooSlow)
        }
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
