//! Names as one types them, without HTTP and database.
//!
//! `cargo bench --bench names` loads the names of 1,000,000 world-like centers
//! (`NEARBY_BENCH_COUNT` for others) and prints what the index takes and how long
//! queries of every kind take: median, 99th percentile and the slowest. The
//! answers are asserted against looking at every name first.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts and times are far below 2^53"
)]

use std::time::Instant;

use nearby::domain::{CenterId, NameMatch, NameQuery, Origin, Position, fold};
use nearby::engine::names::Names;
use nearby::transfer::generate;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

const SEED: u64 = 1;
/// Queries of each kind.
const QUERIES: usize = 2_000;
/// Queries of each kind whose answers are asserted.
const ASSERTED: usize = 20;
/// As many as a list under an input field shows.
const WANTED: usize = 20;

struct Row {
    id: CenterId,
    name: String,
    folded: String,
    position: Position,
}

/// What is typed.
struct Kind {
    name: &'static str,
    /// Out of the letters of a name.
    typed: fn(&[char], &mut StdRng) -> String,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "one letter",
        typed: |name, _| name[..1].iter().collect(),
    },
    Kind {
        name: "the beginning of a name",
        typed: |name, random| {
            let end = random.random_range(2..8).min(name.len());
            name[..end].iter().collect()
        },
    },
    Kind {
        name: "two letters inside a name",
        typed: |name, random| inside(name, 2, random),
    },
    Kind {
        name: "three to six letters inside a name",
        typed: |name, random| {
            let length = random.random_range(3..7);
            inside(name, length, random)
        },
    },
    Kind {
        name: "what no name holds",
        typed: |name, _| {
            name.iter()
                .chain("qxq".chars().collect::<Vec<_>>().iter())
                .collect()
        },
    },
];

fn inside(name: &[char], length: usize, random: &mut StdRng) -> String {
    let start = random.random_range(0..=name.len().saturating_sub(length));
    name[start..].iter().take(length).collect()
}

fn main() {
    let count = match std::env::var("NEARBY_BENCH_COUNT") {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            panic!("NEARBY_BENCH_COUNT must be a number of centers, got {text:?}")
        }),
        Err(_) => 1_000_000,
    };
    let rows: Vec<Row> = generate(count, SEED).map(row).collect();
    let folded: usize = rows.iter().map(|row| row.folded.len()).sum();
    println!(
        "\n## {count} names, {:.1} bytes each when folded\n",
        folded as f64 / count as f64
    );
    let before = resident_bytes();
    let started = Instant::now();
    let names = Names::default();
    let mut loading = names.begin_load();
    for row in &rows {
        loading.push(row.id, &row.name, Some(row.position));
    }
    names.finish_load(loading.build());
    println!(
        "loaded and built in {:.2?}; resident bytes per center: {:.0}\n",
        started.elapsed(),
        resident_bytes().saturating_sub(before) as f64 / count as f64
    );
    for kind in &KINDS {
        for from_an_origin in [false, true] {
            print_row(kind, from_an_origin, &rows, &names);
        }
    }
}

fn row(center: nearby::transfer::Generated) -> Row {
    let id = i64::try_from(center.id).expect("counted from 1");
    Row {
        id: CenterId::new(id).expect("counted from 1"),
        name: center.place.name.to_owned(),
        folded: fold(center.place.name).into_owned(),
        position: center.position,
    }
}

fn print_row(kind: &Kind, from_an_origin: bool, rows: &[Row], names: &Names) {
    let mut random = StdRng::seed_from_u64(2);
    let queries: Vec<NameQuery> = std::iter::repeat_with(|| {
        let letters: Vec<char> = rows.choose(&mut random)?.name.chars().collect();
        let origin = rows.choose(&mut random)?.position;
        let origin = from_an_origin.then(|| Origin::from(origin));
        NameQuery::new(&(kind.typed)(&letters, &mut random), origin, WANTED)
    })
    .flatten()
    .take(QUERIES)
    .collect();
    for query in queries.iter().take(ASSERTED) {
        assert_best(query, rows, names);
    }
    let mut times_us: Vec<f64> = queries
        .iter()
        .map(|query| {
            let started = Instant::now();
            let found = names.candidates(query, WANTED).expect("names are loaded");
            std::hint::black_box(found);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times_us.sort_by(f64::total_cmp);
    let order = if from_an_origin {
        "nearest first"
    } else {
        "by name"
    };
    println!(
        "{:<50} {:>8.1} us, p99 {:>8.1} us, slowest {:>8.1} us",
        format!("{}, {order}", kind.name),
        times_us[times_us.len() / 2],
        times_us[times_us.len() * 99 / 100],
        times_us[times_us.len() - 1],
    );
}

/// The candidates hold the best of all rows.
fn assert_best(query: &NameQuery, rows: &[Row], names: &Names) {
    let origin = query.origin.map(Origin::unit_vector);
    let mut matching: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let how = NameMatch::of(&row.folded, query.needle())?;
            let chord = origin.map(|origin| origin.chord_squared(row.position.unit_vector()));
            // Chords are not negative: their bits sort as they do.
            let key = chord.map(f64::to_bits);
            let name = key.is_none().then_some(&row.folded);
            Some((how, key, name, row.id))
        })
        .collect();
    matching.sort();
    let found = names.candidates(query, WANTED).expect("names are loaded");
    for (.., id) in matching.iter().take(WANTED) {
        assert!(found.ids.contains(id), "{query:?}: {id} is missing");
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
