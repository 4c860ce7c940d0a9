//! The tokens of CQL2 Text.

use super::error::{Cql2Error, Fault};
use crate::domain::Comparison;

/// Words that cannot be the name of a property unless they are quoted.
const RESERVED: [&str; 10] = [
    "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "TRUE", "FALSE",
];

/// A token and the piece of text that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'t> {
    pub kind: Kind<'t>,
    pub source: &'t str,
    /// Its first byte.
    pub start: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'t> {
    /// A keyword, or a name without quotes.
    Word(&'t str),
    /// A name in double quotes.
    QuotedName(String),
    /// A text in single quotes.
    Text(String),
    Number(f64),
    Comparison(Comparison),
    Open,
    Close,
    Comma,
    /// A character that begins no token.
    Other,
    End,
}

impl Token<'_> {
    /// Whether it is a keyword, written in whatever case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self.kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// Whether a word is a keyword that no property can be called without quotes.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// Whether a word can be a name without quotes.
fn begins_a_name(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | ':')
}

fn continues_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '.')
}

/// Reads one token after the other.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'t> {
    text: &'t str,
    /// How many bytes are read.
    read: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, read: 0 }
    }

    /// The next token; [`Kind::End`] behind the last one.
    pub(super) fn next(&mut self) -> Result<Token<'t>, Cql2Error> {
        let rest = self.text[self.read..].trim_start();
        let start = self.text.len() - rest.len();
        let (kind, length) = self.token(rest, start)?;
        self.read = start + length;
        Ok(Token {
            kind,
            source: &rest[..length],
            start,
        })
    }

    /// A piece of the text.
    pub(super) fn between(&self, start: usize, end: usize) -> &'t str {
        &self.text[start..end]
    }

    /// An error about a piece of the text.
    pub(super) fn error(&self, start: usize, got: &str, fault: Fault) -> Cql2Error {
        Cql2Error {
            at: self.text[..start].chars().count() + 1,
            got: got.to_owned(),
            fault,
        }
    }

    fn token(&self, rest: &'t str, start: usize) -> Result<(Kind<'t>, usize), Cql2Error> {
        let Some(first) = rest.chars().next() else {
            return Ok((Kind::End, 0));
        };
        let starts = |prefix: &str| rest.starts_with(prefix);
        Ok(match first {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '=' => (Kind::Comparison(Comparison::Equal), 1),
            '<' if starts("<>") => (Kind::Comparison(Comparison::Unequal), 2),
            '<' if starts("<=") => (Kind::Comparison(Comparison::LessOrEqual), 2),
            '<' => (Kind::Comparison(Comparison::Less), 1),
            '>' if starts(">=") => (Kind::Comparison(Comparison::GreaterOrEqual), 2),
            '>' => (Kind::Comparison(Comparison::Greater), 1),
            '\'' | '"' => {
                let open = || self.error(start, rest, Fault::OpenQuote);
                let (content, length) = quoted(rest, first).ok_or_else(open)?;
                if first == '"' {
                    (Kind::QuotedName(content), length)
                } else {
                    (Kind::Text(content), length)
                }
            }
            '0'..='9' | '+' | '-' | '.' => match number_length(rest) {
                0 => (Kind::Other, 1),
                length => {
                    let number = rest[..length].parse().ok().filter(|n: &f64| n.is_finite());
                    let wrong = || self.error(start, &rest[..length], Fault::NoNumber);
                    (Kind::Number(number.ok_or_else(wrong)?), length)
                }
            },
            first if begins_a_name(first) => {
                let length = rest.find(|c| !continues_a_name(c)).unwrap_or(rest.len());
                (Kind::Word(&rest[..length]), length)
            }
            other => (Kind::Other, other.len_utf8()),
        })
    }
}

/// What stands in quotes, and how many bytes that took; `None` where they stay open.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            content.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Some((content, at + quote.len_utf8()));
        }
    }
    None
}

/// How many bytes a number takes that begins here: a sign, digits with a point, an
/// exponent. 0 where there is none.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits_from = |from: usize| {
        let digits = bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        from + digits.count()
    };
    let sign_at = |at: usize| usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let start = sign_at(0);
    let whole = digits_from(start);
    let mut end = whole;
    let mut digits = whole - start;
    if bytes.get(whole) == Some(&b'.') {
        end = digits_from(whole + 1);
        digits += end - whole - 1;
    }
    if digits == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + sign_at(end + 1);
        let exponent_end = digits_from(exponent.min(bytes.len()));
        if exponent_end > exponent {
            end = exponent_end;
        }
    }
    end
}
