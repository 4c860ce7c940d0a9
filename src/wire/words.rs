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

impl Words {
    /// What serde got, and what it expected: the two parts of its message.
    #[must_use]
    pub fn parts(self, message: &str) -> (String, Cow<'static, str>) {
        // What was got may hold any text, what is expected is ours.
        let (got, expected) = message
            .rsplit_once(", expected ")
            .unwrap_or((message, "another value"));
        (self.got(got), self.expected(expected))
    }

    /// A whole message of serde's.
    #[must_use]
    pub fn message(self, message: &str) -> String {
        let (wrong, place) = match message.rsplit_once(" at line ") {
            Some((wrong, place)) => (wrong, format!(" at line {place}")),
            None => (message, String::new()),
        };
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
        for other in ["key must be a string at line 2 column 1", "nothing"] {
            assert_eq!(JSON_WORDS.message(other), other);
        }
    }
}
