//! Whether a table can hold locations right.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Searches or writes go wrong with it.
    Wrong,
    /// Everything works, with less safety.
    Warning,
}

/// Something about a table that should be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFinding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is and what to do.
    pub text: String,
    /// Whether rows cannot be looked at with it.
    pub(super) hides_rows: bool,
    /// Whether searches would give wrong answers with it, or none.
    pub(in crate::store) misleads: bool,
}

impl SchemaFinding {
    pub(in crate::store) fn wrong(text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Wrong,
            text: text.into(),
            hides_rows: false,
            misleads: false,
        }
    }

    pub(in crate::store) fn warning(text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::wrong(text)
        }
    }

    pub(in crate::store) fn missing(text: impl Into<String>) -> Self {
        Self {
            hides_rows: true,
            ..Self::misleading(text)
        }
    }

    pub(in crate::store) fn misleading(text: impl Into<String>) -> Self {
        Self {
            misleads: true,
            ..Self::wrong(text)
        }
    }
}
