//! What maps ask of the index, without HTTP and database.
//!
//! `cargo bench --bench map` loads 1,000,000 world-like centers (`NEARBY_BENCH_COUNT` for
//! others) and prints how long building takes, viewports, tiles, filters and writes:
//! median, 99th percentile and the slowest. Counts are asserted first.

#[path = "common/world.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod world;

use std::hint::black_box;
use std::time::Instant;

use nearby::domain::{
    Cells, Condition, FieldId, Filter, MAP_SIDE, MapPoint, Pattern, Position, Tile, Viewport, Zoom,
};
use nearby::engine::memory::{Change, MemoryEngine};
use nearby::transfer::{Generated, generate};
use nearby::wire::MvtLayer;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use world::{SEED, summary};

/// Questions of each kind.
const QUESTIONS: usize = 2_000;
/// Questions with a filter, which go through more.
const FILTERED: usize = 100;
/// The viewport in tiles.
const COLUMNS: f64 = 4.0;
const ROWS: f64 = 3.0;

fn main() {
    let count = match std::env::var("NEARBY_BENCH_COUNT") {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            panic!("NEARBY_BENCH_COUNT must be a number of centers, got {text:?}")
        }),
        Err(_) => 1_000_000,
    };
    let centers: Vec<Generated> = generate(count, SEED).collect();
    let engine = MemoryEngine::new("centers");
    let mut loading = engine.begin_load();
    for center in &centers {
        loading.push(&summary(center));
    }
    let started = Instant::now();
    engine.finish_load(loading.build());
    println!("\n## {count} centers on a map\n");
    println!(
        "index and order of the map built in {:.2?}",
        started.elapsed()
    );

    let everything = Filter::default();
    check(&engine, &centers);
    for z in [0, 2, 4, 6, 8, 10, 12, 13] {
        let views = viewports(&centers, z);
        time(
            &format!("viewport of 4 x 3 tiles, zoom {z}"),
            &views,
            |cells| {
                black_box(engine.clusters(cells, &everything).expect("it is loaded"));
            },
        );
    }
    for z in [0, 3, 6, 9, 12, 13] {
        let tiles = tiles(&centers, z);
        let mut most = 0;
        time(&format!("tile, zoom {z}"), &tiles, |tile| {
            most = most.max(write(&engine, *tile, &everything));
        });
        println!("{:<50} {most:>8} bytes at most", "");
    }
    for (name, condition) in [
        ("one country", Condition::texts(FieldId::COUNTRY, ["GR"])),
        (
            "all but one country",
            Condition::Not(Condition::texts(FieldId::COUNTRY, ["GR"]).into()),
        ),
        (
            "a part of the name",
            Condition::Like(FieldId::NAME, Pattern::parse("%ar%")),
        ),
    ] {
        let filter = Filter {
            condition,
            ..Filter::default()
        };
        for z in [0, 6, 12] {
            let views = &viewports(&centers, z)[..FILTERED];
            time(&format!("{name}, viewport, zoom {z}"), views, |cells| {
                black_box(engine.clusters(cells, &filter).expect("it is loaded"));
            });
        }
    }
    let mut random = StdRng::seed_from_u64(3);
    let moves: Vec<&Generated> = (0..QUESTIONS)
        .filter_map(|_| centers.choose(&mut random))
        .collect();
    time(
        "a center moves, and the viewport around it",
        &moves,
        |center| {
            let mut elsewhere = summary(center);
            let at = elsewhere.position;
            let latitude = (at.latitude() + 0.01).min(90.0);
            elsewhere.position =
                Position::new(latitude, at.longitude()).expect("it is on the globe");
            engine.apply(&[Change::Upsert(elsewhere)]);
            let cells = around(MapPoint::of(elsewhere.position), 10);
            black_box(engine.clusters(&cells, &everything).expect("it is loaded"));
        },
    );
}

/// The clusters of the world hold every center.
fn check(engine: &MemoryEngine, centers: &[Generated]) {
    let world = Viewport::new(90.0, -90.0, 180.0, -180.0).expect("it has some height");
    for z in [0, 3, 6] {
        let cells = Cells::of(&world, Zoom::new(z).expect("it is a zoom"));
        let shown = engine
            .clusters(&cells, &Filter::default())
            .expect("it is loaded");
        let clustered: u64 = shown.clusters.iter().map(|sum| sum.count).sum();
        assert_eq!(
            clustered + shown.centers().count() as u64,
            centers.len() as u64
        );
    }
}

/// Cells of viewports around centers drawn at random.
fn viewports(centers: &[Generated], z: u8) -> Vec<Cells> {
    let mut random = StdRng::seed_from_u64(2);
    let chosen = (0..QUESTIONS).filter_map(|_| centers.choose(&mut random));
    let mut aside = StdRng::seed_from_u64(5);
    chosen
        .map(|center| {
            let mut at = MapPoint::of(center.position);
            at.x ^= aside.random_range(0..1024);
            around(at, z)
        })
        .collect()
}

fn around(at: MapPoint, z: u8) -> Cells {
    let position = at.position();
    let half = |tiles: f64| tiles * 180.0 / f64::from(1_u32 << z);
    let (latitude, longitude) = (position.latitude(), position.longitude());
    // Tiles are as high as they are wide where the map is stretched.
    let height = half(ROWS) * latitude.to_radians().cos();
    let viewport = Viewport::new(
        latitude + height,
        latitude - height,
        longitude + half(COLUMNS),
        longitude - half(COLUMNS),
    );
    let zoom = Zoom::new(z).expect("it is a zoom");
    Cells::of(&viewport.expect("it has some height"), zoom)
}

/// Tiles of centers drawn at random.
fn tiles(centers: &[Generated], z: u8) -> Vec<Tile> {
    let mut random = StdRng::seed_from_u64(4);
    let chosen = (0..QUESTIONS).filter_map(|_| centers.choose(&mut random));
    let zoom = Zoom::new(z).expect("it is a zoom");
    chosen
        .filter_map(|center| {
            let at = MapPoint::of(center.position);
            Tile::new(zoom, at.x / (MAP_SIDE >> z), at.y / (MAP_SIDE >> z))
        })
        .collect()
}

fn write(engine: &MemoryEngine, tile: Tile, filter: &Filter) -> usize {
    let all_from = Zoom::new(14).expect("it is a zoom");
    let shown = engine
        .clusters(&tile.cells(0), filter)
        .expect("it is loaded");
    let mut layer = MvtLayer::new("centers");
    for sum in &shown.clusters {
        for place in tile.places_of(sum.middle()) {
            layer = layer.cluster(&sum.cluster(all_from), place);
        }
    }
    for center in shown.centers() {
        for place in tile.places_of(center.at) {
            let is_chosen = |name: &str| name == "id" || name == "name";
            layer = layer.center(center.id, center.rendered, is_chosen, place);
        }
    }
    layer.finish().len()
}

fn time<T>(what: &str, questions: &[T], mut ask: impl FnMut(&T)) {
    let mut times_us: Vec<f64> = questions
        .iter()
        .map(|question| {
            let started = Instant::now();
            ask(question);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times_us.sort_by(f64::total_cmp);
    println!(
        "{what:<50} {:>8.1} us, p99 {:>8.1} us, slowest {:>8.1} us",
        times_us[times_us.len() / 2],
        times_us[times_us.len() * 99 / 100],
        times_us[times_us.len() - 1],
    );
}
