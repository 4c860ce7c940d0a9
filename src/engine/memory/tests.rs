//! The engine as a whole: its index stays in step under any writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::bucket::CAPACITY;
use super::*;
use crate::domain::{
    Area, Cell, Condition, Cursor, FieldId, Limit, MapPoint, MinRating, Organization,
    OrganizationText, Origin, Position, Radius, Zoom,
};
use crate::engine::Hit;

/// An answer kept as ids, distances and texts.
#[derive(Default)]
struct Kept {
    count: usize,
    next: Option<Cursor>,
    hits: Vec<(i64, f64, String)>,
}

impl Kept {
    fn ids(&self) -> Vec<i64> {
        self.hits.iter().map(|(id, _, _)| *id).collect()
    }
}

impl Answer for Kept {
    fn begin(&mut self, count: usize, next: Option<Cursor>) {
        self.count = count;
        self.next = next;
    }

    fn hit(&mut self, hit: Hit<'_>) {
        let text = String::from_utf8(hit.rendered.to_vec()).unwrap();
        self.hits
            .push((hit.id.get(), hit.distance_m.unwrap(), text));
    }
}

fn center(id: i64, latitude: f64, longitude: f64) -> Summary<'static> {
    Summary {
        id: CenterId::new(id).unwrap(),
        position: Position::new(latitude, longitude).unwrap(),
        name: "a",
        country: Some("GR"),
        region: None,
        city: None,
        attributes: &[],
    }
}

fn around(latitude: f64, longitude: f64, limit: usize) -> Search {
    Search {
        area: Area::around(Origin::new(latitude, longitude).unwrap(), None),
        limit: Limit::new(limit).unwrap(),
        filter: Filter::default(),
        exclude: Vec::new(),
        after: None,
    }
}

fn loaded(centers: &[Summary<'_>]) -> MemoryEngine {
    let engine = MemoryEngine::new("centers");
    let mut loading = engine.begin_load();
    for center in centers {
        loading.push(center);
    }
    engine.finish_load(loading.build());
    engine
}

fn answer(engine: &MemoryEngine, search: &Search) -> Kept {
    let mut kept = Kept::default();
    engine.search(search, &mut kept).unwrap();
    assert_eq!(kept.count, kept.hits.len());
    kept
}

fn check(engine: &MemoryEngine) {
    engine.loaded.read().as_ref().unwrap().index.check();
}

#[test]
fn before_the_first_load_there_is_no_answer_and_writes_are_left_to_the_load() {
    let engine = MemoryEngine::new("centers");
    engine.apply(&[Change::Upsert(center(1, 0.0, 0.0))]);
    let mut kept = Kept::default();
    let refused = engine.search(&around(0.0, 0.0, 1), &mut kept);
    assert!(matches!(refused, Err(SearchError::Loading)));
    assert!(!engine.is_loaded());
    assert_eq!((engine.len(), engine.changed_at()), (0, None));
}

#[test]
fn an_empty_index_answers_with_nothing_and_takes_its_first_center() {
    let engine = loaded(&[]);
    assert!(engine.is_loaded() && engine.is_empty());
    assert!(answer(&engine, &around(0.0, 0.0, 1)).hits.is_empty());
    engine.apply(&[Change::Upsert(center(1, 0.0, 0.0))]);
    assert_eq!(answer(&engine, &around(0.0, 0.0, 1)).ids(), [1]);
    engine.apply(&[Change::Remove(CenterId::new(1).unwrap())]);
    assert!(engine.is_empty());
    check(&engine);
}

#[test]
fn organizations_follow_their_centers_in_and_out_of_the_index() {
    let of = |id: i64| OrganizationId::new(id).unwrap();
    let organization = |id: i64, name: &str| Organization {
        id: of(id),
        text: OrganizationText {
            name: format!("The {name}"),
            acronym: name.to_owned(),
            ..OrganizationText::default()
        },
        created_at: None,
        updated_at: None,
    };
    let engine = loaded(&[center(1, 0.0, 0.0), center(2, 0.0, 1.0)]);
    let all = [organization(1, "A"), organization(12, "B")];
    engine.rename_organizations(OrganizationNames::of(&all));
    let found = |name: &str| {
        check(&engine);
        let mut search = around(0.0, 0.0, 5);
        search.filter.organizations = vec![name.to_owned()];
        answer(&engine, &search).ids()
    };
    let id = |id: i64| CenterId::new(id).unwrap();
    assert_eq!(found("a"), [0_i64; 0]);
    engine.apply(&[
        Change::Organizations(id(1), &[of(1), of(12)]),
        Change::Organizations(id(2), &[of(12)]),
        Change::Organizations(id(3), &[of(1)]),
    ]);
    assert_eq!((found("a"), found("the b")), (vec![1], vec![1, 2]));
    // Said before it was there, kept while it is away.
    engine.apply(&[Change::Upsert(center(3, 0.0, 2.0)), Change::Remove(id(1))]);
    assert_eq!((found("A"), found("B")), (vec![3], vec![2]));
    engine.apply(&[
        Change::Upsert(center(1, 0.0, 5.0)),
        Change::Organizations(id(3), &[]),
    ]);
    assert_eq!((found("A"), found("B")), (vec![1], vec![2, 1]));
    engine.rename_organizations(OrganizationNames::of(&all[1..]));
    assert_eq!((found("A"), found("B")), (vec![], vec![2, 1]));
}

#[test]
fn ratings_follow_their_centers_in_and_out_of_the_index() {
    let engine = loaded(&[center(1, 0.0, 0.0), center(2, 0.0, 1.0)]);
    let found = || {
        check(&engine);
        let mut search = around(0.0, 0.0, 5);
        search.filter.min_rating = MinRating::new(5.0);
        answer(&engine, &search).ids()
    };
    let id = |id: i64| CenterId::new(id).unwrap();
    let rated = |average| Some(Rating { average, count: 3 });
    assert_eq!(found(), [0_i64; 0]);
    engine.apply(&[
        Change::Rating(id(1), rated(7.0)),
        Change::Rating(id(2), rated(4.5)),
        Change::Rating(id(3), rated(9.0)),
    ]);
    assert_eq!(found(), [1]);
    // Said before it was there, kept while it is away.
    engine.apply(&[Change::Upsert(center(3, 0.0, 2.0)), Change::Remove(id(1))]);
    assert_eq!(found(), [3]);
    engine.apply(&[
        Change::Upsert(center(1, 0.0, 5.0)),
        Change::Rating(id(3), None),
        Change::Rating(id(2), rated(5.0)),
    ]);
    assert_eq!(found(), [2, 1]);
    let mut linked = engine.linked();
    linked.sort_unstable();
    assert_eq!(linked, [id(1), id(2)]);
}

#[test]
fn a_built_index_follows_writes_before_it_answers() {
    let engine = loaded(&[]);
    let mut loading = engine.begin_load();
    loading.push(&center(1, 0.0, 0.0));
    loading.push(&center(2, 0.0, 1.0));
    let mut built = loading.build();
    built.apply(&[
        Change::Remove(CenterId::new(1).unwrap()),
        Change::Upsert(center(3, 0.0, 3.0)),
    ]);
    engine.finish_load(built);
    check(&engine);
    assert_eq!(answer(&engine, &around(0.0, 0.0, 5)).ids(), [2, 3]);
}

#[test]
fn a_load_replaces_everything_at_once() {
    let engine = loaded(&[center(1, 0.0, 0.0), center(2, 0.0, 1.0)]);
    let mut loading = engine.begin_load();
    loading.push(&center(3, 0.0, 0.0));
    assert_eq!(answer(&engine, &around(0.0, 0.0, 5)).ids(), [1, 2]);
    engine.finish_load(loading.build());
    assert_eq!(answer(&engine, &around(0.0, 0.0, 5)).ids(), [3]);
}

#[test]
fn radius_zero_finds_every_center_at_the_origin_in_the_order_of_ids() {
    let engine = loaded(&[
        center(9, 51.123_456_78, -0.1),
        center(4, 51.123_456_78, -0.1),
        center(5, 51.123_456_79, -0.1),
    ]);
    let mut search = around(51.123_456_78, -0.1, 5);
    let origin = Origin::new(51.123_456_78, -0.1).unwrap();
    search.area = Area::around(origin, Some(Radius::from_m(0.0).unwrap()));
    assert_eq!(answer(&engine, &search).ids(), [4, 9]);
}

#[test]
fn centers_at_the_poles_and_on_both_sides_of_the_antimeridian_are_found() {
    let engine = loaded(&[
        center(1, 90.0, 12.0),
        center(2, -90.0, -170.0),
        center(3, 0.0, 180.0),
        center(4, 0.0, -180.0),
        center(5, 0.0, 0.0),
    ]);
    assert_eq!(answer(&engine, &around(0.0, 179.999, 2)).ids(), [3, 4]);
    assert_eq!(answer(&engine, &around(0.0, -179.999, 2)).ids(), [3, 4]);
    assert_eq!(answer(&engine, &around(89.0, -100.0, 1)).ids(), [1]);
    assert_eq!(answer(&engine, &around(-89.0, 100.0, 1)).ids(), [2]);
    let whole = answer(&engine, &around(0.0, 0.0, 5));
    assert_eq!(whole.ids(), [5, 1, 2, 3, 4]);
}

#[test]
fn an_answer_carries_the_rendered_center_as_it_was_last_written() {
    let engine = loaded(&[center(1, 10.0, 20.0)]);
    let mut changed = center(1, 10.0, 20.0);
    changed.name = "b";
    changed.country = None;
    engine.apply(&[Change::Upsert(changed)]);
    let found = answer(&engine, &around(10.0, 20.0, 1));
    assert_eq!(
        found.hits[0].2,
        r#"{"id":1,"name":"b","latitude":10.0,"longitude":20.0,"country":null,"region":null,"city":null"#
    );
    check(&engine);
}

#[test]
fn a_filter_by_a_value_that_no_center_has_any_more_answers_with_nothing() {
    let engine = loaded(&[center(1, 10.0, 20.0)]);
    let mut search = around(0.0, 0.0, 5);
    search.filter.condition = Condition::texts(FieldId::COUNTRY, ["GR"]);
    assert_eq!(answer(&engine, &search).ids(), [1]);
    let mut moved = center(1, 10.0, 20.0);
    moved.country = Some("IT");
    engine.apply(&[Change::Upsert(moved)]);
    assert!(answer(&engine, &search).hits.is_empty());
    check(&engine);
}

#[test]
fn next_is_there_only_when_there_is_more_and_the_pages_join() {
    let centers: Vec<_> = (1..=10).map(|id| center(id, 0.0, 7.0)).collect();
    let engine = loaded(&centers);
    let mut search = around(1.0, 1.0, 5);
    let first = answer(&engine, &search);
    assert_eq!(first.ids(), [1, 2, 3, 4, 5]);
    search.after = first.next;
    assert!(search.after.is_some());
    let second = answer(&engine, &search);
    assert_eq!(second.ids(), [6, 7, 8, 9, 10]);
    assert_eq!(second.next, None);
}

#[test]
fn more_centers_on_one_spot_than_a_bucket_holds_are_all_found() {
    let engine = loaded(&[]);
    let count = i64::try_from(CAPACITY).unwrap() * 4;
    for id in 1..=count {
        engine.apply(&[Change::Upsert(center(id, 48.0, 11.0))]);
    }
    check(&engine);
    let found = answer(&engine, &around(48.0, 11.0, 1_000));
    assert_eq!(found.ids(), (1..=count).collect::<Vec<_>>());
}

/// One random write. Few ids and few positions, so that they meet.
#[derive(Debug, Clone)]
enum Write {
    Upsert(i64, (i32, i32), u8),
    Remove(i64),
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (1..600_i64, (-9..=9, -18..=18), any::<u8>())
            .prop_map(|(id, at, value)| Write::Upsert(id, at, value)),
        2 => (1..600_i64).prop_map(Write::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tree_boxes_places_and_postings_stay_in_step(
        loaded_ids in 0..500_i32,
        writes in prop::collection::vec(write(), 1..1_500),
    ) {
        let spot = |id: i32| {
            let (latitude, longitude) = (f64::from(id % 19 - 9), f64::from(id % 37 - 18));
            center(i64::from(id), latitude * 10.0, longitude * 10.0)
        };
        let centers: Vec<_> = (1..=loaded_ids).map(spot).collect();
        let engine = loaded(&centers);
        let mut there: BTreeSet<i64> = (1..=i64::from(loaded_ids)).collect();
        for (number, write) in writes.iter().enumerate() {
            match *write {
                Write::Upsert(id, (latitude, longitude), value) => {
                    let country = format!("country {}", value % 3);
                    let region = format!("region {value}");
                    let mut center =
                        center(id, f64::from(latitude) * 10.0, f64::from(longitude) * 10.0);
                    center.country = (value > 9).then_some(&country);
                    center.region = Some(&region);
                    engine.apply(&[Change::Upsert(center)]);
                    there.insert(id);
                }
                Write::Remove(id) => {
                    engine.apply(&[Change::Remove(CenterId::new(id).unwrap())]);
                    there.remove(&id);
                }
            }
            if number % 100 == 0 {
                check(&engine);
            }
        }
        check(&engine);
        let found = answer(&engine, &around(3.0, 4.0, 1_000));
        let ids: BTreeSet<i64> = found.ids().into_iter().collect();
        prop_assert_eq!(ids, there);
    }
}

/// What a map shows of these cells: clusters as their cells and counts, centers as ids.
fn shown(on_map: &OnMap) -> (Vec<(Cell, u64)>, Vec<i64>) {
    let clusters = on_map.clusters.iter().map(|sum| (sum.cell, sum.count));
    let centers = on_map.centers().map(|center| {
        let begin = format!("{{\"id\":{},", center.id);
        assert!(center.rendered.starts_with(begin.as_bytes()));
        center.id.get()
    });
    (clusters.collect(), centers.collect())
}

/// The same, center by center.
fn expected_on_map(
    there: &BTreeMap<i64, Summary<'_>>,
    cells: &Cells,
) -> (Vec<(Cell, u64)>, Vec<i64>) {
    let mut by_cell: HashMap<Cell, Vec<i64>> = HashMap::new();
    for (id, center) in there {
        let cell = Cell::of(MapPoint::of(center.position), cells.zoom());
        if cells.place_of(cell).is_some() {
            by_cell.entry(cell).or_default().push(*id);
        }
    }
    let (mut clusters, mut centers) = (Vec::new(), Vec::new());
    for (cell, ids) in by_cell {
        match ids[..] {
            [id] => centers.push(id),
            _ => clusters.push((cell, ids.len() as u64)),
        }
    }
    clusters.sort_unstable_by_key(|(cell, _)| cell.id());
    centers.sort_unstable();
    (clusters, centers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_map_shows_what_a_filter_keeps_of_the_centers_that_are_there(
        loaded_ids in 0..500_i32,
        writes in prop::collection::vec(write(), 1..500),
        (height, east, west) in (1.0..89.0, -180.0..180.0, -180.0..180.0),
        zoom in 0..=22_u8,
    ) {
        let countries = ["GR", "IT", "FR"];
        let spot = |id: i64, (latitude, longitude): (i32, i32), value: u8| {
            let mut center = center(id, f64::from(latitude) * 10.0, f64::from(longitude) * 10.0);
            center.country = Some(countries[usize::from(value % 3)]);
            center
        };
        let loaded_centers = (1..=loaded_ids).map(|id| {
            let value = u8::try_from(id % 7).unwrap();
            spot(id.into(), (id % 19 - 9, id % 37 - 18), value)
        });
        let mut there: BTreeMap<i64, Summary<'_>> =
            loaded_centers.map(|center| (center.id.get(), center)).collect();
        let centers: Vec<_> = there.values().copied().collect();
        let engine = loaded(&centers);
        for write in writes {
            match write {
                Write::Upsert(id, at, value) => {
                    let center = spot(id, at, value);
                    engine.apply(&[Change::Upsert(center)]);
                    there.insert(id, center);
                }
                Write::Remove(id) => {
                    engine.apply(&[Change::Remove(CenterId::new(id).unwrap())]);
                    there.remove(&id);
                }
            }
        }
        let viewport = Viewport::new(height, -height, east, west).unwrap();
        // Deep zooms would have many cells in so wide a viewport.
        let cells = Cells::of(&viewport, Zoom::new(zoom % 5).unwrap());
        let one = Cell::of(MapPoint::of(Position::new(10.0, 10.0).unwrap()), Zoom::new(zoom).unwrap());
        for cells in [cells, Cells::within(one, one.zoom)] {
            for filter in ["", "country", "other"] {
                let condition = match filter {
                    "" => Condition::default(),
                    "country" => Condition::texts(FieldId::COUNTRY, ["GR", "FR"]),
                    _ => Condition::Not(Condition::texts(FieldId::COUNTRY, ["GR"]).into()),
                };
                let kept = |center: &Summary<'_>| match filter {
                    "" => true,
                    "country" => center.country != Some("IT"),
                    _ => center.country != Some("GR"),
                };
                let mut there = there.clone();
                there.retain(|_, center| kept(center));
                let filter = Filter { condition, ..Filter::default() };
                let found = engine.clusters(&cells, &filter).unwrap();
                prop_assert_eq!(shown(&found), expected_on_map(&there, &cells));
                let inside: Vec<i64> = there.values().filter(|center| {
                    let cell = Cell::of(MapPoint::of(center.position), cells.zoom());
                    cells.place_of(cell).is_some()
                }).map(|center| center.id.get()).collect();
                let all = engine.centers_in(&cells, &filter, inside.len()).unwrap();
                let all = all.expect("there are not more");
                prop_assert_eq!(shown(&all), (vec![], inside.clone()));
                if let Some(fewer) = inside.len().checked_sub(1) {
                    prop_assert!(engine.centers_in(&cells, &filter, fewer).unwrap().is_none());
                }
                let after = CenterId::new(100);
                let leaves = engine.leaves(&cells, &filter, after, 5).unwrap();
                let next: Vec<i64> = inside.into_iter().filter(|id| *id > 100).take(5).collect();
                prop_assert_eq!(shown(&leaves), (vec![], next));
            }
        }
    }
}
