//! The rows of the table.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mysql::prelude::Queryable as _;
use serde_json::Value;

use super::Args;
use super::common::client::{Connection, Requests, closed_loop, get, open_loop};
use super::common::questions::{Question, origins_near_centers};
use super::common::report::{Bound, compare, figure};
use super::database::connect;
use super::dml;
use super::program::Service;

const MIRROR: &[&str] = &["--engine", "memory"];
const SQL: &[&str] = &["--engine", "sql"];

/// Writes a second of the other application.
const WRITES_PER_SECOND: u32 = 200;
/// How many of its commits are timed.
const COMMITS: u32 = 2_000;
/// Rows that one transaction changes.
const MANY: u64 = 100_000;
/// Searches a second while they are followed.
const SEARCHES_PER_SECOND: f64 = 1_000.0;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measures and prints them.
pub fn print(args: &Args, database: &str, file: &str) -> anyhow::Result<()> {
    let question = Question::nearby(25.0, 50);
    let requests = question.requests(&origins_near_centers());
    if args.wants("start") {
        start(args, database)?;
    }
    let mirror = Service::start(database, MIRROR)?;
    {
        let embedded = Service::start(file, &[])?;
        if args.wants("memory") {
            let (ours, other) = (mirror.resident_bytes()?, embedded.resident_bytes()?);
            let mb = |bytes: f64| [bytes / 1e6];
            let bound = Bound::AtMost(1.1);
            compare(
                "resident memory, against the file's",
                &mb(ours),
                &mb(other),
                "MB",
                bound,
            );
        }
        if args.wants("against the file") {
            against(
                args,
                "/nearby, against the file",
                &mirror,
                &embedded,
                &requests,
                0.95,
            )?;
        }
    }
    if args.wants("against SQL") {
        let by_sql = Service::start(database, SQL)?;
        against(
            args,
            "/nearby, against SQL",
            &mirror,
            &by_sql,
            &requests,
            20.0,
        )?;
    }
    if args.wants("commit to answer") {
        freshness(database, mirror.address)?;
    }
    if args.wants("one transaction") {
        one_transaction(args, database, mirror.address, &requests)?;
    }
    if args.wants("random DML") {
        dml::print(args, database, mirror.address)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn start(args: &Args, database: &str) -> anyhow::Result<()> {
    let mut figures = Vec::new();
    for _ in 0..args.rounds {
        let service = Service::start(database, MIRROR)?;
        figures.push(args.count as f64 / service.ready_after.as_secs_f64());
    }
    figure(
        "start to ready",
        &figures,
        "rows/s",
        Bound::AtLeast(60_000.0),
    );
    Ok(())
}

fn against(
    args: &Args,
    what: &str,
    ours: &Service,
    other: &Service,
    requests: &Requests,
    least: f64,
) -> anyhow::Result<()> {
    let drive = |address| closed_loop(address, requests, args.connections, args.duration());
    let (mut of_ours, mut of_other) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        of_ours.push(drive(ours.address)?.per_second);
        of_other.push(drive(other.address)?.per_second);
    }
    compare(what, &of_ours, &of_other, "req/s", Bound::AtLeast(least));
    Ok(())
}

/// From a commit to the first answer that has it, at a steady rate of commits. The row moves
/// from one empty place to another.
fn freshness(database: &str, address: SocketAddr) -> anyhow::Result<()> {
    let mut writer = connect(database)?;
    writer.query_drop("DELETE FROM diving_centers WHERE id > 900000000")?;
    writer.query_drop(
        "INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (900000001, 'probe', -89, 0)",
    )?;
    let mut reader = Connection::open(address)?;
    let mut took_ms = Vec::new();
    let between = Duration::from_secs(1) / WRITES_PER_SECOND;
    let mut due = Instant::now();
    for commit in 0..COMMITS {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due = due.max(Instant::now()) + between;
        let longitude = f64::from(commit % 1_700) / 10.0;
        writer.query_drop(format!(
            "UPDATE diving_centers SET longitude = {longitude} WHERE id = 900000001"
        ))?;
        let committed = Instant::now();
        let asking = get(&format!(
            "/nearby?lat=-89&lng={longitude}&radius_m=10&limit=1"
        ));
        loop {
            let found: Value = serde_json::from_slice(reader.exchange(&asking)?)?;
            if found["count"] == 1 {
                break;
            }
            ensure!(committed.elapsed() < PATIENCE, "a commit is never found");
        }
        took_ms.push(committed.elapsed().as_secs_f64() * 1e3);
    }
    writer.query_drop("DELETE FROM diving_centers WHERE id > 900000000")?;
    took_ms.sort_by(f64::total_cmp);
    let (median, last) = (
        took_ms[took_ms.len() / 2],
        took_ms[took_ms.len() * 99 / 100],
    );
    figure(
        "commit to answer, p50",
        &[median],
        "ms",
        Bound::AtMost(10.0),
    );
    figure("commit to answer, p99", &[last], "ms", Bound::AtMost(100.0));
    Ok(())
}

/// Many rows that one transaction changes, until the last is answered; and searches meanwhile.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn one_transaction(
    args: &Args,
    database: &str,
    address: SocketAddr,
    requests: &Requests,
) -> anyhow::Result<()> {
    let mut writer = connect(database)?;
    let many = MANY.min(args.count);
    let (mut rates, mut meanwhile, mut before) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..args.rounds {
        let calm = open_loop(address, requests, 8, SEARCHES_PER_SECOND, args.duration())?;
        before.push(calm.quantile_us(0.99) / 1e3);
        let is_over = AtomicBool::new(false);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let second = Duration::from_millis(500);
                    let run = open_loop(address, requests, 8, SEARCHES_PER_SECOND, second);
                    if tell.send(run).is_err() {
                        return;
                    }
                }
            });
            let changing = followed(&mut writer, address, round, many);
            is_over.store(true, Ordering::Relaxed);
            rates.push(many as f64 / changing?.as_secs_f64());
            Ok::<_, anyhow::Error>(())
        })?;
        drop(tell);
        let mut all: Vec<f64> = Vec::new();
        for run in told {
            all.push(run?.quantile_us(0.99) / 1e3);
        }
        meanwhile.push(all.iter().copied().fold(0.0, f64::max));
    }
    let what = "one transaction of 100,000 rows";
    figure(what, &rates, "rows/s", Bound::AtLeast(15_000.0));
    let what = "p99 of searches meanwhile, against without";
    compare(what, &meanwhile, &before, "ms", Bound::AtMost(3.0));
    Ok(())
}

/// From the commit until the row that is followed last has its new city.
fn followed(
    writer: &mut mysql::Conn,
    address: SocketAddr,
    round: usize,
    many: u64,
) -> anyhow::Result<Duration> {
    let last: Option<(u64, f64, f64)> = writer.query_first(format!(
        "SELECT id, CAST(latitude AS DOUBLE), CAST(longitude AS DOUBLE) FROM diving_centers \
         WHERE id <= {many} ORDER BY id DESC LIMIT 1"
    ))?;
    let (id, latitude, longitude) = last.context("there are rows")?;
    let city = format!("c{round}-{:x}", rand::random::<u32>());
    writer.query_drop(format!(
        "UPDATE diving_centers SET city = '{city}' WHERE id <= {many}"
    ))?;
    let committed = Instant::now();
    let mut reader = Connection::open(address)?;
    let asking = get(&format!(
        "/nearby?lat={latitude}&lng={longitude}&radius_m=10&limit=1000"
    ));
    loop {
        let found: Value = serde_json::from_slice(reader.exchange(&asking)?)?;
        let centers = found["centers"].as_array().context("it has centers")?;
        if centers
            .iter()
            .any(|center| center["id"] == id && center["city"] == city)
        {
            return Ok(committed.elapsed());
        }
        ensure!(
            committed.elapsed() < PATIENCE,
            "{id} is never found as it is"
        );
        thread::sleep(Duration::from_millis(5));
    }
}
