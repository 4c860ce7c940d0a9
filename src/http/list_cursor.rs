//! Cursors of `GET /centers`: the last id of a page, bound to its
//! collection and filter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::code::Code;
use super::problem::Problem;
use crate::domain::{CenterId, Filter};
use crate::store::Collection;

/// Tells these cursors from those of searches.
const MARK: u8 = b'l';
/// Bytes before base64: mark, id, filter.
const ENCODED_LEN: usize = 1 + 8 + 4;

/// The cursor to the page after a last center. The fingerprint is that of the list.
#[must_use]
pub fn encode(last: CenterId, fingerprint: u32) -> String {
    let mut bytes = [MARK; ENCODED_LEN];
    bytes[1..9].copy_from_slice(&last.get().to_le_bytes());
    bytes[9..].copy_from_slice(&fingerprint.to_le_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The last center of the page before.
///
/// # Errors
/// When the text is not a cursor of the list with this fingerprint.
pub fn decode(text: &str, fingerprint: u32) -> Result<CenterId, Problem> {
    let refused = |detail: &'static str| {
        Problem::new(Code::CursorInvalid, detail)
            .at("cursor")
            .got(text)
            .allowed("`next` of the previous answer to this very request, unchanged")
    };
    let damaged = || refused("cursor is damaged or not one of this list");
    let mut bytes = [0_u8; ENCODED_LEN];
    let length = URL_SAFE_NO_PAD
        .decode_slice(text, &mut bytes)
        .map_err(|_| damaged())?;
    if length != ENCODED_LEN || bytes[0] != MARK {
        return Err(damaged());
    }
    let mut id = [0; 8];
    id.copy_from_slice(&bytes[1..9]);
    let id = CenterId::new(i64::from_le_bytes(id)).ok_or_else(damaged)?;
    if bytes[9..] != fingerprint.to_le_bytes() {
        return Err(refused(
            "cursor belongs to a list of another collection, or with another filter or bbox",
        ));
    }
    Ok(id)
}

/// A checksum of what decides which rows a list holds that has no bounds.
#[must_use]
pub fn fingerprint(collection: &Collection, filter: &Filter) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(collection.name.as_str().as_bytes());
    hasher.update(&[0]);
    filter.hash_into(&mut hasher);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Condition, FieldId};

    #[test]
    fn a_cursor_belongs_to_its_collection_and_filter() {
        let id = CenterId::new(7).unwrap();
        let greek = Filter {
            condition: Condition::texts(FieldId::COUNTRY, ["GR"]),
            ..Filter::default()
        };
        let (centers, sites) = (Collection::diving_centers(), Collection::dive_sites());
        let list = fingerprint(&centers, &greek);
        let text = encode(id, list);
        assert_eq!(decode(&text, list).unwrap(), id);
        for other in [
            fingerprint(&centers, &Filter::default()),
            fingerprint(&sites, &greek),
        ] {
            assert!(decode(&text, other).is_err());
        }
        for bad in ["", "x", &text[1..], &format!("{text}AA")] {
            assert!(decode(bad, list).is_err(), "{bad}");
        }
    }
}
