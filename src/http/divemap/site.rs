//! Dive sites as Divemap shows them. Pictures are none of nearby's business.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::html::stripped;
use super::item::{DetailLevel, shown};
use crate::domain::{Alias, Center, DiveCost, Position, SiteDetails, Tag};
use crate::wire::JsonId;

/// What Divemap says of a site that is shown.
const APPROVED: &str = "approved";

#[derive(Debug, Serialize)]
struct AliasView<'a> {
    alias: &'a str,
    id: i64,
    dive_site_id: JsonId,
    created_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct TagView<'a> {
    id: i64,
    name: &'a str,
    description: Option<&'a str>,
    created_by: Option<i64>,
    created_at: Option<DateTime<Utc>>,
}

fn aliases<'a>(site: &Center, aliases: &'a [Alias]) -> Vec<AliasView<'a>> {
    let views = aliases.iter().map(|alias| AliasView {
        alias: &alias.alias,
        id: alias.id,
        dive_site_id: site.id.into(),
        created_at: alias.created_at,
    });
    views.collect()
}

fn tags(tags: &[Tag]) -> Vec<TagView<'_>> {
    let views = tags.iter().map(|tag| TagView {
        id: tag.id,
        name: &tag.name,
        description: tag.description.as_deref(),
        created_by: tag.created_by,
        created_at: tag.created_at,
    });
    views.collect()
}

/// A site in a list; keys without a value are left out.
#[derive(Debug, Serialize)]
pub(super) struct SiteItem<'a> {
    id: JsonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_instructions: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty_label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marine_life: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_information: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_depth: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shore_direction: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shore_direction_confidence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shore_direction_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shore_direction_distance_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_rating: Option<f64>,
    status: &'static str,
    total_ratings: u64,
    comment_count: u64,
    route_count: u64,
    tags: Vec<TagView<'a>>,
    aliases: Vec<AliasView<'a>>,
}

impl<'a> SiteItem<'a> {
    /// A site at a level of detail.
    pub(super) fn new(site: &'a Center, details: &'a SiteDetails, level: DetailLevel) -> Self {
        let text = &site.text;
        let is_basic = level >= DetailLevel::Basic;
        let is_full = level >= DetailLevel::Full;
        let basic = |text: &'a Option<String>| shown(is_basic, text.as_deref());
        let full = |text: &'a Option<String>| shown(is_full, text.as_deref());
        let count = |count: u64| if is_full { count } else { 0 };
        Self {
            id: site.id.into(),
            name: shown(is_basic, Some(text.name.as_str())),
            description: full(&text.description).map(stripped),
            latitude: site.position.map(Position::latitude),
            longitude: site.position.map(Position::longitude),
            access_instructions: full(&details.access_instructions).map(stripped),
            difficulty_code: basic(&details.difficulty_code),
            difficulty_label: basic(&details.difficulty_label),
            marine_life: full(&details.marine_life).map(stripped),
            safety_information: full(&details.safety_information).map(stripped),
            max_depth: shown(is_full, details.max_depth_m),
            country: full(&text.country),
            region: full(&text.region),
            shore_direction: shown(is_full, details.shore_direction),
            shore_direction_confidence: full(&details.shore_direction_confidence),
            shore_direction_method: full(&details.shore_direction_method),
            shore_direction_distance_m: shown(is_full, details.shore_direction_distance_m),
            created_at: shown(is_full, site.created_at),
            updated_at: shown(is_full, site.updated_at),
            created_by: shown(is_full, details.created_by),
            created_by_username: full(&details.created_by_username),
            average_rating: shown(is_basic, details.average_rating),
            status: APPROVED,
            total_ratings: count(details.rating_count),
            comment_count: count(details.comment_count),
            route_count: count(details.route_count),
            tags: if is_full {
                tags(&details.tags)
            } else {
                Vec::new()
            },
            aliases: if is_full {
                aliases(site, &details.aliases)
            } else {
                Vec::new()
            },
        }
    }
}

/// A site by itself; every key is there.
#[derive(Debug, Serialize)]
pub(super) struct WholeSite<'a> {
    name: &'a str,
    description: Option<Cow<'a, str>>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    access_instructions: Option<Cow<'a, str>>,
    difficulty_code: Option<&'a str>,
    marine_life: Option<Cow<'a, str>>,
    safety_information: Option<Cow<'a, str>>,
    max_depth: Option<f64>,
    country: Option<&'a str>,
    region: Option<&'a str>,
    shore_direction: Option<f64>,
    id: JsonId,
    created_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    created_by: Option<i64>,
    created_by_username: Option<&'a str>,
    status: &'static str,
    updated_at: Option<DateTime<Utc>>,
    average_rating: Option<f64>,
    total_ratings: u64,
    comment_count: u64,
    route_count: u64,
    view_count: Option<u64>,
    tags: Vec<TagView<'a>>,
    user_rating: Option<f64>,
    distance_km: Option<f64>,
    aliases: Vec<AliasView<'a>>,
    difficulty_label: Option<&'a str>,
    shore_direction_confidence: Option<&'a str>,
    shore_direction_method: Option<&'a str>,
    shore_direction_distance_m: Option<f64>,
    thumbnail: Option<&'a str>,
    thumbnail_type: Option<&'a str>,
    thumbnail_source: Option<&'a str>,
    thumbnail_id: Option<i64>,
}

impl<'a> WholeSite<'a> {
    /// A site and what other tables say of it.
    pub(super) fn new(site: &'a Center, details: &'a SiteDetails) -> Self {
        let text = &site.text;
        let clean = |text: &'a Option<String>| text.as_deref().map(stripped);
        Self {
            name: &text.name,
            description: clean(&text.description),
            latitude: site.position.map(Position::latitude),
            longitude: site.position.map(Position::longitude),
            access_instructions: clean(&details.access_instructions),
            difficulty_code: details.difficulty_code.as_deref(),
            marine_life: clean(&details.marine_life),
            safety_information: clean(&details.safety_information),
            max_depth: details.max_depth_m,
            country: text.country.as_deref(),
            region: text.region.as_deref(),
            shore_direction: details.shore_direction,
            id: site.id.into(),
            created_at: site.created_at,
            // Those that are deleted are not shown.
            deleted_at: None,
            created_by: details.created_by,
            created_by_username: details.created_by_username.as_deref(),
            status: APPROVED,
            updated_at: site.updated_at,
            average_rating: details.average_rating,
            total_ratings: details.rating_count,
            // Divemap counts neither here.
            comment_count: 0,
            route_count: 0,
            // Of whoever is signed in, and for administrators: nobody is here.
            view_count: None,
            user_rating: None,
            distance_km: None,
            tags: tags(&details.tags),
            aliases: aliases(site, &details.aliases),
            difficulty_label: details.difficulty_label.as_deref(),
            shore_direction_confidence: details.shore_direction_confidence.as_deref(),
            shore_direction_method: details.shore_direction_method.as_deref(),
            shore_direction_distance_m: details.shore_direction_distance_m,
            thumbnail: None,
            thumbnail_type: None,
            thumbnail_source: None,
            thumbnail_id: None,
        }
    }
}

/// A center that dives at a site, with what it takes for that.
#[derive(Debug, Serialize)]
pub(super) struct CenterOfSite<'a> {
    id: JsonId,
    name: &'a str,
    description: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    website: Option<&'a str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    dive_cost: Option<f64>,
    currency: Option<&'a str>,
}

impl<'a> CenterOfSite<'a> {
    pub(super) fn new(center: &'a Center, cost: &'a DiveCost) -> Self {
        let text = &center.text;
        Self {
            id: center.id.into(),
            name: &text.name,
            description: text.description.as_deref(),
            email: text.email.as_deref(),
            phone: text.phone.as_deref(),
            website: text.website.as_deref(),
            latitude: center.position.map(Position::latitude),
            longitude: center.position.map(Position::longitude),
            dive_cost: cost.amount,
            currency: cost.currency.as_deref(),
        }
    }
}
