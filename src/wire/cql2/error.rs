//! What is wrong with a text, and where.

use thiserror::Error;

use super::{MAX_CQL2_BYTES, MAX_CQL2_DEPTH, MAX_CQL2_TERMS};
use crate::domain::FieldKind;

/// A text is not a condition that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at character {at}: {fault}")]
pub struct Cql2Error {
    /// The first character at fault, counted from 1.
    pub at: usize,
    /// What stands there in the text.
    pub got: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// There is no property of this name.
    #[error("there is no property `{0}`")]
    UnknownProperty(String),
    /// A property holds values of another kind.
    #[error("`{property}` is a {}, which {with} is not", kind.name())]
    OtherKind {
        /// The property.
        property: String,
        /// What it holds.
        kind: FieldKind,
        /// What it was to be compared with.
        with: &'static str,
    },
    /// A property is not a text.
    #[error("LIKE takes a text, and `{property}` is a {}", kind.name())]
    NotLike {
        /// The property.
        property: String,
        /// What it holds.
        kind: FieldKind,
    },
    /// A shape cannot be.
    #[error("{0}")]
    Shape(String),
    /// A function is not supported.
    #[error("the function {0} is not supported")]
    Function(String),
    /// Something else was expected.
    #[error("here {0} is expected")]
    Expected(&'static str),
    /// Two values, or two properties.
    #[error("a property is compared with a value, never with another property")]
    NoPropertyWithValue,
    /// Nothing compares with NULL.
    #[error("nothing is = NULL; write IS NULL or IS NOT NULL")]
    ComparedWithNull,
    /// There is no such day.
    #[error("DATE takes a day as in DATE('2024-01-31')")]
    NoDate,
    /// Not a finite number.
    #[error("this is no finite number")]
    NoNumber,
    /// A quote is never closed.
    #[error("this quote is never closed; one inside quotes is written twice")]
    OpenQuote,
    /// More than [`MAX_CQL2_BYTES`].
    #[error("a filter has at most {MAX_CQL2_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_CQL2_TERMS`].
    #[error("a filter has at most {MAX_CQL2_TERMS} properties and values")]
    TooManyTerms,
    /// More than [`MAX_CQL2_DEPTH`].
    #[error("at most {MAX_CQL2_DEPTH} parentheses and NOTs stand inside one another")]
    TooDeep,
}
