//! Keyset cursors: where a page ended, in a form that clients hand back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use super::center::CenterId;

/// Bytes of an encoded cursor before base64: engine, key, id, search.
const ENCODED_LEN: usize = 1 + 8 + 8 + 4;

/// Which engine's sort key a cursor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// The R-tree; its key is the squared chord.
    Memory,
    /// The database; its key is the distance in metres.
    Sql,
}

impl EngineKind {
    /// The name used in flags, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sql => "sql",
        }
    }
}

/// A text is not a cursor that nearby gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cursor is damaged; pass `next` of the previous answer unchanged")]
pub struct CursorError;

/// The sort key of the last center of a page. The next page holds what sorts
/// after it, so centers that come and go in between neither repeat nor hide
/// others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cursor {
    /// The engine whose sort key this is.
    pub engine: EngineKind,
    /// The sort key, in that engine's unit.
    pub key: f64,
    /// The id, which breaks ties.
    pub id: CenterId,
    /// The fingerprint of the search, and of the collection, that it belongs to.
    pub search: u32,
}

impl Cursor {
    /// The text that clients see: URL-safe, opaque.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = [0_u8; ENCODED_LEN];
        bytes[0] = match self.engine {
            EngineKind::Memory => b'm',
            EngineKind::Sql => b's',
        };
        bytes[1..9].copy_from_slice(&self.key.to_le_bytes());
        bytes[9..17].copy_from_slice(&self.id.get().to_le_bytes());
        bytes[17..].copy_from_slice(&self.search.to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] wrote.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let mut bytes = [0_u8; ENCODED_LEN];
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut bytes)
            .map_err(|_| CursorError)?;
        if length != ENCODED_LEN {
            return Err(CursorError);
        }
        let engine = match bytes[0] {
            b'm' => EngineKind::Memory,
            b's' => EngineKind::Sql,
            _ => return Err(CursorError),
        };
        let eight = |at: usize| -> [u8; 8] {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            eight
        };
        let key = f64::from_le_bytes(eight(1));
        if !(key.is_finite() && key >= 0.0) {
            return Err(CursorError);
        }
        let id = CenterId::new(i64::from_le_bytes(eight(9))).ok_or(CursorError)?;
        let search = u32::from_le_bytes([bytes[17], bytes[18], bytes[19], bytes[20]]);
        Ok(Self {
            engine,
            key,
            id,
            search,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            engine: EngineKind::Sql,
            key: 878.2,
            id: CenterId::new(7).unwrap(),
            search: 0xdead_beef,
        }
    }

    #[test]
    fn a_cursor_survives_the_way_out_and_back() {
        for engine in [EngineKind::Memory, EngineKind::Sql] {
            let cursor = Cursor { engine, ..cursor() };
            assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }
    }

    #[test]
    fn a_damaged_cursor_is_refused() {
        let good = cursor().encode();
        let nan = Cursor {
            key: f64::NAN,
            ..cursor()
        }
        .encode();
        let negative = Cursor {
            key: -1.0,
            ..cursor()
        }
        .encode();
        for bad in [
            "",
            "x",
            "%%%",
            &good[1..],
            &format!("{good}AAAA"),
            &nan,
            &negative,
        ] {
            assert_eq!(Cursor::decode(bad), Err(CursorError), "{bad}");
        }
    }
}
