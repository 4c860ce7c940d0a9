//! What is told of dive sites beyond what is told of every center.

use chrono::{DateTime, Utc};

use super::center::CenterId;

/// What else a list of sites is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteFilter {
    /// The code of a level of difficulty.
    pub difficulty: Option<String>,
    /// Whether those of no known difficulty are left out.
    pub is_specified: bool,
    /// Tags that a site has all of.
    pub tags: Vec<i64>,
    /// The least average rating.
    pub min_rating: Option<f64>,
    /// The name of whoever entered it.
    pub created_by: Option<String>,
}

/// What other tables, and columns of their own, say of a site.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteDetails {
    /// How to get there.
    pub access_instructions: Option<String>,
    /// What lives there.
    pub marine_life: Option<String>,
    /// What to beware of.
    pub safety_information: Option<String>,
    /// How deep it is in metres.
    pub max_depth_m: Option<f64>,
    /// How difficult it is, in a word for programs.
    pub difficulty_code: Option<String>,
    /// The same for people.
    pub difficulty_label: Option<String>,
    /// Where its shore faces, in degrees.
    pub shore_direction: Option<f64>,
    /// How sure that is.
    pub shore_direction_confidence: Option<String>,
    /// How that was found out.
    pub shore_direction_method: Option<String>,
    /// How far the shore is in metres.
    pub shore_direction_distance_m: Option<f64>,
    /// Who entered it.
    pub created_by: Option<i64>,
    /// What they are called.
    pub created_by_username: Option<String>,
    /// How it is rated on average.
    pub average_rating: Option<f64>,
    /// How often it was rated.
    pub rating_count: u64,
    /// How many comments there are.
    pub comment_count: u64,
    /// How many routes there are.
    pub route_count: u64,
    /// What else it is called.
    pub aliases: Vec<Alias>,
    /// What it is tagged with, by name.
    pub tags: Vec<Tag>,
}

/// Another name of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// Its number.
    pub id: i64,
    /// The name.
    pub alias: String,
    /// Since when; `None` where that is not known.
    pub created_at: Option<DateTime<Utc>>,
}

/// A word that sites are tagged with.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// Its number.
    pub id: i64,
    /// The word.
    pub name: String,
    /// What it means.
    pub description: Option<String>,
    /// Who made it.
    pub created_by: Option<i64>,
    /// Since when; `None` where that is not known.
    pub created_at: Option<DateTime<Utc>>,
}

/// A center that dives at a site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteCenter {
    /// The center.
    pub center: CenterId,
    /// What it takes for a dive there.
    pub cost: DiveCost,
}

/// What a dive costs.
#[derive(Debug, Clone, PartialEq)]
pub struct DiveCost {
    /// How much.
    pub amount: Option<f64>,
    /// Of what.
    pub currency: Option<String>,
}
