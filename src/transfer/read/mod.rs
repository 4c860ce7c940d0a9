//! Rows of files: each a center, or the reason why it is none.
//!
//! Every format is read as a stream in bounded memory, and every row knows the
//! line it began on and its own text, so that a rejected one can be shown.

mod collection;
mod csv;
mod error;
mod feature;
mod header;
mod lines;
mod number;
mod row;
mod sniff;
mod source;
mod window;

use std::io::Read;

pub use error::{InputError, MAX_RECORD_BYTES, RowError};
pub use header::{Field, HeaderError, Listed, Mapping, split_unused};
pub use source::{BytesRead, Source, SourceError};

use super::Format;
use crate::store::BatchItem;
use collection::Collection;
use csv::CsvRows;
use feature::Features;
use header::Properties;
use lines::Lines;
use window::Window;

/// How to read a file.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The format, where the content is not to be asked.
    pub format: Option<Format>,
    /// What separates CSV columns, where the header is not to be asked.
    pub delimiter: Option<u8>,
    /// Columns and properties with names of their own.
    pub mappings: Vec<Mapping>,
}

/// One row of a file.
#[derive(Debug)]
pub struct Row {
    /// The line, from 1, on which it begins.
    pub line: u64,
    /// What it holds.
    pub item: Result<BatchItem, RowError>,
}

/// The text of a row, as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRow<'a> {
    /// Its bytes, without the line end.
    pub bytes: &'a [u8],
    /// Whether that is all: of a row beyond the limit only the last part is kept.
    pub is_whole: bool,
}

/// Reads the rows of a file.
#[derive(Debug)]
pub struct RowReader<R> {
    form: Form<R>,
    is_too_long: bool,
}

#[derive(Debug)]
enum Form<R> {
    Csv(Box<CsvRows<R>>),
    Collection(Window<R>, Collection, Features),
    Lines(Window<R>, Lines, Features),
}

impl<R: Read> RowReader<R> {
    /// Finds out the format, where it is not given, and reads the header.
    ///
    /// # Errors
    /// When the stream cannot be read, is of no known format, or its header
    /// cannot be mapped.
    pub fn open(reader: R, options: &ReadOptions) -> Result<Self, InputError> {
        let mut window = Window::new(reader);
        let sniffed = sniff::sniff(&mut window, options.format)?;
        let mappings = &options.mappings;
        let form = match sniffed.format {
            Format::Csv => {
                let rows = CsvRows::open(window, options.delimiter, mappings)?;
                Form::Csv(Box::new(rows))
            }
            Format::GeoJson => {
                let features = Features::new(Properties::new(mappings)?);
                Form::Collection(window, Collection::new(), features)
            }
            Format::GeoJsonLines => {
                let features = Features::new(Properties::new(mappings)?);
                Form::Lines(window, Lines::new(sniffed.is_sequence), features)
            }
        };
        Ok(Self {
            form,
            is_too_long: false,
        })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the stream cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        let (advanced, window, len, line, features) = match &mut self.form {
            Form::Csv(rows) => return rows.next_row(),
            Form::Collection(window, collection, features) => {
                let advanced = collection.advance(window)?;
                (advanced, window, collection.len, collection.line, features)
            }
            Form::Lines(window, lines, features) => {
                let advanced = lines.advance(window).map_err(|source| InputError::Read {
                    line: window.line(),
                    source,
                })?;
                (advanced, window, lines.len, lines.line, features)
            }
        };
        let Some(advanced) = advanced else {
            return Ok(None);
        };
        self.is_too_long = advanced.is_err();
        let item = advanced.and_then(|()| features.parse(&window.bytes()[..len]));
        Ok(Some(Row { line, item }))
    }

    /// The text of the row that came last.
    #[must_use]
    pub fn raw(&self) -> RawRow<'_> {
        let (window, len) = match &self.form {
            Form::Csv(rows) => return rows.raw(),
            Form::Collection(window, collection, _) => (window, collection.len),
            Form::Lines(window, lines, _) => (window, lines.len),
        };
        RawRow {
            bytes: window.bytes()[..len].trim_ascii_end(),
            is_whole: !self.is_too_long,
        }
    }

    /// The header of a CSV file and what separates its columns.
    #[must_use]
    pub fn csv_header(&self) -> Option<(&[u8], u8)> {
        match &self.form {
            Form::Csv(rows) => Some((rows.header(), rows.delimiter())),
            Form::Collection(..) | Form::Lines(..) => None,
        }
    }

    /// Names of columns, or of properties met so far, that map to nothing.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        match &self.form {
            Form::Csv(rows) => rows.unused().to_vec(),
            Form::Collection(_, _, features) | Form::Lines(_, _, features) => features.unused(),
        }
    }
}
