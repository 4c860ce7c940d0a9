//! Rows of files: each a center, or the reason why it is none.
//!
//! Every format is read as a stream in bounded memory, and every row knows the
//! line it began on and its own text, so that a rejected one can be shown.

mod attribute;
mod collection;
mod csv;
mod encoding;
mod error;
mod feature;
mod gzip;
mod header;
mod kmz;
mod layer;
mod lines;
mod number;
mod reference;
mod row;
mod sniff;
mod source;
mod window;
mod xml;
mod zipped;

use std::io::Read;

use thiserror::Error;

pub use encoding::TextEncoding;
pub use error::{InputError, MAX_RECORD_BYTES, RowError};
pub use header::{HeaderError, ImportFields, Listed, Mapping, split_unused};
pub use source::{BytesRead, Source, SourceError};

use super::Format;
use crate::store::BatchItem;
use collection::Collection;
use csv::CsvRows;
use encoding::Text;
use feature::Features;
use header::Properties;
use layer::LayerRows;
use lines::Lines;
use source::Opened;
use window::Window;
use xml::XmlRows;

/// How to read a file.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The format, where the content is not to be asked.
    pub format: Option<Format>,
    /// The format that the file's name stands for, which is asked where the content does
    /// not tell.
    pub named: Option<Format>,
    /// What separates CSV columns, where the header is not to be asked.
    pub delimiter: Option<u8>,
    /// The fields that rows may have.
    pub fields: ImportFields,
    /// Columns and properties with names of their own.
    pub mappings: Vec<Mapping>,
    /// The encoding of a text that has no byte order mark.
    pub encoding: Option<TextEncoding>,
    /// The layer of a file that may have several.
    pub layer: Option<String>,
    /// Whether ids are passed over, whatever they are.
    pub ignores_ids: bool,
}

/// One row of a file.
#[derive(Debug)]
pub struct Row {
    /// The line, from 1, on which it begins; of a file that has no lines, its number.
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
    /// What its text is decoded from; empty where it is none.
    encoding: &'static str,
    is_too_long: bool,
}

#[derive(Debug)]
enum Form<R> {
    Csv(Box<CsvRows<Text<R>>>),
    Collection(Window<Text<R>>, Collection, Features),
    Lines(Window<Text<R>>, Lines, Features),
    Xml(Box<XmlRows<Text<R>>>),
    Layer(Box<LayerRows>),
}

impl RowReader<Box<dyn Read + Send>> {
    /// Opens a source: a stream, or a file that is read from anywhere.
    ///
    /// # Errors
    /// As [`Source::open`] and [`RowReader::open`].
    pub fn of_source(
        source: &Source,
        read: BytesRead,
        options: &ReadOptions,
    ) -> Result<Self, OpenError> {
        match source.open_kind(read)? {
            Opened::Stream(stream) => Ok(Self::open(stream, options)?),
            Opened::GeoPackage(file) => {
                let asked = options
                    .format
                    .filter(|format| *format != Format::GeoPackage);
                if let Some(asked) = asked {
                    return Err(InputError::OtherFormat {
                        found: "a SQLite file",
                        asked: asked.name(),
                    }
                    .into());
                }
                Ok(Self {
                    form: Form::Layer(Box::new(LayerRows::open(file, options)?)),
                    encoding: "",
                    is_too_long: false,
                })
            }
        }
    }
}

/// Why a source cannot be read at all.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What it holds cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
}

impl<R: Read> RowReader<R> {
    /// Finds out the encoding and the format, where they are not given, and reads the
    /// header.
    ///
    /// # Errors
    /// When the stream cannot be read, is of no known format, or its header
    /// cannot be mapped.
    pub fn open(reader: R, options: &ReadOptions) -> Result<Self, InputError> {
        let text = Text::open(reader, options.encoding)
            .map_err(|source| InputError::Read { line: 1, source })?;
        let encoding = text.encoding();
        let mut window = Window::new(text);
        let sniffed = sniff::sniff(&mut window, options.format, options.named)?;
        let ignores_ids = options.ignores_ids;
        let properties = || Properties::new(&options.fields, &options.mappings);
        let form = match sniffed.format {
            Format::Csv => {
                let rows = CsvRows::open(window, options)?;
                Form::Csv(Box::new(rows))
            }
            Format::GeoJson => {
                let features = Features::new(properties()?, ignores_ids);
                Form::Collection(window, Collection::new(), features)
            }
            Format::GeoJsonLines => {
                let features = Features::new(properties()?, ignores_ids);
                Form::Lines(window, Lines::new(sniffed.is_sequence), features)
            }
            Format::Gpx | Format::Kml => {
                let rows = XmlRows::open(window, properties()?, ignores_ids)?;
                Form::Xml(Box::new(rows))
            }
            Format::GeoPackage | Format::FlatGeobuf => {
                return Err(InputError::Kind("a file that is no stream"));
            }
        };
        if options.layer.is_some() {
            return Err(InputError::NoLayers);
        }
        Ok(Self {
            form,
            encoding,
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
            Form::Xml(rows) => return rows.next_row(),
            Form::Layer(rows) => return rows.next_row(),
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
            Form::Xml(rows) => return rows.raw(),
            Form::Layer(rows) => return rows.raw(),
            Form::Collection(window, collection, _) => (window, collection.len),
            Form::Lines(window, lines, _) => (window, lines.len),
        };
        RawRow {
            bytes: window.bytes()[..len].trim_ascii_end(),
            is_whole: !self.is_too_long,
        }
    }

    /// How rows are made of what the file holds, however that was asked for: the same for
    /// two readings that make the same rows of it.
    #[must_use]
    pub fn recipe(&self) -> String {
        let of_form = match &self.form {
            Form::Csv(rows) => rows.recipe(),
            Form::Collection(_, _, features) => format!("geojson {}", features.recipe()),
            Form::Lines(_, _, features) => format!("geojsonl {}", features.recipe()),
            Form::Xml(rows) => rows.recipe(),
            Form::Layer(rows) => rows.recipe(),
        };
        format!("{} {of_form}", self.encoding)
    }

    /// What [`Row::line`] counts.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match &self.form {
            Form::Layer(_) => "row",
            _ => "line",
        }
    }

    /// The header of a CSV file and what separates its columns.
    #[must_use]
    pub fn csv_header(&self) -> Option<(&[u8], u8)> {
        match &self.form {
            Form::Csv(rows) => Some((rows.header(), rows.delimiter())),
            _ => None,
        }
    }

    /// Names of columns, or of properties met so far, that map to nothing.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        match &self.form {
            Form::Csv(rows) => rows.unused().to_vec(),
            Form::Collection(_, _, features) | Form::Lines(_, _, features) => features.unused(),
            Form::Xml(rows) => rows.unused(),
            Form::Layer(rows) => rows.unused(),
        }
    }
}
