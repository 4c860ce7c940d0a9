//! The centers that every engine is asked about: the bundled places and points
//! chosen to break things.

use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use nearby::domain::{
    CenterId, Organization, OrganizationId, OrganizationText, Position, Rating, Summary,
};

/// A center as the tests hold it.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: i64,
    pub name: String,
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    /// Latitude and longitude; `None` for a row without coordinates.
    pub at: Option<(f64, f64)>,
}

impl Place {
    /// What a search answers of it; `None` without coordinates.
    pub fn summary(&self) -> Option<Summary<'_>> {
        let (latitude, longitude) = self.at?;
        Some(Summary {
            id: CenterId::new(self.id).expect("test ids are positive"),
            position: Position::new(latitude, longitude).expect("test positions are right"),
            name: &self.name,
            country: self.country.as_deref(),
            region: self.region.as_deref(),
            city: self.city.as_deref(),
            attributes: &[],
        })
    }
}

/// Name and acronym of the organizations, numbered from 1, and which centers work
/// by them: those whose id divides so. Many, some, and those of few places.
pub const ORGANIZATIONS: [(&str, &str, i64); 3] = [
    ("Société des Plongeurs", "SdP", 3),
    ("Divers United", "DU", 50),
    ("The Happy Few", "THF", 9_973),
];

/// The organizations themselves.
pub fn organizations() -> Vec<Organization> {
    let organization = |(id, (name, acronym, _)): (i64, (&str, &str, i64))| Organization {
        id: OrganizationId::new(id).expect("test ids are positive"),
        text: OrganizationText {
            name: name.to_owned(),
            acronym: acronym.to_owned(),
            ..OrganizationText::default()
        },
        created_at: None,
        updated_at: None,
    };
    (1..).zip(ORGANIZATIONS).map(organization).collect()
}

/// Those that a center works by.
pub fn organizations_of(center: i64) -> Vec<OrganizationId> {
    let ids = (1..).zip(ORGANIZATIONS);
    ids.filter(|(_, (_, _, divisor))| center % divisor == 0)
        .map(|(id, _)| OrganizationId::new(id).expect("test ids are positive"))
        .collect()
}

/// The marks of a center: none to six.
pub fn marks_of(center: i64) -> Vec<i64> {
    (0..center % 4 * (center % 3))
        .map(|user| 1 + (center * 7 + user * user) % 10)
        .collect()
}

/// How a center is rated.
#[expect(clippy::cast_precision_loss, reason = "marks are few and small")]
pub fn rating_of(center: i64) -> Option<Rating> {
    let marks = marks_of(center);
    let sum: i64 = marks.iter().sum();
    (!marks.is_empty()).then(|| Rating {
        average: sum as f64 / marks.len() as f64,
        count: marks.len() as u64,
    })
}

/// The first id of the hostile points, beyond those of the bundled places.
pub const FIRST_HOSTILE_ID: i64 = 1_000_000;

/// A hundred-millionth of a degree is about 1 mm; ten make 1 cm.
const CENTIMETRE: f64 = 9e-8;

/// Every `step`th bundled place.
pub fn bundled(step: usize) -> Vec<Place> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/geonames-places.csv.gz");
    let file = File::open(path).expect("the bundled places are in the repository");
    csv::Reader::from_reader(GzDecoder::new(file))
        .records()
        .step_by(step)
        .map(|row| {
            let row = row.expect("the bundled places are CSV");
            let text = |column: usize| Some(row[column].to_owned()).filter(|text| !text.is_empty());
            let number = |column: usize| row[column].parse().expect("coordinates are numbers");
            Place {
                id: row[0].parse().expect("ids are numbers"),
                name: row[1].to_owned(),
                country: text(2),
                region: text(3),
                city: text(4),
                at: Some((number(5), number(6))),
            }
        })
        .collect()
}

/// Where engines go wrong: poles, the antimeridian, 0/0, one spot shared by
/// several centers, centers 1 cm apart, antipodes, rows without coordinates.
pub fn hostile() -> Vec<Place> {
    let mut spots = vec![
        Some((90.0, 0.0)),
        Some((90.0, 135.0)),
        Some((-90.0, 0.0)),
        Some((-90.0, -77.0)),
        Some((89.999_999_99, 12.0)),
        Some((-89.999_999_99, -12.0)),
        Some((0.0, 0.0)),
        Some((0.0, 180.0)),
        Some((0.0, -180.0)),
        Some((0.0, 179.999_999_99)),
        Some((0.0, -179.999_999_99)),
        Some((45.0, 180.0)),
        Some((45.0, -180.0)),
        Some((-16.5, 180.0)),
        Some((-16.5, -180.0)),
        Some((0.0, 90.0)),
        Some((0.0, -90.0)),
        None,
        None,
    ];
    // Antipodes, exactly and nearly.
    for (latitude, longitude) in [(37.983_8, 23.727_5), (-33.868_8, 151.209_3), (1e-8, 1e-8)] {
        spots.push(Some((latitude, longitude)));
        spots.push(Some((-latitude, longitude - 180.0_f64.copysign(longitude))));
        spots.push(Some((
            -latitude + CENTIMETRE,
            longitude - 180.0_f64.copysign(longitude),
        )));
    }
    // Several on one spot: more than a bucket of the memory engine holds.
    spots.extend([Some((37.942, 23.646_5)); 150]);
    spots.extend([Some((0.0, 0.0)); 3]);
    // A row of centers 1 cm apart, across the antimeridian and at a pole too.
    for step in 0..20 {
        let away = f64::from(step) * CENTIMETRE;
        spots.push(Some((51.477_8, away)));
        spots.push(Some((0.0, 180.0 - away)));
        spots.push(Some((0.0, -180.0 + away)));
        spots.push(Some((90.0 - away, 30.0)));
    }
    (FIRST_HOSTILE_ID..)
        .zip(spots)
        .map(|(id, at)| Place {
            id,
            name: format!("hostile {id}"),
            country: Some(if id % 2 == 0 { "even" } else { "odd" }.to_owned()),
            region: (id % 3 != 0).then(|| format!("region {}", id % 7)),
            city: (id % 5 == 0).then(|| "hostile".to_owned()),
            at,
        })
        .collect()
}

/// Every `step`th bundled place and all hostile points.
pub fn with_hostile(step: usize) -> Vec<Place> {
    let mut places = bundled(step);
    places.extend(hostile());
    places
}
