//! The documents of a KMZ file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Take};
use std::path::Path;
use std::vec;

use flate2::bufread::DeflateDecoder;
use zip::result::{ZipError, ZipResult};
use zip::{CompressionMethod, ZipArchive};

/// Every KML document of a zip file, one after the other, unzipped as it is read:
/// `doc.kml` first, which may do nothing but link to the others.
pub(super) struct Documents {
    entries: vec::IntoIter<Entry>,
    current: Current,
}

/// Where a document is in the file.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u64,
    packed_bytes: u64,
    is_deflated: bool,
}

enum Current {
    None(File),
    Stored(Take<BufReader<File>>),
    Deflated(DeflateDecoder<Take<BufReader<File>>>),
    /// Reading failed.
    Lost,
}

impl Documents {
    /// Finds the documents; `None` where there are none.
    pub(super) fn in_zip(zipped: File) -> ZipResult<Option<Self>> {
        let mut archive = ZipArchive::new(zipped)?;
        let mut found = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index)?;
            let name = entry.name()?.into_owned();
            let is_kml = Path::new(&name)
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("kml"));
            if !is_kml {
                continue;
            }
            let is_deflated = match entry.compression() {
                CompressionMethod::Stored => false,
                method if method == CompressionMethod::DEFLATE => true,
                _ => return Err(ZipError::CompressionMethodNotSupported(0)),
            };
            let start = entry.data_start().filter(|_| !entry.encrypted());
            found.push((
                !name.eq_ignore_ascii_case("doc.kml"),
                Entry {
                    start: start.ok_or(ZipError::FileNotFound)?,
                    packed_bytes: entry.compressed_size(),
                    is_deflated,
                },
            ));
        }
        found.sort_by_key(|(is_other, _)| *is_other);
        let entries: Vec<Entry> = found.into_iter().map(|(_, entry)| entry).collect();
        Ok((!entries.is_empty()).then(|| Self {
            entries: entries.into_iter(),
            current: Current::None(archive.into_inner()),
        }))
    }

    /// Goes to the next document; `false` after the last.
    fn advance(&mut self) -> io::Result<bool> {
        let mut file = match std::mem::replace(&mut self.current, Current::Lost) {
            Current::None(file) => file,
            Current::Stored(stored) => stored.into_inner().into_inner(),
            Current::Deflated(deflated) => deflated.into_inner().into_inner().into_inner(),
            Current::Lost => return Ok(false),
        };
        let Some(entry) = self.entries.next() else {
            self.current = Current::None(file);
            return Ok(false);
        };
        file.seek(SeekFrom::Start(entry.start))?;
        let packed = BufReader::new(file).take(entry.packed_bytes);
        self.current = if entry.is_deflated {
            Current::Deflated(DeflateDecoder::new(packed))
        } else {
            Current::Stored(packed)
        };
        Ok(true)
    }
}

impl Read for Documents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.current {
                Current::Stored(stored) => stored.read(buffer)?,
                Current::Deflated(deflated) => deflated.read(buffer)?,
                Current::None(_) | Current::Lost => 0,
            };
            if count > 0 || buffer.is_empty() || !self.advance()? {
                return Ok(count);
            }
        }
    }
}
