//! Where files come from: a path or standard input, gzipped or not.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::{NamedTempFile, TempPath};
use thiserror::Error;

use super::OpenError;
use super::error::InputError;
use super::gzip::Members;
use super::kmz::Documents;
use super::zipped::zip_without_kml;
use crate::transfer::Format;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input, which can be read once.
    Stdin,
    /// A file, a pipe or a device.
    Path(PathBuf),
    /// Bytes that the program carries.
    Bundled(&'static [u8]),
}

/// Why a file cannot be opened.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The system refuses.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a directory.
    #[error("{} is a directory, not a file", .0.display())]
    Directory(PathBuf),
    /// A zip file that holds no KML.
    #[error("{} {what}", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        what: String,
    },
    /// Its name ends in `.gz` and its content is something else.
    #[error("{} is named .gz but is not gzipped: rename it", .0.display())]
    NotGzip(PathBuf),
}

/// How much of a source was read so far, in its own (compressed) bytes.
#[derive(Debug, Clone, Default)]
pub struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Source {
    /// Takes a command line argument: `-` is standard input.
    #[must_use]
    pub fn of_argument(path: &Path) -> Self {
        if path == Path::new("-") {
            Self::Stdin
        } else {
            Self::Path(path.to_owned())
        }
    }

    /// The size in bytes of a source that can be read from its beginning again;
    /// `None` of a stream.
    ///
    /// # Errors
    /// When there is no such file, or it is a directory.
    pub fn size(&self) -> Result<Option<u64>, SourceError> {
        match self {
            Self::Stdin => Ok(None),
            Self::Bundled(bytes) => Ok(Some(bytes.len() as u64)),
            Self::Path(path) => {
                let metadata = std::fs::metadata(path).map_err(|source| SourceError::Open {
                    path: path.clone(),
                    source,
                })?;
                if metadata.is_dir() {
                    return Err(SourceError::Directory(path.clone()));
                }
                Ok(metadata.is_file().then_some(metadata.len()))
            }
        }
    }

    /// The format that its name stands for.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match self {
            Self::Path(path) => Format::of_name(path),
            Self::Stdin | Self::Bundled(_) => None,
        }
    }

    /// Opens it, unzipped where it is gzipped (in one member or several, by its
    /// content), counting into `read`.
    ///
    /// # Errors
    /// When it cannot be opened, or is named `.gz` and is not.
    pub fn open(&self, read: BytesRead) -> Result<Box<dyn Read + Send>, SourceError> {
        let (stream, path): (Box<dyn Read + Send>, _) = match self {
            Self::Stdin => (Box::new(io::stdin()), self.name()),
            Self::Bundled(bytes) => (Box::new(*bytes), self.name()),
            Self::Path(path) => {
                // Refuses a directory, which opens but cannot be read.
                self.size()?;
                (Box::new(self.file(path)?), self.name())
            }
        };
        let stream = Counted { stream, read };
        let (beginning, whole) = look(stream, GZIP_MAGIC.len()).map_err(|e| self.refused(e))?;
        if beginning == GZIP_MAGIC {
            let whole = BufReader::with_capacity(64 * 1024, whole);
            Ok(Box::new(Members::new(whole)))
        } else if matches!(self, Self::Path(path) if Format::is_gzip_name(path)) {
            Err(SourceError::NotGzip(path.to_owned()))
        } else {
            Ok(Box::new(whole))
        }
    }

    /// Opens it for what it holds: what is no stream comes from the file itself, or
    /// from a temporary one where there is none.
    pub(super) fn open_kind(&self, read: BytesRead) -> Result<Opened, OpenError> {
        let stream = self.open(read)?;
        // What is zipped may be broken from its beginning.
        let (beginning, mut whole) = look(stream, SQLITE_MAGIC.len())
            .map_err(|source| InputError::Read { line: 1, source })?;
        let is_sqlite = beginning == SQLITE_MAGIC;
        if !is_sqlite && !beginning.starts_with(ZIP_MAGIC) {
            return Ok(Opened::Stream(Box::new(whole)));
        }
        let file = match self {
            Self::Path(path) if self.size()?.is_some() && self.begins_with(path, &beginning)? => {
                OnDisk::There(path.clone())
            }
            _ => {
                let mut file = NamedTempFile::new().map_err(|e| self.refused(e))?;
                io::copy(&mut whole, &mut file).map_err(|e| self.refused(e))?;
                OnDisk::Copied(file.into_temp_path())
            }
        };
        if is_sqlite {
            return Ok(Opened::GeoPackage(file));
        }
        let zipped = self.file(file.path())?;
        match Documents::in_zip(zipped) {
            Ok(Some(documents)) => Ok(Opened::Stream(Box::new(documents))),
            _ => Err(SourceError::Zip {
                path: self.name().to_owned(),
                what: zip_without_kml(self.file(file.path())?),
            }
            .into()),
        }
    }

    /// What it holds, unpacked.
    ///
    /// # Errors
    /// As [`RowReader::of_source`](super::RowReader::of_source).
    pub fn content(&self) -> Result<Box<dyn Read + Send>, OpenError> {
        Ok(match self.open_kind(BytesRead::default())? {
            Opened::Stream(stream) => stream,
            Opened::GeoPackage(file) => Box::new(self.file(file.path())?),
        })
    }

    /// Whether the file itself begins so, and not what is zipped in it.
    fn begins_with(&self, path: &Path, beginning: &[u8]) -> Result<bool, SourceError> {
        let (found, _) = look(self.file(path)?, beginning.len()).map_err(|e| self.refused(e))?;
        Ok(found == beginning)
    }

    fn file(&self, path: &Path) -> Result<File, SourceError> {
        File::open(path).map_err(|error| self.refused(error))
    }

    fn name(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("standard input"),
            Self::Bundled(_) => Path::new("the bundled places"),
            Self::Path(path) => path,
        }
    }

    fn refused(&self, source: io::Error) -> SourceError {
        SourceError::Open {
            path: self.name().to_owned(),
            source,
        }
    }
}

/// What a source turned out to be.
pub(super) enum Opened {
    Stream(Box<dyn Read + Send>),
    GeoPackage(OnDisk),
}

/// A file that is read from anywhere.
#[derive(Debug)]
pub(super) enum OnDisk {
    There(PathBuf),
    /// Removed when it is dropped.
    Copied(TempPath),
}

impl OnDisk {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::There(path) => path,
            Self::Copied(path) => path,
        }
    }
}

/// A stream of which the beginning was read.
pub(super) type Whole<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// The first bytes of a stream, and all of it.
fn look<R: Read>(mut stream: R, bytes: usize) -> io::Result<(Vec<u8>, Whole<R>)> {
    let mut beginning = Vec::with_capacity(bytes);
    (&mut stream)
        .take(bytes as u64)
        .read_to_end(&mut beginning)?;
    Ok((beginning.clone(), Cursor::new(beginning).chain(stream)))
}

/// Counts what is read through it.
struct Counted<R> {
    stream: R,
    read: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.read.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
