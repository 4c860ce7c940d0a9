//! How far a file was read or written.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::transfer::read::BytesRead;

/// How often a line is written where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// A progress bar on a terminal, and now and then a line otherwise.
pub(super) struct Meter {
    bar: ProgressBar,
    doing: String,
    size: Option<u64>,
    read: BytesRead,
    started: Instant,
    last_line: Mutex<Instant>,
}

impl Meter {
    /// Starts one over the bytes of a file, where its size is known.
    pub(super) fn start(doing: &str, size: Option<u64>, read: BytesRead) -> Self {
        let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = if size.is_some() {
            "{prefix} {wide_bar} {percent}% of {total_bytes}, {msg}, {eta} left"
        } else {
            "{prefix} {spinner} {elapsed}, {msg}"
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        bar.set_prefix(doing.to_owned());
        let now = Instant::now();
        Self {
            bar,
            doing: doing.to_owned(),
            size,
            read,
            started: now,
            last_line: Mutex::new(now),
        }
    }

    /// Takes how many rows are done.
    pub(super) fn tell(&self, rows: u64) {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people"
        )]
        let rate = (rows as f64 / seconds) as u64;
        self.bar.set_position(self.read.get());
        self.bar.set_message(format!("{rows} rows, {rate}/s"));
        if !self.bar.is_hidden() {
            return;
        }
        let mut last_line = self.last_line.lock().expect("no holder panics");
        if last_line.elapsed() >= LINE_INTERVAL {
            *last_line = Instant::now();
            let doing = &self.doing;
            match self.size {
                Some(size) => eprintln!(
                    "{doing}: {rows} rows, {rate}/s, {}% of the file",
                    self.read.get() * 100 / size.max(1)
                ),
                None => eprintln!("{doing}: {rows} rows, {rate}/s"),
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
