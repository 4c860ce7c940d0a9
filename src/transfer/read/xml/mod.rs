//! Waypoints of GPX and placemarks of KML.
//!
//! The document is read event by event; of a record, which is what stands in one
//! `wpt` or `Placemark`, the texts are kept. Entities that a document defines are
//! never expanded: what refers to one is refused.

mod dialect;
mod record;

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::Event;

use super::error::{InputError, MAX_RECORD_BYTES, RowError, quoted};
use super::header::Properties;
use super::window::Window;
use super::{RawRow, Row};
use dialect::{Dialect, Texts};
use record::Record;

/// How deep elements may stand in each other.
const MAX_DEPTH: usize = 256;

/// The records of a document.
pub(super) struct XmlRows<R> {
    reader: Reader<Limited<R>>,
    buffer: Vec<u8>,
    dialect: Dialect,
    /// Elements that are open around the records.
    depth: usize,
    texts: Texts,
    record: Record,
}

impl<R: Read> XmlRows<R> {
    /// Reads up to the first element, which tells the dialect.
    pub(super) fn open(
        window: Window<R>,
        properties: Properties,
        ignores_ids: bool,
    ) -> Result<Self, InputError> {
        let mut reader = Reader::from_reader(Limited {
            stream: window,
            left: 0,
        });
        let mut buffer = Vec::new();
        let (dialect, depth) = loop {
            let event = next_event(&mut reader, &mut buffer)?;
            let (root, depth) = match &event {
                Event::Start(root) => (root, 1),
                Event::Empty(root) => (root, 0),
                Event::Eof => return Err(InputError::Kind("XML without an element")),
                _ => continue,
            };
            match Dialect::of_root(root.local_name().as_ref()) {
                Some(dialect) => break (dialect, depth),
                None => return Err(InputError::Kind("HTML, or XML other than GPX and KML")),
            }
        };
        Ok(Self {
            reader,
            buffer,
            dialect,
            depth,
            texts: Texts::new(properties, ignores_ids),
            record: Record::default(),
        })
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        loop {
            let line = line(&self.reader);
            let event = next_event(&mut self.reader, &mut self.buffer)?;
            match event {
                Event::Start(start) => {
                    let name = start.local_name();
                    if name.as_ref() == self.dialect.record() {
                        self.record.begin(&start, true);
                        self.read_record()?;
                        return Ok(Some(self.row(line)));
                    }
                    if self.dialect.is_passed_over(name.as_ref()) {
                        self.texts.pass_over(name.as_ref());
                    }
                    self.depth += 1;
                    check_depth(&self.reader, self.depth)?;
                }
                Event::Empty(start) if start.local_name().as_ref() == self.dialect.record() => {
                    self.record.begin(&start, false);
                    return Ok(Some(self.row(line)));
                }
                Event::End(_) => self.depth = self.depth.saturating_sub(1),
                Event::Eof if self.depth > 0 => return Err(cut_off(&self.reader)),
                Event::Eof => return Ok(None),
                _ => {}
            }
        }
    }

    /// Reads to the end of a record.
    fn read_record(&mut self) -> Result<(), InputError> {
        while self.record.is_open() {
            let event = next_event(&mut self.reader, &mut self.buffer)?;
            if matches!(event, Event::Eof) {
                return Err(cut_off(&self.reader));
            }
            self.record.take(&event);
            check_depth(&self.reader, self.record.depth())?;
        }
        Ok(())
    }

    fn row(&mut self, line: u64) -> Row {
        let item = match self.record.fault() {
            Some(fault) => Err(fault),
            None => self.dialect.center(&self.record, &mut self.texts),
        };
        Row { line, item }
    }

    pub(super) fn raw(&self) -> RawRow<'_> {
        RawRow {
            bytes: self.record.raw(),
            is_whole: !self.record.is_too_long(),
        }
    }

    /// How rows are made of the file.
    pub(super) fn recipe(&self) -> String {
        format!("{:?} {}", self.dialect, self.texts.recipe(self.dialect))
    }

    pub(super) fn unused(&self) -> Vec<String> {
        self.texts.unused()
    }
}

impl<R> std::fmt::Debug for XmlRows<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XmlRows")
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

fn next_event<'b, R: Read>(
    reader: &mut Reader<Limited<R>>,
    buffer: &'b mut Vec<u8>,
) -> Result<Event<'b>, InputError> {
    buffer.clear();
    buffer.shrink_to(MAX_RECORD_BYTES);
    reader.get_mut().left = MAX_RECORD_BYTES;
    match reader.read_event_into(buffer) {
        Ok(event) => Ok(event),
        Err(quick_xml::Error::Io(error)) => Err(InputError::Read {
            line: line(reader),
            source: io::Error::new(error.kind(), error.to_string()),
        }),
        Err(error) => Err(InputError::Xml {
            line: line(reader),
            problem: quoted(&error.to_string()),
        }),
    }
}

fn line<R: Read>(reader: &Reader<Limited<R>>) -> u64 {
    reader.get_ref().stream.line()
}

fn cut_off<R: Read>(reader: &Reader<Limited<R>>) -> InputError {
    InputError::Structure {
        line: line(reader),
        expected: "the end of the elements begun before",
        got: "the end of the file".to_owned(),
    }
}

fn check_depth<R: Read>(reader: &Reader<Limited<R>>, depth: usize) -> Result<(), InputError> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(InputError::Xml {
        line: line(reader),
        problem: format!("more than {MAX_DEPTH} elements stand in each other"),
    })
}

/// A stream of which one event takes so much at most.
struct Limited<R> {
    stream: Window<R>,
    left: usize,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other(RowError::TooLong));
        }
        if self.stream.bytes().is_empty() {
            self.stream.fill()?;
        }
        let bytes = self.stream.bytes();
        Ok(&bytes[..bytes.len().min(self.left)])
    }

    fn consume(&mut self, count: usize) {
        self.left -= count;
        self.stream.consume(count);
    }
}
