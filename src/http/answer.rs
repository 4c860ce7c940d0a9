//! Search answers, written straight into the body that is sent.
//!
//! Centers come rendered from the engine; an answer joins them with their
//! distances and wraps them. Nothing here allocates for each hit.

use super::negotiate::Format;
use crate::domain::{Area, Around, Cursor, Meridians, Search};
use crate::engine::{Answer, Hit};
use crate::wire::{SummaryParts, push_distance};

/// What the parts around the centers take at most.
const ENVELOPE_BYTES: usize = 256;
/// What a center takes, on the long side of the world's towns.
pub const JSON_HIT_BYTES: usize = 200;
/// The same with a feature around it.
const GEOJSON_HIT_BYTES: usize = 320;

/// The body of an answer while an engine fills it.
#[derive(Debug)]
pub struct AnswerBody {
    format: Format,
    area: Area,
    count: usize,
    written: usize,
    next: Option<String>,
    out: Vec<u8>,
}

impl AnswerBody {
    /// An empty answer to a search.
    #[must_use]
    pub fn new(format: Format, search: &Search) -> Self {
        Self::after(Vec::new(), format, search)
    }

    /// An answer that is written behind what `out` holds already.
    #[must_use]
    pub fn after(out: Vec<u8>, format: Format, search: &Search) -> Self {
        Self {
            format,
            area: search.area,
            count: 0,
            written: 0,
            next: None,
            out,
        }
    }

    /// How many centers it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The cursor of the next answer; `None` where this is the last one.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// The finished body.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.finish_with(b"")
    }

    /// The finished body with members behind the centers, each after a comma.
    #[must_use]
    pub fn finish_with(mut self, members: &[u8]) -> Vec<u8> {
        debug_assert_eq!(
            self.written, self.count,
            "an engine sends what it announced"
        );
        if self.written > 0 {
            // The comma behind the last one.
            self.out.pop();
        }
        self.push(b"]");
        self.push(members);
        self.push(b"}");
        self.out
    }

    /// The next hit, told by some of its members, which have commas between them.
    pub fn hit_of(&mut self, hit: &Hit<'_>, members: &[u8]) {
        self.begin_hit(hit.rendered);
        self.push(b"{");
        self.push(members);
        let distance_at = self.out.len();
        self.end_center(hit.distance_m);
        if members.is_empty() && hit.distance_m.is_some() {
            // There is nothing that its comma could follow.
            self.out.remove(distance_at);
        }
        self.end_hit();
    }

    #[inline]
    fn begin_hit(&mut self, rendered: &[u8]) {
        self.written += 1;
        if self.format == Format::GeoJson {
            let parts = SummaryParts::of(rendered).expect("engines hold what render_summary wrote");
            self.push(br#"{"type":"Feature","id":"#);
            self.push(parts.id);
            self.push(br#","geometry":{"type":"Point","coordinates":["#);
            // GeoJSON has longitude first (RFC 7946, section 3.1.1).
            self.push(parts.longitude);
            self.push(b",");
            self.push(parts.latitude);
            self.push(br#"]},"properties":"#);
        }
    }

    #[inline]
    fn end_hit(&mut self) {
        if self.format == Format::GeoJson {
            self.push(b"}");
        }
        self.push(b",");
    }

    #[inline]
    fn push(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    #[inline]
    fn push_center(&mut self, rendered: &[u8], rating: Option<&str>, distance_m: Option<f64>) {
        self.push(rendered);
        if let Some(rating) = rating {
            self.push(rating.as_bytes());
        }
        self.end_center(distance_m);
    }

    #[inline]
    fn end_center(&mut self, distance_m: Option<f64>) {
        match distance_m {
            Some(distance_m) => push_distance(&mut self.out, distance_m),
            None => self.push(b"}"),
        }
    }

    fn push_area(&mut self) {
        match self.area {
            Area::Around(Around {
                origin,
                radius,
                min_radius,
                group_by: _,
                covered_by: _,
            }) => {
                self.push(br#""origin":{"lat":"#);
                self.push_number(origin.latitude());
                self.push(br#","lng":"#);
                self.push_number(origin.longitude());
                self.push(br#"},"radius_m":"#);
                match radius {
                    Some(radius) => self.push_number(radius.m()),
                    None => self.push(b"null"),
                }
                if let Some(min_radius) = min_radius {
                    self.push(br#","min_radius_m":"#);
                    self.push_number(min_radius.m());
                }
            }
            Area::Within(viewport) => {
                let (west, east) = match viewport.meridians() {
                    Meridians::All => (-180.0, 180.0),
                    Meridians::Between { west, east } => (west, east),
                };
                let mut before = br#""bbox":["#.as_slice();
                for edge in [west, viewport.south(), east, viewport.north()] {
                    self.push(before);
                    self.push_number(edge);
                    before = b",";
                }
                self.push(b"]");
            }
        }
    }

    fn push_number(&mut self, number: f64) {
        let mut buffer = zmij::Buffer::new();
        self.push(buffer.format_finite(number).as_bytes());
    }
}

impl Answer for AnswerBody {
    fn begin(&mut self, count: usize, next: Option<Cursor>) {
        self.count = count;
        let hit_bytes = match self.format {
            Format::Json => JSON_HIT_BYTES,
            Format::GeoJson => GEOJSON_HIT_BYTES,
        };
        self.out.reserve(ENVELOPE_BYTES + count * hit_bytes);
        self.push(match self.format {
            Format::Json => b"{".as_slice(),
            Format::GeoJson => br#"{"type":"FeatureCollection","#,
        });
        self.push_area();
        self.push(br#","count":"#);
        self.push(itoa::Buffer::new().format(count).as_bytes());
        self.push(br#","next":"#);
        match next.map(|cursor| cursor.encode()) {
            Some(next) => {
                self.push(b"\"");
                self.push(next.as_bytes());
                self.push(b"\"");
                self.next = Some(next);
            }
            None => self.push(b"null"),
        }
        self.push(match self.format {
            Format::Json => br#","centers":["#,
            Format::GeoJson => br#","features":["#,
        });
    }

    #[inline]
    fn hit(&mut self, hit: Hit<'_>) {
        self.begin_hit(hit.rendered);
        self.push_center(hit.rendered, hit.rating, hit.distance_m);
        self.end_hit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        CenterId, EngineKind, Filter, Limit, Origin, Position, Radius, Rating, Summary, Viewport,
    };
    use crate::wire::{render_rating, render_summary};

    fn search() -> Search {
        Search {
            area: Area::around(
                Origin::new(37.9, 23.7).unwrap(),
                Some(Radius::from_m(25_000.0).unwrap()),
            ),
            limit: Limit::new(5).unwrap(),
            filter: Filter::default(),
            exclude: Vec::new(),
            after: None,
        }
    }

    fn body(format: Format, hits: &[(i64, f64)]) -> String {
        String::from_utf8(answer(format, hits).finish()).unwrap()
    }

    fn answer(format: Format, hits: &[(i64, f64)]) -> AnswerBody {
        let search = search();
        let mut answer = AnswerBody::new(format, &search);
        let next = CenterId::new(9)
            .filter(|_| !hits.is_empty())
            .map(|id| search.cursor_after("centers", EngineKind::Memory, 1.0, id));
        answer.begin(hits.len(), next);
        let rating = render_rating(Rating {
            average: 8.5,
            count: 2,
        });
        for (id, distance_m) in hits {
            let id = CenterId::new(*id).unwrap();
            let mut rendered = Vec::new();
            let summary = Summary {
                id,
                position: Position::new(37.9, 23.71).unwrap(),
                name: "A \"quoted\" name",
                country: Some("GR"),
                region: None,
                city: None,
                attributes: &[],
            };
            render_summary(&summary, &mut rendered);
            answer.hit(Hit {
                id,
                distance_m: Some(*distance_m),
                rendered: &rendered,
                rating: (id.get() == 8).then_some(&rating),
            });
        }
        answer
    }

    #[test]
    fn ratings_are_there_for_rated_centers() {
        for format in [Format::Json, Format::GeoJson] {
            let shown = body(format, &[(8, 1.0), (7, 2.0), (8, 3.0)]);
            let rated = shown.matches(r#","average_rating":8.5,"rating_count":2,"#);
            assert_eq!(rated.count(), 2, "{shown}");
        }
    }

    #[test]
    fn json_is_written_as_the_interface_says() {
        assert_eq!(
            body(Format::Json, &[]),
            r#"{"origin":{"lat":37.9,"lng":23.7},"radius_m":25000.0,"count":0,"next":null,"centers":[]}"#
        );
        let value: serde_json::Value =
            serde_json::from_str(&body(Format::Json, &[(7, 878.2), (8, 900.0)])).unwrap();
        assert_eq!(value["count"], 2);
        assert_eq!(value["centers"][1]["id"], 8);
        assert_eq!(value["centers"][0]["distance_m"], 878.2);
        assert!(value["next"].is_string());
    }

    #[test]
    fn what_is_within_a_viewport_has_its_box_and_no_distances() {
        let search = |viewport: Option<Viewport>| Search {
            area: Area::Within(viewport.unwrap()),
            ..search()
        };
        let search = search(Viewport::new(10.0, -10.5, 190.0, 170.0));
        let mut answer = AnswerBody::new(Format::Json, &search);
        answer.begin(1, None);
        let hit = Hit {
            id: CenterId::new(7).unwrap(),
            distance_m: None,
            rendered: br#"{"id":7"#,
            rating: None,
        };
        answer.hit(hit);
        assert_eq!(
            String::from_utf8(answer.finish()).unwrap(),
            r#"{"bbox":[170.0,-10.5,-170.0,10.0],"count":1,"next":null,"centers":[{"id":7}]}"#
        );
        let mut answer = AnswerBody::new(Format::Json, &search);
        answer.begin(1, None);
        answer.hit_of(&hit, b"");
        let body = String::from_utf8(answer.finish()).unwrap();
        assert!(body.ends_with(r#""centers":[{}]}"#), "{body}");
    }

    #[test]
    fn geojson_has_longitude_first_and_the_same_properties() {
        let value: serde_json::Value =
            serde_json::from_str(&body(Format::GeoJson, &[(7, 878.2)])).unwrap();
        assert_eq!(value["type"], "FeatureCollection");
        let feature = &value["features"][0];
        assert_eq!(feature["id"], 7);
        assert_eq!(
            feature["geometry"]["coordinates"],
            serde_json::json!([23.71, 37.9])
        );
        assert_eq!(feature["properties"]["name"], "A \"quoted\" name");
        assert_eq!(feature["properties"]["distance_m"], 878.2);
    }
}
