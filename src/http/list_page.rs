//! How a page of rows is written.

use std::collections::HashMap;

use serde::Serialize;

use super::chosen::Chosen;
use super::dto::{CenterFeature, CenterView};
use super::features::links::Link;
use super::negotiate::Format;
use super::reply::rendered;
use crate::domain::{Center, CenterId, Rating};

/// A page of rows, and how the list goes on.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) centers: &'a [Center],
    pub(super) ratings: &'a HashMap<CenterId, Rating>,
    /// The cursor to the next page.
    pub(super) next: Option<String>,
    /// How many there are in all, where that is known.
    pub(super) matched: Option<u64>,
    /// Of a collection of features: to itself and to the next page.
    pub(super) links: Vec<Link>,
}

#[derive(Serialize)]
struct CenterPage<'a> {
    count: usize,
    next: Option<&'a str>,
    centers: [(); 0],
}

/// A collection of features as OGC API - Features describes it (Part 1, 7.15.7), and what
/// other answers have.
#[derive(Serialize)]
struct FeaturePage<'a> {
    r#type: &'static str,
    count: usize,
    next: Option<&'a str>,
    #[serde(rename = "numberReturned")]
    returned: usize,
    #[serde(rename = "numberMatched", skip_serializing_if = "Option::is_none")]
    matched: Option<u64>,
    links: &'a [Link],
    features: [(); 0],
}

impl Page<'_> {
    /// The page in a format, its centers with the members that were chosen.
    pub(super) fn written(&self, format: Format, chosen: Option<&Chosen>) -> Vec<u8> {
        let mut out = self.without_centers(format);
        out.truncate(out.len() - b"]}".len());
        for (place, center) in self.centers.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let rating = self.ratings.get(&center.id).copied();
            let written = match format {
                Format::Json => rendered(&CenterView::from(center).rated(rating)),
                Format::GeoJson => rendered(&CenterFeature::from(center).rated(rating)),
            };
            out.extend(match chosen {
                None => written,
                Some(chosen) if format == Format::GeoJson => chosen.feature(&written),
                Some(chosen) => chosen.object(&written),
            });
        }
        out.extend_from_slice(b"]}");
        out
    }

    fn without_centers(&self, format: Format) -> Vec<u8> {
        let (count, next) = (self.centers.len(), self.next.as_deref());
        match format {
            Format::Json => rendered(&CenterPage {
                count,
                next,
                centers: [],
            }),
            Format::GeoJson => rendered(&FeaturePage {
                r#type: "FeatureCollection",
                count,
                next,
                returned: count,
                matched: self.matched,
                links: &self.links,
                features: [],
            }),
        }
    }
}
