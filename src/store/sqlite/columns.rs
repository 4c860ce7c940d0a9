//! The columns of a row.
//!
//! Columns hold values of any type in SQLite, so texts are read as whatever is
//! there.

use std::borrow::Cow;

use rusqlite::types::ValueRef;

/// A row whose columns are known by their place.
pub(super) trait Columns {
    fn integer(&self, at: usize) -> rusqlite::Result<Option<i64>>;
    fn real(&self, at: usize) -> rusqlite::Result<Option<f64>>;
    fn text(&self, at: usize) -> rusqlite::Result<Option<Cow<'_, str>>>;
    fn bytes(&self, at: usize) -> rusqlite::Result<Option<&[u8]>>;
}

/// A number that is no [`crate::domain::CenterId`].
pub(super) fn no_id(number: i64) -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(0, number)
}

impl Columns for rusqlite::Row<'_> {
    fn integer(&self, at: usize) -> rusqlite::Result<Option<i64>> {
        self.get(at)
    }

    fn real(&self, at: usize) -> rusqlite::Result<Option<f64>> {
        self.get(at)
    }

    fn text(&self, at: usize) -> rusqlite::Result<Option<Cow<'_, str>>> {
        Ok(match self.get_ref(at)? {
            ValueRef::Null => None,
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
            ValueRef::Integer(number) => Some(number.to_string().into()),
            ValueRef::Real(number) => Some(format!("{number:?}").into()),
        })
    }

    fn bytes(&self, at: usize) -> rusqlite::Result<Option<&[u8]>> {
        Ok(self.get_ref(at)?.as_bytes_or_null()?)
    }
}
