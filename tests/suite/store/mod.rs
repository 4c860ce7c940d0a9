//! The store contract, on both stores.

mod batches;
mod centers;
mod listings;
mod locations;
mod moved;
mod others;
mod shown;
mod upserts;

use nearby::domain::{CenterDraft, CenterEdit, CenterId, CenterText, Position, TextField};
use nearby::store::BatchItem;

/// A draft with nothing but a name and perhaps a position.
fn draft(name: &str, position: Option<(f64, f64)>) -> CenterDraft {
    let text = CenterText {
        name: name.to_owned(),
        ..CenterText::default()
    };
    let position = position.map(|(latitude, longitude)| at(latitude, longitude));
    CenterDraft::new(text, position).expect("the draft is right")
}

/// A draft with every field filled.
fn full_draft() -> CenterDraft {
    let text = |value: &str| Some(value.to_owned());
    let text = CenterText {
        name: "Κατάδυση \u{1f93f} Œuvre".to_owned(),
        description: text("two\nlines\tand 'quotes\" \\ `ticks`"),
        address: text("Ηρώων 1"),
        email: text("dive@example.org"),
        phone: text("+30 210 0"),
        website: text("https://example.org/?a=1&b=%20"),
        country: text("GR"),
        region: text("Αττική"),
        city: text("Αθήνα"),
        logo_url: text("https://example.org/logo.png"),
    };
    CenterDraft::new(text, Some(at(37.983_800_01, 23.727_500_02))).expect("the draft is right")
}

/// An edit that says where the center stands.
fn placing(draft: CenterDraft) -> CenterEdit {
    CenterEdit {
        draft,
        places: true,
        texts: TextField::ALL.to_vec(),
    }
}

fn at(latitude: f64, longitude: f64) -> Position {
    Position::new(latitude, longitude).expect("the position is right")
}

fn id(id: i64) -> CenterId {
    CenterId::new(id).expect("the id is right")
}

fn item(id: Option<i64>, draft: CenterDraft) -> BatchItem {
    BatchItem {
        id: id.map(|id| CenterId::new(id).expect("the id is right")),
        draft,
    }
}
