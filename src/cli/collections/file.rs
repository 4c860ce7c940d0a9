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
//! service_radius_m = "delivers_within"
//! opening_hours = "hours"
//! time_zone = "zone"
//!
//! [collections.shops.attributes]
//! category = "text"
//! rating = { column = "stars", type = "number" }
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::cli::attributes::kind_of;
use crate::domain::{OPENING_HOURS, SERVICE_RADIUS, TIME_ZONE, time_zone};
use crate::store::{Attribute, Collection, CollectionName, ColumnName, Field};
use crate::wire::TOML_WORDS;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    collections: BTreeMap<Spanned<String>, Spanned<Declaration>>,
}

/// A collection as it is written.
#[derive(Default)]
struct Declaration {
    columns: HashMap<Key, Spanned<String>>,
    attributes: Vec<(Spanned<String>, Spanned<AttributeForm>)>,
}

/// A key that a declaration may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Table,
    Attributes,
    ServiceRadius,
    OpeningHours,
    TimeZone,
    TimeZoneOfAll,
    Column(Field),
}

impl<'de> Deserialize<'de> for Declaration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKeys;
        impl<'de> Visitor<'de> for OfKeys {
            type Value = Declaration;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the keys of a collection")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<Declaration, A::Error> {
                let mut read = Declaration::default();
                while let Some(key) = keys.next_key()? {
                    if key == Key::Attributes {
                        let attributes: BTreeMap<_, _> = keys.next_value()?;
                        read.attributes = attributes.into_iter().collect();
                        // In the order of the file.
                        read.attributes.sort_by_key(|(name, _)| name.span().start);
                    } else {
                        read.columns.insert(key, keys.next_value()?);
                    }
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(OfKeys)
    }
}

/// An attribute as it is written: its kind, or its column and its kind. No spans within:
/// serde loses them where it tries one form after the other.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a kind as in \"text\", or a table as in { column = \"stars\", type = \"number\" }"
)]
enum AttributeForm {
    Kind(String),
    Table(AttributeTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributeTable {
    column: Option<String>,
    r#type: String,
}

/// What a file declares.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Declared {
    /// Collections beside the built-in ones.
    pub(super) collections: Vec<Collection>,
    /// What is declared of built-in ones.
    pub(super) of_built_in: Vec<OfBuiltIn>,
}

/// What a file declares of a built-in collection.
#[derive(Debug, PartialEq)]
pub(super) struct OfBuiltIn {
    pub(super) name: CollectionName,
    pub(super) attributes: Vec<Attribute>,
    /// The time zone that all its rows are in.
    pub(super) time_zone: Option<Tz>,
}

const TABLE: &str = "table";
const ATTRIBUTES: &str = "attributes";
const TIME_ZONE_OF_ALL: &str = "time_zone_of_all";

impl Key {
    /// Those that are read apart from the columns that every collection may have.
    const APART: [(&'static str, Self); 4] = [
        (SERVICE_RADIUS, Self::ServiceRadius),
        (OPENING_HOURS, Self::OpeningHours),
        (TIME_ZONE, Self::TimeZone),
        (TIME_ZONE_OF_ALL, Self::TimeZoneOfAll),
    ];
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == TABLE {
            return Ok(Self::Table);
        }
        if text == ATTRIBUTES {
            return Ok(Self::Attributes);
        }
        if let Some((_, key)) = Self::APART.iter().find(|(name, _)| *name == text) {
            return Ok(*key);
        }
        let field = Field::all().find(|field| field.name() == text);
        field.map(Self::Column).ok_or_else(|| {
            let apart = Self::APART.map(|(name, _)| name);
            let fields: Vec<&str> = Field::all().map(Field::name).chain(apart).collect();
            de::Error::custom(format!(
                "there is no key `{text}`: the keys are {TABLE}, {}, {ATTRIBUTES}",
                fields.join(", ")
            ))
        })
    }
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read or says something that cannot be: with the line.
pub(super) fn read(path: &Path) -> anyhow::Result<Declared> {
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
    let declared = parse(&lines).with_context(wrong)?;
    Ok(declared.collections)
}

fn parse(text: &str) -> anyhow::Result<Declared> {
    let file: File = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => at(text, span, &TOML_WORDS.message(error.message())),
        None => anyhow!("{}", TOML_WORDS.message(error.message())),
    })?;
    let mut declared = Declared::default();
    for (name, declaration) in file.collections {
        let mut declaration = declaration.into_inner();
        let mut attributes = attributes(text, &declaration.attributes)?;
        let apart = attributes_apart(text, &mut declaration.columns)?;
        attributes.splice(0..0, apart);
        let here = name.span();
        let time_zone = time_zone_of_all(text, &mut declaration.columns)?;
        let has = |name: &str| attributes.iter().any(|other| other.name.as_str() == name);
        if has(OPENING_HOURS) != (has(TIME_ZONE) || time_zone.is_some()) {
            let wrong = format!(
                "`{OPENING_HOURS}` and a time zone come together: name the column `{TIME_ZONE}`, or \
                 the zone of all rows as in `{TIME_ZONE_OF_ALL} = \"Europe/Athens\"`"
            );
            return Err(at(text, here, &wrong));
        }
        let public =
            CollectionName::new(name.get_ref()).map_err(|error| at(text, here.clone(), &error))?;
        let wrong = |error| at(text, here.clone(), &error);
        let built_in = Collection::built_in().into_iter();
        if let Some(built_in) = built_in.into_iter().find(|other| other.name == public) {
            if !declaration.columns.is_empty() || attributes.is_empty() {
                let taken = format!(
                    "the collection {public} is built in: choose another name, or declare only \
                     its {SERVICE_RADIUS}, its {OPENING_HOURS} and its attributes, in \
                     [collections.{public}.{ATTRIBUTES}]"
                );
                return Err(at(text, here, &taken));
            }
            built_in
                .with_attributes(attributes.clone())
                .map_err(wrong)?;
            let of_it = OfBuiltIn {
                name: public,
                attributes,
                time_zone,
            };
            declared.of_built_in.push(of_it);
        } else {
            let collection = collection(text, here.clone(), public, declaration.columns)?;
            let collection = collection.with_attributes(attributes).map_err(wrong)?;
            declared
                .collections
                .push(collection.in_time_zone(time_zone));
        }
    }
    Ok(declared)
}

fn attributes(
    text: &str,
    declared: &[(Spanned<String>, Spanned<AttributeForm>)],
) -> anyhow::Result<Vec<Attribute>> {
    let name_of = |name: &str, span: &Range<usize>| {
        ColumnName::new(name).map_err(|error| at(text, span.clone(), &error))
    };
    let declared = declared.iter();
    declared
        .map(|(name, form)| {
            let (column, said) = match form.get_ref() {
                AttributeForm::Kind(kind) => (None, kind),
                AttributeForm::Table(AttributeTable { column, r#type }) => {
                    (column.as_ref(), r#type)
                }
            };
            let known = kind_of(said).map_err(|wrong| at(text, form.span(), &wrong))?;
            let own = name.get_ref();
            let mut apart = Key::APART.iter().map(|(name, _)| *name);
            if let Some(key) = apart.find(|name| own.eq_ignore_ascii_case(name)) {
                let wrong = format!(
                    "`{own}` is no attribute: it stands beside `latitude`, as in `{key} = \"…\"`"
                );
                return Err(at(text, name.span(), &wrong));
            }
            let column = match column {
                Some(column) => name_of(column, &form.span())?,
                None => name_of(own, &name.span())?,
            };
            Ok(Attribute::new(name_of(own, &name.span())?, known, column))
        })
        .collect()
}

fn collection(
    text: &str,
    here: Range<usize>,
    public: CollectionName,
    declared: HashMap<Key, Spanned<String>>,
) -> anyhow::Result<Collection> {
    let mut table = None;
    let mut columns = BTreeMap::new();
    for (key, value) in declared {
        let column = column_of(text, &value)?;
        match key {
            Key::Table => table = Some(column),
            // Read apart.
            Key::Attributes
            | Key::ServiceRadius
            | Key::OpeningHours
            | Key::TimeZone
            | Key::TimeZoneOfAll => {}
            Key::Column(field) => {
                columns.insert(field, column);
            }
        }
    }
    let missing = "`table` is missing: name the table that holds the rows";
    let table = table.ok_or_else(|| at(text, here.clone(), &missing))?;
    Collection::new(public, table, columns).map_err(|error| at(text, here, &error))
}

/// The attributes that have keys of their own, which are taken out of the declaration.
fn attributes_apart(
    text: &str,
    declared: &mut HashMap<Key, Spanned<String>>,
) -> anyhow::Result<Vec<Attribute>> {
    type Of = fn(ColumnName) -> Attribute;
    let of_keys: [(Key, Of); 3] = [
        (Key::ServiceRadius, Attribute::service_radius),
        (Key::OpeningHours, Attribute::opening_hours),
        (Key::TimeZone, Attribute::time_zone),
    ];
    let named = of_keys
        .into_iter()
        .filter_map(|(key, of)| Some((declared.remove(&key)?, of)));
    named
        .map(|(column, of)| Ok(of(column_of(text, &column)?)))
        .collect()
}

fn time_zone_of_all(
    text: &str,
    declared: &mut HashMap<Key, Spanned<String>>,
) -> anyhow::Result<Option<Tz>> {
    let Some(named) = declared.remove(&Key::TimeZoneOfAll) else {
        return Ok(None);
    };
    let name = named.get_ref();
    let zone = time_zone(name).ok_or_else(|| {
        let wrong = format!("there is no time zone `{name}`: they are called as in Europe/Athens");
        at(text, named.span(), &wrong)
    })?;
    Ok(Some(zone))
}

fn column_of(text: &str, value: &Spanned<String>) -> anyhow::Result<ColumnName> {
    ColumnName::new(value.get_ref()).map_err(|error| at(text, value.span(), &error))
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
    use crate::domain::{FieldKind, TextField};

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
        let read = parse(SHOPS).unwrap().collections;
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
        assert_eq!(parse("[collections]").unwrap(), Declared::default());
    }

    #[test]
    fn a_flag_says_what_a_file_does() {
        let flag = "shops: table=shops id=shop_id name=title latitude=lat longitude=lon \
                    country=country_code";
        assert_eq!(of_flag(flag).unwrap(), parse(SHOPS).unwrap().collections);
        for (flag, told) in [
            ("shops", "NAME: table=TABLE"),
            ("shops: table", "NAME: table=TABLE"),
            ("shops: table=shops", "`id` is missing"),
            (
                "shops: table=shops tabel=x",
                "`tabel`: the keys are table, id",
            ),
            ("shops: table=a`b", "letters of any script, digits"),
            ("a\"]\nb: table=x", "a-z, 0-9 and -"),
            ("shops: table=x #=y", "`#"),
        ] {
            let error = format!("{:#}", of_flag(flag).expect_err(flag));
            assert!(error.contains(told), "{told} in {error} of {flag}");
        }
    }

    const ATTRIBUTES_OF_SHOPS: &str = "
[collections.shops.attributes]
wheelchair = \"boolean\"
rating = { column = \"stars\", type = \"number\" }
category = \"text\"
";

    #[test]
    fn attributes_are_read_in_their_order() {
        let read = parse(&format!("{SHOPS}{ATTRIBUTES_OF_SHOPS}")).unwrap();
        let attributes = read.collections[0].attributes().iter();
        let attributes: Vec<_> = attributes
            .map(|other| (other.name.as_str(), other.kind, other.column.as_str()))
            .collect();
        let expected = [
            ("wheelchair", FieldKind::Boolean, "wheelchair"),
            ("rating", FieldKind::Number, "stars"),
            ("category", FieldKind::Text, "category"),
        ];
        assert_eq!(attributes, expected);
        let of_built_in = parse("[collections.centers.attributes]\nstars = \"number\"").unwrap();
        let [of_centers] = of_built_in.of_built_in.as_slice() else {
            panic!("{of_built_in:?}");
        };
        let (name, attributes) = (&of_centers.name, &of_centers.attributes);
        assert_eq!((name.as_str(), attributes.len()), ("centers", 1));
    }

    #[test]
    fn how_far_rows_reach_is_named_beside_their_coordinates() {
        let named = format!("{SHOPS}service_radius_m = \"reach\"\n{ATTRIBUTES_OF_SHOPS}");
        let read = parse(&named).unwrap();
        let shops = &read.collections[0];
        let first = &shops.attributes()[0];
        assert_eq!(
            (first.name.as_str(), first.kind, first.column.as_str()),
            (SERVICE_RADIUS, FieldKind::Number, "reach")
        );
        assert_eq!(
            shops.fields().service_radius(),
            shops.fields().find(SERVICE_RADIUS)
        );
        let flag = "shops: table=shops id=shop_id name=title latitude=lat longitude=lon \
                    service_radius_m=reach";
        assert!(
            of_flag(flag).unwrap()[0]
                .fields()
                .service_radius()
                .is_some()
        );
        let of_built_in = parse("[collections.centers]\nservice_radius_m = \"reach\"").unwrap();
        assert_eq!(of_built_in.of_built_in[0].attributes.len(), 1);
        for (wrong, told) in [
            (
                named.replace("\"reach\"", "\"lat\""),
                "column of another field",
            ),
            (named.replace("\"reach\"", "\"re`ach\""), "line 9"),
            (
                format!("{SHOPS}[collections.shops.attributes]\nservice_radius_m = \"number\""),
                "beside `latitude`",
            ),
        ] {
            let error = format!("{:#}", parse(&wrong).expect_err(&wrong));
            assert!(error.contains(told), "{told} in {error} of {wrong}");
        }
    }

    #[test]
    fn opening_hours_come_with_a_time_zone() {
        let with = |keys: &str| format!("{SHOPS}{keys}");
        for keys in [
            "opening_hours = \"hours\"\ntime_zone = \"zone\"",
            "opening_hours = \"hours\"\ntime_zone_of_all = \"Europe/Athens\"",
        ] {
            let read = parse(&with(keys)).unwrap();
            assert!(read.collections[0].fields().opening().is_some(), "{keys}");
        }
        let of_built_in =
            "[collections.centers]\nopening_hours = \"hours\"\ntime_zone_of_all = \"UTC\"";
        assert!(
            parse(of_built_in).unwrap().of_built_in[0]
                .time_zone
                .is_some()
        );
        for (keys, told) in [
            ("opening_hours = \"hours\"", "come together"),
            ("time_zone = \"zone\"", "come together"),
            (
                "opening_hours = \"hours\"\ntime_zone_of_all = \"Athens\"",
                "there is no time zone `Athens`",
            ),
            (
                "[collections.shops.attributes]\nopening_hours = \"text\"",
                "beside `latitude`",
            ),
        ] {
            let error = format!("{:#}", parse(&with(keys)).expect_err(keys));
            assert!(error.contains(told), "{told} in {error} of {keys}");
        }
    }

    #[test]
    fn attributes_that_cannot_be_are_told_with_what_can() {
        let with =
            |from: &str, to: &str| format!("{SHOPS}{}", ATTRIBUTES_OF_SHOPS.replace(from, to));
        for (text, told) in [
            (
                with("\"boolean\"", "\"bool\""),
                &["line 11", "`bool`", "text, number, boolean, date"][..],
            ),
            (with("\"boolean\"", "7"), &["line 11", "as in \"text\""]),
            (with("type =", "kind ="), &["line 12"]),
            (
                with("category =", "limit ="),
                &["`limit` cannot be the name"],
            ),
            (with("category =", "City ="), &["`City` cannot be the name"]),
            (with("category =", "Rating ="), &["`Rating` is named twice"]),
            (with("category =", "lat ="), &["`lat` cannot be the name"]),
            (
                with("\"stars\"", "\"country_code\""),
                &["`rating` is named twice"],
            ),
            (
                with("category =", "\"a.b\" ="),
                &["line 13", "letters of any script, digits"],
            ),
            (
                "[collections.centers]\ntable = \"a\"".to_owned(),
                &[
                    "line 1",
                    "centers is built in",
                    "[collections.centers.attributes]",
                ],
            ),
        ] {
            let error = format!("{:#}", parse(&text).expect_err(&text));
            for told in told {
                assert!(error.contains(told), "{told} in {error} of {text}");
            }
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
                &["line 6", "`l`at`", "letters of any script, digits"],
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
