//! The file of rejected rows.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::PRIVATE_MODE;
use super::read::RawRow;

/// The most bytes that are kept of a row which has no end.
const BROKEN_ROW_BYTES: usize = 1_000;

/// Collects rejected rows: line number, reason, and the row as it stands in the
/// file. Of a CSV file the report has its columns after the two, so that rows
/// mended in it can be imported from it.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    out: BufWriter<File>,
    delimiter: u8,
    /// Rows follow as they are; otherwise each is one quoted field.
    is_csv: bool,
    is_empty: bool,
}

impl Report {
    /// Begins a report and takes the place of an earlier one. Its owner alone may read it, as
    /// it holds rows.
    ///
    /// `csv_header` is the header of a CSV file and what separates its columns.
    ///
    /// # Errors
    /// When the file cannot be written, or is there and is not a report. A link is none: it may
    /// have been put there by somebody who may not write where it leads.
    pub fn create(path: &Path, csv_header: Option<(&[u8], u8)>) -> io::Result<Self> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_MODE)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(path);
        let refused = |why| Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        let file = match opened {
            Err(_) if path.is_symlink() => {
                return refused("it is a link; name a file with --report");
            }
            opened => opened?,
        };
        if !is_report(&file)? {
            return refused("it is there and is not a report; name another file with --report");
        }
        file.set_len(0)?;
        let mut out = BufWriter::new(file);
        let (header, delimiter) = csv_header.unwrap_or((b"feature", b','));
        out.write_all(b"line")?;
        out.write_all(&[delimiter])?;
        out.write_all(b"reason")?;
        out.write_all(&[delimiter])?;
        out.write_all(header)?;
        out.write_all(b"\n")?;
        Ok(Self {
            path: path.to_owned(),
            out,
            delimiter,
            is_csv: csv_header.is_some(),
            is_empty: true,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, line: u64, reason: &dyn Display, row: RawRow<'_>) -> io::Result<()> {
        self.is_empty = false;
        write!(self.out, "{line}")?;
        self.out.write_all(&[self.delimiter])?;
        self.write_quoted(reason.to_string().as_bytes())?;
        self.out.write_all(&[self.delimiter])?;
        if !row.is_whole {
            let end = row.bytes.len().min(BROKEN_ROW_BYTES);
            self.write_quoted(&row.bytes[..end])?;
        } else if self.is_csv {
            self.out.write_all(row.bytes)?;
        } else {
            self.write_quoted(row.bytes)?;
        }
        self.out.write_all(b"\n")
    }

    fn write_quoted(&mut self, text: &[u8]) -> io::Result<()> {
        self.out.write_all(b"\"")?;
        for (index, piece) in text.split(|&byte| byte == b'"').enumerate() {
            if index > 0 {
                self.out.write_all(b"\"\"")?;
            }
            self.out.write_all(piece)?;
        }
        self.out.write_all(b"\"")
    }

    /// Ends the report; an empty one is removed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.flush()?;
        if self.is_empty {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// Leaves the file at its beginning.
fn is_report(mut file: &File) -> io::Result<bool> {
    let mut beginning = Vec::new();
    BufReader::new(io::Read::take(file, 64)).read_until(b'\n', &mut beginning)?;
    file.rewind()?;
    let is_ours = beginning.is_empty()
        || (beginning.starts_with(b"line") && beginning.get(5..11) == Some(&b"reason"[..]));
    Ok(is_ours)
}
