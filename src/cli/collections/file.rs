//! Collections out of a TOML file:
//!
//! ```toml
//! [collections.shops]
//! table = "shops"
//! id = "shop_id"
//! name = "title"
//! latitude = "lat"
//! longitude = "lon"
//! country = "country_code"
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use toml::Spanned;

use crate::store::{Collection, CollectionName, ColumnName, Field};
use crate::wire::TOML_WORDS;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    collections: BTreeMap<Spanned<String>, Spanned<Declaration>>,
}

/// A collection as it is written: the values of its keys.
type Declaration = HashMap<Key, Spanned<String>>;

/// A key that a declaration may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Table,
    Column(Field),
}

const TABLE: &str = "table";

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == TABLE {
            return Ok(Self::Table);
        }
        let field = Field::all().find(|field| field.name() == text);
        field.map(Self::Column).ok_or_else(|| {
            let fields: Vec<&str> = Field::all().map(Field::name).collect();
            de::Error::custom(format!(
                "there is no key `{text}`: the keys are {TABLE}, {}",
                fields.join(", ")
            ))
        })
    }
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read or says something that cannot be: with the line.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Collection>> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    parse(&text).with_context(|| format!("{shown} declares no collections as it is"))
}

/// Reads a declaration on the command line: the keys of the file, without it.
///
/// # Errors
/// When it says something that cannot be.
pub(super) fn of_flag(text: &str) -> anyhow::Result<Vec<Collection>> {
    let wrong = || {
        format!(
            "`--declare {text}` declares no collection: write NAME: table=TABLE id=COLUMN \
             name=COLUMN latitude=COLUMN longitude=COLUMN, and what else there is"
        )
    };
    let (name, columns) = text.split_once(':').with_context(wrong)?;
    let mut lines = format!("[collections.{name:?}]\n");
    for pair in columns.split_whitespace() {
        let (key, column) = pair.split_once('=').with_context(wrong)?;
        // Quoted, so that nothing in them is TOML's own.
        let _ = writeln!(lines, "{key:?} = {column:?}");
    }
    parse(&lines).with_context(wrong)
}

fn parse(text: &str) -> anyhow::Result<Vec<Collection>> {
    let file: File = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => at(text, span, &TOML_WORDS.message(error.message())),
        None => anyhow!("{}", TOML_WORDS.message(error.message())),
    })?;
    file.collections
        .into_iter()
        .map(|(name, declaration)| collection(text, &name, declaration))
        .collect()
}

fn collection(
    text: &str,
    name: &Spanned<String>,
    declaration: Spanned<Declaration>,
) -> anyhow::Result<Collection> {
    let here = name.span();
    let public =
        CollectionName::new(name.get_ref()).map_err(|error| at(text, here.clone(), &error))?;
    if Collection::built_in().iter().any(|c| c.name == public) {
        let taken = format!("the collection {public} is built in: choose another name");
        return Err(at(text, here, &taken));
    }
    let mut table = None;
    let mut columns = BTreeMap::new();
    for (key, value) in declaration.into_inner() {
        let column =
            ColumnName::new(value.get_ref()).map_err(|error| at(text, value.span(), &error))?;
        match key {
            Key::Table => table = Some(column),
            Key::Column(field) => {
                columns.insert(field, column);
            }
        }
    }
    let missing = "`table` is missing: name the table that holds the rows";
    let table = table.ok_or_else(|| at(text, here.clone(), &missing))?;
    Collection::new(public, table, columns).map_err(|error| at(text, here, &error))
}

/// What is wrong, with the line where it is.
fn at(text: &str, span: Range<usize>, wrong: &dyn std::fmt::Display) -> anyhow::Error {
    let before = text.get(..span.start).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    anyhow!("line {number}, `{line}`: {wrong}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TextField;

    const SHOPS: &str = "
[collections.shops]
table = \"shops\"
id = \"shop_id\"
name = \"title\"
latitude = \"lat\"
longitude = \"lon\"
country = \"country_code\"
";

    #[test]
    fn a_table_and_its_columns_are_read() {
        let read = parse(SHOPS).unwrap();
        let [shops] = read.as_slice() else {
            panic!("{read:?}");
        };
        assert_eq!(
            (shops.name.as_str(), shops.table.as_str()),
            ("shops", "shops")
        );
        assert_eq!(
            (shops.id.as_str(), shops.longitude.as_str()),
            ("shop_id", "lon")
        );
        let country = shops.text(TextField::Country).map(ColumnName::as_str);
        assert_eq!(country, Some("country_code"));
        assert!(!shops.is_located());
        assert!(parse("[collections]").unwrap().is_empty());
    }

    #[test]
    fn a_flag_says_what_a_file_does() {
        let flag = "shops: table=shops id=shop_id name=title latitude=lat longitude=lon \
                    country=country_code";
        assert_eq!(of_flag(flag).unwrap(), parse(SHOPS).unwrap());
        for (flag, told) in [
            ("shops", "NAME: table=TABLE"),
            ("shops: table", "NAME: table=TABLE"),
            ("shops: table=shops", "`id` is missing"),
            (
                "shops: table=shops tabel=x",
                "`tabel`: the keys are table, id",
            ),
            ("shops: table=a`b", "letters, digits or underscores"),
            ("a\"]\nb: table=x", "a-z, 0-9 and -"),
            ("shops: table=x #=y", "`#"),
        ] {
            let error = format!("{:#}", of_flag(flag).expect_err(flag));
            assert!(error.contains(told), "{told} in {error} of {flag}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_its_line_and_what_can() {
        let with = |from: &str, to: &str| SHOPS.replace(from, to);
        for (text, told) in [
            (
                with("name =", "titel ="),
                &["line 5", "`titel`", "table, id, latitude"][..],
            ),
            (
                with("[collections.", "[colections."),
                &["line 2", "`colections`", "`collections`"],
            ),
            (with("\"lat\"", "7"), &["line 6", "integer", "string"]),
            (
                with("\"lat\"", "\"l`at\""),
                &["line 6", "`l`at`", "letters, digits or underscores"],
            ),
            (with("\"lat\"", "\"\""), &["line 6", "1 to 64"]),
            (
                with("\"lat\"", "\"lon\""),
                &["line 2", "`latitude` and `longitude`", "lon", "once"],
            ),
            (
                with("\"lat\"", "\"LON\""),
                &["line 2", "`latitude` and `longitude`"],
            ),
            (
                with("id = ", "# id = "),
                &["line 2", "`id` is missing", "name the column"],
            ),
            (
                with("table = ", "# table = "),
                &["line 2", "`table` is missing"],
            ),
            (
                with(".shops]", ".Shops]"),
                &["line 2", "`Shops`", "a-z, 0-9 and -"],
            ),
            (
                with(".shops]", ".centers]"),
                &["line 2", "centers is built in"],
            ),
            (
                with(".shops]", ".dive-sites]"),
                &["line 2", "dive-sites is built in"],
            ),
            (with("id =", "id"), &["line 4"]),
            (format!("{SHOPS}id = \"a\"\n"), &["line 9", "duplicate"]),
            (
                format!("{SHOPS}[collections.shops]"),
                &["line 9", "duplicate"],
            ),
            (
                "collections = 7".to_owned(),
                &["line 1", "expected a table"],
            ),
            (String::new(), &["`collections`"]),
        ] {
            let error = format!("{:#}", parse(&text).expect_err(&text));
            for told in told {
                assert!(error.contains(told), "{told} in {error} of {text}");
            }
        }
    }
}
