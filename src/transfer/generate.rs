//! World-like centers for benches and trials.

use std::io::{self, Write};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Normal};

use super::csv_centers::io_error;
use super::places::{Place, bundled_places};
use crate::domain::Position;

/// How far centers stand from the place they were drawn from: the standard
/// deviation of latitude and of longitude, in degrees.
const JITTER_DEG: f64 = 0.05;

/// Generated coordinates are whole multiples of this part of a degree (0.1 m).
const DECIMALS_FACTOR: f64 = 1e6;

/// A generated center.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generated {
    /// Its number, counted from 1.
    pub id: u64,
    /// The place it was drawn from, with its texts.
    pub place: Place,
    /// Where it stands.
    pub position: Position,
}

/// Draws `count` centers near the bundled places, each place as likely as any
/// other.
///
/// The same seed gives the same centers on every platform: the generator is
/// named (Xoshiro256++) and the distributions are those of the versions in
/// `Cargo.lock`. A smaller count gives the beginning of a larger one.
#[expect(
    clippy::missing_panics_doc,
    reason = "the deviation is a constant that is finite"
)]
pub fn generate(count: u64, seed: u64) -> impl Iterator<Item = Generated> {
    let places = bundled_places();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let jitter = Normal::new(0.0, JITTER_DEG).expect("the deviation is positive and finite");
    (1..=count).map(move |id| {
        let place = places[random.random_range(0..places.len())];
        let north = jitter.sample(&mut random);
        let east = jitter.sample(&mut random);
        Generated {
            id,
            place,
            position: moved(place.position, north, east),
        }
    })
}

/// Moves a position by degrees: over a pole onto the opposite meridian, over the
/// antimeridian to its other side.
fn moved(from: Position, north: f64, east: f64) -> Position {
    let mut latitude = from.latitude() + north;
    let mut longitude = from.longitude() + east;
    if latitude.abs() > 90.0 {
        latitude = latitude.signum() * 180.0 - latitude;
        longitude += 180.0;
    }
    if longitude.abs() > 180.0 {
        longitude -= longitude.signum() * 360.0;
    }
    Position::new(rounded(latitude), rounded(longitude))
        .expect("a small step from the globe leads back onto it")
}

fn rounded(degrees: f64) -> f64 {
    (degrees * DECIMALS_FACTOR).round() / DECIMALS_FACTOR
}

/// Writes generated centers as CSV: id, name, country, region, city, latitude,
/// longitude.
///
/// # Errors
/// When `out` takes no more.
pub fn write_generated(
    centers: impl Iterator<Item = Generated>,
    out: impl Write,
) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new()
        .buffer_capacity(64 * 1024)
        .from_writer(out);
    csv.write_record([
        "id",
        "name",
        "country",
        "region",
        "city",
        "latitude",
        "longitude",
    ])
    .map_err(io_error)?;
    let mut id = itoa::Buffer::new();
    let mut latitude = zmij::Buffer::new();
    let mut longitude = zmij::Buffer::new();
    for Generated {
        id: number,
        place,
        position,
    } in centers
    {
        csv.write_record([
            id.format(number),
            place.name,
            place.country,
            place.region,
            place.city,
            latitude.format(position.latitude()),
            longitude.format(position.longitude()),
        ])
        .map_err(io_error)?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_centers_for_ever() {
        let mut text = Vec::new();
        write_generated(generate(3, 42), &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "id,name,country,region,city,latitude,longitude\n\
             1,Skurup,SE,Skåne,Skurups Kommun,55.452642,13.572246\n\
             2,Dukay,PH,Soccsksargen,Province of Sultan Kudarat,6.714563,124.570676\n\
             3,Verchères,CA,Quebec,Montérégie,45.804103,-73.379641\n"
        );
    }

    #[test]
    fn another_seed_gives_others_and_a_smaller_count_the_beginning() {
        let few: Vec<_> = generate(10, 1).collect();
        assert_eq!(few, generate(20, 1).take(10).collect::<Vec<_>>());
        assert_ne!(few, generate(10, 2).collect::<Vec<_>>());
    }

    #[test]
    fn centers_stand_around_their_places_as_a_normal_distribution_says() {
        const COUNT: u32 = 100_000;
        let north: Vec<f64> = generate(u64::from(COUNT), 7)
            .map(|center| center.position.latitude() - center.place.position.latitude())
            .collect();
        let count = f64::from(COUNT);
        let mean = north.iter().sum::<f64>() / count;
        let deviation = (north.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!(mean.abs() < 0.001, "{mean}");
        assert!((deviation - JITTER_DEG).abs() < 0.001, "{deviation}");
    }

    #[test]
    fn steps_lead_over_poles_and_the_antimeridian() {
        let moved = |latitude, longitude, north, east| {
            let position = moved(Position::new(latitude, longitude).unwrap(), north, east);
            (position.latitude(), position.longitude())
        };
        assert_eq!(moved(89.9, 10.0, 0.2, 0.0), (89.9, -170.0));
        assert_eq!(moved(-89.9, -10.0, -0.2, 0.0), (-89.9, 170.0));
        assert_eq!(moved(0.0, 179.9, 0.0, 0.2), (0.0, -179.9));
        assert_eq!(moved(0.0, -179.9, 0.0, -0.2), (0.0, 179.9));
    }
}
