//! Creating a center apart from others of similar names, whoever wrote them.
//!
//! The transaction that inserts shuts other processes out. What the engine found counts
//! where none of them has written since; otherwise the rows themselves are looked at,
//! those between two latitudes.

use super::SqliteStore;
use super::columns::Columns as _;
use super::rows::{id, position};
use super::write::Writing;
use crate::domain::{
    Bounds, Center, CenterDraft, MAX_NEIGHBOURS, Neighbour, Origin, Radius, are_alike,
    distance_m_of,
};
use crate::store::{Apart, Made, StoreError};

impl SqliteStore {
    pub(super) async fn create_apart(
        &self,
        draft: &CenterDraft,
        apart: Apart,
    ) -> Result<Result<Center, Vec<Neighbour>>, StoreError> {
        let draft = draft.clone();
        self.write(move |writing| {
            let in_the_way = if apart.version == Some(writing.transaction.version()?) {
                apart.found
            } else {
                writing.alike_within(&draft, apart.distance)?
            };
            if in_the_way.is_empty() {
                let center = writing.create(&draft)?;
                writing.note(None, Some(&center))?;
                writing.transaction.keep_answer(Made::Center(&center))?;
                Ok(Ok(center))
            } else {
                Ok(Err(in_the_way))
            }
        })
        .await
    }
}

impl Writing<'_> {
    /// The rows within a distance that have a similar name, the nearest first.
    fn alike_within(
        &self,
        draft: &CenterDraft,
        distance: Radius,
    ) -> rusqlite::Result<Vec<Neighbour>> {
        let Some(place) = draft.position() else {
            return Ok(Vec::new());
        };
        let origin = Origin::new(place.latitude(), place.longitude());
        let origin = origin.expect("a position is in range");
        let edges = match Bounds::of_circle(origin, distance.reach_m()) {
            Bounds::Box { south, north, .. } | Bounds::Band { south, north } => [south, north],
            Bounds::Globe => [-90.0, 90.0],
        };
        let mut between = self.prepare(&self.statements.between_latitudes)?;
        let mut rows = between.query(edges)?;
        let mut alike = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(position) = position(row)? else {
                continue;
            };
            let chord_squared = position.unit_vector().chord_squared(place.unit_vector());
            let distance_m = distance_m_of(chord_squared);
            if distance_m > distance.reach_m() {
                continue;
            }
            let name = row.text(3)?.unwrap_or_default();
            if are_alike(&draft.text().name, &name) {
                alike.push(Neighbour {
                    id: id(row)?,
                    name: name.into_owned(),
                    distance_m,
                });
            }
        }
        let by_distance = |a: &Neighbour, b: &Neighbour| {
            let by_distance = a.distance_m.total_cmp(&b.distance_m);
            by_distance.then_with(|| a.id.cmp(&b.id))
        };
        alike.sort_by(by_distance);
        alike.truncate(MAX_NEIGHBOURS);
        Ok(alike)
    }
}
