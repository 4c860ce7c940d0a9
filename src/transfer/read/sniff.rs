//! What a stream is, by its first bytes.

use std::io::Read;

use geojson::JsonValue;

use super::collection::script_head;
use super::error::InputError;
use super::lines::RECORD_SEPARATOR;
use super::window::Window;
use crate::transfer::Format;

/// How many bytes are looked at.
const LOOK_BYTES: usize = 64 * 1024;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Beginnings of files that are taken for tables or maps and are not read.
const OTHER_KINDS: [(&[u8], &str); 15] = [
    (
        b"%PDF-",
        "a PDF, which holds pages and no rows (save the table that it was made of as CSV)",
    ),
    (b"\x89PNG\r\n", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF8", PICTURE),
    (b"II*\x00", PICTURE),
    (b"MM\x00*", PICTURE),
    (b"BZh91AY&SY", PACKED),
    (b"\xfd7zXZ\x00", PACKED),
    (b"\x28\xb5\x2f\xfd", PACKED),
    (b"7z\xbc\xaf\x27\x1c", PACKED),
    (b"Rar!\x1a\x07", PACKED),
    (
        b"\x00\x00\x27\x0a",
        "a Shapefile, of which `ogr2ogr -f GeoJSON NEW.geojson OLD.shp` makes GeoJSON",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "a spreadsheet (save its sheet as CSV and import that)",
    ),
    (
        b"PAR1",
        "a Parquet file, of which `ogr2ogr -f GPKG NEW.gpkg OLD.parquet` makes a GeoPackage",
    ),
    (
        b"fgb\x03",
        "a FlatGeobuf, which export writes: `ogr2ogr NEW.gpkg OLD` makes a GeoPackage of it",
    ),
];

const PICTURE: &str =
    "a picture, which holds no rows (save the places that it shows as CSV or GeoJSON)";
const PACKED: &str =
    "a packed file of a kind that is not unpacked (unpack it, or pack it with gzip)";
const DBASE: &str = "a dBase table (of one beside a Shapefile, `ogr2ogr -f GeoJSON NEW.geojson OLD.shp` \
     makes GeoJSON, of one by itself `ogr2ogr -f CSV NEW.csv OLD.dbf` CSV)";

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sniffed {
    pub(super) format: Format,
    /// Of lines: whether they are a GeoJSON text sequence.
    pub(super) is_sequence: bool,
}

/// Looks at the beginning of a stream and leaves its byte order mark behind.
///
/// The content decides between CSV and GeoJSON unless `asked` does; the names of
/// files and of formats are too often wrong to be trusted with it. What is `named`
/// after lines may be empty, and may begin with one that is broken.
pub(super) fn sniff<R: Read>(
    window: &mut Window<R>,
    asked: Option<Format>,
    named: Option<Format>,
) -> Result<Sniffed, InputError> {
    // No further than the first line: more of a pipe may be long in coming.
    while window.bytes().len() < LOOK_BYTES
        && !window.bytes().trim_ascii_start().contains(&b'\n')
        && window
            .fill()
            .map_err(|source| InputError::Read { line: 1, source })?
    {}
    let kind = OTHER_KINDS
        .iter()
        .find(|(beginning, _)| window.bytes().starts_with(beginning));
    if let Some((_, kind)) = kind {
        return Err(InputError::Kind(kind));
    }
    let look = &window.bytes()[..window.bytes().len().min(LOOK_BYTES)];
    if is_dbase(look) {
        return Err(InputError::Kind(DBASE));
    }
    if let Some(at) = memchr::memchr(0, look) {
        // Of latin text in UTF-16, every second byte is 0.
        let every_second = look[at..].iter().take(16).step_by(2).all(|&byte| byte == 0);
        return Err(InputError::Kind(match (every_second, at) {
            (true, 0) => "UTF-16 text without a byte order mark: say `--encoding utf-16be`",
            (true, 1) => "UTF-16 text without a byte order mark: say `--encoding utf-16le`",
            _ => "a binary file",
        }));
    }
    if window.bytes().starts_with(UTF8_BOM) {
        window.consume(UTF8_BOM.len());
    }
    let text = window.bytes().trim_ascii_start();
    let first = text.first().copied();
    if let Some(asked) = asked
        && let Some(found) = contradiction(asked, text)
    {
        return Err(InputError::OtherFormat {
            found,
            asked: asked.name(),
        });
    }
    let is_lines = matches!(first, None | Some(b'{' | RECORD_SEPARATOR));
    let named = named.filter(|named| *named == Format::GeoJsonLines && is_lines);
    let format = match (asked.or(named), first) {
        // The root tells which of the two it is.
        (_, Some(b'<')) => Format::Kml,
        (Some(Format::Gpx | Format::Kml) | None, None) => return Err(InputError::Empty),
        (
            Some(asked @ (Format::Gpx | Format::Kml | Format::GeoPackage | Format::FlatGeobuf)),
            _,
        ) => {
            return Err(InputError::OtherFormat {
                found: "a text of another kind",
                asked: asked.name(),
            });
        }
        (Some(format), _) => format,
        (None, Some(RECORD_SEPARATOR)) => Format::GeoJsonLines,
        (None, Some(b'{')) if begins_with_feature(text) => Format::GeoJsonLines,
        (None, Some(b'{' | b'[')) => Format::GeoJson,
        (None, Some(_)) if script_head(text).is_some() => Format::GeoJson,
        (None, Some(_)) => Format::Csv,
    };
    if first.is_none() && format != Format::GeoJsonLines {
        return Err(InputError::Empty);
    }
    Ok(Sniffed {
        format,
        is_sequence: first == Some(RECORD_SEPARATOR),
    })
}

/// A table of dBase begins with its version and the date of its last change.
fn is_dbase(look: &[u8]) -> bool {
    matches!(look, [0x03 | 0x83 | 0x8b | 0xf5, _, 1..=12, 1..=31, ..])
        && look.len() >= 32
        && look.contains(&0)
}

/// What a text is that cannot be of the format that it is said to be.
fn contradiction(asked: Format, text: &[u8]) -> Option<&'static str> {
    let (&first, rest) = text.split_first()?;
    let next = rest.trim_ascii_start().first();
    let may_be = match asked {
        Format::Csv => !matches!(
            (first, next),
            (b'{', Some(b'"' | b'}')) | (b'[', Some(b'{'))
        ),
        Format::GeoJson => matches!(first, b'{' | b'[') || script_head(text).is_some(),
        Format::GeoJsonLines => matches!(first, b'{' | RECORD_SEPARATOR),
        _ => true,
    };
    if may_be || first == b'<' {
        return None;
    }
    Some(match (asked, first) {
        (Format::Csv, _) => "JSON",
        (_, b'[') => "a list in JSON",
        _ => "a text that is no JSON",
    })
}

/// Whether the first line is a whole Feature.
fn begins_with_feature(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
    serde_json::from_slice(line)
        .is_ok_and(|value: JsonValue| value.get("type").is_some_and(|kind| kind == "Feature"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of an empty table.
    fn dbase() -> Vec<u8> {
        let mut head = vec![0x03, 126, 11, 30];
        head.resize(65, 0);
        head
    }

    fn of(text: &[u8]) -> Result<Sniffed, InputError> {
        sniff(&mut Window::new(text), None, None)
    }

    #[test]
    fn the_content_tells_the_format() {
        for (text, format, is_sequence) in [
            (&b"name,lat,lng"[..], Format::Csv, false),
            (b"\xef\xbb\xbfname", Format::Csv, false),
            (b" {\"type\":\"FeatureCollection\"", Format::GeoJson, false),
            (b"{\n\"type\": \"Feature\"", Format::GeoJson, false),
            (b"{\"type\":\"Feature\"}\n", Format::GeoJsonLines, false),
            (b"\x1e{\n}", Format::GeoJsonLines, true),
            (b"[\n{\"type\":\"Feature\"}]", Format::GeoJson, false),
            (b"var x = {\"type\":", Format::GeoJson, false),
            (b"var x,lat,lng\n", Format::Csv, false),
            (b"\xef\xbb\xbf<?xml", Format::Kml, false),
        ] {
            let sniffed = of(text).unwrap();
            assert_eq!((sniffed.format, sniffed.is_sequence), (format, is_sequence));
        }
    }

    #[test]
    fn other_kinds_of_files_are_named() {
        for (text, kind) in [
            (&b"%PDF-1.7\n"[..], "a PDF"),
            (b"\x89PNG\r\n\x1a\n", "a picture"),
            (b"BZh91AY&SY", "a packed file"),
            (&dbase(), "ogr2ogr -f CSV NEW.csv OLD.dbf"),
            (b"n\x00a\x00m\x00e\x00,\x00", "--encoding utf-16le"),
            (b"\x00n\x00a\x00m\x00e\x00,", "--encoding utf-16be"),
            (b"name\x00", "binary"),
            (b"\x00\x00\x27\x0a\x00\x00", "a Shapefile"),
            (b"fgb\x03fgb\x00", "FlatGeobuf"),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains(kind), "{error}");
        }
        assert!(matches!(of(b" \n"), Err(InputError::Empty)));
    }

    #[test]
    fn no_features_at_all_are_fine_where_lines_are_asked_for() {
        let empty = |asked, named| sniff(&mut Window::new(&b""[..]), asked, named);
        let lines = Some(Format::GeoJsonLines);
        assert!(empty(lines, None).is_ok());
        assert!(empty(None, lines).is_ok());
        assert!(empty(None, Some(Format::GeoJson)).is_err());
        assert!(empty(Some(Format::Csv), lines).is_err());
    }

    #[test]
    fn what_is_asked_for_is_refused_where_the_content_cannot_be_that() {
        for (asked, text, found) in [
            (Format::GeoJsonLines, &b"name,lat\n"[..], Some("no JSON")),
            (Format::GeoJsonLines, b"[{}]", Some("a list in JSON")),
            (Format::GeoJsonLines, b"{broken", None),
            (Format::GeoJson, b"name,lat\n", Some("no JSON")),
            (Format::GeoJson, b"var x = {}", None),
            (Format::Csv, b"{ \"type\": 1}", Some("JSON")),
            (Format::Csv, b"[\n{", Some("JSON")),
            (Format::Csv, b"{name},lat,lng\n", None),
        ] {
            let sniffed = sniff(&mut Window::new(text), Some(asked), None);
            match found {
                None => assert_eq!(sniffed.unwrap().format, asked),
                Some(found) => {
                    let error = sniffed.unwrap_err().to_string();
                    assert!(error.contains(found), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_name_decides_only_where_the_content_may_be_lines() {
        for (text, format) in [
            (&b"{\"type\": broken"[..], Format::GeoJsonLines),
            (b"name,lat\n", Format::Csv),
            (b"[\n{}]", Format::GeoJson),
        ] {
            let named = Some(Format::GeoJsonLines);
            let sniffed = sniff(&mut Window::new(text), None, named).unwrap();
            assert_eq!(sniffed.format, format);
        }
    }
}
