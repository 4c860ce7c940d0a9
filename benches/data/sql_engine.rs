//! The engine that asks MySQL, over HTTP, one request at a time.

use super::Args;
use super::common::client::{Connection, get};
use super::common::questions::{Question, origins_near_centers};
use super::common::report::{Bound, Spread, figure};
use super::common::world::oracle;
use super::program::Service;

/// Origins of a row that are drawn near centers.
const NEAR_CENTERS: usize = 200;
/// Origins that each row is compared with brute force from.
const CHECKED: usize = 5;
/// How often a fixed origin is asked from.
const REPEATED: usize = 50;

/// Row 13: medians of `/nearby` near centers and of `/nearest` anywhere.
pub fn print(args: &Args, url: &str) -> anyhow::Result<()> {
    let service = Service::start(url, &["--engine", "sql"])?;
    let oracle = oracle(args.mysql_count);
    let mut connection = Connection::open(service.address)?;
    let near: Vec<(f64, f64)> = origins_near_centers()
        .into_iter()
        .take(NEAR_CENTERS)
        .collect();
    let rows = [
        (
            "near centers",
            Question::nearby(25.0, 50),
            near.clone(),
            5.0,
        ),
        ("near centers", Question::nearest(10), near, 10.0),
        (
            "mid-Pacific",
            Question::nearest(10),
            fixed(-48.9, -123.4),
            10.0,
        ),
        (
            "off California",
            Question::nearest(10),
            fixed(30.0, -140.0),
            10.0,
        ),
        (
            "south of the Indian Ocean",
            Question::nearest(10),
            fixed(-35.0, 80.0),
            10.0,
        ),
        ("south pole", Question::nearest(10), fixed(-90.0, 0.0), 10.0),
        ("north pole", Question::nearest(10), fixed(90.0, 0.0), 10.0),
    ];
    for (place, question, origins, most_ms) in rows {
        for origin in origins.iter().take(CHECKED) {
            question.check(&mut connection, &oracle, *origin)?;
        }
        let mut medians = Vec::new();
        for _ in 0..args.rounds {
            let mut times_ms = Vec::new();
            for origin in &origins {
                let request = get(&question.target(*origin));
                let asked = std::time::Instant::now();
                connection.exchange(&request)?;
                times_ms.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            medians.push(Spread::of(times_ms).median());
        }
        figure(
            &format!("engine sql: {}, {place}", question.name),
            &medians,
            "ms",
            Bound::AtMost(most_ms),
        );
    }
    Ok(())
}

fn fixed(lat: f64, lng: f64) -> Vec<(f64, f64)> {
    vec![(lat, lng); REPEATED]
}
