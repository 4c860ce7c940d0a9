//! Ratios with their spread, as one table.

/// Several measurements of one figure.
#[derive(Debug, Clone)]
pub struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(mut figures: Vec<f64>) -> Self {
        assert!(!figures.is_empty(), "a spread needs a figure");
        figures.sort_by(f64::total_cmp);
        Self { sorted: figures }
    }

    /// The middle figure.
    pub fn median(&self) -> f64 {
        self.sorted[self.sorted.len() / 2]
    }

    /// The smallest figure.
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// The largest figure.
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }
}

/// What a row must hold.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// The figure must not be smaller.
    AtLeast(f64),
    /// The figure must not be larger.
    AtMost(f64),
}

impl Bound {
    /// The bound, and whether a figure keeps it.
    fn verdict(self, figure: f64) -> String {
        let (sign, bound, holds) = match self {
            Self::AtLeast(bound) => ('≥', bound, figure >= bound),
            Self::AtMost(bound) => ('≤', bound, figure <= bound),
        };
        format!(
            "{sign} {bound:<5} {}",
            if holds { "holds" } else { "SHORT" }
        )
    }
}

/// Prints one row: what, our side, the other side, the ratio of each round as
/// median (min to max), and whether the bound holds.
pub fn row(what: &str, ours: &Spread, other: &Spread, ratio: &Spread, unit: &str, bound: Bound) {
    println!(
        "{what:<44} {:>9.0} {:>9.0} {unit:<6} {:>6.2} ({:.2}–{:.2})  {}",
        ours.median(),
        other.median(),
        ratio.median(),
        ratio.min(),
        ratio.max(),
        bound.verdict(ratio.median()),
    );
}

/// Prints the head of the table.
pub fn head() {
    println!(
        "{:<44} {:>9} {:>9} {:<6} ratio (min–max)   bound",
        "what", "ours", "other", ""
    );
}

/// Prints one row of rounds, in each of which both sides were measured.
pub fn compare(what: &str, ours: &[f64], other: &[f64], unit: &str, bound: Bound) {
    let ratios = ours.iter().zip(other).map(|(ours, other)| ours / other);
    row(
        what,
        &Spread::of(ours.to_vec()),
        &Spread::of(other.to_vec()),
        &Spread::of(ratios.collect()),
        unit,
        bound,
    );
}

/// Prints a row that has a bound of its own and no other side.
pub fn figure(what: &str, figures: &[f64], unit: &str, bound: Bound) {
    let spread = Spread::of(figures.to_vec());
    println!(
        "{what:<44} {:>9.1} {:>9} {unit:<6} ({:.1}–{:.1})  {}",
        spread.median(),
        "",
        spread.min(),
        spread.max(),
        bound.verdict(spread.median()),
    );
}
