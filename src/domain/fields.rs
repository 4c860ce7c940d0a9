//! The fields that the rows of a collection can be filtered by: one table, which
//! parameters, conditions, engines and answers read.

use chrono_tz::Tz;

use super::condition::{FieldId, FieldKind};
use super::opening::{OPENING_HOURS, Opening, TIME_ZONE, Zone};

impl FieldId {
    /// What a center is called.
    pub const NAME: Self = Self(0);
    /// See [`TextField::Country`](super::TextField::Country).
    pub const COUNTRY: Self = Self(1);
    /// See [`TextField::Region`](super::TextField::Region).
    pub const REGION: Self = Self(2);
    /// See [`TextField::City`](super::TextField::City).
    pub const CITY: Self = Self(3);

    /// Those that nearby knows by itself.
    pub const BUILT_IN: [Self; 4] = [Self::NAME, Self::COUNTRY, Self::REGION, Self::CITY];

    /// The field of an attribute, by its place among them.
    ///
    /// # Panics
    /// Beyond 65,000 attributes: no table has as many columns.
    #[must_use]
    pub fn of_attribute(place: usize) -> Self {
        Self(u16::try_from(Self::BUILT_IN.len() + place).expect("no table has as many columns"))
    }

    /// The place among the attributes; `None` of a built-in field.
    #[must_use]
    pub fn attribute(self) -> Option<usize> {
        usize::from(self.0).checked_sub(Self::BUILT_IN.len())
    }
}

/// What the attribute is called that says how far rows reach, in metres.
pub const SERVICE_RADIUS: &str = "service_radius_m";

/// A field that can be filtered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterField {
    /// What it is called in parameters, bodies, answers and files.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether rows can have it; a built-in field without a column is always NULL.
    pub is_there: bool,
}

/// The fields of a collection: the built-in ones, then its attributes. The place of a
/// field is its [`FieldId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    all: Vec<FilterField>,
    time_zone: Option<Tz>,
}

impl Default for Fields {
    /// The built-in ones, all of them there.
    fn default() -> Self {
        Self::new(|_| true, [])
    }
}

impl Fields {
    /// The built-in fields, some of which may not be there, and attributes.
    pub fn new(
        is_there: impl Fn(FieldId) -> bool,
        attributes: impl IntoIterator<Item = (String, FieldKind)>,
    ) -> Self {
        let names = ["name", "country", "region", "city"];
        let built_in = FieldId::BUILT_IN.into_iter().zip(names);
        let built_in = built_in.map(|(id, name)| FilterField {
            name: name.to_owned(),
            kind: FieldKind::Text,
            is_there: is_there(id),
        });
        let attributes = attributes.into_iter().map(|(name, kind)| FilterField {
            name,
            kind,
            is_there: true,
        });
        Self {
            all: built_in.chain(attributes).collect(),
            time_zone: None,
        }
    }

    /// The same of rows that are all in one time zone.
    #[must_use]
    pub fn in_time_zone(self, time_zone: Option<Tz>) -> Self {
        Self { time_zone, ..self }
    }

    /// What says when rows are open, where anything does.
    #[must_use]
    pub fn opening(&self) -> Option<Opening> {
        let text = |name| {
            let field = self.find(name)?;
            (self.get(field).kind == FieldKind::Text).then_some(field)
        };
        let of_all = || self.time_zone.map(Zone::All);
        Some(Opening {
            hours: text(OPENING_HOURS)?,
            zone: text(TIME_ZONE).map(Zone::Field).or_else(of_all)?,
        })
    }

    /// A field.
    ///
    /// # Panics
    /// When it is of another collection, which has more.
    #[must_use]
    pub fn get(&self, id: FieldId) -> &FilterField {
        &self.all[usize::from(id.0)]
    }

    /// The field of a name, if rows can have it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FieldId> {
        let found = self.iter().find(|(_, field)| field.name == name);
        found.map(|(id, _)| id)
    }

    /// Every field that rows can have.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &FilterField)> {
        let all = (0..).map(FieldId).zip(&self.all);
        all.filter(|(_, field)| field.is_there)
    }

    /// Those of which several rows may have the same value: all but the name, as hardly
    /// two rows are called the same.
    pub fn shared(&self) -> impl Iterator<Item = (FieldId, &FilterField)> {
        self.iter().filter(|(field, _)| *field != FieldId::NAME)
    }

    /// The attribute that says how far rows reach, where there is one.
    #[must_use]
    pub fn service_radius(&self) -> Option<FieldId> {
        let field = self.find(SERVICE_RADIUS)?;
        (self.get(field).kind == FieldKind::Number).then_some(field)
    }

    /// The attributes, in their order.
    #[must_use]
    pub fn attributes(&self) -> &[FilterField] {
        &self.all[FieldId::BUILT_IN.len()..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_names_where_rows_can_have_them() {
        let attributes = [("stars".to_owned(), FieldKind::Number)];
        let fields = Fields::new(|field| field != FieldId::CITY, attributes);
        let stars = fields.find("stars").expect("it is an attribute");
        assert_eq!(stars.attribute(), Some(0));
        assert_eq!(stars, FieldId::of_attribute(0));
        assert_eq!(fields.get(stars).kind, FieldKind::Number);
        assert_eq!(fields.find("country"), Some(FieldId::COUNTRY));
        assert_eq!(FieldId::COUNTRY.attribute(), None);
        assert_eq!(fields.find("city"), None);
        assert_eq!(fields.find("Stars"), None);
        let names: Vec<_> = fields.iter().map(|(_, field)| &field.name).collect();
        assert_eq!(names, ["name", "country", "region", "stars"]);
        assert_eq!(fields.service_radius(), None);
        let shared: Vec<_> = fields.shared().map(|(_, field)| &field.name).collect();
        assert_eq!(shared, ["country", "region", "stars"]);
    }
}
