//! `fields=`: which members of centers an answer has.

use super::collections::member_names;
use super::problem::Problem;
use super::query::Query;
use crate::store::Collection;
use crate::wire::{Member, Members};

/// The parameter that names them.
pub const FIELDS: &str = "fields";
const PROPERTIES: &[u8] = br#""properties":"#;
/// What searches measure; their answers always have it.
const DISTANCE_M: &str = "distance_m";
/// What answers to searches have of a center, beside its attributes.
const IN_SEARCHES: [&str; 9] = [
    "id",
    "name",
    "latitude",
    "longitude",
    "country",
    "region",
    "city",
    "average_rating",
    "rating_count",
];

/// The members that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen(Vec<String>);

impl Chosen {
    /// The members in `fields`, with commas between them, of which `distance_m` is one
    /// where distances are measured.
    ///
    /// # Errors
    /// When centers of the collection have none of a name, or it is there twice.
    pub fn of(
        query: &Query<'_>,
        collection: &Collection,
        measures: bool,
    ) -> Result<Option<Self>, Problem> {
        let names = query.one(FIELDS).map(|text| text.split(','));
        let chosen = names.map(|names| Self::new(names, collection, measures));
        chosen.transpose()
    }

    /// The same from names.
    ///
    /// # Errors
    /// When centers of the collection have none of a name, or it is there twice.
    pub fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        collection: &Collection,
        measures: bool,
    ) -> Result<Self, Problem> {
        let mut known = member_names(collection);
        if measures {
            known.push(DISTANCE_M);
        }
        let mut chosen: Vec<String> = Vec::new();
        for name in names {
            if !known.contains(&name) || chosen.iter().any(|other| other == name) {
                let allowed = format!("names of these, each once: {}", known.join(", "));
                return Err(Problem::invalid(FIELDS, name, allowed));
            }
            chosen.push(name.to_owned());
        }
        Ok(Self(chosen))
    }

    /// The same from names that are known.
    pub fn of_known<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// Those of tiles, which have what answers to searches have without a look at the rows.
    ///
    /// # Errors
    /// When tiles have none of a name, or it is there twice.
    pub fn of_tiles(query: &Query<'_>, collection: &Collection) -> Result<Option<Self>, Problem> {
        let Some(chosen) = Self::of(query, collection, false)? else {
            return Ok(None);
        };
        if let Some(name) = chosen.of_rows(collection).next() {
            let known = Self::of_known(member_names(collection));
            let of_rows: Vec<&str> = known.of_rows(collection).collect();
            let names = known.names().filter(|name| !of_rows.contains(name));
            let names: Vec<&str> = names.collect();
            let allowed = format!("names of these, each once: {}", names.join(", "));
            return Err(Problem::invalid(FIELDS, name, allowed));
        }
        Ok(Some(chosen))
    }

    /// The names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a member is one of them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|chosen| chosen == name)
    }

    /// The members that answers to searches have only where the rows are read, too.
    pub fn of_rows<'a>(&'a self, collection: &'a Collection) -> impl Iterator<Item = &'a str> {
        let attributes = collection.fields().attributes();
        let is_in_searches = |name: &str| {
            IN_SEARCHES.contains(&name)
                || name == DISTANCE_M
                || attributes.iter().any(|attribute| attribute.name == name)
        };
        let names = self.0.iter().map(String::as_str);
        names.filter(move |name| !is_in_searches(name))
    }

    /// Appends the members of a rendered object that were asked for, with commas between
    /// them and behind what is there already.
    pub fn push_members(&self, rendered: &[u8], out: &mut Vec<u8>) {
        for Member { name, rendered } in Members::of(rendered) {
            if self.has(name) {
                push_member(rendered, out);
            }
        }
    }

    /// A rendered object with the members that were asked for.
    pub fn object(&self, rendered: &[u8]) -> Vec<u8> {
        let mut members = Vec::with_capacity(rendered.len());
        self.push_members(rendered, &mut members);
        [b"{", members.as_slice(), b"}"].concat()
    }

    /// A rendered feature whose properties are those that were asked for.
    pub fn feature(&self, rendered: &[u8]) -> Vec<u8> {
        let mut members = Vec::with_capacity(rendered.len());
        for Member { name, rendered } in Members::of(rendered) {
            match rendered.strip_prefix(PROPERTIES) {
                Some(properties) if name == "properties" => {
                    let kept = [PROPERTIES, &self.object(properties)].concat();
                    push_member(&kept, &mut members);
                }
                _ => push_member(rendered, &mut members),
            }
        }
        [b"{", members.as_slice(), b"}"].concat()
    }
}

/// Appends a member behind others.
pub fn push_member(rendered: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(rendered);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &str) -> Result<Chosen, Problem> {
        Chosen::new(names.split(','), &Collection::dive_sites(), true)
    }

    #[test]
    fn only_what_rows_have_can_be_asked_for_and_only_once() {
        for good in [
            "id",
            "name,id",
            "description,distance_m",
            "view_count,updated_at",
        ] {
            assert!(chosen(good).is_ok(), "{good}");
        }
        // Dive sites have no city, no phone and no ratings.
        for bad in [
            "",
            "id,",
            "Name",
            "id, name",
            "id,id",
            "city",
            "phone",
            "average_rating",
            "status",
            "location",
        ] {
            assert!(chosen(bad).is_err(), "{bad}");
        }
        let of_row = Chosen::new(["distance_m"], &Collection::diving_centers(), false);
        assert!(of_row.is_err());
    }

    #[test]
    fn an_object_keeps_what_was_asked_for_in_its_own_order() {
        let rendered = br#"{"id":7,"name":"a,\"id\":8","country":null}"#;
        let kept = |names| String::from_utf8(chosen(names).unwrap().object(rendered)).unwrap();
        assert_eq!(kept("country,id"), r#"{"id":7,"country":null}"#);
        assert_eq!(kept("name"), r#"{"name":"a,\"id\":8"}"#);
        assert_eq!(kept("description"), "{}");
    }

    #[test]
    fn what_searches_do_not_hold_is_read_from_the_rows() {
        let sites = Collection::dive_sites();
        let asked = chosen("id,description,country,view_count,distance_m").unwrap();
        let of_rows: Vec<&str> = asked.of_rows(&sites).collect();
        assert_eq!(of_rows, ["description", "view_count"]);
    }
}
