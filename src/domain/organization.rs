//! Organizations that train divers, and the centers that work by them.

use std::fmt;

use caseless::Caseless as _;
use chrono::{DateTime, Utc};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::center::{CenterId, IDS};

/// The number of an organization, one of [`IDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(i64);

impl OrganizationId {
    /// Takes one of [`IDS`]; `None` for any other.
    #[must_use]
    pub fn new(id: i64) -> Option<Self> {
        IDS.contains(&id).then_some(Self(id))
    }

    /// The plain number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client says of an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationText {
    /// Its full name.
    pub name: String,
    /// What everybody calls it.
    pub acronym: String,
    /// Address of its web site.
    pub website: Option<String>,
    /// Address of its logo.
    pub logo_url: Option<String>,
    /// Free text about it.
    pub description: Option<String>,
    /// Where it has its seat.
    pub country: Option<String>,
    /// When it was founded.
    pub founded_year: Option<i32>,
}

/// The earliest year of foundation.
pub const MIN_FOUNDED_YEAR: i32 = 1800;
/// The latest.
pub const MAX_FOUNDED_YEAR: i32 = 2100;

/// Lengths in characters that both stores keep.
const MAX_NAME: usize = 255;
const MAX_ACRONYM: usize = 20;
const MAX_WEBSITE: usize = 255;
const MAX_LOGO_URL: usize = 500;
const MAX_TEXT: usize = 16_383;
const MAX_COUNTRY: usize = 100;

/// A field of an organization cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} must be {allowed}")]
pub struct OrganizationFieldError {
    /// Which.
    pub field: &'static str,
    /// What it was.
    pub got: String,
    /// What it may be.
    pub allowed: String,
}

/// An organization that may be written: its fields were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationDraft(OrganizationText);

impl OrganizationDraft {
    /// Checks what a client says. Blanks around name and acronym go.
    ///
    /// # Errors
    /// When a field is blank, too long or out of range.
    pub fn new(mut text: OrganizationText) -> Result<Self, OrganizationFieldError> {
        for name in [&mut text.name, &mut text.acronym] {
            if name.trim().len() < name.len() {
                *name = name.trim().to_owned();
            }
        }
        let optional = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        for (field, value, least, most) in [
            ("name", text.name.clone(), 1, MAX_NAME),
            ("acronym", text.acronym.clone(), 1, MAX_ACRONYM),
            ("website", optional(&text.website), 0, MAX_WEBSITE),
            ("logo_url", optional(&text.logo_url), 0, MAX_LOGO_URL),
            ("description", optional(&text.description), 0, MAX_TEXT),
            ("country", optional(&text.country), 0, MAX_COUNTRY),
        ] {
            if !(least..=most).contains(&value.chars().count()) || value.contains('\0') {
                return Err(OrganizationFieldError {
                    field,
                    allowed: format!("a text of {least} to {most} characters"),
                    got: value,
                });
            }
        }
        match text.founded_year {
            Some(year) if !(MIN_FOUNDED_YEAR..=MAX_FOUNDED_YEAR).contains(&year) => {
                Err(OrganizationFieldError {
                    field: "founded_year",
                    got: year.to_string(),
                    allowed: format!("a year from {MIN_FOUNDED_YEAR} to {MAX_FOUNDED_YEAR}"),
                })
            }
            _ => Ok(Self(text)),
        }
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &OrganizationText {
        &self.0
    }

    /// What of this another organization has already, case aside.
    #[must_use]
    pub fn collision(&self, other: &OrganizationText) -> Option<OrganizationName> {
        if caseless(&self.0.name) == caseless(&other.name) {
            Some(OrganizationName::Name)
        } else if caseless(&self.0.acronym) == caseless(&other.acronym) {
            Some(OrganizationName::Acronym)
        } else {
            None
        }
    }
}

/// What an organization is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrganizationName {
    /// Its full name.
    Name,
    /// Its acronym.
    Acronym,
}

impl OrganizationName {
    /// The field's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Acronym => "acronym",
        }
    }
}

/// An organization as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its number.
    pub id: OrganizationId,
    /// What was said of it.
    pub text: OrganizationText,
    /// When it was created; `None` where that is not known.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last written; `None` where that is not known.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A text without case: canonical caseless matching (Unicode 3.13, D145).
fn caseless(text: &str) -> String {
    text.nfd().default_case_fold().nfd().collect()
}

/// What organizations are called, to find them by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationNames(Vec<(OrganizationId, String)>);

impl OrganizationNames {
    /// The names and acronyms of organizations.
    #[must_use]
    pub fn of(organizations: &[Organization]) -> Self {
        let names = organizations
            .iter()
            .flat_map(|Organization { id, text, .. }| {
                [(*id, caseless(&text.name)), (*id, caseless(&text.acronym))]
            });
        Self(names.collect())
    }

    /// The organizations that are called one of these, case aside; each once, by
    /// id.
    #[must_use]
    pub fn find(&self, names: &[String]) -> Vec<OrganizationId> {
        let wanted: Vec<String> = names.iter().map(|name| caseless(name)).collect();
        let found = self.0.iter().filter(|(_, name)| wanted.contains(name));
        let mut ids: Vec<OrganizationId> = found.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// That a center works by an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its number.
    pub id: i64,
    /// The center.
    pub center: CenterId,
    /// The organization.
    pub organization: Organization,
    /// Whether it is the center's first; at most one is.
    pub is_primary: bool,
    /// Since when; `None` where that is not known.
    pub created_at: Option<DateTime<Utc>>,
}

/// The ten that most divers have a card of: acronym, name, site, country and
/// year of foundation.
const LARGE: [(&str, &str, &str, &str, i32); 10] = [
    (
        "PADI",
        "Professional Association of Diving Instructors",
        "https://www.padi.com",
        "US",
        1966,
    ),
    (
        "SSI",
        "Scuba Schools International",
        "https://www.divessi.com",
        "US",
        1970,
    ),
    (
        "GUE",
        "Global Underwater Explorers",
        "https://www.gue.com",
        "US",
        1998,
    ),
    (
        "RAID",
        "Rebreather Association of International Divers",
        "https://www.diveraid.com",
        "GB",
        2007,
    ),
    (
        "CMAS",
        "Confédération Mondiale des Activités Subaquatiques",
        "https://www.cmas.org",
        "IT",
        1959,
    ),
    (
        "TDI",
        "Technical Diving International",
        "https://www.tdisdi.com/tdi",
        "US",
        1994,
    ),
    (
        "NAUI",
        "National Association of Underwater Instructors",
        "https://www.naui.org",
        "US",
        1959,
    ),
    (
        "BSAC",
        "British Sub-Aqua Club",
        "https://www.bsac.com",
        "GB",
        1953,
    ),
    (
        "SDI",
        "Scuba Diving International",
        "https://www.tdisdi.com/sdi",
        "US",
        1998,
    ),
    (
        "IANTD",
        "International Association of Nitrox and Technical Divers",
        "https://www.iantd.com",
        "US",
        1985,
    ),
];

/// The ten large organizations, ready to be written.
pub fn large_organizations() -> impl Iterator<Item = OrganizationDraft> {
    LARGE
        .into_iter()
        .map(|(acronym, name, website, country, year)| {
            OrganizationDraft(OrganizationText {
                name: name.to_owned(),
                acronym: acronym.to_owned(),
                website: Some(website.to_owned()),
                country: Some(country.to_owned()),
                founded_year: Some(year),
                ..OrganizationText::default()
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, acronym: &str) -> OrganizationText {
        OrganizationText {
            name: name.to_owned(),
            acronym: acronym.to_owned(),
            ..OrganizationText::default()
        }
    }

    #[test]
    fn the_large_ones_could_have_been_sent_by_a_client() {
        let all: Vec<_> = large_organizations().collect();
        for (place, draft) in all.iter().enumerate() {
            assert_eq!(
                OrganizationDraft::new(draft.text().clone()).as_ref(),
                Ok(draft)
            );
            for other in &all[..place] {
                assert_eq!(draft.collision(other.text()), None);
            }
        }
    }

    #[test]
    fn names_collide_without_case_in_any_alphabet() {
        let draft = OrganizationDraft::new(text(" Έλληνες δύτες ", "ΕΔ")).unwrap();
        for (other, collision) in [
            (text("ΈΛΛΗΝΕΣ ΔΎΤΕΣ", "x"), Some(OrganizationName::Name)),
            (text("x", "εδ"), Some(OrganizationName::Acronym)),
            (text("Ελληνες δυτες", "E"), None),
        ] {
            assert_eq!(draft.collision(&other), collision, "{other:?}");
        }
    }

    #[test]
    fn a_field_is_taken_to_its_limit_and_no_further() {
        let at = |edit: &dyn Fn(&mut OrganizationText)| {
            let mut text = text("a", "b");
            edit(&mut text);
            OrganizationDraft::new(text).map_err(|error| error.field)
        };
        assert!(at(&|text| text.name = "é".repeat(255)).is_ok());
        assert_eq!(at(&|text| text.name = "é".repeat(256)), Err("name"));
        assert_eq!(at(&|text| text.acronym = "  ".into()), Err("acronym"));
        assert_eq!(at(&|text| text.acronym = "A".repeat(21)), Err("acronym"));
        assert!(at(&|text| text.founded_year = Some(1800)).is_ok());
        assert_eq!(
            at(&|text| text.founded_year = Some(2101)),
            Err("founded_year")
        );
    }
}
