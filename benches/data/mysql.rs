//! Rows about MySQL: the program against what the server does by itself.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use mysql::prelude::Queryable as _;
use mysql::{Conn, LocalInfileHandler, Opts};

use super::Args;
use super::common::report::{Bound, compare, figure};
use super::program::{generated_csv, run};
use super::sql_engine;

/// Made for the benchmark and dropped after it.
const DATABASE: &str = "nearby_bench_data";

/// How locations follow from coordinates where all of these are in range, as in
/// the generated centers.
const LOCATION: &str = "ST_SRID(POINT(longitude, latitude), 4326)";

/// A few hundred metres to some kilometres beside it.
const OFF: &str = "ST_SRID(POINT(longitude, latitude * 0.999), 4326)";

/// Everything that a row of the table says, for comparing two tables.
const CHECKSUM: &str = "SELECT CONCAT_WS(' ', COUNT(*), SUM(CRC32(CONCAT_WS('|', id, name, \
    country, region, city, latitude, longitude, ST_AsText(location))))) FROM diving_centers";

struct Bench<'a> {
    args: &'a Args,
    connection: Conn,
    url: String,
    csv: PathBuf,
}

/// Measures and prints them.
pub fn print(args: &Args, server: &str) -> anyhow::Result<()> {
    let server = server.trim_end_matches('/');
    let mut connection = Conn::new(Opts::from_url(server)?)?;
    connection.query_drop(format!("DROP DATABASE IF EXISTS {DATABASE}"))?;
    connection.query_drop(format!("CREATE DATABASE {DATABASE}"))?;
    connection.query_drop(format!("USE {DATABASE}"))?;
    let url = format!("{server}/{DATABASE}");
    run(&["migrate", "up", "--database-url", &url])?;
    let csv = generated_csv(args.mysql_count)?;
    connection.set_local_infile_handler(Some(reading(&csv)));
    let mut bench = Bench {
        args,
        connection,
        url,
        csv,
    };
    let printed = bench.print();
    bench
        .connection
        .query_drop(format!("DROP DATABASE {DATABASE}"))?;
    printed
}

/// Sends a file to the server that asks for it.
fn reading(path: &Path) -> LocalInfileHandler {
    let path = path.to_owned();
    LocalInfileHandler::new(move |_, out| out.write_all(&fs::read(&path)?))
}

impl Bench<'_> {
    fn print(&mut self) -> anyhow::Result<()> {
        let (imports, backfills) = (
            self.args.wants("import into MySQL"),
            self.args.wants("backfill"),
        );
        if imports {
            self.import()?;
        }
        if backfills {
            self.backfill()?;
        }
        if self.args.wants("engine sql") {
            if !imports && !backfills {
                self.load(LOCATION)?;
            }
            sql_engine::print(self.args, &self.url)?;
        }
        Ok(())
    }

    /// Row 11: into the same table, with its index and its triggers.
    fn import(&mut self) -> anyhow::Result<()> {
        let (mut ours, mut other) = (Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            other.push(self.rows_per_second(|bench| bench.load(LOCATION))?);
            let loaded = self.checksum()?;
            ours.push(self.rows_per_second(Self::nearby_import)?);
            ensure!(loaded == self.checksum()?, "both must write the same rows");
        }
        compare(
            "import into MySQL, against LOAD DATA LOCAL",
            &ours,
            &other,
            "rows/s",
            Bound::AtLeast(0.85),
        );
        Ok(())
    }

    fn nearby_import(&mut self) -> anyhow::Result<()> {
        self.connection.query_drop("TRUNCATE diving_centers")?;
        let csv = self.csv.to_string_lossy();
        run(&["import", &csv, "--database-url", &self.url]).map(drop)
    }

    /// A table anew, with a location for each row.
    fn load(&mut self, location: &str) -> anyhow::Result<()> {
        self.connection.query_drop("TRUNCATE diving_centers")?;
        self.connection.query_drop(format!(
            "LOAD DATA LOCAL INFILE 'generated.csv' INTO TABLE diving_centers CHARACTER SET utf8mb4 \
             FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' IGNORE 1 LINES \
             (id, name, @country, @region, @city, latitude, longitude) \
             SET country = NULLIF(@country, ''), region = NULLIF(@region, ''), \
             city = NULLIF(@city, ''), location = {location}"
        ))?;
        Ok(())
    }

    /// A table anew in which every location is off, under the triggers that would not
    /// let that come about: they are there for whoever writes next.
    fn load_off(&mut self) -> anyhow::Result<()> {
        let triggers: Vec<String> = self.connection.query(
            "SELECT trigger_name FROM information_schema.triggers \
             WHERE trigger_schema = DATABASE()",
        )?;
        for trigger in triggers {
            self.connection
                .query_drop(format!("DROP TRIGGER {trigger}"))?;
        }
        self.load(OFF)?;
        run(&["migrate", "up", "--database-url", &self.url]).map(drop)
    }

    /// Row 12: every location is off, and the triggers are in place. Both sides begin
    /// with a table that was just loaded: after many updates the server still tidies
    /// up, which slows whoever comes next.
    fn backfill(&mut self) -> anyhow::Result<()> {
        let (mut ours, mut other, mut longest) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.args.rounds {
            self.load_off()?;
            other.push(self.rows_per_second(|bench| {
                bench
                    .connection
                    .query_drop(format!("UPDATE diving_centers SET location = {LOCATION}"))?;
                Ok(())
            })?);
            let updated = self.checksum()?;
            self.load_off()?;
            ours.push(self.rows_per_second(|bench| {
                let backfilled = run(&["backfill", "--database-url", &bench.url])?;
                longest.push(longest_transaction_ms(&backfilled.output)?);
                Ok(())
            })?);
            ensure!(updated == self.checksum()?, "both must write the same rows");
        }
        compare(
            "backfill, against a single UPDATE",
            &ours,
            &other,
            "rows/s",
            Bound::AtLeast(0.85),
        );
        figure(
            "backfill, its longest transaction",
            &longest,
            "ms",
            Bound::AtMost(200.0),
        );
        Ok(())
    }

    fn checksum(&mut self) -> anyhow::Result<String> {
        self.connection
            .query_first(CHECKSUM)?
            .context("a sum is one row")
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn rows_per_second(
        &mut self,
        work: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<f64> {
        let started = Instant::now();
        work(self)?;
        Ok(self.args.mysql_count as f64 / started.elapsed().as_secs_f64())
    }
}

fn longest_transaction_ms(report: &str) -> anyhow::Result<f64> {
    let line = report
        .lines()
        .find(|line| line.starts_with("longest transaction"))
        .context("the report has the longest transaction")?;
    let number = line
        .split_whitespace()
        .rev()
        .nth(1)
        .context("a number and its unit")?;
    Ok(number.parse()?)
}
