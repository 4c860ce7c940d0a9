//! Query strings, read strictly: every name must be known, every value must be
//! there, and only once unless it may repeat. A typo is an error rather than a
//! parameter that silently does nothing.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::code::Code;
use super::problem::Problem;
use crate::domain::{FieldId, Fields};

/// The longest query string that is read. Half of what the HTTP parser takes,
/// which refuses longer ones without a word.
pub const MAX_QUERY_BYTES: usize = 32 * 1024;

/// Names this close are offered as what was meant.
const NEAR_MISS_EDITS: usize = 2;

/// What other services call the same thing, where the letters do not tell.
const OTHER_NAMES: &[(&str, &str)] = &[("lon", "lng"), ("long", "lng"), ("longitude", "lng")];

/// A parameter that a resource knows.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Whether it may be there more than once.
    pub repeatable: bool,
}

impl Param {
    /// A parameter that may be there once.
    #[must_use]
    pub const fn once(name: &'static str) -> Self {
        Self {
            name,
            repeatable: false,
        }
    }

    /// A parameter that may be there any number of times.
    #[must_use]
    pub const fn repeatable(name: &'static str) -> Self {
        Self {
            name,
            repeatable: true,
        }
    }
}

/// The parameters that a resource knows, in groups that it shares with others.
pub type Params = &'static [&'static [Param]];

/// The parameters of one request.
#[derive(Debug)]
pub struct Query<'a> {
    pairs: Vec<(&'static str, Cow<'a, str>)>,
    fields: Option<&'a Fields>,
    attributes: Vec<AskedAttribute<'a>>,
}

/// An attribute that is a parameter.
#[derive(Debug)]
pub struct AskedAttribute<'a> {
    /// Which.
    pub field: FieldId,
    /// Whether its name ended with `!`.
    pub is_negated: bool,
    /// The value.
    pub value: Cow<'a, str>,
}

/// What ends the name of an attribute that is not to have a value.
const NEGATION: char = '!';

impl<'a> Query<'a> {
    /// Reads a query string against the parameters that a resource knows.
    ///
    /// # Errors
    /// When a name is unknown or repeated, a value is empty, an escape is
    /// malformed or the whole is too long.
    pub fn parse(text: &'a str, known: Params) -> Result<Self, Problem> {
        Self::read(text, known, None)
    }

    /// The same where the attributes of a collection are parameters, too; each may be there
    /// any number of times.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn parse_with_attributes(
        text: &'a str,
        known: Params,
        fields: &'a Fields,
    ) -> Result<Self, Problem> {
        Self::read(text, known, Some(fields))
    }

    fn read(text: &'a str, known: Params, fields: Option<&'a Fields>) -> Result<Self, Problem> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(Problem::new(
                Code::QueryTooLong,
                format!("the query string must have at most {MAX_QUERY_BYTES} bytes"),
            )
            .got(&format!("{} bytes", text.len()))
            .allowed(format!("at most {MAX_QUERY_BYTES} bytes")));
        }
        let has_escapes = memchr2(b'%', b'+', text.as_bytes()).is_some();
        let decoded = |part: &'a str| {
            if has_escapes {
                unescaped(part).map(Cow::Owned)
            } else {
                Ok(Cow::Borrowed(part))
            }
        };
        let mut pairs: Vec<(&'static str, Cow<'a, str>)> = Vec::with_capacity(8);
        let mut attributes = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (pair, after) = cut(rest, b'&');
            rest = after;
            if pair.is_empty() {
                continue;
            }
            let (name, value) = cut(pair, b'=');
            let name = decoded(name)?;
            let Some(param) = known
                .iter()
                .copied()
                .flatten()
                .find(|param| param.name == name)
            else {
                let (field, is_negated) = fields
                    .and_then(|fields| attribute(fields, &name))
                    .ok_or_else(|| unknown(&name, known, fields))?;
                let value = decoded(value).map_err(|problem| problem.at(&*name))?;
                if value.is_empty() {
                    return Err(is_empty(&name));
                }
                attributes.push(AskedAttribute {
                    field,
                    is_negated,
                    value,
                });
                continue;
            };
            if !param.repeatable && pairs.iter().any(|(seen, _)| *seen == param.name) {
                return Err(Problem::new(
                    Code::ParameterRepeated,
                    format!("{} must be given once only", param.name),
                )
                .at(param.name)
                .got(value)
                .allowed("one value"));
            }
            let value = decoded(value).map_err(|problem| problem.at(param.name))?;
            if value.is_empty() {
                return Err(is_empty(param.name));
            }
            pairs.push((param.name, value));
        }
        Ok(Self {
            pairs,
            fields,
            attributes,
        })
    }

    /// The attributes that are asked for, in their order, and the fields that they are of.
    #[must_use]
    pub fn attributes(&self) -> Option<(&Fields, &[AskedAttribute<'a>])> {
        let fields = self.fields.filter(|_| !self.attributes.is_empty())?;
        Some((fields, &self.attributes))
    }

    /// The value of a parameter that is there at most once.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of a parameter, in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value.as_ref())
    }
}

fn is_empty(name: &str) -> Problem {
    Problem::invalid(name, "an empty text", "given with a value, or left out")
}

/// The attribute of a name, and whether the name is negated.
fn attribute(fields: &Fields, name: &str) -> Option<(FieldId, bool)> {
    let plain = name.strip_suffix(NEGATION);
    let field = fields.find(plain.unwrap_or(name))?;
    field.attribute().map(|_| (field, plain.is_some()))
}

fn unknown(name: &str, known: Params, fields: Option<&Fields>) -> Problem {
    let attributes = fields.into_iter().flat_map(Fields::attributes);
    let attributes = attributes.map(|attribute| attribute.name.as_str());
    let names = known.iter().copied().flatten().map(|param| param.name);
    let names: Vec<&str> = names.chain(attributes).collect();
    let allowed = if names.is_empty() {
        "no parameters".to_owned()
    } else {
        names.join(", ")
    };
    let hint = suggestion(name, &names)
        .map(|meant| format!("; did you mean `{meant}`?"))
        .unwrap_or_default();
    let short: String = name.chars().take(40).collect();
    Problem::new(
        Code::ParameterUnknown,
        format!("`{short}` is not a parameter of this resource{hint}"),
    )
    .at(short)
    .got(name)
    .allowed(allowed)
}

/// The known name that was probably meant: others call it so, one begins with
/// the other, or few letters differ.
fn suggestion<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let name: String = name.chars().take(40).collect::<String>().to_lowercase();
    if name.is_empty() {
        return None;
    }
    if let Some((_, meant)) = OTHER_NAMES.iter().find(|(other, _)| *other == name)
        && let Some(known) = known.iter().find(|known| *known == meant)
    {
        return Some(known);
    }
    let begins = |known: &&&str| name.starts_with(**known) || known.starts_with(&name);
    known.iter().find(begins).copied().or_else(|| {
        known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(&name, known), *known))
            .filter(|(edits, _)| *edits <= NEAR_MISS_EDITS)
            .min_by_key(|(edits, _)| *edits)
            .map(|(_, known)| known)
    })
}

/// The parts of a query string that are not of this parameter.
pub fn without<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    text.split('&').filter(move |part| {
        let (written, _) = cut(part, b'=');
        let is_it = written == name
            || memchr2(b'%', b'+', written.as_bytes()).is_some()
                && unescaped(written).is_ok_and(|written| written == name);
        !part.is_empty() && !is_it
    })
}

/// What is before the first such ASCII character, and what is behind it. Faster on
/// short texts than [`str::split_once`].
fn cut(text: &str, at: u8) -> (&str, &str) {
    match memchr(at, text.as_bytes()) {
        Some(place) => (&text[..place], &text[place + 1..]),
        None => (text, ""),
    }
}

/// Undoes form encoding (WHATWG URL, section 5.1): `+` is a space and `%XX` a
/// byte of UTF-8. Unlike there, malformed escapes are errors.
fn unescaped(text: &str) -> Result<String, Problem> {
    let malformed = || {
        Problem::new(
            Code::QueryMalformed,
            "the query string must be percent-encoded UTF-8",
        )
        .got(text)
        .allowed("UTF-8 with `%` and two hexadecimal digits for each escaped byte")
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2).ok_or_else(malformed)?;
                bytes.push(hex(digits).ok_or_else(malformed)?);
                rest = after;
            }
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value * 16 + u8::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Params = &[
        &[
            Param::once("lat"),
            Param::once("lng"),
            Param::once("radius_m"),
        ],
        &[Param::repeatable("country")],
    ];

    fn code_of(text: &str) -> Code {
        Query::parse(text, KNOWN).unwrap_err().code()
    }

    #[test]
    fn values_are_decoded_and_keep_their_order() {
        let query = Query::parse("country=C%C3%B4te+d%27Ivoire&lat=1&country=%2B", KNOWN).unwrap();
        assert_eq!(query.one("lat"), Some("1"));
        assert_eq!(query.one("lng"), None);
        let countries: Vec<&str> = query.all("country").collect();
        assert_eq!(countries, ["Côte d'Ivoire", "+"]);
    }

    #[test]
    fn what_is_unknown_repeated_empty_or_malformed_is_refused() {
        assert_eq!(code_of("lat=1&speed=2"), Code::ParameterUnknown);
        assert_eq!(code_of("lat=1&lat=1"), Code::ParameterRepeated);
        for empty in ["lat", "lat=", "country="] {
            assert_eq!(code_of(empty), Code::ParameterInvalid, "{empty}");
        }
        for malformed in [
            "lat=%",
            "lat=%1",
            "lat=%zz",
            "lat=%+1",
            "country=%ff",
            "%=1",
        ] {
            assert_eq!(code_of(malformed), Code::QueryMalformed, "{malformed}");
        }
        let longest = format!("country={}", "a".repeat(MAX_QUERY_BYTES - "country=".len()));
        assert!(Query::parse(&longest, KNOWN).is_ok());
        assert_eq!(code_of(&(longest + "a")), Code::QueryTooLong);
    }

    #[test]
    fn a_near_miss_is_answered_with_what_was_meant() {
        let known = ["lat", "lng", "radius_m", "limit"];
        for (given, meant) in [
            ("lon", Some("lng")),
            ("latitude", Some("lat")),
            ("LAT", Some("lat")),
            ("radius", Some("radius_m")),
            ("limti", Some("limit")),
            ("speed", None),
            ("", None),
        ] {
            assert_eq!(suggestion(given, &known), meant, "{given}");
        }
    }
}
