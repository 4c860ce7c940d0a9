//! The audit log: who changed what, when, and what it was before and after.
//!
//! An entry is written in the transaction of its change: neither is there without the other.
//! What commands do to many rows is one entry with counts. A database without the table for it, as
//! before `nearby migrate up`, is written as ever, and the log says so.

use std::future::Future;
use std::sync::{Arc, Once};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::idempotency::REMOVED_AT_ONCE;
use super::statement::Statement;
use super::{Database, StoreError};
use crate::domain::{AccessKey, Center, Membership, Organization, Setting, SettingKey};

const READ: &str = "\
    SELECT id, at_ms, who, action, collection, row_id, request_id, row_before, row_after, counts \
    FROM nearby_audit WHERE TRUE";

/// What is changed.
#[derive(Debug, Clone, Copy)]
pub enum Audited<'a> {
    /// A row of a collection of this name.
    Center(&'a str, &'a Center),
    /// An organization.
    Organization(&'a Organization),
    /// That a center works by an organization.
    Membership(&'a Membership),
    /// A setting.
    Setting(&'a SettingKey, &'a Setting),
    /// A key that clients show, which itself is kept nowhere.
    AccessKey(&'a AccessKey),
}

impl Audited<'_> {
    fn collection(&self) -> &str {
        match self {
            Self::Center(collection, _) => collection,
            Self::Organization(_) => "organizations",
            Self::Membership(_) => MEMBERSHIPS,
            Self::Setting(..) => "settings",
            Self::AccessKey(_) => "access-keys",
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Center(_, center) => center.id.to_string(),
            Self::Organization(organization) => organization.id.to_string(),
            Self::Membership(one) => format!("{}/{}", one.center, one.organization.id),
            Self::Setting(key, _) => key.as_str().to_owned(),
            Self::AccessKey(key) => key.name.to_string(),
        }
    }

    /// Whether it says what another one says, whenever that was written.
    fn says_the_same(&self, other: &Audited<'_>) -> bool {
        match (self, other) {
            (Self::Center(_, one), Audited::Center(_, other)) => {
                **one
                    == Center {
                        updated_at: one.updated_at,
                        ..(*other).clone()
                    }
            }
            (Self::Organization(one), Audited::Organization(other)) => one.text == other.text,
            (Self::Membership(one), Audited::Membership(other)) => {
                one.is_primary == other.is_primary
            }
            (Self::Setting(_, one), Audited::Setting(_, other)) => {
                one.value.get() == other.value.get() && one.description == other.description
            }
            _ => false,
        }
    }
}

/// What centers and organizations have in common.
pub(super) const MEMBERSHIPS: &str = "memberships";
/// How centers were rated.
pub(super) const RATINGS: &str = "ratings";

/// What one row was and is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    /// `None` of a row that is new.
    pub(super) before: Option<Audited<'a>>,
    /// `None` of a row that is gone.
    pub(super) after: Option<Audited<'a>>,
}

impl<'a> Change<'a> {
    pub(super) fn created(row: Audited<'a>) -> Self {
        Self {
            before: None,
            after: Some(row),
        }
    }

    pub(super) fn updated(before: Audited<'a>, after: Audited<'a>) -> Self {
        Self {
            before: Some(before),
            after: Some(after),
        }
    }

    pub(super) fn deleted(row: Audited<'a>) -> Self {
        Self {
            before: Some(row),
            after: None,
        }
    }
}

/// On whose account a write is made. Clones are the same.
#[derive(Debug, Clone)]
pub struct Account(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    who: String,
    request_id: Option<String>,
    render: fn(Audited<'_>) -> String,
}

tokio::task_local! {
    static ACCOUNT: Account;
}

impl Account {
    /// The account of a key or a command, and how rows are written down as JSON.
    #[must_use]
    pub fn new(
        who: impl Into<String>,
        request_id: Option<String>,
        render: fn(Audited<'_>) -> String,
    ) -> Self {
        Self(Arc::new(Asked {
            who: who.into(),
            request_id,
            render,
        }))
    }

    /// The account of the write that is under way here, if that is to be noted.
    pub(super) fn current() -> Option<Self> {
        ACCOUNT.try_with(Clone::clone).ok()
    }

    /// What is noted of a change; `None` where nothing changed.
    pub(super) fn entry(&self, change: Change<'_>) -> Option<NewEntry> {
        let action = match (&change.before, &change.after) {
            (Some(before), Some(after)) if before.says_the_same(after) => return None,
            (Some(_), Some(_)) => "updated",
            (Some(_), None) => "deleted",
            (None, Some(_)) => "created",
            (None, None) => return None,
        };
        let row = change.after.or(change.before)?;
        Some(NewEntry {
            before: change.before.map(self.0.render),
            after: change.after.map(self.0.render),
            ..self.about(action, row.collection(), Some(row.id()))
        })
    }

    /// What is noted of rows that went along with another one; `None` where there were none.
    pub(super) fn gone_along(
        &self,
        collection: &str,
        ids: impl Into<String>,
        count: u64,
    ) -> Option<NewEntry> {
        (count > 0).then(|| NewEntry {
            counts: Some(counts_of(&[("deleted", count)])),
            ..self.about("deleted", collection, Some(ids.into()))
        })
    }

    fn about(&self, action: &'static str, collection: &str, row_id: Option<String>) -> NewEntry {
        NewEntry {
            at_ms: Utc::now().timestamp_millis(),
            who: self.0.who.clone(),
            action,
            collection: collection.to_owned(),
            row_id,
            request_id: self.0.request_id.clone(),
            before: None,
            after: None,
            counts: None,
        }
    }
}

/// An entry that is to be written.
#[derive(Debug, Clone)]
pub(super) struct NewEntry {
    pub(super) at_ms: i64,
    pub(super) who: String,
    pub(super) action: &'static str,
    pub(super) collection: String,
    pub(super) row_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) counts: Option<String>,
}

/// Says once that changes are not noted, as there is nowhere to note them.
pub(super) fn is_not_noted() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "changes are not noted in the audit log: the database has no table nearby_audit, or none \
             that this user may write; `nearby migrate up` makes it, `--audit off` wants none"
        );
    });
}

fn counts_of(counts: &[(&str, u64)]) -> String {
    let counts = counts
        .iter()
        .map(|&(name, count)| (name.to_owned(), count.into()));
    serde_json::Value::Object(counts.collect()).to_string()
}

/// What a command did to many rows.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// Which command.
    pub by: &'a str,
    /// What it did.
    pub action: WorkAction,
    /// To which collection.
    pub collection: &'a str,
    /// What of it there was, and how much.
    pub counts: &'a [(&'a str, u64)],
}

/// What commands do to many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkAction {
    /// Rows of a file were written.
    Imported,
    /// Locations were written from coordinates, or the other way.
    Backfilled,
    /// A table of another application was made fit to be served.
    Adopted,
    /// What adopting made was taken away.
    GivenBack,
}

impl WorkAction {
    fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Backfilled => "backfilled",
            Self::Adopted => "adopted",
            Self::GivenBack => "given back",
        }
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Those of a collection, or of `organizations`, `memberships`, `settings`, `access-keys`.
    pub collection: Option<String>,
    /// Those of a row.
    pub row_id: Option<String>,
    /// Those of a key or a command.
    pub who: Option<String>,
    /// Those from then on.
    pub since: Option<DateTime<Utc>>,
}

/// An entry of the audit log.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Its own number.
    pub id: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The name of the key that was shown, or the command.
    pub who: String,
    /// What was done.
    pub action: String,
    /// To which collection, or what other rows.
    pub collection: String,
    /// To which row; `None` where it was to many.
    pub row_id: Option<String>,
    /// The id of the request, which logs have as well.
    pub request_id: Option<String>,
    /// What the row said before.
    pub before: Option<Box<RawValue>>,
    /// What it says since.
    pub after: Option<Box<RawValue>>,
    /// What was done to many rows, and to how many.
    pub counts: Option<Box<RawValue>>,
}

/// A row of the audit log.
#[derive(Debug)]
pub(super) struct AuditRow {
    pub(super) id: i64,
    pub(super) at_ms: i64,
    pub(super) who: String,
    pub(super) action: String,
    pub(super) collection: String,
    pub(super) row_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) counts: Option<String>,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        let json = |text: Option<String>| {
            let json = text.map(RawValue::from_string).transpose();
            json.map_err(StoreError::unreadable)
        };
        let at = DateTime::from_timestamp_millis(row.at_ms);
        Ok(Self {
            id: row.id,
            at: at.ok_or_else(|| StoreError::unreadable("an entry was made at no time"))?,
            who: row.who,
            action: row.action,
            collection: row.collection,
            row_id: row.row_id,
            request_id: row.request_id,
            before: json(row.before)?,
            after: json(row.after)?,
            counts: json(row.counts)?,
        })
    }
}

/// The table of the audit log.
#[async_trait]
pub(super) trait AuditTable {
    /// Reads entries; `None` where there is no table for them that this user may see.
    async fn read_audit(
        &self,
        statement: Statement<'static>,
    ) -> Result<Option<Vec<AuditRow>>, StoreError>;

    /// Writes an entry by itself; [`is_not_noted`] where there is no table for it.
    async fn write_audit(&self, entry: NewEntry) -> Result<(), StoreError>;

    /// Removes entries of before a time, up to `most` of them; gives how many. Nothing where
    /// there is no table for them.
    async fn remove_old_entries(&self, before_ms: i64, most: i64) -> Result<u64, StoreError>;
}

impl Database {
    /// A write, whose changes are noted on an account, unless they are to be noted nowhere.
    pub fn on_account_of<F: Future>(
        &self,
        account: Account,
        write: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let account = self.audits.then_some(account);
        async move {
            match account {
                Some(account) => ACCOUNT.scope(account, write).await,
                None => write.await,
            }
        }
    }

    /// Notes what a command did. Where it cannot be noted the log says so: it is done.
    pub async fn note_work(&self, work: Work<'_>) {
        if !self.audits {
            return;
        }
        let account = Account::new(work.by, None, |_| String::new());
        let entry = NewEntry {
            counts: Some(counts_of(work.counts)),
            ..account.about(work.action.name(), work.collection, None)
        };
        if let Err(error) = self.backend().write_audit(entry).await {
            tracing::warn!(cause = %error, "what was done could not be noted in the audit log");
        }
    }

    /// Up to `count` entries, the newest first, those of before `last` where that is given;
    /// `None` where the database has no table for them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        last: Option<&AuditEntry>,
        count: u64,
    ) -> Result<Option<Vec<AuditEntry>>, StoreError> {
        let mut statement = Statement::new(READ);
        for (column, value) in [
            (" AND collection = ", &filter.collection),
            (" AND row_id = ", &filter.row_id),
            (" AND who = ", &filter.who),
        ] {
            if let Some(value) = value {
                statement.push(column).push_value(value.clone());
            }
        }
        if let Some(since) = filter.since {
            statement.push_with(" AND at_ms >= ?", [since.timestamp_millis().into()]);
        }
        if let Some(last) = last {
            let at = last.at.timestamp_millis();
            statement.push_with(
                " AND at_ms <= ? AND (at_ms < ? OR id < ?)",
                [at.into(), at.into(), last.id.into()],
            );
        }
        statement.push_with(" ORDER BY at_ms DESC, id DESC LIMIT ?", [count.into()]);
        let rows = self.backend().read_audit(statement).await?;
        let entries = rows.map(|rows| rows.into_iter().map(TryInto::try_into).collect());
        entries.transpose()
    }

    /// Removes entries of before a time, up to [`REMOVED_AT_ONCE`] of them; gives how many.
    /// Nothing where there is no table for them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_old_entries(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let most = i64::try_from(REMOVED_AT_ONCE).unwrap_or(i64::MAX);
        let before_ms = before.timestamp_millis();
        self.backend().remove_old_entries(before_ms, most).await
    }
}
