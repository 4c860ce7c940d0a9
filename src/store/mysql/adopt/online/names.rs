//! What an online build calls its tables, triggers and foreign keys, so that a later run
//! finds what one that was killed left.

use crate::store::Collection;
use crate::store::mysql::triggers;

/// Before the name of a foreign key while another one still has it.
const KEY_PREFIX: &str = "nearby_online_";
/// The longest name of a foreign key that leaves room for the prefix.
pub(super) const MAX_KEY_NAME: usize = triggers::MAX_NAME - KEY_PREFIX.len();

/// The names beside one table. None of them is quoted.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The keys of rows that others wrote since copying began.
    pub changes: String,
    /// The copy, until it has the table's name.
    pub shadow: String,
    /// The table, once the copy has its name.
    pub old: String,
    /// The triggers that note changes, with their events.
    pub noting: [(&'static str, String); 3],
    /// The triggers that keep locations right in the copy, until the old table gives back
    /// their real names.
    pub guards: [String; 2],
}

impl Names {
    pub(super) fn of(collection: &Collection) -> Self {
        let name = |suffix: &str| triggers::name(collection.table.as_str(), suffix);
        Self {
            changes: name("_nearby_changes"),
            shadow: name("_nearby_shadow"),
            old: name("_nearby_old"),
            noting: [
                ("INSERT", name("_nearby_note_insert")),
                ("UPDATE", name("_nearby_note_update")),
                ("DELETE", name("_nearby_note_delete")),
            ],
            guards: [name("_nearby_guard_insert"), name("_nearby_guard_update")],
        }
    }

    pub(super) fn tables(&self) -> [&str; 3] {
        [&self.changes, &self.shadow, &self.old]
    }
}

/// What a foreign key is called while its name is taken.
pub(super) fn key_for_now(name: &str) -> String {
    format!("{KEY_PREFIX}{name}")
}

/// What a foreign key that is [called so for now](key_for_now) is to be called.
pub(super) fn key_in_the_end(name: &str) -> Option<&str> {
    name.strip_prefix(KEY_PREFIX)
}
