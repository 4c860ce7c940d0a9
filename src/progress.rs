//! How far long work is: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// What a bar shows when the end is known. Units are whatever is counted.
const BAR: &str = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left";
/// What it shows when it is not.
const SPINNER: &str = "{msg} {spinner} {human_pos} {per_sec} {elapsed}";

/// How far something is, on standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    lines: Option<Lines>,
}

#[derive(Debug)]
struct Lines {
    what: String,
    started: Instant,
    last: Instant,
}

impl Progress {
    /// Begins to show progress. `total` is `None` where the end is not known.
    ///
    /// # Panics
    /// Never: the templates are constants.
    #[must_use]
    pub fn new(what: &str, total: Option<u64>) -> Self {
        let on_terminal = stderr().is_terminal();
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        // Hidden, the bar still keeps the rate for the lines.
        bar.set_draw_target(if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        bar.set_style(
            ProgressStyle::with_template(if total.is_some() { BAR } else { SPINNER })
                .expect("the template is well-formed"),
        );
        bar.set_message(what.to_owned());
        let now = Instant::now();
        Self {
            bar,
            lines: (!on_terminal).then(|| Lines {
                what: what.to_owned(),
                started: now,
                last: now,
            }),
        }
    }

    /// Says that so many are done by now.
    pub fn set(&mut self, done: u64) {
        self.bar.set_position(done);
        let Some(lines) = &mut self.lines else {
            return;
        };
        if lines.last.elapsed() >= LINE_EVERY {
            lines.last = Instant::now();
            eprintln!("{}", lines.line(done, self.bar.length()));
        }
    }

    /// Writes a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away, so that a summary can follow.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

impl Lines {
    fn line(&self, done: u64, total: Option<u64>) -> String {
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        // Counts are far below 2^53.
        #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
        let rate = done as f64 / elapsed;
        let counted = format!("{}: {} at {rate:.0}/s", self.what, HumanCount(done));
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_count_rate_and_time_left() {
        let now = Instant::now();
        let lines = Lines {
            what: "backfill".to_owned(),
            started: now - Duration::from_secs(10),
            last: now,
        };
        let line = lines.line(1_000, Some(3_000));
        assert!(line.starts_with("backfill: 1,000 at "), "{line}");
        assert!(line.contains("of 3,000, 20 seconds left"), "{line}");
        assert!(!lines.line(1_000, None).contains("left"));
    }
}
