//! Vector tiles: the Mapbox Vector Tile specification, version 2.1.

use fast_mvt::{MvtCoord, MvtFeatureBuilder, MvtGeomType, MvtLayerBuilder, MvtValueRef};
use serde_json::Value;

use super::{Abbreviated, ClusterView, Member, Members};
use crate::domain::{CenterId, Cluster, TILE_EXTENT};

/// Why writing a tile cannot fail.
const WRITABLE: &str = "the name is not empty, and a tile is far from the limits of the format";

/// A tile of one layer while it is written.
pub struct MvtLayer(MvtLayerBuilder);

impl MvtLayer {
    /// An empty layer of this name.
    ///
    /// # Panics
    /// When the name is empty.
    #[must_use]
    pub fn new(name: &str) -> Self {
        debug_assert_eq!(
            TILE_EXTENT, 4_096,
            "what a layer has unless it says otherwise"
        );
        Self(MvtLayerBuilder::new(name).expect(WRITABLE))
    }

    /// Adds a cluster.
    #[must_use]
    pub fn cluster(self, cluster: &Cluster, place: (i32, i32)) -> Self {
        let view = ClusterView::from(cluster);
        let mut feature = self.feature(Some(view.cluster_id), place);
        tag(&mut feature, "cluster", MvtValueRef::Bool(view.cluster));
        tag(
            &mut feature,
            "cluster_id",
            MvtValueRef::UInt(view.cluster_id),
        );
        tag(
            &mut feature,
            "point_count",
            MvtValueRef::UInt(view.point_count),
        );
        let abbreviated = match &view.point_count_abbreviated {
            Abbreviated::Whole(count) => MvtValueRef::UInt(*count),
            Abbreviated::Thousands(text) => MvtValueRef::String(text),
        };
        tag(&mut feature, "point_count_abbreviated", abbreviated);
        let zoom = view.expansion_zoom.into();
        tag(&mut feature, "expansion_zoom", MvtValueRef::UInt(zoom));
        Self(feature.end())
    }

    /// Adds a center with those members of its rendered object that are chosen and not
    /// null. Its number is that of the feature, too, unless it is negative, which no
    /// feature's can be.
    #[must_use]
    pub fn center(
        self,
        id: CenterId,
        rendered: &[u8],
        is_chosen: impl Fn(&str) -> bool,
        place: (i32, i32),
    ) -> Self {
        let mut feature = self.feature(u64::try_from(id.get()).ok(), place);
        for Member { name, rendered } in Members::of(rendered) {
            if is_chosen(name) {
                // Behind the name, its quotes and the colon.
                tag_json(&mut feature, name, &rendered[name.len() + 3..]);
            }
        }
        Self(feature.end())
    }

    /// The tile.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0.encode()
    }

    fn feature(self, id: Option<u64>, (x, y): (i32, i32)) -> MvtFeatureBuilder {
        let mut feature = self.0.feature_of(MvtGeomType::Point);
        feature.id(id);
        feature.points([MvtCoord { x, y }]).expect(WRITABLE);
        feature
    }
}

fn tag(feature: &mut MvtFeatureBuilder, name: &str, value: MvtValueRef<'_>) {
    feature.tag_ref(name, value).expect(WRITABLE);
}

/// Adds a value that is rendered as JSON.
fn tag_json(feature: &mut MvtFeatureBuilder, name: &str, json: &[u8]) {
    let plain = json
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    let plain = plain.filter(|text| !text.contains(&b'\\'));
    if let Some(text) = plain.and_then(|text| std::str::from_utf8(text).ok()) {
        return tag(feature, name, MvtValueRef::String(text));
    }
    match serde_json::from_slice(json).unwrap_or_default() {
        Value::String(text) => tag(feature, name, MvtValueRef::String(&text)),
        Value::Bool(value) => tag(feature, name, MvtValueRef::Bool(value)),
        Value::Number(number) => {
            let value = match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => MvtValueRef::Int(whole),
                (None, Some(real)) => MvtValueRef::Double(real),
                (None, None) => return,
            };
            tag(feature, name, value);
        }
        Value::Null | Value::Array(_) | Value::Object(_) => {}
    }
}
