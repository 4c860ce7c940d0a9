//! Where files come from: a path or standard input, gzipped or not.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

use crate::transfer::Format;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

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
            Self::Stdin => (Box::new(io::stdin()), Path::new("standard input")),
            Self::Bundled(bytes) => (Box::new(*bytes), Path::new("the bundled places")),
            Self::Path(path) => {
                // Refuses a directory, which opens but cannot be read.
                self.size()?;
                let file = File::open(path).map_err(|source| SourceError::Open {
                    path: path.clone(),
                    source,
                })?;
                (Box::new(file), path.as_path())
            }
        };
        let mut stream = Counted { stream, read };
        let mut beginning = Vec::with_capacity(GZIP_MAGIC.len());
        (&mut stream)
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut beginning)
            .map_err(|source| SourceError::Open {
                path: path.to_owned(),
                source,
            })?;
        let is_gzip = beginning == GZIP_MAGIC;
        let whole = Cursor::new(beginning).chain(stream);
        if is_gzip {
            Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(
                64 * 1024,
                whole,
            ))))
        } else if matches!(self, Self::Path(path) if Format::is_gzip_name(path)) {
            Err(SourceError::NotGzip(path.to_owned()))
        } else {
            Ok(Box::new(whole))
        }
    }
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
