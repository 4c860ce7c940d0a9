//! What `deploy/` names is there: metrics of a running service, sections of the manual for operators.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::cli::served::Served;
use crate::support::TestDatabase;

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every word of nearby's metrics, a histogram by its own name.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c));
    let words = words.filter(|word| word.starts_with("nearby_"));
    let parts = ["_bucket", "_sum", "_count"];
    words
        .map(|word| {
            let part = parts.iter().find_map(|part| word.strip_suffix(part));
            part.unwrap_or(word).to_owned()
        })
        .collect()
}

/// The metrics that a service tells of which every part is at work.
async fn told() -> BTreeSet<String> {
    let db = TestDatabase::mysql().await;
    let served = Served::start(&[
        "--database-url",
        db.url(),
        "--engine",
        "memory",
        "--verify-every",
        "1",
    ]);
    assert_eq!(served.get("/nearby?lat=1&lng=1").await.0, 200);
    let begun = Instant::now();
    loop {
        let answer = reqwest::get(served.url("/metrics")).await.unwrap();
        let text = answer.text().await.unwrap();
        if text.contains("\nnearby_last_verify_timestamp_seconds{") {
            let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
            return types
                .filter_map(|line| line.split_once(' '))
                .map(|(name, _)| name.to_owned())
                .collect();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn alerts_and_the_dashboard_are_about_metrics_that_a_service_tells() {
    let told = told().await;
    let dashboard = metrics_in(&read("deploy/grafana/nearby.json"));
    assert_eq!(dashboard, told, "every metric has a panel");
    let alerts = metrics_in(&read("deploy/prometheus/nearby.rules.yml"));
    assert!(alerts.is_subset(&told), "{alerts:?}");
    assert!(alerts.len() > 10, "{alerts:?}");
}

#[test]
fn every_alert_is_tested_and_has_a_section_that_says_what_to_do() {
    let rules = read("deploy/prometheus/nearby.rules.yml");
    let (tests, operations) = (
        read("deploy/prometheus/nearby.tests.yml"),
        read("docs/OPERATIONS.md"),
    );
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: Vec<&str> = alerts.collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        assert!(operations.contains(&format!("\n### {alert}\n")), "{alert}");
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert}");
        let link = format!("docs/OPERATIONS.md#{}\"", alert.to_lowercase());
        assert!(rules.contains(&link), "{link}");
    }
}
