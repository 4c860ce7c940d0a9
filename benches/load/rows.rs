//! The rows of the table.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use nearby::domain::{Condition, FieldId, Filter};
use serde_json::json;

use super::common::client::{Connection, Requests, closed_loop, get, open_loop, post};
use super::common::questions::{Question, origins_near_centers};
use super::common::report::{Bound, Spread, compare, head, row};
use super::common::world::oracle;
use super::service::{KEY, Services};
use super::{Args, ceiling};

/// Origins that each kind of question is checked from.
const CHECKED_ORIGINS: usize = 5;

/// Writes a second while readers are measured.
const WRITES_PER_SECOND: f64 = 1_000.0;

/// How many times as long as other rows this one is measured: in a second, one pause
/// of the machine of 10 ms is the 99th percentile.
const STEADY_TIMES: u32 = 3;

/// The share of its greatest load at which latency is measured.
const STEADY_LOAD: f64 = 0.7;

/// A load is borne while this is not exceeded by the 99th percentile, in
/// microseconds: beyond, requests queue up and wait the longer the longer it lasts.
const BORNE_P99_US: f64 = 20_000.0;

/// Loads tried to find the greatest one: to a hundredth.
const LOADS_TRIED: usize = 7;

/// Searches in a batch.
const BATCH: usize = 1_000;

/// The far side of the globe from most countries.
const MID_PACIFIC: (f64, f64) = (-48.9, -123.4);

/// Everything that is measured.
pub struct Bench<'a> {
    args: &'a Args,
    service: SocketAddr,
    services: Services,
    origins: Vec<(f64, f64)>,
    against_ceiling: Vec<(Question, f64)>,
    filtered: Vec<Question>,
}

impl<'a> Bench<'a> {
    /// Draws the questions.
    pub fn new(args: &'a Args, services: Services) -> Self {
        Self {
            args,
            service: services.plain,
            services,
            origins: origins_near_centers(),
            against_ceiling: vec![
                (Question::nearby(25.0, 50), 0.85),
                (Question::nearby(25.0, 10), 0.92),
                (Question::nearest(10), 0.92),
                (Question::nearby(100.0, 50), 0.80),
                (Question::nearby(500.0, 50), 0.80),
            ],
            filtered: filtered_questions(),
        }
    }

    /// Compares answers to every kind of question with brute force.
    pub fn check_answers(&self) -> anyhow::Result<()> {
        let oracle = oracle(self.args.count);
        let mut connection = Connection::open(self.service)?;
        let mut checked = 0;
        for (question, _) in &self.against_ceiling {
            for &origin in self.origins.iter().take(CHECKED_ORIGINS) {
                question.check(&mut connection, &oracle, origin)?;
                checked += 1;
            }
        }
        for question in &self.filtered {
            question.check(&mut connection, &oracle, MID_PACIFIC)?;
            checked += 1;
        }
        eprintln!(
            "{checked} answers equal brute force over {} centers",
            oracle.len()
        );
        Ok(())
    }

    /// Measures and prints every row.
    pub fn print_rows(&self) -> anyhow::Result<()> {
        println!(
            "{} centers, {} connections, {} workers, {} rounds of {} s a side",
            self.args.count,
            self.args.connections,
            self.args.workers(),
            self.args.rounds,
            self.args.seconds
        );
        head();
        for (question, at_least) in &self.against_ceiling {
            if self.wants(&question.name) {
                self.beside_ceiling(question, *at_least)?;
            }
        }
        self.every_way()?;
        if self.wants("latencies") {
            self.latencies()?;
        }
        if self.wants("writes") {
            self.while_writing()?;
        }
        for question in &self.filtered {
            if self.wants(&question.name) {
                self.beside_unfiltered(question)?;
            }
        }
        if self.wants("batch") {
            self.batch()?;
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.args.only)
    }

    /// Rows 1 to 3: requests a second against a fixed body of the same size.
    fn beside_ceiling(&self, question: &Question, at_least: f64) -> anyhow::Result<()> {
        let requests = question.requests(&self.origins);
        let size = self.mean_body(&requests)?;
        let ceiling = ceiling::start(self.args.workers(), size)?;
        let fixed: Requests = Arc::new(vec![get("/")]);
        let (mut ours, mut other) = (Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            other.push(self.closed(ceiling, &fixed)?);
            ours.push(self.closed(self.service, &requests)?);
        }
        let name = format!("{} ({size} bytes)", question.name);
        compare(&name, &ours, &other, "req/s", Bound::AtLeast(at_least));
        Ok(())
    }

    /// The same question asked in every way, against `/nearby` of the default collection.
    fn every_way(&self) -> anyhow::Result<()> {
        let question = Question::nearby(25.0, 50);
        let plain = question.requests(&self.origins);
        let in_collection = Question {
            path: "/collections/centers/nearby",
            ..question.clone()
        };
        let in_collection = in_collection.requests(&self.origins);
        let targets = self.origins.iter().map(|&origin| question.target(origin));
        let from_page = targets.map(|target| get_from_page(&target)).collect();
        let from_page = Arc::new(from_page);
        let Services {
            plain: service,
            for_pages,
            rated,
        } = self.services;
        for (way, address, requests) in [
            ("in a named collection", service, &in_collection),
            ("asked by a page", for_pages, &from_page),
            ("with ratings", rated, &plain),
        ] {
            let name = format!("{}, {way}", question.name);
            if !self.wants(&name) {
                continue;
            }
            let (mut ours, mut other) = (Vec::new(), Vec::new());
            for _ in 0..self.args.rounds {
                other.push(self.closed(service, &plain)?);
                ours.push(self.closed(address, requests)?);
            }
            compare(&name, &ours, &other, "req/s", Bound::AtLeast(0.95));
        }
        Ok(())
    }

    fn mean_body(&self, requests: &Requests) -> anyhow::Result<usize> {
        const SAMPLE: usize = 500;
        let mut connection = Connection::open(self.service)?;
        let mut bytes = 0;
        for request in requests.iter().take(SAMPLE) {
            bytes += connection.exchange(request)?.len();
        }
        Ok(bytes / requests.len().min(SAMPLE))
    }

    fn closed(&self, address: SocketAddr, requests: &Requests) -> anyhow::Result<f64> {
        let run = closed_loop(
            address,
            requests,
            self.args.connections,
            self.args.duration(),
        )?;
        Ok(run.per_second)
    }

    /// Percentiles of `/nearby` and `/nearest` at full load.
    fn latencies(&self) -> anyhow::Result<()> {
        for question in [Question::nearby(25.0, 50), Question::nearest(10)] {
            let requests = question.requests(&self.origins);
            let run = closed_loop(
                self.service,
                &requests,
                self.args.connections,
                self.args.duration(),
            )?;
            println!(
                "{:<44} {:>9.0} req/s; latency p50 {:.0} p90 {:.0} p99 {:.0} p99.9 {:.0} us",
                format!("{}, closed loop", question.name),
                run.per_second,
                run.quantile_us(0.5),
                run.quantile_us(0.9),
                run.quantile_us(0.99),
                run.quantile_us(0.999),
            );
        }
        Ok(())
    }

    /// Row 4: the 99th percentile while centers are written, against the same
    /// load without writes.
    fn while_writing(&self) -> anyhow::Result<()> {
        let question = Question::nearby(25.0, 50);
        let requests = question.requests(&self.origins);
        let duration = self.args.duration() * STEADY_TIMES;
        let (mut with, mut without) = (Vec::new(), Vec::new());
        let (mut rates, mut written) = (Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            // Anew in each round: what a shared machine bears changes by the minute.
            let rate = self.greatest_load(&requests)? * STEADY_LOAD;
            rates.push(rate);
            without.push(self.steady(&requests, rate, duration)?);
            let address = self.service;
            let writes = self.writes();
            let writing =
                thread::spawn(move || open_loop(address, &writes, 4, WRITES_PER_SECOND, duration));
            with.push(self.steady(&requests, rate, duration)?);
            let done = writing.join().expect("the writer does not panic")?;
            written.push(done.per_second);
        }
        let name = format!(
            "p99 at {:.0} req/s, {:.0} writes/s",
            Spread::of(rates).median(),
            Spread::of(written).min()
        );
        compare(&name, &with, &without, "us", Bound::AtMost(2.0));
        Ok(())
    }

    /// The most requests a second that the service bears.
    fn greatest_load(&self, requests: &Requests) -> anyhow::Result<f64> {
        let duration = self.args.duration() / 2;
        let (mut borne, mut too_much) = (0.0, self.closed(self.service, requests)?);
        for _ in 0..LOADS_TRIED {
            let rate = f64::midpoint(borne, too_much);
            if self.steady(requests, rate, duration)? < BORNE_P99_US {
                borne = rate;
            } else {
                too_much = rate;
            }
        }
        ensure!(borne > 0.0, "the service bears no load at all");
        Ok(borne)
    }

    fn steady(&self, requests: &Requests, rate: f64, duration: Duration) -> anyhow::Result<f64> {
        let run = open_loop(
            self.service,
            requests,
            self.args.connections,
            rate,
            duration,
        )?;
        Ok(run.quantile_us(0.99))
    }

    /// New centers near the origins.
    fn writes(&self) -> Requests {
        let requests = self.origins.iter().map(|(lat, lng)| {
            let lng = if *lng > 180.0 { lng - 360.0 } else { *lng };
            let body = json!({"name": "written under load", "latitude": lat, "longitude": lng});
            post("/centers", Some(KEY), &body.to_string())
        });
        Arc::new(requests.collect())
    }

    /// Row 8: a filter from the far side of the globe against no filter there,
    /// one request at a time.
    fn beside_unfiltered(&self, question: &Question) -> anyhow::Result<()> {
        let plain: Requests = Arc::new(vec![get(
            &Question::nearest(question.limit).target(MID_PACIFIC)
        )]);
        let filtered: Requests = Arc::new(vec![get(&question.target(MID_PACIFIC))]);
        let (mut ours, mut other) = (Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            other.push(self.one_at_a_time(&plain)?);
            ours.push(self.one_at_a_time(&filtered)?);
        }
        compare(&question.name, &ours, &other, "us", Bound::AtMost(10.0));
        Ok(())
    }

    /// Microseconds a request, on one connection.
    fn one_at_a_time(&self, requests: &Requests) -> anyhow::Result<f64> {
        let run = closed_loop(self.service, requests, 1, self.args.duration() / 4)?;
        Ok(1e6 / run.per_second)
    }

    /// Row 9: a batch against as many single calls, and what single calls feel
    /// of batches.
    fn batch(&self) -> anyhow::Result<()> {
        let question = Question::nearby(25.0, 10);
        let single = question.requests(&self.origins[..BATCH.min(self.origins.len())]);
        let queries: Vec<_> = self.origins[..single.len()]
            .iter()
            .map(|(lat, lng)| json!({"lat": lat, "lng": lng, "radius_m": 25_000, "limit": 10}))
            .collect();
        let batch = post(
            "/nearby/batch",
            None,
            &json!({ "queries": queries }).to_string(),
        );
        let mut connection = Connection::open(self.service)?;
        let (mut ours, mut other) = (Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            other.push(milliseconds(|| {
                single
                    .iter()
                    .try_for_each(|request| connection.exchange(request).map(drop))
            })?);
            // The fastest of a few: a batch is over in milliseconds.
            let mut fastest = f64::INFINITY;
            for _ in 0..5 {
                fastest = fastest.min(milliseconds(|| connection.exchange(&batch).map(drop))?);
            }
            ours.push(fastest);
        }
        let name = format!(
            "/nearby/batch of {}, time against single calls",
            single.len()
        );
        let times_faster: Vec<f64> = other.iter().zip(&ours).map(|(o, b)| o / b).collect();
        row(
            &name,
            &Spread::of(ours),
            &Spread::of(other),
            &Spread::of(times_faster),
            "ms",
            Bound::AtLeast(5.0),
        );
        self.single_calls_beside_batches(&single, &batch)
    }

    fn single_calls_beside_batches(&self, single: &Requests, batch: &[u8]) -> anyhow::Result<()> {
        const RATE: f64 = 500.0;
        let duration = self.args.duration();
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            without.push(self.steady(single, RATE, duration)?);
            let address = self.service;
            let batches: Requests = Arc::new(vec![batch.to_vec()]);
            let asker = thread::spawn(move || closed_loop(address, &batches, 2, duration));
            with.push(self.steady(single, RATE, duration)?);
            asker.join().expect("the asker does not panic")?;
        }
        compare(
            "p99 of single calls beside endless batches",
            &with,
            &without,
            "us",
            Bound::AtMost(50.0),
        );
        Ok(())
    }
}

/// A request as a browser sends it for a page of another origin.
fn get_from_page(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://maps.example\r\n\r\n")
        .into_bytes()
}

fn milliseconds(work: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Filters whose centers are far from the middle of the Pacific, from a large
/// country to a single town, and pairs of them.
fn filtered_questions() -> Vec<Question> {
    let filter = |country: &str, region: &str, city: &str| {
        let asked = [
            (FieldId::COUNTRY, country),
            (FieldId::REGION, region),
            (FieldId::CITY, city),
        ];
        let asked = asked.into_iter().filter(|(_, text)| !text.is_empty());
        let conditions = asked.map(|(field, text)| Condition::texts(field, [text]));
        Filter {
            condition: Condition::All(conditions.collect()),
            ..Filter::default()
        }
    };
    [
        ("country=KZ", filter("KZ", "", "")),
        ("country=IN", filter("IN", "", "")),
        ("country=VA", filter("VA", "", "")),
        ("region=Attica", filter("", "Attica", "")),
        ("country=GR&region=Attica", filter("GR", "Attica", "")),
        ("country=US&region=Attica", filter("US", "Attica", "")),
    ]
    .into_iter()
    .map(|(name, filter)| Question::nearest(10).filtered(name, filter))
    .collect()
}
