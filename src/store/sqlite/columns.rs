//! The columns of a row, whichever library reads it.
//!
//! Columns hold values of any type in SQLite, so texts are read as whatever is
//! there.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use sqlx::Row as _;

/// A row whose columns are known by their place.
pub(super) trait Columns {
    /// What reading fails with.
    type Error: From<NoId>;
    fn integer(&self, at: usize) -> Result<Option<i64>, Self::Error>;
    fn real(&self, at: usize) -> Result<Option<f64>, Self::Error>;
    fn text(&self, at: usize) -> Result<Option<Cow<'_, str>>, Self::Error>;
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, Self::Error>;
}

/// A number that is no [`crate::domain::CenterId`].
pub(super) struct NoId(pub(super) i64);

impl From<NoId> for sqlx::Error {
    fn from(NoId(number): NoId) -> Self {
        Self::Decode(format!("{number} is no id").into())
    }
}

impl From<NoId> for rusqlite::Error {
    fn from(NoId(number): NoId) -> Self {
        Self::IntegralValueOutOfRange(0, number)
    }
}

impl Columns for sqlx::sqlite::SqliteRow {
    type Error = sqlx::Error;

    fn integer(&self, at: usize) -> Result<Option<i64>, sqlx::Error> {
        self.try_get_unchecked(at)
    }

    fn real(&self, at: usize) -> Result<Option<f64>, sqlx::Error> {
        self.try_get_unchecked(at)
    }

    fn text(&self, at: usize) -> Result<Option<Cow<'_, str>>, sqlx::Error> {
        Ok(self.bytes(at)?.map(String::from_utf8_lossy))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, sqlx::Error> {
        self.try_get_unchecked(at)
    }
}

impl Columns for rusqlite::Row<'_> {
    type Error = rusqlite::Error;

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
