//! The bundled places: 171,075 populated places of the world (`GeoNames`,
//! CC BY 4.0), carried by the binary.

use std::sync::LazyLock;

use csv::StringRecord;
use flate2::read::GzDecoder;

use super::import::{Imported, RowBatches, import_by};
use super::journal::Journaling;
use super::read::{BytesRead, ReadOptions, RowReader, Source};
use crate::domain::{Position, SettingKey};
use crate::store::{Store, StoreError};

/// The places as gzipped CSV: id, name, country, region, city, latitude,
/// longitude.
const PLACES_CSV_GZ: &[u8] = include_bytes!("../../data/geonames-places.csv.gz");

/// How many places there are.
pub const BUNDLED_PLACES: u64 = 171_075;

/// How many rows of the places go into one transaction.
const BATCH_ROWS: usize = 5_000;

/// One populated place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Its name.
    pub name: &'static str,
    /// Its country's code; empty where there is none.
    pub country: &'static str,
    /// Its region; empty where there is none.
    pub region: &'static str,
    /// Its city; empty where there is none.
    pub city: &'static str,
    /// Where it is.
    pub position: Position,
}

/// Every bundled place, in a fixed order. The first call takes some tenths of a
/// second and keeps them in memory, about 40 MB.
#[must_use]
pub fn bundled_places() -> &'static [Place] {
    static RECORDS: LazyLock<Vec<StringRecord>> = LazyLock::new(|| {
        csv::Reader::from_reader(GzDecoder::new(PLACES_CSV_GZ))
            .into_records()
            .collect::<Result<_, _>>()
            .expect("the bundled places are gzipped CSV")
    });
    static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| RECORDS.iter().map(place).collect());
    &PLACES
}

fn place(record: &'static StringRecord) -> Place {
    let degrees = |field: usize| record[field].parse().expect("a place has coordinates");
    Place {
        name: &record[1],
        country: &record[2],
        region: &record[3],
        city: &record[4],
        position: Position::new(degrees(5), degrees(6)).expect("a place is on the globe"),
    }
}

/// Under which name a database notes how many places it was given.
fn note() -> SettingKey {
    SettingKey::new("demo_places_loaded").expect("it is a plain word")
}

/// Whether all the bundled places were written to a store at some time.
///
/// # Errors
/// When the database does not answer.
pub async fn has_demo_places(store: &Store) -> Result<bool, StoreError> {
    let loaded = store.loaded_up_to(&note()).await?;
    // Their ids go from 1 to their number.
    Ok(loaded.unsigned_abs() >= BUNDLED_PLACES)
}

/// Writes the bundled places to a store, with their ids, each once: those that are
/// there, or were and are deleted, stay so. `progress` is told how many of the
/// [`BUNDLED_PLACES`] were gone through so far.
#[expect(
    clippy::missing_panics_doc,
    reason = "the bundled places are as a test reads them"
)]
pub async fn load_demo_places(
    store: &Store,
    progress: impl FnMut(u64),
    stop: impl Future<Output = ()>,
) -> Imported {
    let stream = Source::Bundled(PLACES_CSV_GZ)
        .open(BytesRead::default())
        .expect("bundled bytes can be read");
    let reader = RowReader::open(stream, &ReadOptions::default())
        .expect("the header of the bundled places has the usual names");
    let batches = RowBatches::new(reader, BATCH_ROWS).stopping();
    let note = note();
    let write = async |items, _, _| Ok((store.load_once(&note, items).await?, Vec::new()));
    // Every place has an id.
    let mut journaling = Journaling::Off(Box::new(|| ()));
    let collection = store.collection();
    import_by(collection, batches, &mut journaling, write, progress, stop).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_name_and_a_country_and_the_count_is_right() {
        let places = bundled_places();
        assert_eq!(places.len() as u64, BUNDLED_PLACES);
        assert!(places.iter().all(|p| !p.name.is_empty()));
        assert_eq!((places[0].name, places[0].country), ("Aixirivall", "AD"));
    }
}
