//! Centers on their way into a new index: whoever reads them goes on reading
//! while another thread notes them.

use std::mem::take;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::load::Loading;
use crate::domain::{CenterId, FieldValue, Position, Summary};

/// Centers that are handed over at once.
const BATCH: usize = 4_096;
/// Batches that may wait.
const WAITING: usize = 4;

/// Fills a [`Loading`] on a thread of its own.
#[derive(Debug)]
pub struct Intake {
    batch: Batch,
    full: SyncSender<Batch>,
    filling: JoinHandle<Loading>,
}

impl Intake {
    /// Goes on filling what was begun.
    #[must_use]
    pub fn of(mut loading: Loading) -> Self {
        let (full, batches) = sync_channel::<Batch>(WAITING);
        let filling = thread::spawn(move || {
            for batch in batches {
                batch.each(|center| loading.push(center));
            }
            loading
        });
        Self {
            batch: Batch::default(),
            full,
            filling,
        }
    }

    /// Adds a center. Each id may be added once.
    pub fn push(&mut self, center: &Summary<'_>) {
        self.batch.push(center);
        if self.batch.centers.len() == BATCH {
            self.hand_over();
        }
    }

    /// Waits until everything is noted.
    ///
    /// # Panics
    /// Never: noting a center does not panic.
    #[must_use]
    pub fn finish(mut self) -> Loading {
        self.hand_over();
        drop(self.full);
        self.filling.join().expect("noting centers does not panic")
    }

    fn hand_over(&mut self) {
        let batch = take(&mut self.batch);
        self.full
            .send(batch)
            .expect("noting centers does not panic");
    }
}

/// Some centers, their texts one behind the other.
#[derive(Debug, Default)]
struct Batch {
    centers: Vec<Waiting>,
    texts: String,
    /// The attributes of all centers, one behind the other.
    attributes: Vec<Option<FieldValue>>,
}

#[derive(Debug)]
struct Waiting {
    id: CenterId,
    position: Position,
    /// How long its name is, and its country, region and city where it has them.
    name: usize,
    fields: [Option<usize>; 3],
}

impl Batch {
    fn push(&mut self, center: &Summary<'_>) {
        self.texts.push_str(center.name);
        let fields = [center.country, center.region, center.city];
        for text in fields.into_iter().flatten() {
            self.texts.push_str(text);
        }
        self.attributes.extend_from_slice(center.attributes);
        self.centers.push(Waiting {
            id: center.id,
            position: center.position,
            name: center.name.len(),
            fields: fields.map(|text| text.map(str::len)),
        });
    }

    fn each(&self, mut take: impl FnMut(&Summary<'_>)) {
        let mut rest = self.texts.as_str();
        let mut next = |len| {
            let (text, after) = rest.split_at(len);
            rest = after;
            text
        };
        let width = self.attributes.len() / self.centers.len().max(1);
        for (number, center) in self.centers.iter().enumerate() {
            let name = next(center.name);
            let [country, region, city] = center.fields.map(|len| len.map(&mut next));
            take(&Summary {
                id: center.id,
                position: center.position,
                name,
                country,
                region,
                city,
                attributes: &self.attributes[number * width..][..width],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centers_come_out_of_a_batch_as_they_went_in() {
        let centers = [
            ("Athens", Some("GR"), None, Some("Αθήνα")),
            ("", None, None, None),
            ("Ω", None, Some(""), None),
        ];
        let summary = |(number, (name, country, region, city))| Summary {
            id: CenterId::new(number).unwrap(),
            position: Position::new(37.9, 23.7).unwrap(),
            name,
            country,
            region,
            city,
            attributes: &[],
        };
        let centers: Vec<Summary<'_>> = (1..).zip(centers).map(summary).collect();
        let mut batch = Batch::default();
        for center in &centers {
            batch.push(center);
        }
        let mut taken = 0;
        batch.each(|center| {
            assert_eq!(*center, centers[taken]);
            taken += 1;
        });
        assert_eq!(taken, centers.len());
    }

    #[test]
    fn every_center_arrives_however_many_there_are() {
        for count in [0, 1, BATCH, 3 * BATCH + 1] {
            let mut intake = Intake::of(Loading::default());
            for id in (1..).take(count) {
                intake.push(&Summary {
                    id: CenterId::new(id).unwrap(),
                    position: Position::new(1.0, 2.0).unwrap(),
                    name: "one of many",
                    country: None,
                    region: None,
                    city: None,
                    attributes: &[],
                });
            }
            assert_eq!(intake.finish().len(), count);
        }
    }
}
