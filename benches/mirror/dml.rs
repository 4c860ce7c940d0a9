//! Anything by anybody for a while, and what the index holds afterwards.

use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mysql::prelude::Queryable as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Args;
use super::common::client::{Connection, get};
use super::common::report::{Bound, figure};
use super::database::connect;

const CLIENTS: u64 = 3;
/// Ids that are written: so few that clients meet.
const IDS: u64 = 5_000;

/// Writes for a while, then compares.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn print(args: &Args, database: &str, address: SocketAddr) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(args.dml_seconds);
    let written = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || write(database, client, until)))
            .collect();
        let shaping = scope.spawn(|| shape(database, until));
        let mut written = 0;
        for client in clients {
            written += client.join().expect("clients do not panic")?;
        }
        shaping.join().expect("it does not panic")?;
        Ok::<_, anyhow::Error>(written)
    })?;
    let lasts = args.dml_seconds as f64;
    println!(
        "random DML: {written} statements in {lasts} s, {:.0}/s",
        written as f64 / lasts
    );
    let url = format!("http://{address}");
    let compared = Command::new(env!("CARGO_BIN_EXE_nearby"))
        .args(["verify", "--database-url", database, "--mirror", &url])
        .output()?;
    print!("{}", String::from_utf8_lossy(&compared.stdout));
    let is_same = compared.status.code() == Some(0);
    ensure!(is_same, "{}", String::from_utf8_lossy(&compared.stderr));
    let mismatches = metric(address, "nearby_mirror_mismatches_total ")?;
    figure(
        "random DML, mismatches by the sweep",
        &[mismatches],
        "",
        Bound::AtMost(0.0),
    );
    connect(database)?.query_drop("DELETE FROM center_ratings")?;
    Ok(())
}

/// One number of the metrics.
fn metric(address: SocketAddr, name: &str) -> anyhow::Result<f64> {
    let mut connection = Connection::open(address)?;
    let text = String::from_utf8(connection.exchange(&get("/metrics"))?.to_vec())?;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(value.context("it is counted")?.trim().parse()?)
}

/// Writes until some time; how often.
fn write(database: &str, client: u64, until: Instant) -> anyhow::Result<u64> {
    let mut random = StdRng::seed_from_u64(client);
    let mut connection = connect(database)?;
    let mut written = 0;
    while Instant::now() < until {
        match connection.query_drop(statement(&mut random)) {
            Ok(()) => written += 1,
            // Deadlocks, and rows that others have made or taken.
            Err(mysql::Error::MySqlError(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written)
}

fn statement(random: &mut StdRng) -> String {
    let id = random.random_range(1..=IDS);
    let (latitude, longitude) = (
        random.random_range(-90.0..=90.0),
        random.random_range(-180.0..=180.0),
    );
    let n = random.random_range(0..1_000_000);
    match random.random_range(0..10) {
        0..3 => format!(
            "UPDATE diving_centers SET latitude = {latitude}, longitude = {longitude} WHERE id = {id}"
        ),
        3 => format!("UPDATE diving_centers SET name = 'n{n}' WHERE id BETWEEN {id} AND {id} + 20"),
        4 => format!("DELETE FROM diving_centers WHERE id = {id}"),
        5 | 6 => format!(
            "INSERT INTO diving_centers (id, name, latitude, longitude, country) \
             VALUES ({id}, 'i{n}', {latitude}, {longitude}, 'GR')"
        ),
        7 | 8 => format!(
            "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({id}, {}, {}) \
             AS new ON DUPLICATE KEY UPDATE score = new.score",
            random.random_range(1..5),
            random.random_range(1..=10)
        ),
        _ => format!("DELETE FROM center_ratings WHERE diving_center_id = {id}"),
    }
}

/// Alters a table now and then.
fn shape(database: &str, until: Instant) -> anyhow::Result<()> {
    let mut connection = connect(database)?;
    let statements = [
        "ALTER TABLE center_ratings ADD COLUMN odd INT FIRST",
        "ALTER TABLE center_ratings DROP COLUMN odd",
    ];
    for statement in statements {
        thread::sleep(until.saturating_duration_since(Instant::now()) / 3);
        connection.query_drop(statement)?;
    }
    Ok(())
}
