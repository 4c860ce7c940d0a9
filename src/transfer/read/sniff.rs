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
const OTHER_KINDS: [(&[u8], &str); 4] = [
    (
        b"PK\x03\x04",
        "a zip file or a spreadsheet (of a zipped Shapefile, `ogr2ogr -f GeoJSON NEW.geojson \
         /vsizip/OLD.zip` makes GeoJSON)",
    ),
    (
        b"\x00\x00\x27\x0a",
        "a Shapefile, of which `ogr2ogr -f GeoJSON NEW.geojson OLD.shp` makes GeoJSON",
    ),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet"),
    (
        b"fgb\x03",
        "a FlatGeobuf, which export writes: `ogr2ogr NEW.gpkg OLD` makes a GeoPackage of it",
    ),
];

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
/// files and of formats are too often wrong to be trusted with it.
pub(super) fn sniff<R: Read>(
    window: &mut Window<R>,
    asked: Option<Format>,
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
    let format = match (asked, first) {
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

/// Whether the first line is a whole Feature.
fn begins_with_feature(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
    serde_json::from_slice(line)
        .is_ok_and(|value: JsonValue| value.get("type").is_some_and(|kind| kind == "Feature"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> Result<Sniffed, InputError> {
        sniff(&mut Window::new(text), None)
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
            (&b"PK\x03\x04rest"[..], "a zip file"),
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
        let mut window = Window::new(&b""[..]);
        assert!(sniff(&mut window, Some(Format::GeoJsonLines)).is_ok());
        assert!(sniff(&mut window, Some(Format::Csv)).is_err());
    }
}
