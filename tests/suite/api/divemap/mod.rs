//! Divemap's endpoints under `/api/v1`.

mod center;
mod dive_sites;
mod errors;
mod list;
mod nearby;
mod nginx;
mod relevance;
mod search;
mod sites;
mod viewport;

use serde_json::Value;

use super::server::{Answer, TestServer};

const CENTERS: &str = "/api/v1/diving-centers";

/// The array of an answer that is one, or of its items.
fn items(answer: &Value) -> &Vec<Value> {
    let items = answer.get("items").unwrap_or(answer);
    items.as_array().expect("an array")
}

fn ids(answer: &Value) -> Vec<i64> {
    let id = |item: &Value| item["id"].as_i64().expect("an id");
    items(answer).iter().map(id).collect()
}

async fn found_ids(server: &TestServer, path: &str) -> Vec<i64> {
    ids(&server.found(&format!("{CENTERS}{path}")).await)
}

/// The detail of an error.
fn detail(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()["detail"].clone()
}
