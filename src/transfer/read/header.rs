//! Which column, or property, holds which field.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::domain::TextField;

/// A field of a center, as files hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The number of the center.
    Id,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
    /// A text.
    Text(TextField),
}

impl Field {
    /// Every field that an import takes.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        [Self::Id, Self::Latitude, Self::Longitude]
            .into_iter()
            .chain(TextField::ALL.map(Self::Text))
    }

    /// The field's name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Text(field) => field.name(),
        }
    }

    /// Takes a field's own name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|field| field.name() == name)
    }

    /// Other names that files use for it. `x` and `y` are not among them: they
    /// are as often metres on a map as degrees, and in either order.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Id => &["center_id"],
            Self::Latitude => &["lat"],
            Self::Longitude => &["lng", "lon", "long"],
            Self::Text(field) => match field {
                TextField::Name => &["title"],
                TextField::Description => &["desc"],
                TextField::Address => &["street"],
                TextField::Email => &["e_mail", "mail"],
                TextField::Phone => &["telephone", "tel"],
                TextField::Website => &["url", "web", "homepage"],
                TextField::Country => &["country_code"],
                TextField::Region => &["state", "province"],
                TextField::City => &["town"],
                TextField::LogoUrl => &["logo"],
            },
        }
    }

    /// The field that a header's name stands for, whatever its case.
    fn of_header(header: &str) -> Option<Self> {
        let name = header
            .trim()
            .to_ascii_lowercase()
            .replace([' ', '-', '.'], "_");
        Self::all().find(|field| field.name() == name || field.aliases().contains(&name.as_str()))
    }
}

/// What an export writes and the store assigns by itself: never imported.
const ASSIGNED: [&str; 3] = ["view_count", "created_at", "updated_at"];

/// A column or property named on the command line for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The field.
    pub field: Field,
    /// The header or property that holds it, exactly as written in the file.
    pub column: String,
}

impl std::str::FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (field, column) = text
            .split_once('=')
            .filter(|(_, column)| !column.is_empty())
            .ok_or_else(|| format!("`{text}` is not FIELD=COLUMN, as in latitude=lat"))?;
        let field = Field::of_name(field).ok_or_else(|| {
            format!(
                "there is no field `{field}`; there are {}",
                Listed(Field::all().map(Field::name))
            )
        })?;
        Ok(Self {
            field,
            column: column.to_owned(),
        })
    }
}

/// Why a header cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// A column that `--map` names is not in the file.
    #[error("has no column `{column}` for {field}; it has {}", Listed(.has.iter()))]
    NoColumn {
        /// The field.
        field: &'static str,
        /// The column asked for.
        column: String,
        /// The columns there are.
        has: Vec<String>,
    },
    /// Two columns could hold the same field.
    #[error(
        "has several columns for {field}: {}; choose one with --map {field}=COLUMN",
        Listed(.columns.iter())
    )]
    Ambiguous {
        /// The field.
        field: &'static str,
        /// The columns.
        columns: Vec<String>,
    },
    /// A field that every file must have is missing.
    #[error(
        "has no column for {field}; it has {}; name the column with --map {field}=COLUMN (fields: {})",
        Listed(.has.iter()),
        Listed(Field::all().map(Field::name))
    )]
    Missing {
        /// The field.
        field: &'static str,
        /// The columns there are.
        has: Vec<String>,
    },
    /// `--map` names the same field twice.
    #[error("--map names {field} twice")]
    MappedTwice {
        /// The field.
        field: &'static str,
    },
    /// `--map` names a coordinate of a file that is no table of texts.
    #[error(
        "--map {field}: only CSV has coordinates in columns; GeoJSON has its coordinates in the geometry, and so have the others"
    )]
    MappedGeometry {
        /// The field.
        field: &'static str,
    },
}

/// Where each field is in a file, by position in a list of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) id: Option<usize>,
    /// Latitude and longitude, unless they stand in a geometry.
    pub(super) coordinates: Option<[usize; 2]>,
    texts: [Option<usize>; TextField::ALL.len()],
    /// How many columns there are, up to the last that has a name.
    pub(super) count: usize,
    /// Names of columns that map to nothing.
    pub(super) unused: Vec<String>,
}

impl Columns {
    /// Maps the header of a CSV file.
    pub(super) fn of_header(header: &[&str], mappings: &[Mapping]) -> Result<Self, HeaderError> {
        Self::of_names(header, mappings, true)
    }

    /// Maps the columns of a layer, which has a geometry besides.
    pub(super) fn of_layer(columns: &[&str], mappings: &[Mapping]) -> Result<Self, HeaderError> {
        check_geometry(mappings)?;
        Self::of_names(columns, mappings, false)
    }

    fn of_names(header: &[&str], mappings: &[Mapping], places: bool) -> Result<Self, HeaderError> {
        let has = || header.iter().map(ToString::to_string).collect::<Vec<_>>();
        check_mappings(mappings)?;
        let find = |field: Field| -> Result<Option<usize>, HeaderError> {
            let mapping = mappings.iter().find(|mapping| mapping.field == field);
            let candidates: Vec<usize> = (0..header.len())
                .filter(|&column| match mapping {
                    Some(mapping) => header[column] == mapping.column,
                    None => {
                        Field::of_header(header[column]) == Some(field)
                            && !mappings.iter().any(|other| other.column == header[column])
                    }
                })
                .collect();
            match (candidates.as_slice(), mapping) {
                (&[column], _) => Ok(Some(column)),
                ([], None) => Ok(None),
                ([], Some(mapping)) => Err(HeaderError::NoColumn {
                    field: field.name(),
                    column: mapping.column.clone(),
                    has: has(),
                }),
                (several, _) => Err(HeaderError::Ambiguous {
                    field: field.name(),
                    columns: several.iter().map(|&c| header[c].to_owned()).collect(),
                }),
            }
        };
        let required = |field: Field| {
            find(field)?.ok_or_else(|| HeaderError::Missing {
                field: field.name(),
                has: has(),
            })
        };
        let is_blank = |column: &usize| header[*column].trim().is_empty();
        let name = required(Field::Text(TextField::Name))?;
        let mut columns = Self {
            id: find(Field::Id)?,
            coordinates: if places {
                Some([required(Field::Latitude)?, required(Field::Longitude)?])
            } else {
                None
            },
            texts: [None; TextField::ALL.len()],
            // Behind the last name stand only cells that a spreadsheet left over.
            count: header.len() - (0..header.len()).rev().take_while(is_blank).count(),
            unused: Vec::new(),
        };
        columns.texts[TextField::Name as usize] = Some(name);
        for field in TextField::ALL {
            columns.texts[field as usize] = find(Field::Text(field))?;
        }
        let used: Vec<usize> = [columns.id]
            .into_iter()
            .chain(columns.texts)
            .flatten()
            .chain(columns.coordinates.into_iter().flatten())
            .collect();
        columns.unused = (0..header.len())
            .filter(|column| !used.contains(column) && !is_blank(column))
            .map(|column| header[column].to_owned())
            .collect();
        Ok(columns)
    }

    pub(super) fn text(&self, field: TextField) -> Option<usize> {
        self.texts[field as usize]
    }

    /// Which column holds which field, however that was asked for.
    pub(super) fn recipe(&self) -> String {
        let Self {
            id,
            coordinates,
            texts,
            ..
        } = self;
        format!("{id:?} {coordinates:?} {texts:?}")
    }
}

/// Which property of a Feature holds which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Properties {
    mappings: Vec<Mapping>,
}

impl Properties {
    pub(super) fn new(mappings: &[Mapping]) -> Result<Self, HeaderError> {
        check_mappings(mappings)?;
        check_geometry(mappings)?;
        Ok(Self {
            mappings: mappings.to_vec(),
        })
    }

    /// The field that a property holds. Properties have the names of the
    /// fields; aliases would be ambiguous from Feature to Feature.
    pub(super) fn field(&self, property: &str) -> Option<Field> {
        self.field_or(property, None)
    }

    /// The same of a format that has a name of its own for a field.
    pub(super) fn field_or(&self, property: &str, synonym: Option<TextField>) -> Option<Field> {
        if let Some(mapping) = self.mappings.iter().find(|m| m.column == property) {
            return Some(mapping.field);
        }
        Field::of_name(property)
            .or(synonym.map(Field::Text))
            .filter(|field| !self.mappings.iter().any(|m| m.field == *field))
            .filter(|field| !matches!(field, Field::Latitude | Field::Longitude))
    }

    /// Which property holds which field, of all that hold any: a mapping that says what
    /// holds anyway is not seen in it. `synonyms` are those of the format.
    pub(super) fn recipe(&self, synonyms: &[(&str, TextField)]) -> String {
        let mut names: Vec<&str> = Field::all().map(Field::name).collect();
        names.extend(self.mappings.iter().map(|mapping| mapping.column.as_str()));
        let fields: BTreeMap<_, _> = names
            .into_iter()
            .map(|name| (name, self.field(name).map(Field::name)))
            .collect();
        let of_format: Vec<_> = synonyms
            .iter()
            .map(|(name, field)| self.field_or(name, Some(*field)).map(Field::name))
            .collect();
        format!("{fields:?} {of_format:?}")
    }
}

/// Where coordinates stand in a geometry, no column holds them.
fn check_geometry(mappings: &[Mapping]) -> Result<(), HeaderError> {
    let in_geometry = mappings
        .iter()
        .find(|mapping| matches!(mapping.field, Field::Latitude | Field::Longitude));
    match in_geometry {
        Some(mapping) => Err(HeaderError::MappedGeometry {
            field: mapping.field.name(),
        }),
        None => Ok(()),
    }
}

fn check_mappings(mappings: &[Mapping]) -> Result<(), HeaderError> {
    for (index, mapping) in mappings.iter().enumerate() {
        if mappings[..index].iter().any(|m| m.field == mapping.field) {
            return Err(HeaderError::MappedTwice {
                field: mapping.field.name(),
            });
        }
    }
    Ok(())
}

/// Splits names that map to nothing into those that the store assigns and those
/// that are not known at all.
#[must_use]
pub fn split_unused(names: &[String]) -> (Vec<&str>, Vec<&str>) {
    names
        .iter()
        .map(String::as_str)
        .partition(|name| ASSIGNED.contains(&name.trim().to_ascii_lowercase().as_str()))
}

/// Names in a sentence.
pub struct Listed<I>(pub I);

impl<I, T> fmt::Display for Listed<I>
where
    I: Iterator<Item = T> + Clone,
    T: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.clone().enumerate() {
            write!(f, "{}`{name}`", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Mapping {
        text.parse().unwrap()
    }

    #[test]
    fn headers_are_known_by_usual_names_in_any_case() {
        let columns =
            Columns::of_header(&["Title", "LAT", "Lng", "E-Mail", "Logo URL", "mood"], &[])
                .unwrap();
        assert_eq!(columns.text(TextField::Name), Some(0));
        assert_eq!(columns.coordinates, Some([1, 2]));
        assert_eq!(columns.text(TextField::Email), Some(3));
        assert_eq!(columns.text(TextField::LogoUrl), Some(4));
        assert_eq!(columns.id, None);
        assert_eq!(columns.unused, ["mood"]);
    }

    #[test]
    fn a_mapping_wins_over_the_usual_name() {
        let header = ["name", "lat", "latitude", "lng"];
        let columns = Columns::of_header(&header, &[map("latitude=lat")]).unwrap();
        assert_eq!(columns.coordinates, Some([1, 3]));
        assert_eq!(columns.unused, ["latitude"]);
    }

    #[test]
    fn a_column_mapped_to_another_field_leaves_its_own() {
        let header = ["name", "title", "lat", "lng"];
        let mappings = [map("name=title"), map("description=name")];
        let columns = Columns::of_header(&header, &mappings).unwrap();
        assert_eq!(columns.text(TextField::Name), Some(1));
        assert_eq!(columns.text(TextField::Description), Some(0));
    }

    #[test]
    fn what_is_missing_or_ambiguous_is_said_with_what_there_is() {
        for (header, mappings, message) in [
            (
                &["name", "lat", "latitude", "lng"][..],
                &[][..],
                "has several columns for latitude: `lat`, `latitude`; choose one with --map latitude=COLUMN",
            ),
            (
                &["name", "lat", "lng"],
                &["latitude=breite"],
                "has no column `breite` for latitude; it has `name`, `lat`, `lng`",
            ),
            (
                &["name", "lat", "lng"],
                &["city=name", "city=lat"],
                "--map names city twice",
            ),
        ] {
            let mappings: Vec<_> = mappings.iter().map(|m| map(m)).collect();
            let error = Columns::of_header(header, &mappings).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let error = Columns::of_header(&["name", "x", "y"], &[]).unwrap_err();
        assert!(error.to_string().starts_with(
            "has no column for latitude; it has `name`, `x`, `y`; name the column with --map latitude=COLUMN"
        ));
    }

    #[test]
    fn a_mapping_names_a_field_that_there_is() {
        assert!("latitude".parse::<Mapping>().is_err());
        assert!("latitude=".parse::<Mapping>().is_err());
        let error = "altitude=z".parse::<Mapping>().unwrap_err();
        assert!(
            error.contains("`altitude`") && error.contains("`latitude`"),
            "{error}"
        );
    }

    #[test]
    fn a_recipe_tells_what_holds_what_and_not_how_that_was_asked_for() {
        let of = |mappings: &[&str], synonyms: &[(&str, TextField)]| {
            let mappings: Vec<_> = mappings.iter().map(|m| map(m)).collect();
            Properties::new(&mappings).unwrap().recipe(synonyms)
        };
        assert_eq!(of(&["city=city"], &[]), of(&[], &[]));
        assert_eq!(
            of(&["city=a", "region=b"], &[]),
            of(&["region=b", "city=a"], &[])
        );
        assert_ne!(of(&["city=town"], &[]), of(&[], &[]));
        // `link` is the website no longer.
        let links = [("link", TextField::Website)];
        assert_ne!(of(&["website=website"], &links), of(&[], &links));
        assert_eq!(of(&["city=city"], &links), of(&[], &links));
        let columns = |mappings: &[&str]| {
            let mappings: Vec<_> = mappings.iter().map(|m| map(m)).collect();
            let columns = Columns::of_header(&["name", "lat", "lng", "mood"], &mappings);
            columns.unwrap().recipe()
        };
        assert_eq!(columns(&["latitude=lat"]), columns(&[]));
        assert_ne!(columns(&["city=mood"]), columns(&[]));
    }

    #[test]
    fn what_the_store_assigns_is_told_from_what_nobody_knows() {
        let names = ["mood", "Updated_At"].map(str::to_owned);
        assert_eq!(split_unused(&names), (vec!["Updated_At"], vec!["mood"]));
    }
}
