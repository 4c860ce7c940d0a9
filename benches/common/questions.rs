//! What is asked: origins drawn near centers, and the oracle's answers.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use nearby::domain::{Area, Condition, FieldValue, Fields, Filter, Limit, Origin, Radius, Search};
use nearby::engine::brute::BruteForce;
use nearby::transfer::generate;
use serde_json::Value;

use super::client::{Connection, Requests, get};

/// Different requests a row asks, in turn.
const ORIGINS: u64 = 4_096;

/// Distances of two answers may differ by so much, relatively, or by a
/// millimetre.
const TOLERANCE: f64 = 1e-9;

/// A kind of question.
#[derive(Debug, Clone)]
pub struct Question {
    /// What it is called in the table.
    pub name: String,
    /// The path asked.
    pub path: &'static str,
    /// How far, in metres; `None` has no radius.
    pub radius_m: Option<f64>,
    /// How many.
    pub limit: usize,
    /// Filters.
    pub filter: Filter,
}

impl Question {
    /// `/nearby` within so many kilometres.
    pub fn nearby(radius_km: f64, limit: usize) -> Self {
        Self {
            name: format!("/nearby {radius_km} km, {limit} results"),
            path: "/nearby",
            radius_m: Some(radius_km * 1_000.0),
            limit,
            filter: Filter::default(),
        }
    }

    /// `/nearest`.
    pub fn nearest(limit: usize) -> Self {
        Self {
            name: format!("/nearest, {limit} results"),
            path: "/nearest",
            radius_m: None,
            limit,
            filter: Filter::default(),
        }
    }

    /// The same with filters.
    pub fn filtered(mut self, name: &str, filter: Filter) -> Self {
        self.name = format!("{}, {name}", self.name);
        self.filter = filter;
        self
    }

    /// The path and query for an origin.
    pub fn target(&self, (lat, lng): (f64, f64)) -> String {
        let mut target = format!("{}?lat={lat}&lng={lng}&limit={}", self.path, self.limit);
        if let Some(radius_m) = self.radius_m {
            let _ = write!(target, "&radius_m={radius_m}");
        }
        let fields = Fields::default();
        let conditions = self.filter.condition.conjuncts().iter();
        for (field, values) in conditions.filter_map(Condition::allowed_values) {
            let field = &fields.get(field).name;
            for value in values {
                let FieldValue::Text(value) = value else {
                    continue;
                };
                let value: String =
                    url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                let _ = write!(target, "&{field}={value}");
            }
        }
        target
    }

    /// Requests from many origins.
    pub fn requests(&self, origins: &[(f64, f64)]) -> Requests {
        Arc::new(
            origins
                .iter()
                .map(|&origin| get(&self.target(origin)))
                .collect(),
        )
    }

    fn search(&self, (lat, lng): (f64, f64)) -> anyhow::Result<Search> {
        Ok(Search {
            area: Area::around(
                Origin::new(lat, lng)?,
                self.radius_m.map(Radius::from_m).transpose()?,
            ),
            limit: Limit::new(self.limit)?,
            filter: self.filter.clone(),
            exclude: Vec::new(),
            after: None,
        })
    }

    /// Asks from an origin and compares the answer with brute force.
    pub fn check(
        &self,
        connection: &mut Connection,
        oracle: &BruteForce,
        origin: (f64, f64),
    ) -> anyhow::Result<()> {
        let body = connection.exchange(&get(&self.target(origin)))?;
        let answer: Value = serde_json::from_slice(body)?;
        let centers = answer["centers"]
            .as_array()
            .context("an answer has centers")?;
        let expected = oracle.nearest(&self.search(origin)?);
        ensure!(
            centers.len() == expected.len(),
            "{} from {origin:?}: {} centers, brute force finds {}",
            self.name,
            centers.len(),
            expected.len()
        );
        let ids: HashSet<i64> = centers.iter().filter_map(|c| c["id"].as_i64()).collect();
        for (center, expected) in centers.iter().zip(&expected) {
            let distance_m = center["distance_m"].as_f64().context("a distance")?;
            let tolerance = (expected.distance_m * TOLERANCE).max(1e-3);
            ensure!(
                (distance_m - expected.distance_m).abs() <= tolerance
                    && (ids.contains(&expected.id.get())),
                "{} from {origin:?}: {center} where brute force has {expected:?}",
                self.name
            );
        }
        Ok(())
    }
}

/// Origins about a kilometre from centers.
pub fn origins_near_centers() -> Vec<(f64, f64)> {
    generate(ORIGINS, 2)
        .map(|center| {
            let position = center.position;
            (
                (position.latitude() + 0.01).min(90.0),
                position.longitude() + 0.01,
            )
        })
        .collect()
}
