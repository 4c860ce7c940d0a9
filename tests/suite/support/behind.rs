//! Rows written behind the service's back.

use super::{TestDatabase, hex};

impl TestDatabase {
    /// Drops the table of centers, and before it what refers to it.
    pub async fn drop_centers(&self) {
        for table in ["diving_center_organizations", "diving_centers"] {
            self.execute(&format!("DROP TABLE {table}")).await;
        }
    }

    /// Removes what guards against other writers, so that rows can go wrong.
    pub async fn drop_guards(&self) {
        if self.is_mysql() {
            self.execute("DROP TRIGGER IF EXISTS diving_centers_location_insert")
                .await;
            self.execute("DROP TRIGGER IF EXISTS diving_centers_location_update")
                .await;
        } else {
            for trigger in ["stale_location", "moved_location", "drawn_location"] {
                self.execute(&format!("DROP TRIGGER IF EXISTS diving_centers_{trigger}"))
                    .await;
            }
        }
    }

    /// A location as this database holds it, as SQL. `None` is the sentinel on
    /// MySQL and NULL on SQLite.
    pub fn location(&self, at: Option<(f64, f64)>) -> String {
        match (self.is_mysql(), at) {
            (true, at) => {
                let (latitude, longitude) = at.unwrap_or((0.0, 0.0));
                format!("ST_SRID(POINT({longitude:?}, {latitude:?}), 4326)")
            }
            (false, None) => "NULL".to_owned(),
            (false, Some((latitude, longitude))) => {
                let mut blob = b"GP\x00\x01".to_vec();
                blob.extend(4326_i32.to_le_bytes());
                blob.extend([1, 1, 0, 0, 0]);
                blob.extend(longitude.to_le_bytes());
                blob.extend(latitude.to_le_bytes());
                format!("x'{}'", hex(&blob))
            }
        }
    }

    /// Inserts a row as somebody else would: `coordinates` as SQL, and whatever
    /// location.
    pub async fn insert(&self, id: i64, coordinates: &str, location: &str) {
        self.execute(&format!(
            "INSERT INTO diving_centers (id, name, latitude, longitude, location) \
             VALUES ({id}, 'c{id}', {coordinates}, {location})"
        ))
        .await;
    }

    /// Inserts `count` rows in drift, with ids 1, 4, 7 and so on: world-wide
    /// coordinates, and no location.
    pub async fn insert_drifted(&self, count: u32) {
        let location = self.location(None);
        for first in (0..count).step_by(1_000) {
            let rows: Vec<String> = (first..count.min(first + 1_000))
                .map(|n| {
                    let latitude = f64::from(n * 7919 % 180_000) / 1e3 - 90.0;
                    let longitude = f64::from(n * 104_729 % 360_000) / 1e3 - 180.0;
                    format!("({}, 'c', {latitude}, {longitude}, {location})", n * 3 + 1)
                })
                .collect();
            self.execute(&format!(
                "INSERT INTO diving_centers (id, name, latitude, longitude, location) VALUES {}",
                rows.join(", ")
            ))
            .await;
        }
    }
}
