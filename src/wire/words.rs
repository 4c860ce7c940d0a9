//! What is wrong with a text of another's, in words that do not assume Rust: serde names the
//! types that a program would have read.

use std::borrow::Cow;

/// What a format calls an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    object: &'static str,
}

/// As JSON calls things.
pub const JSON_WORDS: Words = Words {
    object: "an object",
};
/// As TOML calls things.
pub const TOML_WORDS: Words = Words { object: "a table" };

/// What serde says of texts that are no JSON at all.
const SYNTAX: [(&str, &str); 11] = [
    (
        "expected ident",
        "it is no JSON: a word that is not `true`, `false` or `null`",
    ),
    ("expected value", "it is no JSON: no value begins"),
    (
        "expected `:`",
        "it is no JSON: no `:` follows the name of a member",
    ),
    (
        "expected `,` or `]`",
        "it is no JSON: neither `,` nor `]` follows a value",
    ),
    (
        "expected `,` or `}`",
        "it is no JSON: neither `,` nor `}` follows a value",
    ),
    (
        "key must be a string",
        "it is no JSON: the name of a member stands in no double quotes",
    ),
    ("trailing comma", "it is no JSON: nothing follows a comma"),
    (
        "trailing characters",
        "it is no JSON: something follows after its end",
    ),
    (
        "EOF while parsing a value",
        "it is no JSON: it ends where a value should begin",
    ),
    (
        "EOF while parsing a list",
        "it is no JSON: it ends in the midst of an array",
    ),
    (
        "EOF while parsing an object",
        "it is no JSON: it ends in the midst of an object",
    ),
];

/// What was expected, where serde does not say so.
fn expected_of(message: &str) -> &'static str {
    if message.starts_with("missing field") {
        "all that have to be there"
    } else if message.starts_with("duplicate field") {
        "each once"
    } else {
        "another value"
    }
}

impl Words {
    /// What serde got, and what it expected: the two parts of its message.
    #[must_use]
    pub fn parts(self, message: &str) -> (String, Cow<'static, str>) {
        // What was got may hold any text, what is expected is ours.
        let (got, expected) = message
            .rsplit_once(", expected ")
            .unwrap_or((message, expected_of(message)));
        (self.got(got), self.expected(expected))
    }

    /// A whole message of serde's.
    #[must_use]
    pub fn message(self, message: &str) -> String {
        let (wrong, place) = match message.rsplit_once(" at line ") {
            Some((wrong, place)) => (wrong, format!(" at line {place}")),
            None => (message, String::new()),
        };
        if let Some((_, plain)) = SYNTAX.iter().find(|(said, _)| *said == wrong) {
            return format!("{plain}{place}");
        }
        if !wrong.contains(", expected ") {
            return message.to_owned();
        }
        let (got, expected) = self.parts(wrong);
        format!("{got}, expected {expected}{place}")
    }

    fn got(self, got: &str) -> String {
        let Some((what, value)) = got.split_once(": ") else {
            return got.to_owned();
        };
        let value = match value {
            "map" => self.object,
            "sequence" => "an array",
            value => value,
        };
        match value.strip_prefix("floating point ") {
            Some(number) => format!("{what}: number {number}"),
            None => format!("{what}: {value}"),
        }
    }

    fn expected(self, expected: &str) -> Cow<'static, str> {
        match expected {
            "f32" | "f64" => "a number".into(),
            "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on".into(),
            "a sequence" => "an array".into(),
            "a map" => self.object.into(),
            shape if shape.starts_with("struct ") => self.object.into(),
            other => other.to_owned().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_rust_are_told_in_plain_words() {
        for (message, got, expected) in [
            (
                "invalid type: map, expected f64",
                "invalid type: an object",
                "a number",
            ),
            (
                "invalid type: sequence, expected struct CenterBody",
                "invalid type: an array",
                "an object",
            ),
            (
                "invalid type: string \"a, expected b\", expected a sequence",
                "invalid type: string \"a, expected b\"",
                "an array",
            ),
            (
                "invalid value: integer `-1`, expected u64",
                "invalid value: integer `-1`",
                "a whole number from 0 on",
            ),
            (
                "invalid type: floating point `1.5`, expected i64",
                "invalid type: number `1.5`",
                "a whole number",
            ),
            (
                "unknown field `lon`, expected `lat` or `lng`",
                "unknown field `lon`",
                "`lat` or `lng`",
            ),
            (
                "missing field `lat`",
                "missing field `lat`",
                "all that have to be there",
            ),
            (
                "duplicate field `lat`",
                "duplicate field `lat`",
                "each once",
            ),
            (
                "number out of range",
                "number out of range",
                "another value",
            ),
        ] {
            let parts = JSON_WORDS.parts(message);
            assert_eq!((parts.0.as_str(), parts.1.as_ref()), (got, expected));
        }
        assert_eq!(
            TOML_WORDS.message("invalid type: integer `7`, expected a map"),
            "invalid type: integer `7`, expected a table"
        );
        assert_eq!(
            JSON_WORDS.message("invalid type: map, expected a sequence at line 1 column 2"),
            "invalid type: an object, expected an array at line 1 column 2"
        );
        for other in ["invalid number at line 2 column 1", "nothing"] {
            assert_eq!(JSON_WORDS.message(other), other);
        }
    }

    #[test]
    fn what_is_no_json_is_told_in_plain_words() {
        use serde::de::IgnoredAny;
        for text in [
            "[tom]",
            "[}",
            "{\"a\" 1}",
            "[1 2]",
            "{\"a\":1 2}",
            "{a:1}",
            "[1,]",
            "[] 2",
            "",
            "[1",
            "{\"a\":1",
        ] {
            let error = serde_json::from_str::<IgnoredAny>(text).expect_err("it is no JSON");
            let told = JSON_WORDS.message(&error.to_string());
            let (plain, place) = told.split_once(" at line ").expect("it tells where");
            assert!(plain.starts_with("it is no JSON: "), "{text}: {told}");
            assert!(place.starts_with("1 column "), "{told}");
        }
    }
}
