//! How answers are packed, as far as clients take it (RFC 9110, section 12.5.3).

use std::io::Write as _;
use std::sync::Arc;

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::budget::SMALL_ANSWER_BYTES;

/// Smaller answers are not packed: that would save no packet.
pub const MIN_PACKED_BYTES: usize = 1024;

/// Answers are packed once and sent once: the next steps take twice the time and save a tenth.
const BROTLI_QUALITY: u32 = 3;
const GZIP_LEVEL: Compression = Compression::new(3);
/// How far back brotli looks, as a power of two: so much memory it takes.
const BROTLI_WINDOW: u32 = 18;
const BROTLI_BUFFER_BYTES: usize = 4096;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// The one that a client likes best for an answer of so many bytes; of those that it likes
    /// as well, the one that packs best.
    pub fn for_bytes(bytes: usize, headers: &HeaderMap) -> Self {
        if bytes < MIN_PACKED_BYTES || !headers.contains_key(ACCEPT_ENCODING) {
            return Self::Identity;
        }
        let (identity, gzip, brotli) = (
            weight(headers, "identity"),
            weight(headers, "gzip"),
            weight(headers, "br"),
        );
        let (coding, best) = match (brotli.unwrap_or(0.0), gzip.unwrap_or(0.0)) {
            (brotli, gzip) if brotli >= gzip => (Self::Brotli, brotli),
            (_, gzip) => (Self::Gzip, gzip),
        };
        // What is not named is worth less than what is, and is sent where nothing else may be.
        if best > 0.0 && best >= identity.unwrap_or(0.0) {
            coding
        } else {
            Self::Identity
        }
    }

    /// Its name in `Content-Encoding`.
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        })
    }

    /// What the tag of content ends with that is packed so: it is other bytes.
    pub fn tag_end(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => "-gzip",
            Self::Brotli => "-br",
        }
    }

    fn pack(self, bytes: &[u8]) -> Vec<u8> {
        const IN_MEMORY: &str = "memory takes all";
        let out = Vec::with_capacity(bytes.len() / 4);
        match self {
            Self::Identity => bytes.to_vec(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, GZIP_LEVEL);
                encoder.write_all(bytes).expect(IN_MEMORY);
                encoder.finish().expect(IN_MEMORY)
            }
            Self::Brotli => {
                let (quality, window) = (BROTLI_QUALITY, BROTLI_WINDOW);
                let mut encoder = CompressorWriter::new(out, BROTLI_BUFFER_BYTES, quality, window);
                encoder.write_all(bytes).expect(IN_MEMORY);
                encoder.into_inner()
            }
        }
    }
}

/// The weight of a coding: its own, or that of `*`; `None` where neither is named.
fn weight(headers: &HeaderMap, coding: &str) -> Option<f32> {
    let values = headers.get_all(ACCEPT_ENCODING);
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut of_all = None;
    for part in texts.flat_map(|text| text.split(',')) {
        let mut parts = part.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let is_it = name.eq_ignore_ascii_case(coding);
        if !is_it && name != "*" {
            continue;
        }
        let q = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, q)| q.trim().parse().unwrap_or(0.0));
        if is_it {
            return Some(q);
        }
        of_all = Some(q);
    }
    of_all
}

/// Packs answers: small ones at once, others where no request waits for it, a few at a time.
#[derive(Debug)]
pub struct Packing {
    turns: Arc<Semaphore>,
}

impl Packing {
    /// So many larger answers at a time.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Packs an answer.
    pub async fn pack(&self, coding: Coding, bytes: Bytes) -> Vec<u8> {
        if bytes.len() <= SMALL_ANSWER_BYTES {
            return coding.pack(&bytes);
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.expect("the turns are never closed");
        let packing = spawn_blocking(move || {
            let packed = coding.pack(&bytes);
            drop(turn);
            packed
        });
        packing.await.expect("packing does not panic")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn taken(accepted: &str) -> Coding {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
        Coding::for_bytes(MIN_PACKED_BYTES, &headers)
    }

    #[test]
    fn the_higher_weight_wins_and_brotli_wins_ties() {
        use Coding::{Brotli, Gzip, Identity};
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Brotli),
            ("gzip", Gzip),
            ("GZIP;Q=0.5", Gzip),
            ("br;q=0.5, gzip;q=0.8", Gzip),
            ("br;q=0, gzip", Gzip),
            ("*", Brotli),
            ("br;q=0, *;q=0.1", Gzip),
            ("gzip;q=0", Identity),
            ("gzip;q=0.5, identity", Identity),
            ("gzip;q=0.5, identity;q=0.2", Gzip),
            ("identity", Identity),
            ("identity;q=0", Identity),
            ("deflate, zstd", Identity),
            ("gzip;q=nonsense", Identity),
            ("", Identity),
        ] {
            assert_eq!(taken(accepted), coding, "{accepted}");
        }
        assert_eq!(
            Coding::for_bytes(MIN_PACKED_BYTES, &HeaderMap::new()),
            Identity
        );
    }

    #[tokio::test]
    async fn what_is_packed_can_be_unpacked() {
        for length in [MIN_PACKED_BYTES, SMALL_ANSWER_BYTES + 1] {
            let plain: Vec<u8> = (0..length).map(|at| b"nearby "[at % 7]).collect();
            let packing = Packing::new(1);
            let gzip = packing.pack(Coding::Gzip, plain.clone().into()).await;
            let mut unpacked = Vec::new();
            let mut reader = flate2::read::GzDecoder::new(&gzip[..]);
            reader.read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain);
            let brotli = packing.pack(Coding::Brotli, plain.clone().into()).await;
            unpacked.clear();
            let mut reader = brotli::Decompressor::new(&brotli[..], 4096);
            reader.read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain);
            assert!(gzip.len() < length / 4 && brotli.len() < length / 4);
        }
    }
}
