//! What a map shows of the index.

use super::bounds::Bounds;
use super::index::Index;
use super::search::Wanted;
use super::viewport::Shape;
use crate::domain::{
    Area, BY_ID, Cell, CellSum, Cells, CenterId, Filter, Limit, MapPoint, RatingVisibility, Search,
};
use crate::engine::OnMap;

/// The centers of some cells that a filter keeps: a cluster of each cell that has several.
pub(super) fn clusters(index: &Index, cells: &Cells, filter: &Filter) -> OnMap {
    let mut shown = OnMap::default();
    for sum in sums(index, cells, filter) {
        if sum.count == 1 {
            push_center(index, sum.one, filter, &mut shown);
        } else {
            shown.clusters.push(sum);
        }
    }
    shown.sort();
    shown
}

/// The same with every center by itself; `None` where there are more than so many.
pub(super) fn centers(index: &Index, cells: &Cells, filter: &Filter, most: usize) -> Option<OnMap> {
    let mut found: Vec<CenterId> = Vec::new();
    if filter.is_empty() {
        let sums = index.map_order().sums(cells);
        let count: u64 = sums.iter().map(|sum| sum.count).sum();
        if count > most as u64 {
            return None;
        }
        index
            .map_order()
            .each(cells, |center| found.push(center.id));
    } else {
        each_kept(index, cells, filter, |id, _| {
            // One more tells that there are too many.
            if found.len() <= most {
                found.push(id);
            }
        });
    }
    if found.len() > most {
        return None;
    }
    let mut shown = OnMap::default();
    for id in found {
        push_center(index, id, filter, &mut shown);
    }
    shown.sort();
    Some(shown)
}

/// Up to so many centers of some cells with numbers beyond one, in the order of their
/// numbers.
pub(super) fn leaves(
    index: &Index,
    cells: &Cells,
    filter: &Filter,
    after: Option<CenterId>,
    count: usize,
) -> OnMap {
    let mut found: Vec<CenterId> = Vec::new();
    let mut push = |id: CenterId| {
        if after.is_none_or(|after| after < id) {
            found.push(id);
        }
    };
    if filter.is_empty() {
        index.map_order().each(cells, |center| push(center.id));
    } else {
        each_kept(index, cells, filter, |id, _| push(id));
    }
    if found.len() > count {
        found.select_nth_unstable(count);
        found.truncate(count);
    }
    let mut shown = OnMap::default();
    for id in found {
        push_center(index, id, filter, &mut shown);
    }
    shown.sort();
    shown
}

fn sums(index: &Index, cells: &Cells, filter: &Filter) -> Vec<CellSum> {
    if filter.is_empty() {
        return index.map_order().sums(cells);
    }
    let count = usize::try_from(cells.count()).expect("whoever asks for cells asks for few");
    let mut sums: Vec<Option<CellSum>> = vec![None; count];
    each_kept(index, cells, filter, |id, at| {
        let cell = Cell::of(at, cells.zoom());
        let place = cells.place_of(cell).expect("it is in one of the cells");
        match &mut sums[place] {
            Some(sum) => sum.add(at),
            empty => *empty = Some(CellSum::of_one(cell, id, at)),
        }
    });
    sums.into_iter().flatten().collect()
}

/// Every center of some cells that a filter keeps.
fn each_kept(
    index: &Index,
    cells: &Cells,
    filter: &Filter,
    mut each: impl FnMut(CenterId, MapPoint),
) {
    let viewport = cells.viewport();
    let search = Search {
        area: Area::Within(viewport),
        limit: Limit::new(1).expect("it is within the bounds"),
        filter: filter.clone(),
        exclude: Vec::new(),
        after: None,
    };
    let Some(wanted) = Wanted::of(index, &search) else {
        return;
    };
    let shape = Shape::of(&viewport);
    let reaches = |bounds: &Bounds| shape.may_reach_into(bounds);
    wanted.visit_buckets(reaches, |bucket_id| {
        let bucket = index.buckets().get(bucket_id);
        if wanted.misses(bucket_id, bucket) {
            return;
        }
        for slot in 0..bucket.len() {
            let at = bucket.on_map(slot);
            let is_there = cells.place_of(Cell::of(at, cells.zoom())).is_some();
            if is_there && wanted.takes(BY_ID, bucket, slot) {
                each(bucket.slot(slot).id, at);
            }
        }
    });
}

fn push_center(index: &Index, id: CenterId, filter: &Filter, shown: &mut OnMap) {
    let place = index
        .place_of(id)
        .expect("the index has all that is in its order");
    let bucket = index.buckets().get(place.bucket());
    let slot = bucket.slot(place.slot());
    let rating = match filter.ratings {
        RatingVisibility::Shown => index.rating(slot),
        RatingVisibility::Hidden => None,
    };
    shown.push_center(id, bucket.on_map(place.slot()), |text| {
        text.extend_from_slice(bucket.text(place.slot()));
        text.extend_from_slice(rating.unwrap_or_default().as_bytes());
    });
}
