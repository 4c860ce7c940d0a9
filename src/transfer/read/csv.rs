//! Rows of CSV files (RFC 4180), any delimiter.
//!
//! The parser itself is `csv-core`; around it stand what its owner asks for: the
//! raw text of a record, its true line number, and a bound on its length.

use std::io::Read;
use std::ops::Range;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::error::{InputError, MAX_RECORD_BYTES, RowError, utf8};
use super::header::Columns;
use super::number::{parse_degrees, parse_id};
use super::row::{attributes, center_text, draft};
use super::window::Window;
use super::{RawRow, ReadOptions, Row};
use crate::store::BatchItem;

/// What may separate columns, the likeliest first.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The rows of a CSV file after its header.
#[derive(Debug)]
pub(super) struct CsvRows<R> {
    records: Records<R>,
    columns: Columns,
    header: Vec<u8>,
}

impl<R: Read> CsvRows<R> {
    /// Reads and maps the header.
    pub(super) fn open(mut window: Window<R>, options: &ReadOptions) -> Result<Self, InputError> {
        let first = first_line(window.bytes());
        let said = said_delimiter(&window.bytes()[first.clone()]);
        if said.is_some() {
            window.consume(first.end);
        }
        if !window
            .skip_while(is_line_end)
            .map_err(|source| InputError::Read { line: 1, source })?
        {
            return Err(InputError::Empty);
        }
        let delimiter = options
            .delimiter
            .or(said)
            .unwrap_or_else(|| detect_delimiter(&window.bytes()[first_line(window.bytes())]));
        let mut records = Records::new(window, delimiter);
        match records.advance()? {
            None => return Err(InputError::Empty),
            Some(Err(error)) => return Err(InputError::HeaderText(error)),
            Some(Ok(())) => {}
        }
        let names = (0..records.field_count())
            .map(|field| records.field(field))
            .collect::<Result<Vec<_>, _>>()
            .map_err(InputError::HeaderText)?;
        let mut columns = Columns::of_header(&names, &options.fields, &options.mappings)?;
        if options.ignores_ids {
            columns.id = None;
        }
        let header = records.raw().to_vec();
        Ok(Self {
            records,
            columns,
            header,
        })
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        let advanced = loop {
            match self.records.advance()? {
                None => return Ok(None),
                // What a spreadsheet makes of rows that were cleared.
                Some(Ok(())) if self.records.is_blank() => {}
                Some(advanced) => break advanced,
            }
        };
        let item = advanced.and_then(|()| self.item());
        Ok(Some(Row {
            line: self.records.line,
            item,
        }))
    }

    fn item(&self) -> Result<BatchItem, RowError> {
        let Self {
            records, columns, ..
        } = self;
        utf8(records.fields())?;
        let mut surplus = columns.count..records.field_count();
        if records.field_count() < columns.count
            || !surplus.all(|field| {
                records
                    .field(field)
                    .is_ok_and(|text| text.trim().is_empty())
            })
        {
            return Err(RowError::FieldCount {
                expected: columns.count,
                got: records.field_count(),
            });
        }
        let id = match columns.id {
            Some(column) => parse_id(records.field(column)?)?,
            None => None,
        };
        let [latitude, longitude] = columns
            .coordinates
            .map(|columns| columns.map(|column| records.field(column)))
            .expect("the header of a CSV file has both");
        let latitude = parse_degrees("latitude", latitude?)?;
        let longitude = parse_degrees("longitude", longitude?)?;
        let text = center_text(|field| {
            let Some(column) = columns.text(field) else {
                return Ok(None);
            };
            let value = records.field(column)?;
            Ok((!value.is_empty()).then(|| value.to_owned()))
        })?;
        let attributes = attributes(columns, |column, _| {
            let value = records.field(column)?;
            Ok((!value.is_empty()).then_some(value))
        })?;
        let draft = draft(text, latitude, longitude)?;
        Ok(BatchItem {
            id,
            draft: draft.with_attributes(attributes),
        })
    }

    pub(super) fn raw(&self) -> RawRow<'_> {
        RawRow {
            bytes: self.records.raw(),
            is_whole: !self.records.is_broken,
        }
    }

    /// How rows are made of the file.
    pub(super) fn recipe(&self) -> String {
        let columns = self.columns.recipe();
        format!("csv {:?} {columns}", char::from(self.delimiter()))
    }

    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.records.delimiter
    }

    pub(super) fn unused(&self) -> &[String] {
        &self.columns.unused
    }
}

/// The records of a CSV file, one at a time.
#[derive(Debug)]
struct Records<R> {
    window: Window<R>,
    delimiter: u8,
    parser: Reader,
    /// The fields of the record, unescaped, one after the other.
    output: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    field_count: usize,
    output_len: usize,
    /// How much of the window the record takes.
    raw: Range<usize>,
    line: u64,
    /// The last record was too long or not closed: its raw text is only a
    /// beginning.
    is_broken: bool,
}

impl<R: Read> Records<R> {
    fn new(window: Window<R>, delimiter: u8) -> Self {
        Self {
            window,
            delimiter,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            output: vec![0; 4096],
            ends: vec![0; 64],
            field_count: 0,
            output_len: 0,
            raw: 0..0,
            line: 1,
            is_broken: false,
        }
    }

    /// Goes to the next record; `None` after the last.
    fn advance(&mut self) -> Result<Option<Result<(), RowError>>, InputError> {
        self.window.consume(self.raw.end);
        self.raw = 0..0;
        self.is_broken = false;
        if !self.read(|window| window.skip_while(is_line_end))? {
            return Ok(None);
        }
        self.line = self.window.line();
        (self.output_len, self.field_count) = (0, 0);
        let mut scanned = 0;
        let mut is_too_long = false;
        loop {
            let (result, consumed, written, ended) = self.parser.read_record(
                &self.window.bytes()[scanned..],
                &mut self.output[self.output_len..],
                &mut self.ends[self.field_count..],
            );
            scanned += consumed;
            self.output_len += written;
            self.field_count += ended;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.raw = 0..scanned;
                    break;
                }
                ReadRecordResult::InputEmpty => {
                    if scanned > MAX_RECORD_BYTES {
                        is_too_long = true;
                        self.window.consume(scanned);
                        scanned = 0;
                    }
                    if !self.read(Window::fill)? {
                        self.raw = 0..scanned;
                        if self.ends_inside_quotes() {
                            self.is_broken = true;
                            return Ok(Some(Err(RowError::UnclosedQuote)));
                        }
                        break;
                    }
                }
                ReadRecordResult::OutputFull => {
                    let len = self.output.len() * 2;
                    if is_too_long || len > 2 * MAX_RECORD_BYTES {
                        self.output_len = 0;
                    } else {
                        self.output.resize(len, 0);
                    }
                }
                ReadRecordResult::OutputEndsFull => {
                    let len = self.ends.len() * 2;
                    if is_too_long || len > MAX_RECORD_BYTES {
                        self.field_count = 0;
                    } else {
                        self.ends.resize(len, 0);
                    }
                }
            }
        }
        self.is_broken = is_too_long || self.raw.end > MAX_RECORD_BYTES;
        Ok(Some(if self.is_broken {
            Err(RowError::TooLong)
        } else {
            text_after_quote(self.raw(), self.delimiter)
                .map_or(Ok(()), |field| Err(RowError::TextAfterQuote { field }))
        }))
    }

    /// Whether every field of the record is.
    fn is_blank(&self) -> bool {
        self.fields().trim_ascii().is_empty()
    }

    /// At the end of the file: whether the last record is still open after a
    /// line end, which ends any record that is not inside quotes.
    fn ends_inside_quotes(&mut self) -> bool {
        loop {
            let (result, _, written, ended) = self.parser.read_record(
                b"\n",
                &mut self.output[self.output_len..],
                &mut self.ends[self.field_count..],
            );
            self.output_len += written;
            self.field_count += ended;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => return false,
                ReadRecordResult::InputEmpty => return true,
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
        }
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Window<R>) -> std::io::Result<T>,
    ) -> Result<T, InputError> {
        read(&mut self.window).map_err(|source| InputError::Read {
            line: self.window.line(),
            source,
        })
    }
}

impl<R: Read> Records<R> {
    fn field_count(&self) -> usize {
        self.field_count
    }

    fn fields(&self) -> &[u8] {
        &self.output[..self.output_len]
    }

    fn field(&self, index: usize) -> Result<&str, RowError> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        utf8(&self.output[start..self.ends[index]])
    }

    fn raw(&self) -> &[u8] {
        self.window.bytes()[self.raw.clone()].trim_ascii_end()
    }
}

/// The field, from 1, that goes on after its closing quote. The parser would put
/// both parts together: of `"a\"b"`, a quote escaped in another way, it makes
/// `a\b"`.
fn text_after_quote(record: &[u8], delimiter: u8) -> Option<usize> {
    #[derive(Clone, Copy)]
    enum At {
        Start,
        Plain,
        Quoted,
        /// After a quote: it closes the field, or another makes it one of the text.
        Quote,
    }
    memchr::memchr(b'"', record)?;
    let mut at = At::Start;
    let mut field = 1;
    for &byte in record {
        at = match (at, byte) {
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) | (At::Start | At::Quote, b'"') => At::Quoted,
            (_, byte) if byte == delimiter => {
                field += 1;
                At::Start
            }
            // Blanks there mean nothing.
            (At::Quote, b' ' | b'\t') => At::Quote,
            (At::Quote, _) => return Some(field),
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    None
}

/// What `sep=;` says, the first line that Excel and its like write and read.
fn said_delimiter(line: &[u8]) -> Option<u8> {
    let line = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""))
        .unwrap_or(line);
    match line {
        [name @ .., b'=', delimiter]
            if name.eq_ignore_ascii_case(b"sep") && delimiter.is_ascii() =>
        {
            Some(*delimiter)
        }
        _ => None,
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Where the first line that is not blank stands.
fn first_line(bytes: &[u8]) -> Range<usize> {
    let place = |start: usize, ends: fn(u8) -> bool| {
        let found = bytes[start..].iter().position(|&byte| ends(byte));
        found.map_or(bytes.len(), |at| start + at)
    };
    let start = place(0, |byte| !is_line_end(byte));
    start..place(start, is_line_end)
}

/// The delimiter that stands most often in the header outside of quotes.
fn detect_delimiter(header: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        is_quoted ^= *byte == b'"';
        let place = DELIMITERS.iter().position(|delimiter| delimiter == byte);
        if let (Some(place), false) = (place, is_quoted) {
            counts[place] += 1;
        }
    }
    // The first of equals: max_by_key would take the last.
    let most = counts.into_iter().max().unwrap_or(0);
    let place = counts.iter().position(|&count| count == most).unwrap_or(0);
    DELIMITERS[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Vec<(u64, Result<BatchItem, RowError>)> {
        let mut window = Window::new(text);
        window.fill().unwrap();
        let mut rows = CsvRows::open(window, &ReadOptions::default()).unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            all.push((row.line, row.item));
        }
        all
    }

    fn names(text: &[u8]) -> Vec<(u64, String)> {
        rows(text)
            .into_iter()
            .map(|(line, item)| (line, item.unwrap().draft.text().name.clone()))
            .collect()
    }

    #[test]
    fn line_numbers_are_those_of_an_editor() {
        for end in ["\n", "\r\n"] {
            let text = "\nname,lat,lng\n\nA,1,2\n\"B\nb\",1,2\n\n\nC,1,2\nD,1,2".replace('\n', end);
            let expected = [
                (4, "A".to_owned()),
                (5, format!("B{end}b")),
                (9, "C".to_owned()),
                (10, "D".to_owned()),
            ];
            assert_eq!(names(text.as_bytes()), expected);
        }
    }

    #[test]
    fn any_delimiter_is_found_and_quotes_do_not_mislead() {
        for text in [
            "name;lat;lng\nA, a;1;2\n",
            "name\tlat\tlng\nA, a\t1\t2\n",
            "\"name\"|lat|lng|\"a,b,c,d\"\nA, a|1|2|\n",
        ] {
            assert_eq!(names(text.as_bytes()), [(2, "A, a".to_owned())]);
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_a_rejected_row() {
        for text in [
            &b"name,lat,lng\nA,1,\"2"[..],
            b"name,lat,lng\nA,1,\"2\nB,1,2\n",
        ] {
            assert_eq!(rows(text), [(2, Err(RowError::UnclosedQuote))]);
        }
    }

    #[test]
    fn a_last_row_without_line_end_is_a_row() {
        assert_eq!(names(b"name,lat,lng\n\"A\",1,2"), [(2, "A".to_owned())]);
        assert_eq!(names(b"lat,lng,name\n1,2,\"A\""), [(2, "A".to_owned())]);
        assert_eq!(
            names(b"lat,lng,name\n1,2,12\" pipe"),
            [(2, "12\" pipe".to_owned())]
        );
    }

    #[test]
    fn a_record_beyond_the_limit_is_refused_and_the_next_is_read() {
        let mut text = b"name,lat,lng\n".to_vec();
        text.resize(text.len() + MAX_RECORD_BYTES + 1, b'x');
        text.extend_from_slice(b",1,2\nB,1,2\n");
        let rows = rows(&text);
        assert_eq!(rows[0], (2, Err(RowError::TooLong)));
        assert_eq!((rows.len(), rows[1].0), (2, 3));
        assert!(rows[1].1.is_ok());
    }

    #[test]
    fn a_record_of_many_fields_beyond_the_limit_is_refused() {
        let mut text = b"name,lat,lng\n".to_vec();
        text.resize(text.len() + 3 * MAX_RECORD_BYTES, b',');
        text.extend_from_slice(b"\nB,1,2\n");
        let rows = rows(&text);
        assert_eq!(rows[0], (2, Err(RowError::TooLong)));
        assert!(rows[1].1.is_ok());
    }

    #[test]
    fn other_encodings_are_named_by_their_byte() {
        assert_eq!(
            rows(b"name,lat,lng\nCaf\xe9,1,2\n")[0],
            (2, Err(RowError::NotUtf8 { byte: 0xe9 }))
        );
        // A character must not be put together from two fields.
        assert!(rows(b"name,region,lat,lng\nA\xc3,\xa9,1,2\n")[0].1.is_err());
    }

    #[test]
    fn the_first_line_may_say_what_separates_columns() {
        for text in [
            "sep=;\nname;lat;lng\nA,a;1;2\n",
            "\r\nSEP=|\r\nname|lat|lng\r\nA,a|1|2\r\n",
            "\"sep=\t\"\nname\tlat\tlng\nA,a\t1\t2",
        ] {
            let found = names(text.as_bytes());
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].1, "A,a");
        }
        assert_eq!(names(b"sep=;\nname;lat;lng\nA;1;2\n")[0].0, 3);
    }

    #[test]
    fn rows_and_cells_that_a_spreadsheet_left_over_are_passed_over() {
        let text =
            b"name,lat,lng,,\nA,1,2\nB,1,2,,\nC,1,2,,,,,\n,,\n , ,\"\"\n,,,,,,\nD,1,2,,x\nE,1\n";
        let rows = rows(text);
        let lines: Vec<_> = rows
            .iter()
            .map(|(line, item)| (*line, item.is_ok()))
            .collect();
        assert_eq!(
            lines,
            [(2, true), (3, true), (4, true), (8, false), (9, false)]
        );
        assert_eq!(
            rows[3].1,
            Err(RowError::FieldCount {
                expected: 3,
                got: 5
            })
        );
    }

    #[test]
    fn text_after_a_closing_quote_is_refused_by_its_line() {
        for (name, is_taken) in [
            (r#""a\"b""#, false),
            (r#""a" b"#, false),
            (r#""a""b""#, true),
            (r#""a" "#, true),
            (r#"a "b" c"#, true),
            (r#""a,""\""#, true),
        ] {
            let text = format!("name,lat,lng\n{name},1,2\nB,1,2\n");
            let rows = rows(text.as_bytes());
            assert_eq!((rows[0].0, rows[0].1.is_ok()), (2, is_taken), "{name}");
            assert_eq!((rows[1].0, rows[1].1.is_ok()), (3, true), "{name}");
        }
        let error = rows(b"lat,lng,name\n1,2,\"a\\\"b\"\n")[0]
            .1
            .clone()
            .unwrap_err();
        assert_eq!(error, RowError::TextAfterQuote { field: 3 });
        // The quote takes the line end with it: both lines are said.
        let rows = rows(b"name,lat,lng\n\"12\\\"\",1,2\n\"B\",1,2\nC,1,2\n");
        assert_eq!(rows[0], (2, Err(RowError::TextAfterQuote { field: 1 })));
        assert!(rows[1].1.is_ok());
    }

    #[test]
    fn empty_cells_are_absent_and_both_coordinates_may_be() {
        let rows = rows(b"id,name,city,lat,lng\n,A,,,\n");
        let item = rows[0].1.as_ref().unwrap();
        assert_eq!(item.id, None);
        assert_eq!(item.draft.text().city, None);
        assert_eq!(item.draft.position(), None);
    }
}
