//! Which column, or property, holds which field.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::domain::{Fields, FilterField, TextField};

/// A field of a center, as files hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The number of the center.
    Id,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
    /// A text.
    Text(TextField),
    /// An attribute, by its place among those of the collection.
    Attribute(usize),
}

/// Other names that files use for a text.
fn aliases_of_text(field: TextField) -> &'static [&'static str] {
    match field {
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
    }
}

impl Field {
    /// Other names that files use for it. `x` and `y` are not among them: they
    /// are as often metres on a map as degrees, and in either order.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Id => &["center_id"],
            Self::Latitude => &["lat"],
            Self::Longitude => &["lng", "lon", "long"],
            Self::Text(field) => aliases_of_text(field),
            Self::Attribute(_) => &[],
        }
    }
}

/// The fields that an import into a collection takes: those of every center, and the
/// attributes of the collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportFields(Arc<Fields>);

impl ImportFields {
    /// Those of a collection that has these fields.
    #[must_use]
    pub fn new(fields: &Arc<Fields>) -> Self {
        Self(Arc::clone(fields))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Field> + Clone {
        let attributes = 0..self.0.attributes().len();
        [Field::Id, Field::Latitude, Field::Longitude]
            .into_iter()
            .chain(TextField::ALL.map(Field::Text))
            .chain(attributes.map(Field::Attribute))
    }

    /// The field's name in files.
    pub(super) fn name(&self, field: Field) -> &str {
        match field {
            Field::Id => "id",
            Field::Latitude => "latitude",
            Field::Longitude => "longitude",
            Field::Text(field) => field.name(),
            Field::Attribute(place) => &self.attribute(place).name,
        }
    }

    pub(super) fn attribute(&self, place: usize) -> &FilterField {
        &self.0.attributes()[place]
    }

    /// Takes a field's own name.
    pub(super) fn of_name(&self, name: &str) -> Option<Field> {
        self.all().find(|field| self.name(*field) == name)
    }

    /// The field that a header's name stands for, whatever its case. A name of its own goes
    /// before the other names of another field.
    fn of_header(&self, header: &str) -> Option<Field> {
        let exact = |field: &Field| self.name(*field) == header;
        let name = normal(header);
        let own = |field: &Field| normal(self.name(*field)) == name;
        let own = self.all().find(exact).or_else(|| self.all().find(own));
        own.or_else(|| {
            let mut fields = self.all();
            fields.find(|field| field.aliases().contains(&name.as_str()))
        })
    }

    fn names(&self) -> Vec<String> {
        self.all()
            .map(|field| self.name(field).to_owned())
            .collect()
    }
}

/// A name without what headers write in many ways.
fn normal(name: &str) -> String {
    name.trim()
        .to_ascii_lowercase()
        .replace([' ', '-', '.'], "_")
}

/// What an export writes and the store assigns by itself: never imported.
const ASSIGNED: [&str; 3] = ["view_count", "created_at", "updated_at"];

/// A column or property named on the command line for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The field's name.
    pub field: String,
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
        Ok(Self {
            field: field.to_owned(),
            column: column.to_owned(),
        })
    }
}

/// Why a header cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// `--map` names a field that there is not.
    #[error("--map: there is no field `{field}`; there are {}", Listed(.fields.iter()))]
    NoField {
        /// What was asked for.
        field: String,
        /// The fields there are.
        fields: Vec<String>,
    },
    /// A column that `--map` names is not in the file.
    #[error("has no column `{column}` for {field}; it has {}", Listed(.has.iter()))]
    NoColumn {
        /// The field.
        field: String,
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
        field: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// A field that every file must have is missing.
    #[error(
        "has no column for {field}; it has {}; name the column with --map {field}=COLUMN (fields: {})",
        Listed(.has.iter()),
        Listed(.fields.iter())
    )]
    Missing {
        /// The field.
        field: String,
        /// The fields there are.
        fields: Vec<String>,
        /// The columns there are.
        has: Vec<String>,
    },
    /// `--map` names the same field twice.
    #[error("--map names {field} twice")]
    MappedTwice {
        /// The field.
        field: String,
    },
    /// `--map` names a coordinate of a file that is no table of texts.
    #[error(
        "--map {field}: only CSV has coordinates in columns; GeoJSON has its coordinates in the geometry, and so have the others"
    )]
    MappedGeometry {
        /// The field.
        field: String,
    },
}

/// Where each field is in a file, by position in a list of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) fields: ImportFields,
    pub(super) id: Option<usize>,
    /// Latitude and longitude, unless they stand in a geometry.
    pub(super) coordinates: Option<[usize; 2]>,
    texts: [Option<usize>; TextField::ALL.len()],
    /// Attributes that the file has, by their places, with their columns.
    pub(super) attributes: Vec<(usize, usize)>,
    /// How many columns there are, up to the last that has a name.
    pub(super) count: usize,
    /// Names of columns that map to nothing.
    pub(super) unused: Vec<String>,
}

impl Columns {
    /// Maps the header of a CSV file.
    pub(super) fn of_header(
        header: &[&str],
        fields: &ImportFields,
        mappings: &[Mapping],
    ) -> Result<Self, HeaderError> {
        let mappings = Mappings::new(fields, mappings)?;
        Self::of_names(header, fields, &mappings, true)
    }

    /// Maps the columns of a layer, which has a geometry besides.
    pub(super) fn of_layer(
        columns: &[&str],
        fields: &ImportFields,
        mappings: &[Mapping],
    ) -> Result<Self, HeaderError> {
        let mappings = Mappings::beside_geometry(fields, mappings)?;
        Self::of_names(columns, fields, &mappings, false)
    }

    fn of_names(
        header: &[&str],
        fields: &ImportFields,
        mappings: &Mappings,
        places: bool,
    ) -> Result<Self, HeaderError> {
        let has = || header.iter().map(ToString::to_string).collect::<Vec<_>>();
        let find = |field: Field| -> Result<Option<usize>, HeaderError> {
            let mapping = mappings.column(field);
            let candidates: Vec<usize> = (0..header.len())
                .filter(|&column| match mapping {
                    Some(mapped) => header[column] == mapped,
                    None => {
                        fields.of_header(header[column]) == Some(field)
                            && mappings.field(header[column]).is_none()
                    }
                })
                .collect();
            let name = || fields.name(field).to_owned();
            match (candidates.as_slice(), mapping) {
                (&[column], _) => Ok(Some(column)),
                ([], None) => Ok(None),
                ([], Some(column)) => Err(HeaderError::NoColumn {
                    field: name(),
                    column: column.to_owned(),
                    has: has(),
                }),
                (several, _) => Err(HeaderError::Ambiguous {
                    field: name(),
                    columns: several.iter().map(|&c| header[c].to_owned()).collect(),
                }),
            }
        };
        let required = |field: Field| {
            find(field)?.ok_or_else(|| HeaderError::Missing {
                field: fields.name(field).to_owned(),
                fields: fields.names(),
                has: has(),
            })
        };
        let is_blank = |column: &usize| header[*column].trim().is_empty();
        let name = required(Field::Text(TextField::Name))?;
        let mut columns = Self {
            fields: fields.clone(),
            id: find(Field::Id)?,
            coordinates: if places {
                Some([required(Field::Latitude)?, required(Field::Longitude)?])
            } else {
                None
            },
            texts: [None; TextField::ALL.len()],
            attributes: Vec::new(),
            // Behind the last name stand only cells that a spreadsheet left over.
            count: header.len() - (0..header.len()).rev().take_while(is_blank).count(),
            unused: Vec::new(),
        };
        columns.texts[TextField::Name as usize] = Some(name);
        for field in fields.all() {
            match field {
                Field::Text(text) => columns.texts[text as usize] = find(field)?,
                Field::Attribute(place) => {
                    let column = find(field)?;
                    columns
                        .attributes
                        .extend(column.map(|column| (place, column)));
                }
                Field::Id | Field::Latitude | Field::Longitude => {}
            }
        }
        let used: Vec<usize> = [columns.id]
            .into_iter()
            .chain(columns.texts)
            .flatten()
            .chain(columns.coordinates.into_iter().flatten())
            .chain(columns.attributes.iter().map(|(_, column)| *column))
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
        let attributes: Vec<_> = self
            .attributes
            .iter()
            .map(|(place, column)| (self.fields.attribute(*place), column))
            .collect();
        format!("{id:?} {coordinates:?} {texts:?} {attributes:?}")
    }
}

/// Which property of a Feature holds which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) fields: ImportFields,
    mappings: Mappings,
}

impl Properties {
    pub(super) fn new(fields: &ImportFields, mappings: &[Mapping]) -> Result<Self, HeaderError> {
        Ok(Self {
            fields: fields.clone(),
            mappings: Mappings::beside_geometry(fields, mappings)?,
        })
    }

    /// The field that a property holds. Properties have the names of the
    /// fields; aliases would be ambiguous from Feature to Feature.
    pub(super) fn field(&self, property: &str) -> Option<Field> {
        self.field_or(property, None)
    }

    /// The same of a format that has a name of its own for a field.
    pub(super) fn field_or(&self, property: &str, synonym: Option<TextField>) -> Option<Field> {
        if let Some(field) = self.mappings.field(property) {
            return Some(field);
        }
        let field = self.fields.of_name(property);
        field
            .or(synonym.map(Field::Text))
            .filter(|field| self.mappings.column(*field).is_none())
            .filter(|field| !matches!(field, Field::Latitude | Field::Longitude))
    }

    /// Which property holds which field, of all that hold any: a mapping that says what
    /// holds anyway is not seen in it. `synonyms` are those of the format.
    pub(super) fn recipe(&self, synonyms: &[(&str, TextField)]) -> String {
        let mut names = self.fields.names();
        names.extend(self.mappings.0.iter().map(|(_, column)| column.clone()));
        let said = |field: Field| match field {
            Field::Attribute(place) => format!("{:?}", self.fields.attribute(place)),
            other => self.fields.name(other).to_owned(),
        };
        let fields: BTreeMap<_, _> = names
            .iter()
            .map(|name| (name, self.field(name).map(said)))
            .collect();
        let of_format: Vec<_> = synonyms
            .iter()
            .map(|(name, field)| self.field_or(name, Some(*field)).map(said))
            .collect();
        format!("{fields:?} {of_format:?}")
    }
}

/// Fields and the columns, or properties, that the command line names for them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mappings(Vec<(Field, String)>);

impl Mappings {
    fn new(fields: &ImportFields, mappings: &[Mapping]) -> Result<Self, HeaderError> {
        let mut known: Vec<(Field, String)> = Vec::new();
        for mapping in mappings {
            let name = &mapping.field;
            let field = fields.of_name(name).ok_or_else(|| HeaderError::NoField {
                field: name.clone(),
                fields: fields.names(),
            })?;
            if known.iter().any(|(other, _)| *other == field) {
                let field = name.clone();
                return Err(HeaderError::MappedTwice { field });
            }
            known.push((field, mapping.column.clone()));
        }
        Ok(Self(known))
    }

    /// The same where coordinates stand in a geometry, so that no column holds them.
    fn beside_geometry(fields: &ImportFields, mappings: &[Mapping]) -> Result<Self, HeaderError> {
        let mappings = Self::new(fields, mappings)?;
        let mut known = mappings.0.iter();
        match known.find(|(field, _)| matches!(field, Field::Latitude | Field::Longitude)) {
            Some((field, _)) => Err(HeaderError::MappedGeometry {
                field: fields.name(*field).to_owned(),
            }),
            None => Ok(mappings),
        }
    }

    fn column(&self, field: Field) -> Option<&str> {
        let mut known = self.0.iter();
        let found = known.find(|(other, _)| *other == field);
        found.map(|(_, column)| column.as_str())
    }

    fn field(&self, column: &str) -> Option<Field> {
        let mut known = self.0.iter();
        let found = known.find(|(_, other)| other == column);
        found.map(|(field, _)| *field)
    }
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
    use crate::domain::FieldKind;

    fn none() -> ImportFields {
        ImportFields::default()
    }

    fn map(text: &str) -> Mapping {
        text.parse().unwrap()
    }

    #[test]
    fn headers_are_known_by_usual_names_in_any_case() {
        let columns = Columns::of_header(
            &["Title", "LAT", "Lng", "E-Mail", "Logo URL", "mood"],
            &none(),
            &[],
        )
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
        let columns = Columns::of_header(&header, &none(), &[map("latitude=lat")]).unwrap();
        assert_eq!(columns.coordinates, Some([1, 3]));
        assert_eq!(columns.unused, ["latitude"]);
    }

    #[test]
    fn a_column_mapped_to_another_field_leaves_its_own() {
        let header = ["name", "title", "lat", "lng"];
        let mappings = [map("name=title"), map("description=name")];
        let columns = Columns::of_header(&header, &none(), &mappings).unwrap();
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
            let error = Columns::of_header(header, &none(), &mappings).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let error = Columns::of_header(&["name", "x", "y"], &none(), &[]).unwrap_err();
        assert!(error.to_string().starts_with(
            "has no column for latitude; it has `name`, `x`, `y`; name the column with --map latitude=COLUMN"
        ));
    }

    #[test]
    fn a_mapping_names_a_field_that_there_is() {
        assert!("latitude".parse::<Mapping>().is_err());
        assert!("latitude=".parse::<Mapping>().is_err());
        let known = Properties::new(&none(), &[map("altitude=z")]);
        let error = known.unwrap_err().to_string();
        assert!(
            error.contains("`altitude`") && error.contains("`latitude`"),
            "{error}"
        );
    }

    #[test]
    fn a_recipe_tells_what_holds_what_and_not_how_that_was_asked_for() {
        let of = |mappings: &[&str], synonyms: &[(&str, TextField)]| {
            let mappings: Vec<_> = mappings.iter().map(|m| map(m)).collect();
            Properties::new(&none(), &mappings)
                .unwrap()
                .recipe(synonyms)
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
            let columns = Columns::of_header(&["name", "lat", "lng", "mood"], &none(), &mappings);
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

    #[test]
    fn attributes_are_known_by_their_names_before_the_aliases_of_other_fields() {
        let declared = [("state", FieldKind::Text), ("Stars", FieldKind::Number)];
        let declared = declared.map(|(name, kind)| (name.to_owned(), kind));
        let fields = ImportFields::new(&Fields::new(|_| true, declared).into());
        let header = ["name", "lat", "lng", "state", "stars", "province"];
        let columns = Columns::of_header(&header, &fields, &[]).unwrap();
        assert_eq!(columns.attributes, [(0, 3), (1, 4)]);
        assert_eq!(columns.text(TextField::Region), Some(5));
        let mapped = Columns::of_header(&header, &fields, &[map("Stars=state")]).unwrap();
        assert_eq!(mapped.attributes, [(1, 3)]);
        assert_eq!(mapped.unused, ["stars"]);
        assert_ne!(mapped.recipe(), columns.recipe());

        let declared = ["we ird", "a-b", "a_b"].map(|name| (name.to_owned(), FieldKind::Text));
        let odd = ImportFields::new(&Fields::new(|_| true, declared).into());
        let header = ["name", "lat", "lng", "a_b", "We Ird", "a-b"];
        let columns = Columns::of_header(&header, &odd, &[]).unwrap();
        assert_eq!(columns.attributes, [(0, 4), (1, 5), (2, 3)]);

        let properties = Properties::new(&fields, &[map("Stars=sterne")]).unwrap();
        assert_eq!(properties.field("sterne"), Some(Field::Attribute(1)));
        assert_eq!(properties.field("state"), Some(Field::Attribute(0)));
        assert_eq!(properties.field("Stars"), None);
    }
}
