//! What the process says: the one place that writes to its standard streams.
//!
//! Whoever reads may go away (`| head`), and a disk may be full. Neither is a reason to
//! panic, nor to leave work half-done: the first failure is kept, nothing more is written,
//! and [`finish`] tells at the end whether it matters.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::OnceLock;

/// Why standard output takes no more.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Writes a line to standard output: what was asked for.
macro_rules! say {
    () => {
        $crate::output::line(format_args!(""))
    };
    ($($text:tt)*) => {
        $crate::output::line(format_args!($($text)*))
    };
}

/// Writes a line to standard error: what people want to know besides.
macro_rules! note {
    ($($text:tt)*) => {
        $crate::output::aside(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use {note, say};

/// Writes a line to standard output; see [`say!`].
pub(crate) fn line(text: Arguments<'_>) {
    // A failure is kept, for the end.
    let _ = writeln!(writer(), "{text}");
}

/// Writes to standard error, where it is of any use; see [`note!`].
pub(crate) fn aside(text: Arguments<'_>) {
    // There is nobody left to tell.
    let _ = io::stderr().write_fmt(text);
}

/// Standard output for a long text. It fails like any file; [`finish`] knows of it.
pub(crate) fn writer() -> impl Write {
    #[expect(clippy::disallowed_methods, reason = "the one place that writes to it")]
    let stdout = io::stdout();
    Watched(stdout.lock())
}

/// Whether anybody may still read what is written to standard output.
pub(crate) fn is_read() -> bool {
    FAILURE.get().is_none()
}

/// Keeps the first failure of what another wrote to standard output.
pub(crate) fn keep(written: io::Result<()>) {
    if let Err(error) = written {
        // Later ones follow from the first.
        let _ = FAILURE.set(error);
    }
}

/// Sends on what standard output holds back. That its reader has had enough is no failure.
///
/// # Errors
/// When something that was said could not be written.
pub(crate) fn finish() -> Result<(), &'static io::Error> {
    // Kept as well.
    let _ = writer().flush();
    match FAILURE.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Keeps the first failure.
struct Watched<W>(W);

impl<W: Write> Watched<W> {
    fn watched<T>(&mut self, write: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if let Some(failure) = FAILURE.get() {
            return Err(failure.kind().into());
        }
        write(&mut self.0).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                keep(Err(copy_of(error)));
            }
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watched(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.watched(Write::flush)
    }
}

fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}
