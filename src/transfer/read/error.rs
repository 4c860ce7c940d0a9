//! Why a row, or a whole file, cannot be taken.

use std::io;

use thiserror::Error;

use super::encoding::MALFORMED;
use super::header::HeaderError;
use crate::domain::{CHOSEN_IDS, FieldError, PositionError};
use crate::store::LayerError;
use crate::transfer::Format;

/// The longest piece of a file that an error message repeats, in characters.
const QUOTED_CHARS: usize = 60;

/// The largest record that is taken, in bytes: it is held in memory whole. The
/// texts of a center come to a tenth of it.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// What to do with coordinates of another reference system.
const CONVERT: &str = "convert it to WGS 84, as with `ogr2ogr -t_srs EPSG:4326 NEW OLD`";

/// Why one row is not a center.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RowError {
    /// A CSV row is shorter or longer than the header.
    #[error("has {got} fields where the header has {expected}")]
    FieldCount {
        /// How many columns the header has.
        expected: usize,
        /// How many fields the row has.
        got: usize,
    },
    /// The bytes are no UTF-8.
    #[error("is not UTF-8 (byte 0x{byte:02X}): say what it is, as in `--encoding windows-1252`")]
    NotUtf8 {
        /// The first byte at fault.
        byte: u8,
    },
    /// The bytes are no text in the encoding that the file has.
    #[error("holds bytes that are no text in the file's encoding: is another `--encoding` meant?")]
    Malformed,
    /// The record is longer than [`MAX_RECORD_BYTES`].
    #[error("is longer than {MAX_RECORD_BYTES} bytes; is a quote never closed?")]
    TooLong,
    /// The file ends inside a quoted CSV field.
    #[error("opens a quote that is never closed")]
    UnclosedQuote,
    /// A quoted CSV field goes on after its quote.
    #[error(
        "has text after the closing quote of field {field}: a quote inside of quotes is written twice, as in \"a \"\"b\"\"\""
    )]
    TextAfterQuote {
        /// Which field, from 1.
        field: usize,
    },
    /// A coordinate is not a number.
    #[error("{field} must be a decimal number of degrees such as 37.9838, got `{got}`")]
    NotANumber {
        /// `latitude` or `longitude`.
        field: &'static str,
        /// What is there.
        got: String,
    },
    /// A coordinate is written with a decimal comma.
    #[error("{field} must be written with a decimal point, got `{got}`")]
    DecimalComma {
        /// `latitude` or `longitude`.
        field: &'static str,
        /// What is there.
        got: String,
    },
    /// The coordinates would be right the other way round.
    #[error("{0}; are latitude and longitude the wrong way round?")]
    Swapped(PositionError),
    /// The id is not one that a center may have.
    #[error(
        "id must be a whole number from {first} to {last}, got `{0}`",
        first = CHOSEN_IDS.start(),
        last = CHOSEN_IDS.end()
    )]
    Id(String),
    /// A Feature has two ids.
    #[error("has the id {feature} and the property id {property}: which one is meant?")]
    TwoIds {
        /// The Feature's own id.
        feature: String,
        /// The id among its properties.
        property: String,
    },
    /// The record is not a GeoJSON Feature.
    #[error("is not a GeoJSON Feature: {0}")]
    NotAFeature(String),
    /// A Feature without a geometry member.
    #[error("has no geometry: a Point, or null where the coordinates are not known")]
    NoGeometry,
    /// A Feature that is not a point.
    #[error("geometry must be a Point or null, got a {0}")]
    NotAPoint(&'static str),
    /// A `MultiPoint` that is more than one place.
    #[error("geometry must be a Point or null, got a MultiPoint of {0} points")]
    SeveralPoints(usize),
    /// A Point with too few or too many numbers.
    #[error("coordinates must be [longitude, latitude], got {0} numbers")]
    Coordinates(usize),
    /// A Feature that says of itself that it is not in WGS 84.
    #[error("has the coordinate reference system `{0}`: {CONVERT}")]
    Reference(String),
    /// An XML element that says something in a way that is not read.
    #[error("is not read: {0}")]
    NotAnElement(String),
    /// A text that refers to what the document itself defines.
    #[error("refers to `&{0};`, which is not read: write the text itself")]
    Entity(String),
    /// A row of a layer holds what is no geometry.
    #[error("its geometry cannot be read")]
    Geometry,
    /// A property that should be a text is a list or an object.
    #[error("{field} must be a text, a number or null, got a list or an object")]
    NotAText {
        /// The field at fault.
        field: String,
    },
    /// The value of an attribute is none of its kind.
    #[error("{name} must be {expected}, got `{got}`")]
    Attribute {
        /// The attribute.
        name: String,
        /// What it may be.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The fields are readable and not allowed.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Why a file cannot be read on, or at all.
#[derive(Debug, Error)]
pub enum InputError {
    /// The file cannot be read.
    #[error("cannot read on at line {line}")]
    Read {
        /// Where reading stopped.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("is empty: a CSV file begins with a header line, a GeoJSON file with `{{`")]
    Empty,
    /// A layer was asked for where there are none.
    #[error("has no layers: --layer is for GeoPackages")]
    NoLayers,
    /// XML that is not well-formed.
    #[error("line {line}: its XML is broken: {problem}")]
    Xml {
        /// Where.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A layer of a GeoPackage cannot be read.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The format that was asked for is another.
    #[error("is {found}, not {asked}: leave --format out, or name the right one")]
    OtherFormat {
        /// What it is.
        found: &'static str,
        /// What it was said to be.
        asked: &'static str,
    },
    /// It is of a kind that is not read.
    #[error(
        "looks like {0}: import reads {reads}",
        reads = Format::extensions(Format::read())
    )]
    Kind(&'static str),
    /// The header of a CSV file cannot be mapped.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header of a CSV file is not text.
    #[error("its header {0}")]
    HeaderText(RowError),
    /// A GeoJSON document is not a `FeatureCollection`.
    #[error("is not a GeoJSON FeatureCollection: {0}")]
    NotACollection(String),
    /// A GeoJSON document is broken outside of its features.
    #[error("line {line}: expected {expected}, got {got}")]
    Structure {
        /// Where.
        line: u64,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// A GeoJSON document is not in WGS 84.
    #[error("has the coordinate reference system `{0}`: {CONVERT}")]
    Reference(String),
}

/// The beginning of a piece of a file, for a message.
pub(super) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let mut beginning: String = chars.by_ref().take(QUOTED_CHARS).collect();
    if chars.next().is_some() {
        beginning.push('…');
    }
    beginning
}

/// Reads a record as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, RowError> {
    std::str::from_utf8(bytes).map_err(|error| match bytes[error.valid_up_to()] {
        MALFORMED => RowError::Malformed,
        byte => RowError::NotUtf8 { byte },
    })
}
