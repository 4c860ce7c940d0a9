//! What is missing, and in which order to do it.
//!
//! The order lets every other writer go on at every moment, those who know
//! nothing of the location and those who write it:
//!
//! 1. The column comes nullable, at once and INVISIBLE, so that neither
//!    `INSERT INTO t VALUES (…)` nor `SELECT *` of others sees it.
//! 2. It gets the sentinel as its default: from then on a writer who names columns
//!    and leaves it out never makes a NULL, and can go on when it is NOT NULL, also
//!    where triggers cannot be made.
//! 3. Triggers: from then on every written row is right. Whoever names no columns
//!    needs them: to such an INSERT, MySQL gives an empty geometry in the place of
//!    a default that is an expression (measured on 9.7), NOT NULL or not.
//! 4. Only then are rows written; what others write meanwhile is right already,
//!    or is caught by the next pass.
//! 5. NOT NULL, which the spatial index needs. A NULL that came in between makes
//!    the server refuse; then 4 is done again.
//! 6. The spatial index, the one long wait for others, last and alone.

use std::time::Duration;

use super::gather::Gathered;
use super::mark;
use super::ways::Ways;
use crate::store::Collection;
use crate::store::mysql::adopt::{Action, Locking, Rows, Statement, Step, Way};
use crate::store::mysql::location::SENTINEL;
use crate::store::mysql::schema::Column;
use crate::store::mysql::survey::Conditions;
use crate::store::mysql::triggers;
use crate::store::sql::{identifier, literal};

/// Measured on two cores; other servers differ. How fast this one builds the
/// index is measured where it can be.
const ROWS_WRITTEN_PER_S: u64 = 5_000;
const POINTS_INDEXED_PER_S: u64 = 2_500;

/// The location as the steps so far leave it.
struct Location {
    nullable: bool,
    has_default: bool,
    /// Whether it is `POINT SRID 4326`.
    typed: bool,
    /// What else its definition says, and must go on to say.
    attributes: String,
}

impl Location {
    fn of(column: Option<&Column>) -> Self {
        match column {
            Some(column) => Self {
                nullable: column.nullable,
                has_default: column.default_value.is_some(),
                typed: column.kind == "point" && column.srid == Some(4326),
                attributes: attributes(column, &column.comment),
            },
            None => Self {
                nullable: true,
                has_default: false,
                typed: true,
                attributes: made_attributes(),
            },
        }
    }

    /// The same, with a comment that says that the table is adopted; `None` where there is
    /// no need or no way to say so.
    fn noted(&self, column: &Column) -> Option<Self> {
        if mark::is_noted(column) || (self.has_default && !has_sentinel_default(column)) {
            return None;
        }
        let comment = mark::noted(&column.comment)?;
        Some(Self {
            attributes: attributes(column, &comment),
            ..*self
        })
    }

    fn definition(&self) -> String {
        let default = if self.has_default {
            format!(" DEFAULT ({SENTINEL})")
        } else {
            String::new()
        };
        format!("POINT NOT NULL SRID 4326{default}{}", self.attributes)
    }
}

/// The definition of a location without the note that its table is adopted; `None` where
/// there is none, or the definition is not known whole.
pub(super) fn without_note(column: &Column) -> Option<String> {
    let location = Location::of(Some(column));
    let is_whole = !location.nullable
        && location.typed
        && (!location.has_default || has_sentinel_default(column));
    if !mark::is_noted(column) || !is_whole {
        return None;
    }
    let attributes = attributes(column, mark::without_note(&column.comment));
    let bare = Location {
        attributes,
        ..location
    };
    Some(bare.definition())
}

const INVISIBLE: &str = " INVISIBLE";

fn attributes(column: &Column, comment: &str) -> String {
    let mut text = String::new();
    if column.extra.contains("INVISIBLE") {
        text.push_str(INVISIBLE);
    }
    if !comment.is_empty() {
        text = format!("{text} COMMENT {}", literal(comment));
    }
    text
}

/// Those of a column that adopting makes.
fn made_attributes() -> String {
    format!("{INVISIBLE} COMMENT {}", literal(mark::MADE))
}

/// Who does the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doer {
    ThisUser,
    /// Somebody who may do everything, and see what this user does not.
    Administrator,
}

pub(super) fn steps(
    gathered: &Gathered,
    collection: &Collection,
    rows: &Rows,
    doer: Doer,
    is_own: bool,
) -> Vec<Step> {
    let column = gathered.column(collection.location.as_str());
    let (table, name) = (collection.table.quoted(), collection.location.quoted());
    let alter = |clause: String, way| {
        vec![Statement::alter(
            format!("ALTER TABLE {table} {clause}"),
            way,
        )]
    };
    let total = rows.total;
    let ways = Ways::of(gathered, collection);
    let mut steps = Vec::new();
    if !column.is_some_and(Column::is_generated) {
        let mut location = Location::of(column);
        if column.is_none() {
            let way = ways.of_column();
            steps.push(Step {
                action: Action::AddColumn,
                text: format!("add the column {name}, invisible to whoever does not name it"),
                locking: way.locking(),
                expected: ways.expected(way, total),
                statements: alter(
                    format!(
                        "ADD COLUMN {name} POINT NULL SRID 4326{}",
                        made_attributes()
                    ),
                    way,
                ),
            });
        }
        if location.nullable && !column.is_some_and(has_sentinel_default) {
            location.has_default = true;
            steps.push(Step {
                action: Action::SetDefault,
                text: "give it a default, for writers who leave it out".to_owned(),
                locking: Locking::Instant,
                expected: Duration::ZERO,
                statements: alter(
                    format!("ALTER COLUMN {name} SET DEFAULT ({SENTINEL})"),
                    Way::Instant,
                ),
            });
        }
        steps.extend(make_triggers(gathered, collection, doer));
        let define = location.nullable || !location.typed;
        if rows.to_write > 0 || (define && total > 0) {
            steps.push(backfill(gathered, collection, rows.to_write));
        }
        if define {
            steps.push(define_column(&location, &alter, &name, &ways, total));
        }
        // An index that is made says so itself, and nearby's own table needs no note.
        let is_indexed = gathered
            .spatial_index(collection.location.as_str())
            .is_some_and(|index| !mark::is_made_index(index));
        if let Some(column) = column.filter(|_| is_indexed && !is_own)
            && let Some(noted) = location.noted(column)
        {
            steps.push(Step {
                action: Action::NoteAdoption,
                text: "say in the comment of the location that the table is adopted".to_owned(),
                locking: Locking::Instant,
                expected: Duration::ZERO,
                statements: alter(
                    format!("MODIFY COLUMN {name} {}", noted.definition()),
                    Way::Instant,
                ),
            });
        }
    }
    steps.extend(index(gathered, collection, &alter, total));
    steps
}

/// Whether a column has the default that we give it, as the server shows it.
fn has_sentinel_default(column: &Column) -> bool {
    let shown = column.default_value.as_deref().unwrap_or_default();
    shown.replace(' ', "") == SENTINEL.to_ascii_lowercase().replace(' ', "")
}

fn make_triggers(gathered: &Gathered, collection: &Collection, doer: Doer) -> Option<Step> {
    if doer == Doer::ThisUser && !gathered.may_make_triggers() {
        return None;
    }
    // Those that this user may not see may be there all the same.
    let is_blind = !gathered.rights.has("TRIGGER");
    let has = |name: &str| is_blind || gathered.triggers.iter().any(|there| there.name == name);
    let mut statements = Vec::new();
    // That of updates first: killed between the two, rows that lose their coordinates lose
    // their location too, and new ones have the default, which is written later.
    for trigger in missing_triggers(gathered, collection).into_iter().rev() {
        if has(&trigger.name) {
            statements.extend(trigger.replace(collection));
        } else {
            statements.push(trigger.create(collection));
        }
    }
    // What a replacement that was killed leaves.
    let stand_in = triggers::stand_in(collection);
    if has(&stand_in) && !is_blind {
        statements.push(triggers::drop(&stand_in));
    }
    if statements.is_empty() {
        return None;
    }
    Some(Step {
        action: Action::MakeTriggers,
        text: "make the triggers that keep locations right, whoever writes".to_owned(),
        locking: Locking::Instant,
        expected: Duration::ZERO,
        statements: statements.into_iter().map(Statement::plain).collect(),
    })
}

fn backfill(gathered: &Gathered, collection: &Collection, to_write: u64) -> Step {
    let name = collection.location.quoted();
    // What is a row's only position stays, as it does when we write.
    let Conditions {
        expected,
        differs,
        may_be_placed,
        ..
    } = Conditions::with_location(collection, &name);
    // Whoever owns the rows did not write them.
    let touching = gathered.columns.iter().filter(|c| c.touches_itself());
    let set = touching.fold(format!("{name} = {expected}"), |set, column| {
        format!("{set}, {0} = {0}", identifier(&column.name))
    });
    Step {
        action: Action::Backfill,
        text: format!("write {to_write} locations from the coordinates, chunk by chunk"),
        locking: Locking::Chunks,
        expected: seconds(to_write, ROWS_WRITTEN_PER_S),
        statements: vec![Statement::plain(format!(
            "UPDATE {} SET {set} WHERE {may_be_placed} AND {differs}",
            collection.table.quoted()
        ))],
    }
}

fn define_column(
    location: &Location,
    alter: &impl Fn(String, Way) -> Vec<Statement>,
    name: &str,
    ways: &Ways<'_>,
    total: u64,
) -> Step {
    let way = if location.typed {
        ways.of_not_null()
    } else {
        Way::Copy
    };
    Step {
        action: Action::DefineColumn,
        text: format!("make it {}", location.definition()),
        locking: way.locking(),
        expected: ways.expected(way, total),
        statements: alter(
            format!("MODIFY COLUMN {name} {}", location.definition()),
            way,
        ),
    }
}

fn index(
    gathered: &Gathered,
    collection: &Collection,
    alter: &impl Fn(String, Way) -> Vec<Statement>,
    total: u64,
) -> Option<Step> {
    match gathered.spatial_index(collection.location.as_str()) {
        Some(index) if index.visible => None,
        Some(index) => Some(Step {
            action: Action::ShowIndex,
            text: format!("let searches use the index {}", index.name),
            locking: Locking::Instant,
            expected: Duration::ZERO,
            statements: alter(
                format!("ALTER INDEX {} VISIBLE", identifier(&index.name)),
                Way::Online,
            ),
        }),
        None => Some(Step {
            action: Action::AddIndex,
            text: "make the spatial index".to_owned(),
            locking: Locking::BlocksWrites,
            expected: seconds(total, POINTS_INDEXED_PER_S),
            statements: alter(add_spatial_index(gathered, collection), Way::Shared),
        }),
    }
}

/// The clause that makes the index.
pub(super) fn add_spatial_index(gathered: &Gathered, collection: &Collection) -> String {
    format!(
        "ADD SPATIAL INDEX {} ({}) COMMENT {}",
        identifier(&index_name(gathered, collection)),
        collection.location.quoted(),
        literal(&mark::index_comment())
    )
}

/// As our own migrations name it, unless something else has that name.
pub(super) fn index_name(gathered: &Gathered, collection: &Collection) -> String {
    let taken = |name: &String| {
        let mut indexes = gathered.indexes.iter();
        indexes.any(|index| index.name.eq_ignore_ascii_case(name))
    };
    let plain = format!("idx_{}_location", collection.table.as_str());
    [plain, "nearby_location".to_owned()]
        .into_iter()
        .find(|name| name.chars().count() <= triggers::MAX_NAME && !taken(name))
        .unwrap_or_else(|| format!("nearby_location_{}", gathered.indexes.len()))
}

fn seconds(rows: u64, per_s: u64) -> Duration {
    Duration::from_secs(rows.div_ceil(per_s))
}

pub(super) fn warnings(gathered: &Gathered, collection: &Collection, rows: &Rows) -> Vec<String> {
    let table = collection.table.as_str();
    let column = gathered.column(collection.location.as_str());
    let mut warnings = Vec::new();
    if column.is_some_and(Column::is_generated) {
        warnings.push(format!(
            "{table}.{} is generated: the server keeps it right by itself, and refuses every \
             statement that writes it",
            collection.location.as_str()
        ));
    } else if !gathered.may_make_triggers() && !missing_triggers(gathered, collection).is_empty() {
        warnings.push(no_triggers(gathered, collection));
    }
    for name in [&collection.latitude, &collection.longitude] {
        let name = name.as_str();
        if gathered
            .column(name)
            .is_some_and(|column| column.kind == "float")
        {
            warnings.push(format!(
                "{table}.{name} is FLOAT, which keeps about 7 digits, some metres: DECIMAL(11,8) \
                 keeps a millimetre"
            ));
        }
    }
    if rows.location_only.count > 0 {
        warnings.push(format!(
            "{} rows have a location and no position by their coordinates: --apply and the \
             triggers leave them, and no search finds them. `nearby backfill{} --from location` \
             writes their coordinates",
            rows.location_only.count,
            collection.flag()
        ));
    }
    if rows.out_of_range.count > 0 {
        warnings.push(format!(
            "{} rows have coordinates that are no point on the globe: latitude must be within ±90 \
             and longitude within ±180. No search finds them until somebody corrects them",
            rows.out_of_range.count
        ));
    }
    warnings
}

fn missing_triggers(gathered: &Gathered, collection: &Collection) -> Vec<triggers::Trigger> {
    let mut missing: Vec<_> = triggers::wanted(collection).into();
    missing.retain(|wanted| !gathered.triggers.iter().any(|there| there.is(wanted)));
    missing
}

fn no_triggers(gathered: &Gathered, collection: &Collection) -> String {
    let server = &gathered.server;
    let remedy = if gathered.rights.has("TRIGGER") {
        "with binary logging on, an administrator must run SET PERSIST \
         log_bin_trust_function_creators = 1, or run what `nearby adopt --sql` prints"
            .to_owned()
    } else {
        let setting = if server.binary_logging && !server.trusts_creators {
            ", and with binary logging on SET PERSIST log_bin_trust_function_creators = 1"
        } else {
            ""
        };
        format!(
            "GRANT TRIGGER ON {}.{} TO the user{setting}, or let an administrator run what \
             `nearby adopt --sql` prints",
            identifier(&server.name),
            collection.table.quoted()
        )
    };
    let (what, wanted) = if gathered.rights.has("TRIGGER") {
        (
            "this user may not make the triggers that keep locations right: what",
            "have",
        )
    } else {
        (
            "the triggers that keep locations right cannot be seen by this user, who may not make \
             the triggers either: where they are missing, what",
            "see or make",
        )
    };
    format!(
        "{what} other writers leave wrong stays so until `nearby backfill` runs, by hand, by a timer, \
         or within `nearby serve --verify-every SECONDS --mend`. To {wanted} triggers: {remedy}"
    )
}
