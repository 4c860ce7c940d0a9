//! How far a map is zoomed in.

/// The deepest zoom: a tile is 10 m wide there at the equator.
pub const MAX_ZOOM: u8 = 22;

/// A zoom from 0, where one tile is the whole world, to [`MAX_ZOOM`]; each halves the side
/// of tiles and cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zoom(u8);

impl Zoom {
    /// The deepest.
    pub const MAX: Self = Self(MAX_ZOOM);

    /// `None` beyond [`MAX_ZOOM`].
    #[must_use]
    pub const fn new(zoom: u8) -> Option<Self> {
        if zoom <= MAX_ZOOM {
            Some(Self(zoom))
        } else {
            None
        }
    }

    /// The plain number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// The next one; `None` behind the deepest.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// So many farther in, or the deepest.
    #[must_use]
    pub fn deeper(self, by: u8) -> Self {
        Self(self.0.saturating_add(by).min(MAX_ZOOM))
    }
}
