//! Which center works by which organizations.
//!
//! To the index the set of a center's organizations is one more field with one
//! value, so that it is posted and pruned as country, region and city are. There
//! are far fewer sets than centers; a search looks for those that hold what it
//! wants.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{CenterId, OrganizationId, OrganizationNames};

/// What organizations are called, and the set of each center that has any:
/// with a position or without.
#[derive(Debug, Clone, Default)]
pub(super) struct Organizations {
    names: OrganizationNames,
    sets: HashMap<CenterId, Arc<str>>,
}

impl Organizations {
    pub(super) fn rename(&mut self, names: OrganizationNames) {
        self.names = names;
    }

    pub(super) fn are_called(&self, names: &OrganizationNames) -> bool {
        self.names == *names
    }

    /// Notes the organizations of a center, in the order of their numbers.
    pub(super) fn set(&mut self, center: CenterId, organizations: &[OrganizationId]) {
        match text_of(organizations) {
            Some(text) => self.sets.insert(center, text),
            None => self.sets.remove(&center),
        };
    }

    /// The centers that have any.
    pub(super) fn centers(&self) -> impl Iterator<Item = CenterId> {
        self.sets.keys().copied()
    }

    /// The set of a center's organizations as a value; `None` where it is empty.
    pub(super) fn of(&self, center: CenterId) -> Option<&str> {
        self.sets.get(&center).map(|set| &**set)
    }

    /// Which sets hold an organization that is called one of these.
    pub(super) fn wanted(&self, names: &[String]) -> impl Fn(&str) -> bool + use<> {
        let ids = self.names.find(names);
        let wanted: Vec<String> = ids.iter().map(OrganizationId::to_string).collect();
        move |set| set.split(',').any(|id| wanted.iter().any(|one| one == id))
    }
}

/// A set as a value; `None` where it is empty.
pub(super) fn text_of(organizations: &[OrganizationId]) -> Option<Arc<str>> {
    if organizations.is_empty() {
        return None;
    }
    let ids: Vec<String> = organizations
        .iter()
        .map(OrganizationId::to_string)
        .collect();
    Some(ids.join(",").into())
}
