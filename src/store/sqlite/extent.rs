//! The extent of a layer, by which map programs zoom to it.
//!
//! What is written lets it grow, in the same transaction. Whether it shrinks would
//! take a look at every row, and is found out later: when the file is closed.

use std::cell::Cell;

use crate::domain::Position;
use crate::store::Collection;
use crate::store::sql::Sql;

/// The statement that finds the extent out.
pub(super) fn measure(collection: &Collection, has_position: &str) -> Sql {
    let (latitude, longitude) = (collection.latitude.quoted(), collection.longitude.quoted());
    let table = collection.table.quoted();
    // As locations are written.
    let x = format!("IIF({longitude} = -180, 180, {longitude})");
    Sql::new(format!(
        "UPDATE gpkg_contents SET (min_x, min_y, max_x, max_y) = \
         (SELECT min({x}), min({latitude}), max({x}), max({latitude}) \
          FROM {table} WHERE {has_position}) WHERE table_name = '{}'",
        collection.table.as_str()
    ))
}

/// What of the extent changes with a transaction.
#[derive(Debug, Default)]
pub(super) struct Growth {
    around: Cell<Option<[f64; 4]>>,
    may_shrink: Cell<bool>,
}

impl Growth {
    /// Takes a point in.
    pub(super) fn take_in(&self, position: Position) {
        let longitude = position.longitude();
        let x = if longitude == -180.0 {
            180.0
        } else {
            longitude
        };
        let y = position.latitude();
        let [min_x, min_y, max_x, max_y] = self.around.get().unwrap_or([x, y, x, y]);
        self.around.set(Some([
            min_x.min(x),
            min_y.min(y),
            max_x.max(x),
            max_y.max(y),
        ]));
    }

    /// Notes that a point may have left.
    pub(super) fn let_go(&self) {
        self.may_shrink.set(true);
    }

    pub(super) fn may_shrink(&self) -> bool {
        self.may_shrink.get()
    }

    /// West, south, east and north of the points that came.
    pub(super) fn edges(&self) -> [Option<f64>; 4] {
        self.around.get().map_or([None; 4], |edges| edges.map(Some))
    }
}
