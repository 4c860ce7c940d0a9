//! Splits a GeoJSON `FeatureCollection`, or a plain list of features, into its
//! features. Either may be what a script assigns to a variable: `var x = {…};`.
//!
//! The document is never held whole: brackets and quotes are followed byte by
//! byte up to the end of each feature, which is then parsed by itself. What
//! stands around the features (the frame) is kept and must be valid JSON too.

use std::io::{self, Read};

use geojson::JsonValue;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::{InputError, MAX_RECORD_BYTES, RowError, quoted};
use super::reference::other_than_wgs84;
use super::window::Window;
use crate::wire::JSON_WORDS;

/// What stands around the features.
#[derive(Debug, Deserialize)]
struct Frame {
    r#type: Option<String>,
    features: Option<Vec<IgnoredAny>>,
    crs: Option<JsonValue>,
}

/// Goes through a document feature by feature.
#[derive(Debug)]
pub(super) struct Collection {
    frame: Vec<u8>,
    place: Place,
    /// The features are a list by themselves, without a frame.
    is_list: bool,
    /// The document is the value of a variable.
    is_script: bool,
    /// How much of the window the feature takes.
    pub(super) len: usize,
    pub(super) line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    First,
    Next,
    After,
}

impl Collection {
    pub(super) fn new() -> Self {
        Self {
            frame: Vec::new(),
            place: Place::Before,
            is_list: false,
            is_script: false,
            len: 0,
            line: 1,
        }
    }

    /// Goes to the next feature; `None` after the last, when the whole document
    /// was found to be right.
    pub(super) fn advance<R: Read>(
        &mut self,
        window: &mut Window<R>,
    ) -> Result<Option<Result<(), RowError>>, InputError> {
        window.consume(self.len);
        self.len = 0;
        if self.place == Place::Before {
            self.read_head(window)?;
        }
        if self.place != Place::After {
            skip_blanks(window)?;
            match (window.bytes().first().copied(), self.place) {
                (Some(b']'), _) => {
                    self.place = Place::After;
                    // Of a frame it is a part.
                    window.consume(usize::from(self.is_list));
                }
                (Some(b','), Place::Next) => {
                    window.consume(1);
                    skip_blanks(window)?;
                }
                (_, Place::First) => {}
                (got, _) => {
                    return Err(structure(window, "`,` or `]` after a feature", got));
                }
            }
        }
        if self.place == Place::After {
            self.read_tail(window)?;
            return Ok(None);
        }
        let is_first = self.place == Place::First;
        self.place = Place::Next;
        self.line = window.line();
        let measured = self.measure_value(window)?;
        if is_first && self.is_list && is_plain_object(&window.bytes()[..self.len]) {
            return Err(InputError::NotACollection(PLAIN_OBJECTS.to_owned()));
        }
        Ok(Some(measured))
    }

    /// Reads up to the bracket that opens the features.
    fn read_head<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), InputError> {
        skip_blanks(window)?;
        let script = script_head(window.bytes());
        self.is_script = script.is_some();
        window.consume(script.unwrap_or(0));
        skip_blanks(window)?;
        if window.bytes().first() == Some(&b'[') {
            window.consume(1);
            self.is_list = true;
            self.place = Place::First;
            return Ok(());
        }
        let mut nesting = Nesting::default();
        let mut text_start = 0;
        let mut last_text = 0..0;
        let mut is_features = false;
        while let Some(byte) = next_byte(window)? {
            let was_in_text = nesting.in_text;
            nesting.follow(byte);
            self.push_frame(byte)?;
            match byte {
                b'"' if nesting.in_text && !was_in_text => text_start = self.frame.len(),
                b'"' if was_in_text && !nesting.in_text => {
                    last_text = text_start..self.frame.len() - 1;
                }
                _ if nesting.in_text => {}
                b':' if nesting.depth == 1 => {
                    is_features = &self.frame[last_text.clone()] == b"features";
                }
                b',' if nesting.depth == 1 => is_features = false,
                b'[' if nesting.depth == 2 && is_features => {
                    self.place = Place::First;
                    let mut closed = self.frame.clone();
                    closed.extend_from_slice(b"]}");
                    return check_frame(&closed, true);
                }
                _ => {}
            }
        }
        self.place = Place::After;
        Ok(())
    }

    /// Reads what follows the features, from their closing bracket to the end.
    fn read_tail<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), InputError> {
        if self.is_list {
            return self.read_end(window);
        }
        while let Some(byte) = next_byte(window)? {
            self.push_frame(byte)?;
        }
        let frame = self.frame.trim_ascii_end();
        let frame = match frame.strip_suffix(b";") {
            Some(frame) if self.is_script => frame,
            _ => frame,
        };
        check_frame(frame, false)
    }

    /// Reads what follows a list: nothing but blanks, and the end of a statement.
    fn read_end<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), InputError> {
        skip_blanks(window)?;
        if self.is_script && window.bytes().first() == Some(&b';') {
            window.consume(1);
            skip_blanks(window)?;
        }
        match window.bytes().first().copied() {
            None => Ok(()),
            got => Err(structure(window, "nothing after the list of features", got)),
        }
    }

    fn push_frame(&mut self, byte: u8) -> Result<(), InputError> {
        if self.frame.len() == MAX_RECORD_BYTES {
            return Err(InputError::NotACollection(format!(
                "it has more than {MAX_RECORD_BYTES} bytes outside of its features"
            )));
        }
        self.frame.push(byte);
        Ok(())
    }

    /// Finds the end of the value at the start of the window.
    fn measure_value<R: Read>(
        &mut self,
        window: &mut Window<R>,
    ) -> Result<Result<(), RowError>, InputError> {
        let mut nesting = Nesting::default();
        let mut is_too_long = false;
        let mut index = 0;
        loop {
            let byte = window.byte(index).map_err(|source| read(window, source))?;
            let Some(byte) = byte else {
                return Err(structure(window, "the end of the feature begun here", None));
            };
            // The comma or bracket after a value that is not an object.
            if nesting.depth == 0 && !nesting.in_text && matches!(byte, b',' | b']' | b'}') {
                break;
            }
            nesting.follow(byte);
            index += 1;
            if nesting.depth == 0 && !nesting.in_text && matches!(byte, b'}' | b']') {
                break;
            }
            if index > MAX_RECORD_BYTES {
                is_too_long = true;
                window.consume(index);
                index = 0;
            }
        }
        self.len = index;
        Ok(if is_too_long {
            Err(RowError::TooLong)
        } else {
            Ok(())
        })
    }
}

/// What to do with a list of objects of somebody's own.
const PLAIN_OBJECTS: &str = "it is a list of objects, not of Features. Make CSV of it, as with \
    `jq -r '[\"name\",\"latitude\",\"longitude\"], (.[] | [.name, .lat, .lng]) | @csv' OLD >NEW.csv`, \
    or write each object as {\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\
    \"coordinates\":[longitude,latitude]},\"properties\":{…}}";

/// Whether a value is an object that does not say what it is.
fn is_plain_object(value: &[u8]) -> bool {
    serde_json::from_slice(value).is_ok_and(|value: JsonValue| {
        value
            .as_object()
            .is_some_and(|object| !object.contains_key("type"))
    })
}

/// How deep in brackets a place is, and whether inside quotes.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl Nesting {
    fn follow(&mut self, byte: u8) {
        if self.in_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

/// Checks the frame. One that is still open says only what came before the
/// features, so its type may be missing.
fn check_frame(frame: &[u8], is_open: bool) -> Result<(), InputError> {
    let frame: Frame = serde_json::from_slice(frame)
        .map_err(|error| InputError::NotACollection(JSON_WORDS.message(&error.to_string())))?;
    match frame.r#type.as_deref() {
        Some("FeatureCollection") => {}
        Some("Feature") => {
            return Err(InputError::NotACollection(
                "it is one Feature; write it on one line and import it with --format geojsonl"
                    .to_owned(),
            ));
        }
        Some(other) => {
            let other = quoted(other);
            return Err(InputError::NotACollection(format!("its type is `{other}`")));
        }
        None if is_open => {}
        None => return Err(InputError::NotACollection("it has no type".to_owned())),
    }
    match frame.features.as_deref() {
        Some([]) => {}
        // Under a key that is escaped, say: better refused than passed over.
        Some(_) => {
            return Err(InputError::NotACollection(
                "its features are not under the plain key `features`".to_owned(),
            ));
        }
        None => {
            return Err(InputError::NotACollection("it has no features".to_owned()));
        }
    }
    other_than_wgs84(frame.crs.as_ref()).map_err(InputError::Reference)
}

/// How much of a text the beginning of `var x = {…}` takes, up to what is
/// assigned.
pub(super) fn script_head(text: &[u8]) -> Option<usize> {
    let head = text.split_inclusive(|&byte| byte == b'=').next()?;
    let words = std::str::from_utf8(head.strip_suffix(b"=")?).ok()?;
    let mut words = words.split_ascii_whitespace();
    let is_declared = matches!(words.next()?, "var" | "let" | "const");
    let is_name = |name: &str| {
        name.chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'))
    };
    let is_assignment = is_declared && words.next().is_some_and(is_name) && words.next().is_none();
    let value = text[head.len()..].trim_ascii_start().first();
    (is_assignment && matches!(value, None | Some(b'{' | b'['))).then_some(head.len())
}

fn next_byte<R: Read>(window: &mut Window<R>) -> Result<Option<u8>, InputError> {
    let byte = window.byte(0).map_err(|source| read(window, source))?;
    window.consume(usize::from(byte.is_some()));
    Ok(byte)
}

fn skip_blanks<R: Read>(window: &mut Window<R>) -> Result<(), InputError> {
    window
        .skip_while(|byte| byte.is_ascii_whitespace())
        .map(|_| ())
        .map_err(|source| read(window, source))
}

fn read<R: Read>(window: &Window<R>, source: io::Error) -> InputError {
    InputError::Read {
        line: window.line(),
        source,
    }
}

fn structure<R: Read>(window: &Window<R>, expected: &'static str, got: Option<u8>) -> InputError {
    InputError::Structure {
        line: window.line(),
        expected,
        got: got.map_or_else(
            || "the end of the file".to_owned(),
            |byte| format!("`{}`", char::from(byte).escape_default()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<(u64, String)>, InputError> {
        let mut window = Window::new(text.as_bytes());
        let mut collection = Collection::new();
        let mut all = Vec::new();
        while let Some(found) = collection.advance(&mut window)? {
            found.expect("no feature is too long");
            let bytes = &window.bytes()[..collection.len];
            all.push((collection.line, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        Ok(all)
    }

    #[test]
    fn features_are_found_wherever_the_document_has_them() {
        let expected = [
            (3, r#"{"a":"]}\"{"}"#.to_owned()),
            (4, r#"{"b":[{}]}"#.to_owned()),
        ];
        for text in [
            "{\"type\":\"FeatureCollection\",\"bbox\":[1,2,3,4],\"features\":[\n\n{\"a\":\"]}\\\"{\"},\n{\"b\":[{}]}\n]}\n",
            "{\"x\":{\"features\":[1]},\"name\":\"features\",\n\"features\" : [\n{\"a\":\"]}\\\"{\"} ,\n{\"b\":[{}]} ], \"type\":\"FeatureCollection\"}",
        ] {
            assert_eq!(split(text).unwrap(), expected);
        }
    }

    #[test]
    fn a_collection_may_be_empty() {
        assert_eq!(
            split(r#"{"type":"FeatureCollection","features":[ ]}"#).unwrap(),
            []
        );
    }

    #[test]
    fn what_is_no_object_is_still_one_record() {
        let text = r#"{"type":"FeatureCollection","features":[1,"a,]",null]}"#;
        let records: Vec<_> = split(text).unwrap().into_iter().map(|(_, r)| r).collect();
        assert_eq!(records, ["1", "\"a,]\"", "null"]);
    }

    #[test]
    fn a_document_that_is_cut_off_or_broken_is_refused() {
        for (text, message) in [
            (
                r#"{"type":"FeatureCollection","features":[{"a":1}"#,
                "`,` or `]`",
            ),
            (
                r#"{"type":"FeatureCollection","features":[{"a":1"#,
                "the end of the feature",
            ),
            (
                r#"{"type":"FeatureCollection","features":[{}{}]}"#,
                "`,` or `]`",
            ),
            (
                r#"{"type":"FeatureCollection","features":[{}]"#,
                "it ends in the midst of an object",
            ),
            (
                r#"{"type":"FeatureCollection","features":[{}]} x"#,
                "something follows after its end",
            ),
            (
                r#"{"type":"FeatureCollection","features":[],"features":[]}"#,
                "duplicate",
            ),
            (r#"{"type":"FeatureCollection"}"#, "it has no features"),
            (
                r#"{"type":"FeatureCollection","feature\u0073":[{}]}"#,
                "the plain key",
            ),
            (r#"{"features":[]}"#, "it has no type"),
            (
                r#"{"type":"FeatureCollection","features":{}}"#,
                "an object, expected an array",
            ),
            (r#"{"type":"Feature","geometry":null}"#, "it is one Feature"),
            (
                r#"{"type":"Topology","features":[]}"#,
                "its type is `Topology`",
            ),
        ] {
            let error = split(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn another_reference_system_is_refused_before_its_features_or_after() {
        let with = |name: &str| {
            let crs = format!(r#""crs":{{"type":"name","properties":{{"name":"{name}"}}}}"#);
            [
                format!(r#"{{"type":"FeatureCollection",{crs},"features":[{{}}]}}"#),
                format!(r#"{{"type":"FeatureCollection","features":[{{}}],{crs}}}"#),
            ]
            .map(|text| split(&text))
        };
        for taken in with("urn:ogc:def:crs:OGC:1.3:CRS84") {
            assert!(taken.is_ok());
        }
        for refused in with("urn:ogc:def:crs:EPSG::3857") {
            assert!(matches!(refused, Err(InputError::Reference(_))));
        }
    }

    #[test]
    fn a_list_of_features_and_the_value_of_a_variable_are_documents_too() {
        let expected = [
            (2, r#"{"type":1}"#.to_owned()),
            (3, r#"{"type":2}"#.to_owned()),
        ];
        let object =
            "{\"type\":\"FeatureCollection\",\"features\":[\n{\"type\":1},\n{\"type\":2}]}";
        let list = "[\n{\"type\":1},\n{\"type\":2} ]";
        for text in [
            list.to_owned(),
            format!("{list}\n"),
            format!("var eq = {object};\n"),
            format!("const $a.b= {object}"),
            format!("let list={list} ;\n"),
        ] {
            assert_eq!(split(&text).unwrap(), expected, "{text}");
        }
        assert_eq!(split("[]").unwrap(), []);
        for text in [
            format!("{object};"),
            format!("{list};"),
            format!("{list} x"),
            format!("var a = {list};;"),
            "[{\"type\":1}".to_owned(),
            format!("function x = {object}"),
        ] {
            assert!(split(&text).is_err(), "{text}");
        }
    }
}
