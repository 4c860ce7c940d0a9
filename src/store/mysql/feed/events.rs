//! From the events of the log to transactions.
//!
//! Decoded is what says which rows changed: GTIDs, tables, keys and statements. Values of
//! rows are read back by those who follow.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, SystemTime};

use mysql_async::Value;
use mysql_async::binlog::EventType;
use mysql_async::binlog::events::{
    Event, EventData, GtidEvent, QueryEvent, RowsEventData, TableMapEvent, TransactionPayloadEvent,
};
use mysql_async::binlog::row::BinlogRow;
use mysql_async::binlog::value::BinlogValue;
use thiserror::Error;

use super::tables::{Followed, Role, Table};
use crate::domain::CenterId;
use crate::store::feed::{Changes, GtidSource, Keys, Reason};

/// A transaction that changes more keys of a collection than this: loading anew is cheaper.
const MANY_KEYS: usize = 200_000;

/// Something in the log is not understood.
#[derive(Debug, Error)]
#[error("the binary log is not understood: {0}")]
pub(super) struct Undecodable(String);

impl From<io::Error> for Undecodable {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// What an event says, with those before it.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing yet.
    Nothing,
    /// Everything that was committed has been told.
    Level,
    /// A transaction is complete.
    Committed {
        changes: Changes,
        /// Whether tables may look otherwise from now on.
        is_altered: bool,
    },
}

/// Puts events together.
#[derive(Debug)]
pub(super) struct Assembler {
    pub(super) followed: Followed,
    open: Option<Open>,
    /// What transactions of XA changed that are prepared, by their names.
    prepared: HashMap<Vec<u8>, Changes>,
}

/// A transaction that has begun.
#[derive(Debug)]
struct Open {
    changes: Changes,
    is_altered: bool,
    /// Whether it ends by an event of its own, not by its statement.
    has_begun: bool,
    /// What a transaction of XA is called.
    xa: Option<Vec<u8>>,
}

impl Assembler {
    pub(super) fn new(followed: Followed) -> Self {
        Self {
            followed,
            open: None,
            prepared: HashMap::new(),
        }
    }

    /// Takes the next event; `table_of` knows the tables that events before it told of.
    pub(super) fn take<'t>(
        &mut self,
        event: &Event,
        table_of: impl Fn(u64) -> Option<&'t TableMapEvent<'static>>,
    ) -> Result<Told, Undecodable> {
        let Ok(kind) = event.header().event_type() else {
            return Ok(Told::Nothing);
        };
        match kind {
            EventType::HEARTBEAT_EVENT if self.open.is_none() => return Ok(Told::Level),
            EventType::GTID_EVENT
            | EventType::GTID_TAGGED_LOG_EVENT
            | EventType::ANONYMOUS_GTID_EVENT
            | EventType::QUERY_EVENT
            | EventType::XID_EVENT
            | EventType::XA_PREPARE_LOG_EVENT
            | EventType::TRANSACTION_PAYLOAD_EVENT
            | EventType::INCIDENT_EVENT
            | EventType::EXECUTE_LOAD_QUERY_EVENT
            | EventType::WRITE_ROWS_EVENT
            | EventType::UPDATE_ROWS_EVENT
            | EventType::DELETE_ROWS_EVENT
            | EventType::PARTIAL_UPDATE_ROWS_EVENT
            | EventType::WRITE_ROWS_EVENT_V1
            | EventType::UPDATE_ROWS_EVENT_V1
            | EventType::DELETE_ROWS_EVENT_V1 => {}
            _ => return Ok(Told::Nothing),
        }
        let Some(data) = event.read_data()? else {
            return Ok(Told::Nothing);
        };
        match data {
            EventData::GtidEvent(gtid) => self.begin(&gtid)?,
            EventData::AnonymousGtidEvent(_) => {
                return Err(Undecodable("a transaction has no GTID".to_owned()));
            }
            EventData::QueryEvent(query) => return self.statement(&query),
            EventData::XidEvent(_) => return self.end(),
            EventData::XaPrepareLogEvent(data) => {
                // The first byte says whether it is committed at once.
                if data.first() != Some(&0) {
                    return self.end();
                }
                return self.prepare();
            }
            EventData::TransactionPayloadEvent(payload) => check(&payload)?,
            // The server lost events.
            EventData::IncidentEvent(_) => {
                return Err(Undecodable("the server lost a part of it".to_owned()));
            }
            EventData::ExecuteLoadQueryEvent(_) => {
                let all = 0..self.followed.collections;
                self.mark_altered(all, true)?;
            }
            EventData::RowsEvent(rows) => {
                let id = rows.table_id();
                // Says only that a statement is over.
                if rows.rows_data().is_empty() {
                    return Ok(Told::Nothing);
                }
                let table = table_of(id)
                    .ok_or_else(|| Undecodable(format!("rows of the unknown table {id}")))?;
                self.rows(&rows, table)?;
            }
            _ => {}
        }
        Ok(Told::Nothing)
    }

    fn begin(&mut self, gtid: &GtidEvent) -> Result<(), Undecodable> {
        if self.open.is_some() {
            return Err(Undecodable("a transaction has no end".to_owned()));
        }
        let mut changes = Changes::none(self.followed.collections);
        let source = GtidSource {
            uuid: gtid.sid(),
            tag: gtid.tag().map_or("", |tag| tag.as_str()).to_owned(),
        };
        changes.transactions.add(source, gtid.gno());
        let committed = Duration::from_micros(gtid.immediate_commit_timestamp());
        changes.committed_at = Some(SystemTime::UNIX_EPOCH + committed);
        self.open = Some(Open {
            changes,
            is_altered: false,
            has_begun: false,
            xa: None,
        });
        Ok(())
    }

    fn opened(&mut self) -> Result<&mut Open, Undecodable> {
        let open = self.open.as_mut();
        open.ok_or_else(|| Undecodable("an event is of no transaction".to_owned()))
    }

    fn end(&mut self) -> Result<Told, Undecodable> {
        self.opened()?;
        let Some(open) = self.open.take() else {
            return Ok(Told::Nothing);
        };
        Ok(Told::Committed {
            changes: open.changes,
            is_altered: open.is_altered,
        })
    }

    /// What a transaction of XA changed is seen when it is committed.
    fn prepare(&mut self) -> Result<Told, Undecodable> {
        let open = self.opened()?;
        let none = Changes::none(open.changes.keys.len());
        let mut changes = std::mem::replace(&mut open.changes, none);
        open.changes.transactions = std::mem::take(&mut changes.transactions);
        open.changes.committed_at = changes.committed_at.take();
        let name = open.xa.take();
        let name = name.ok_or_else(|| Undecodable("a transaction of XA has no name".to_owned()))?;
        self.prepared.insert(name, changes);
        self.end()
    }

    fn statement(&mut self, query: &QueryEvent<'_>) -> Result<Told, Undecodable> {
        let text = query.query_raw().trim_ascii();
        let after = |words: &str| {
            let start = text.get(..words.len())?;
            let rest = &text[words.len()..];
            let is_whole = rest
                .first()
                .is_none_or(|next| !next.is_ascii_alphanumeric());
            (start.eq_ignore_ascii_case(words.as_bytes()) && is_whole).then(|| rest.trim_ascii())
        };
        if after("BEGIN").is_some() {
            self.opened()?.has_begun = true;
            return Ok(Told::Nothing);
        }
        if let Some(name) = after("XA START") {
            let open = self.opened()?;
            open.has_begun = true;
            open.xa = Some(name.to_vec());
            return Ok(Told::Nothing);
        }
        if let Some(name) = after("XA COMMIT") {
            match self.prepared.remove(name) {
                Some(prepared) => self.opened()?.changes.merge(prepared),
                // It was prepared before we looked.
                None => self.mark_altered(0..self.followed.collections, true)?,
            }
            return self.end();
        }
        if let Some(name) = after("XA ROLLBACK") {
            self.prepared.remove(name);
            return self.end();
        }
        if after("COMMIT").is_some() || after("ROLLBACK").is_some_and(<[u8]>::is_empty) {
            return self.end();
        }
        let is_passing = ["SAVEPOINT", "ROLLBACK TO", "RELEASE", "XA END"];
        if is_passing.iter().any(|words| after(words).is_some()) {
            return Ok(Told::Nothing);
        }
        let (collections, settings) = self.followed.altered(query.schema_raw(), text);
        self.mark_altered(collections, settings)?;
        if self.opened()?.has_begun {
            return Ok(Told::Nothing);
        }
        self.end()
    }

    fn mark_altered(
        &mut self,
        collections: impl IntoIterator<Item = usize>,
        settings: bool,
    ) -> Result<(), Undecodable> {
        let open = self.opened()?;
        open.changes.settings |= settings;
        open.is_altered |= settings;
        for collection in collections {
            open.is_altered = true;
            open.changes.reloads[collection] = Some(Reason::Schema);
        }
        Ok(())
    }

    fn rows(
        &mut self,
        rows: &RowsEventData<'_>,
        map: &TableMapEvent<'_>,
    ) -> Result<(), Undecodable> {
        let (schema, name) = (map.database_name_raw(), map.table_name_raw());
        let tables: Vec<Table> = self.followed.roles(schema, name).cloned().collect();
        for table in tables {
            let open = self.opened()?;
            let changes = &mut open.changes;
            match table.role {
                Role::Settings => changes.settings = true,
                Role::Organizations(place) => changes.keys[place].organizations = true,
                Role::Rows(place) | Role::Links(place) if changes.reloads[place].is_some() => {}
                Role::Rows(place) | Role::Links(place) => {
                    let Some(key) = table.key.filter(|_| table.columns == map.columns_count())
                    else {
                        self.mark_altered([place], false)?;
                        continue;
                    };
                    let is_links = matches!(table.role, Role::Links(_));
                    let keys = &mut changes.keys[place];
                    let ids = if is_links {
                        &mut keys.linked
                    } else {
                        &mut keys.rows
                    };
                    let is_told = each_key(rows, map, key, |id| {
                        ids.insert(id);
                    })?;
                    if !is_told && is_links {
                        keys.all_links = true;
                    } else if !is_told {
                        changes.reloads[place] = Some(Reason::Undecodable);
                    }
                    if keys.len() > MANY_KEYS {
                        changes.keys[place] = Keys::default();
                        changes.reloads[place] = Some(Reason::LargeTransaction);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Passes on the keys of rows as they were and as they are; whether all of them are told.
fn each_key(
    rows: &RowsEventData<'_>,
    map: &TableMapEvent<'_>,
    place: usize,
    mut each: impl FnMut(CenterId),
) -> Result<bool, Undecodable> {
    // An image has some of the columns only.
    let before = rows.columns_before_image().map(|columns| {
        (columns.len() > place && columns[place]).then(|| columns[..place].count_ones())
    });
    let after = rows.columns_after_image().map(|columns| {
        (columns.len() > place && columns[place]).then(|| columns[..place].count_ones())
    });
    // What the second image lacks is as in the first.
    if before.or(after).flatten().is_none() {
        return Ok(false);
    }
    for images in rows.rows(map) {
        let (was, is) = images?;
        for (image, at) in [(was, before.flatten()), (is, after.flatten())] {
            if let (Some(image), Some(at)) = (image, at)
                && let Some(id) = id_at(&image, at)?
            {
                each(id);
            }
        }
    }
    Ok(true)
}

/// The number in a place; `None` where it is NULL, or no id that anybody could ask for.
fn id_at(image: &BinlogRow, at: usize) -> Result<Option<CenterId>, Undecodable> {
    match image.as_ref(at) {
        Some(BinlogValue::Value(Value::Int(number))) => Ok(CenterId::new(*number)),
        Some(BinlogValue::Value(Value::UInt(number))) => {
            Ok(i64::try_from(*number).ok().and_then(CenterId::new))
        }
        Some(BinlogValue::Value(Value::NULL)) => Ok(None),
        other => Err(Undecodable(format!("{other:?} is no key"))),
    }
}

/// Whether a compressed transaction can be read: the library passes over one that cannot.
fn check(payload: &TransactionPayloadEvent<'_>) -> Result<(), Undecodable> {
    let read = io::copy(&mut payload.decompressed()?, &mut io::sink())?;
    if read == 0 {
        return Err(Undecodable("a compressed transaction is empty".to_owned()));
    }
    Ok(())
}
