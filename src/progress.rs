//! How far long work is: a bar on a terminal, a line now and then elsewhere.

use crate::output::note;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// What a bar shows when the end is known. Units are whatever is counted.
const BAR: &str = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left";
/// What it shows over the bytes of a file; its message tells the rows.
const FILE_BAR: &str = "{msg} {wide_bar} {percent}% {eta} left";
/// What it shows when the end is not known.
const SPINNER: &str = "{msg} {spinner} {human_pos} {per_sec} {elapsed}";

/// How far something is, on standard error.
#[derive(Debug)]
pub struct Progress {
    what: String,
    bar: ProgressBar,
    started: Instant,
    /// When a line was written last; `None` on a terminal, which has the bar.
    last_line: Option<Instant>,
}

impl Progress {
    /// Begins to show progress. `total` is `None` where the end is not known.
    #[must_use]
    pub fn new(what: &str, total: Option<u64>) -> Self {
        Self::styled(what, total, if total.is_some() { BAR } else { SPINNER })
    }

    /// Begins to show how far a file of so many bytes is read.
    #[must_use]
    pub fn of_file(what: &str, bytes: u64) -> Self {
        Self::styled(what, Some(bytes), FILE_BAR)
    }

    fn styled(what: &str, total: Option<u64>, template: &str) -> Self {
        let on_terminal = stderr().is_terminal();
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        bar.set_draw_target(if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        // The templates are the constants above; another would show as nothing.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        let now = Instant::now();
        Self {
            what: what.to_owned(),
            bar,
            started: now,
            last_line: (!on_terminal).then_some(now),
        }
    }

    /// Says that so many are done by now.
    pub fn set(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.is_line_due() {
            let counted = counted(done, self.bar.length(), self.started.elapsed());
            note!("{}: {counted}", self.what);
        }
    }

    /// Says that so many bytes of the file are read by now, and how many rows
    /// were done.
    pub fn set_in_file(&mut self, bytes: u64, rows: u64) {
        let counted = counted(rows, None, self.started.elapsed());
        let told = format!("{}: {counted}", self.what);
        self.bar.set_position(bytes);
        if self.is_line_due() {
            let percent = bytes * 100 / self.bar.length().unwrap_or(bytes).max(1);
            note!("{told}, {percent}% of the file");
        }
        self.bar.set_message(told);
    }

    /// Takes the bar away, so that a summary can follow.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn is_line_due(&mut self) -> bool {
        let due = self
            .last_line
            .is_some_and(|last| last.elapsed() >= LINE_EVERY);
        if due {
            self.last_line = Some(Instant::now());
        }
        due
    }
}

/// A count with its rate and, where the end is known, the time left.
fn counted(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let elapsed = elapsed.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
    let rate = done as f64 / elapsed;
    let counted = format!("{} at {rate:.0}/s", HumanCount(done));
    match total {
        Some(total) if rate > 0.0 => {
            #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
            let left = total.saturating_sub(done) as f64 / rate;
            format!(
                "{counted}, of {}, {} left",
                HumanCount(total),
                HumanDuration(Duration::from_secs_f64(left.round()))
            )
        }
        _ => counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_told_with_its_rate_and_the_time_left() {
        let ten_seconds = Duration::from_secs(10);
        assert_eq!(
            counted(1_000, Some(3_000), ten_seconds),
            "1,000 at 100/s, of 3,000, 20 seconds left"
        );
        assert_eq!(counted(1_000, None, ten_seconds), "1,000 at 100/s");
        assert_eq!(counted(0, Some(3_000), ten_seconds), "0 at 0/s");
    }

    #[test]
    fn every_template_is_well_formed() {
        for template in [BAR, FILE_BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
