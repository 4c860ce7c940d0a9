//! Clusters as features, with the members that Supercluster gives them.

use serde::Serialize;

use crate::domain::{Cluster, Position};

/// What is said of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterView {
    /// That it is one.
    pub cluster: bool,
    /// Its number.
    pub cluster_id: u64,
    /// How many centers.
    pub point_count: u64,
    /// The same in few characters.
    pub point_count_abbreviated: Abbreviated,
    /// The zoom at which it falls apart.
    pub expansion_zoom: u8,
}

/// A number as it is written on a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Abbreviated {
    /// As it is.
    Whole(u64),
    /// In thousands.
    Thousands(String),
}

impl From<u64> for Abbreviated {
    fn from(count: u64) -> Self {
        match count {
            0..1_000 => Self::Whole(count),
            1_000..10_000 => {
                let tenths = (count + 50) / 100;
                let (whole, tenths) = (tenths / 10, tenths % 10);
                Self::Thousands(match tenths {
                    0 => format!("{whole}k"),
                    _ => format!("{whole}.{tenths}k"),
                })
            }
            _ => Self::Thousands(format!("{}k", (count + 500) / 1_000)),
        }
    }
}

impl From<&Cluster> for ClusterView {
    fn from(cluster: &Cluster) -> Self {
        Self {
            cluster: true,
            cluster_id: cluster.id.get(),
            point_count: cluster.count,
            point_count_abbreviated: cluster.count.into(),
            expansion_zoom: cluster.expansion_zoom,
        }
    }
}

/// A cluster in GeoJSON.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterFeature {
    r#type: &'static str,
    id: u64,
    geometry: Point,
    properties: ClusterView,
}

#[derive(Debug, Clone, Serialize)]
struct Point {
    r#type: &'static str,
    coordinates: [f64; 2],
}

impl From<Position> for Point {
    /// GeoJSON has longitude first (RFC 7946, section 3.1.1).
    fn from(position: Position) -> Self {
        Self {
            r#type: "Point",
            coordinates: [position.longitude(), position.latitude()],
        }
    }
}

impl From<&Cluster> for ClusterFeature {
    fn from(cluster: &Cluster) -> Self {
        Self {
            r#type: "Feature",
            id: cluster.id.get(),
            geometry: cluster.at.position().into(),
            properties: cluster.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_abbreviated_as_supercluster_does() {
        for (count, text) in [
            (2, "2"),
            (999, "999"),
            (1_000, r#""1k""#),
            (1_049, r#""1k""#),
            (1_250, r#""1.3k""#),
            (9_999, r#""10k""#),
            (10_000, r#""10k""#),
            (10_499, r#""10k""#),
            (171_075, r#""171k""#),
            (1_000_000, r#""1000k""#),
        ] {
            let abbreviated = serde_json::to_string(&Abbreviated::from(count)).unwrap();
            assert_eq!(abbreviated, text);
        }
    }
}
