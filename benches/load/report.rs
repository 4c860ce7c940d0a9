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
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }
}

/// Prints one row: what, our side, the other side, the ratio of each round as
/// median (min to max), and whether the bound holds.
pub fn row(what: &str, ours: &Spread, other: &Spread, ratio: &Spread, unit: &str, bound: Bound) {
    let verdict = if bound.holds(ratio.median()) {
        "holds"
    } else {
        "SHORT"
    };
    let (sign, bound) = match bound {
        Bound::AtLeast(bound) => ('≥', bound),
        Bound::AtMost(bound) => ('≤', bound),
    };
    println!(
        "{what:<44} {:>9.0} {:>9.0} {unit:<6} {:>6.2} ({:.2}–{:.2})  {sign} {bound:<5} {verdict}",
        ours.median(),
        other.median(),
        ratio.median(),
        ratio.min(),
        ratio.max(),
    );
}

/// Prints the head of the table.
pub fn head() {
    println!(
        "{:<44} {:>9} {:>9} {:<6} ratio (min–max)   bound",
        "what", "ours", "other", ""
    );
}
