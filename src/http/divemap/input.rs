//! Parameters as FastAPI reads them, and what it says of those it cannot take.
//!
//! Its rules are pydantic's lax mode: blanks around numbers, `_` between digits
//! and `5.0` for 5 are fine, of a parameter that is repeated the last one counts,
//! unknown ones are ignored, and all faults are told at once in the order in
//! which the endpoint declares its parameters. Its own answers are the tests'
//! oracle: `tests/suite/fixtures/oracle.py`.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use actix_web::HttpRequest;
use serde::Serialize;
use serde_json::{Value, json};

use super::errors::Refusal;
use crate::http::problem::repeated;

/// The most characters of a whole number that are read at all.
const MAX_INTEGER_CHARS: usize = 4_300;

/// What is wrong with a parameter.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    r#type: &'static str,
    loc: Vec<Value>,
    msg: String,
    /// What was got; null where nothing was.
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

/// The parameters of one request. What is read before [`Input::finish`] is a
/// mere stand-in where that refuses.
pub(super) struct Input<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    faults: Vec<Fault>,
}

/// Which texts a parameter may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    /// The fewest characters.
    pub(super) min: usize,
    /// The most characters.
    pub(super) max: usize,
}

impl<'a> Input<'a> {
    /// Reads the query string.
    pub(super) fn of(request: &'a HttpRequest) -> Self {
        Self {
            pairs: url::form_urlencoded::parse(request.query_string().as_bytes()).collect(),
            faults: Vec::new(),
        }
    }

    /// The text of a parameter; the last one, as it came.
    fn raw(&self, name: &str) -> Option<Cow<'a, str>> {
        let named = self.pairs.iter().rev().find(|(known, _)| known == name);
        named.map(|(_, value)| value.clone())
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, name: &'static str, length: Length) -> Option<Cow<'a, str>> {
        let text = self.raw(name)?;
        self.measured(name, text, length)
    }

    /// A text that has to be there.
    pub(super) fn required_text(&mut self, name: &'static str, length: Length) -> Cow<'a, str> {
        let text = self.required(name);
        text.and_then(|text| self.measured(name, text, length))
            .unwrap_or_default()
    }

    fn measured(
        &mut self,
        name: &'static str,
        text: Cow<'a, str>,
        Length { min, max }: Length,
    ) -> Option<Cow<'a, str>> {
        let count = text.chars().count();
        let fault = if count < min {
            let characters = if min == 1 { "character" } else { "characters" };
            let msg = format!("String should have at least {min} {characters}");
            ("string_too_short", msg, json!({ "min_length": min }))
        } else if count > max {
            let characters = if max == 1 { "character" } else { "characters" };
            let msg = format!("String should have at most {max} {characters}");
            ("string_too_long", msg, json!({ "max_length": max }))
        } else {
            return Some(text);
        };
        self.fault(name, fault.0, fault.1, Some(text), Some(fault.2));
        None
    }

    /// A number that has to be there.
    pub(super) fn required_number(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<f64>,
    ) -> f64 {
        let text = self.required(name);
        text.and_then(|text| self.ranged(name, text, range))
            .unwrap_or_default()
    }

    /// A number in a range, if it is there.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<f64>,
    ) -> Option<f64> {
        let text = self.raw(name)?;
        self.ranged(name, text, range)
    }

    /// Any finite number, if it is there.
    pub(super) fn finite(&mut self, name: &'static str) -> Option<f64> {
        let text = self.raw(name)?;
        let number = self.parsed(name, &text)?;
        if number.is_finite() {
            return Some(number);
        }
        let msg = "Input should be a finite number".to_owned();
        self.fault(name, "finite_number", msg, Some(text), None);
        None
    }

    fn ranged(
        &mut self,
        name: &'static str,
        text: Cow<'a, str>,
        range: &RangeInclusive<f64>,
    ) -> Option<f64> {
        let number = self.parsed(name, &text)?;
        // NaN, too, is told to be too great.
        let (kind, words, limit, key) = if number.is_nan() || number > *range.end() {
            ("less_than_equal", "less", range.end(), "le")
        } else if number < *range.start() {
            ("greater_than_equal", "greater", range.start(), "ge")
        } else {
            return Some(number);
        };
        let msg = format!("Input should be {words} than or equal to {limit}");
        self.fault(name, kind, msg, Some(text), Some(json!({ key: limit })));
        None
    }

    fn parsed(&mut self, name: &'static str, text: &str) -> Option<f64> {
        let number = float_of(text);
        if number.is_none() {
            self.fault(
                name,
                "float_parsing",
                "Input should be a valid number, unable to parse string as a number".to_owned(),
                Some(Cow::Owned(text.to_owned())),
                None,
            );
        }
        number
    }

    /// A whole number in a range, if it is there.
    pub(super) fn integer(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<i64>,
    ) -> Option<i64> {
        let text = self.raw(name)?;
        let number = self.whole(vec![json!("query"), json!(name)], &text)?;
        let (kind, words, limit, key) = if number > *range.end() {
            ("less_than_equal", "less", range.end(), "le")
        } else if number < *range.start() {
            ("greater_than_equal", "greater", range.start(), "ge")
        } else {
            return Some(number);
        };
        let msg = format!("Input should be {words} than or equal to {limit}");
        self.fault(name, kind, msg, Some(text), Some(json!({ key: limit })));
        None
    }

    /// Whole numbers: as many as the parameter is repeated.
    pub(super) fn integers(&mut self, name: &'static str) -> Vec<i64> {
        let named = self.pairs.iter().filter(|(known, _)| known == name);
        let texts: Vec<Cow<'a, str>> = named.map(|(_, text)| text.clone()).collect();
        let numbers = texts.iter().enumerate().map(|(place, text)| {
            let loc = vec![json!("query"), json!(name), json!(place)];
            self.whole(loc, text).unwrap_or_default()
        });
        numbers.collect()
    }

    /// A truth value, if it is there.
    pub(super) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let text = self.raw(name)?;
        let word = text.to_ascii_lowercase();
        if ["1", "true", "t", "yes", "y", "on"].contains(&word.as_str()) {
            return Some(true);
        }
        if ["0", "false", "f", "no", "n", "off"].contains(&word.as_str()) {
            return Some(false);
        }
        let msg = "Input should be a valid boolean, unable to interpret input".to_owned();
        self.fault(name, "bool_parsing", msg, Some(text), None);
        None
    }

    /// A whole number out of the path.
    pub(super) fn path_integer(&mut self, request: &HttpRequest, name: &'static str) -> i64 {
        // The router leaves these three escaped.
        let text = request.match_info().query(name).replace("%2B", "+");
        let text = text.replace("%2F", "/").replace("%25", "%");
        self.whole(vec![json!("path"), json!(name)], &text)
            .unwrap_or_default()
    }

    fn whole(&mut self, loc: Vec<Value>, text: &str) -> Option<i64> {
        let fault = match integer_of(text) {
            Ok(number) => return Some(number),
            Err(fault) => fault,
        };
        let (kind, msg) = match fault {
            NotAnInteger::Text => (
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
            ),
            NotAnInteger::TooLong => (
                "int_parsing_size",
                "Unable to parse input string as an integer, exceeded maximum size",
            ),
        };
        self.faults.push(Fault {
            r#type: kind,
            loc,
            msg: msg.to_owned(),
            input: Some(repeated(text)),
            ctx: None,
        });
        None
    }

    fn required(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        let text = self.raw(name);
        if text.is_none() {
            self.fault(name, "missing", "Field required".to_owned(), None, None);
        }
        text
    }

    fn fault(
        &mut self,
        name: &'static str,
        kind: &'static str,
        msg: String,
        input: Option<Cow<'a, str>>,
        ctx: Option<Value>,
    ) {
        self.faults.push(Fault {
            r#type: kind,
            loc: vec![json!("query"), json!(name)],
            msg,
            input: input.map(|text| repeated(&text)),
            ctx,
        });
    }

    /// Refuses what could not be taken.
    ///
    /// # Errors
    /// When anything could not be.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid(&self.faults))
        }
    }
}

/// A number as pydantic reads it, NaN and infinities among them.
fn float_of(text: &str) -> Option<f64> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| without_underscores(text)?.parse().ok())
}

/// Why a text is no whole number.
#[derive(Debug, PartialEq, Eq)]
enum NotAnInteger {
    Text,
    TooLong,
}

/// A whole number as pydantic reads it. It knows numbers of any size; those
/// beyond 64 bits are taken for the greatest or the least.
fn integer_of(text: &str) -> Result<i64, NotAnInteger> {
    let text = text.trim();
    if text.len() > MAX_INTEGER_CHARS {
        return Err(NotAnInteger::TooLong);
    }
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        [b'+', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    let digits = without_zero_fraction(digits);
    let digits = if digits.contains('_') {
        Cow::Owned(without_underscores(digits).ok_or(NotAnInteger::Text)?)
    } else {
        Cow::Borrowed(digits)
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotAnInteger::Text);
    }
    let number: i64 = digits.parse().unwrap_or(i64::MAX);
    Ok(sign * number)
}

/// `5.00` is 5; `5.` is nothing.
fn without_zero_fraction(digits: &str) -> &str {
    match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            whole
        }
        _ => digits,
    }
}

/// Underscores may stand between digits, one at a time.
fn without_underscores(text: &str) -> Option<String> {
    let misplaced = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!misplaced).then(|| text.replace('_', ""))
}
