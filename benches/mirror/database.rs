//! The centers: in MySQL, and in an embedded file.

use std::fs;
use std::io::Write as _;

use anyhow::Context as _;
use mysql::prelude::Queryable as _;
use mysql::{Conn, LocalInfileHandler, Opts};

use super::program::{generated_csv, run};
use super::{Args, scratch};

/// A connection of another application.
pub fn connect(url: &str) -> anyhow::Result<Conn> {
    Ok(Conn::new(Opts::from_url(url)?)?)
}

/// The URL of a database with the centers, which are as they were generated.
pub fn filled(args: &Args) -> anyhow::Result<String> {
    let server = args.mysql_url.trim_end_matches('/');
    let name = format!("nearby_bench_mirror_{}", args.count);
    let url = format!("{server}/{name}");
    let mut connection = connect(server)?;
    connection.query_drop(format!("CREATE DATABASE IF NOT EXISTS {name}"))?;
    connection.query_drop(format!("USE {name}"))?;
    run(&["migrate", "up", "--database-url", &url])?;
    let rows: Option<u64> = connection.query_first("SELECT COUNT(*) FROM diving_centers")?;
    if rows != Some(args.count) {
        connection.query_drop("DELETE FROM center_ratings")?;
        connection.query_drop("TRUNCATE TABLE diving_centers")?;
        let csv = generated_csv(args.count)?;
        connection.set_local_infile_handler(Some(LocalInfileHandler::new(move |_, out| {
            out.write_all(&fs::read(&csv)?)
        })));
        connection.query_drop(
            "LOAD DATA LOCAL INFILE 'generated.csv' INTO TABLE diving_centers CHARACTER SET utf8mb4 \
             FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' IGNORE 1 LINES \
             (id, name, @country, @region, @city, latitude, longitude) \
             SET country = NULLIF(@country, ''), region = NULLIF(@region, ''), \
             city = NULLIF(@city, ''), location = ST_SRID(POINT(longitude, latitude), 4326)",
        )?;
    }
    connection.query_drop("ANALYZE TABLE diving_centers")?;
    Ok(url)
}

/// The URL of a file with the same.
pub fn file(args: &Args) -> anyhow::Result<String> {
    let path = scratch(&format!("mirror-{}.gpkg", args.count));
    let path = path.to_str().context("the folder has an odd name")?;
    let url = format!("sqlite:{path}");
    if !fs::exists(path)? {
        let csv = generated_csv(args.count)?;
        run(&["import", &csv.to_string_lossy(), "--database-url", &url])?;
    }
    Ok(url)
}
