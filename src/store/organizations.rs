//! Organizations and the centers that work by them, in tables that both stores
//! have alike. Rows are read as JSON, so that one statement serves both.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::idempotency::{Made, RecordsKeys as _};
use super::references::{Referring, WITH_ORGANIZATION, refuse_used};
use super::refusal::is_missing_table;
use super::{Database, DeleteError, Rule, StoreError, mysql};
use crate::domain::{
    CenterId, Filter, Membership, Organization, OrganizationDraft, OrganizationId,
    OrganizationName, OrganizationNames, OrganizationText, large_organizations,
};
use thiserror::Error;

/// Why an organization was not written.
#[derive(Debug, Error)]
pub enum OrganizationError {
    /// Another organization is called so.
    #[error("organization {id} has this {} already", .field.name())]
    Taken {
        /// What of it.
        field: OrganizationName,
        /// Which organization.
        id: OrganizationId,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a center and an organization were not joined.
#[derive(Debug, Error)]
pub enum MembershipError {
    /// There is no such center.
    #[error("there is no such center")]
    NoCenter,
    /// There is no such organization.
    #[error("there is no such organization")]
    NoOrganization,
    /// They are joined.
    #[error("center and organization are joined already")]
    Joined,
    /// Another organization is the center's first.
    #[error("organization {0} is the primary one of this center")]
    PrimaryTaken(OrganizationId),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for OrganizationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::Error> for MembershipError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

const ORGANIZATIONS: &str = "diving_organizations";
const MEMBERS_TABLE: &str = "diving_center_organizations";
/// An organization as JSON; `o` is its table.
macro_rules! organization {
    () => {
        "JSON_OBJECT('id', o.id, 'name', o.name, 'acronym', o.acronym, 'website', o.website, \
            'logo_url', o.logo_url, 'description', o.description, 'country', o.country, \
            'founded_year', o.founded_year, 'created_at', o.created_at, 'updated_at', o.updated_at)"
    };
}

const LIST: &str = concat!(
    "SELECT CAST(",
    organization!(),
    " AS CHAR) FROM diving_organizations o WHERE o.id > ? ORDER BY o.id LIMIT ?"
);
const READ: &str = concat!(
    "SELECT CAST(",
    organization!(),
    " AS CHAR) FROM diving_organizations o WHERE o.id = ?"
);
const ALL: &str = concat!(
    "SELECT CAST(",
    organization!(),
    " AS CHAR) FROM diving_organizations o ORDER BY o.id"
);
const INSERT: &str = "\
    INSERT INTO diving_organizations \
        (name, acronym, website, logo_url, description, country, founded_year) \
    VALUES (?, ?, ?, ?, ?, ?, ?)";
const UPDATE_MYSQL: &str = "\
    UPDATE diving_organizations SET name = ?, acronym = ?, website = ?, logo_url = ?, \
        description = ?, country = ?, founded_year = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?";
const UPDATE_SQLITE: &str = "\
    UPDATE diving_organizations SET name = ?, acronym = ?, website = ?, logo_url = ?, \
        description = ?, country = ?, founded_year = ?, \
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ','now') WHERE id = ?";
const LOCK_MYSQL: &str = "SELECT id FROM diving_organizations WHERE id = ? FOR UPDATE";
/// The transaction locks the whole file.
const LOCK_SQLITE: &str = "SELECT id FROM diving_organizations WHERE id = ?";
const DELETE: &str = "DELETE FROM diving_organizations WHERE id = ?";

/// The first is the primary one.
const MEMBERSHIPS: &str = concat!(
    "SELECT CAST(JSON_OBJECT('id', m.id, 'center', m.diving_center_id, \
        'is_primary', m.is_primary, 'created_at', m.created_at, 'organization', ",
    organization!(),
    ") AS CHAR) FROM diving_center_organizations m \
     JOIN diving_organizations o ON o.id = m.diving_organization_id \
     WHERE m.diving_center_id = ? ORDER BY m.is_primary DESC, m.id"
);
const MEMBERS: &str = "\
    SELECT diving_center_id FROM diving_center_organizations WHERE diving_organization_id = ? \
    ORDER BY diving_center_id";
const ALL_MEMBERSHIPS: &str = "\
    SELECT diving_center_id, diving_organization_id FROM diving_center_organizations \
    ORDER BY diving_center_id, diving_organization_id";
const CENTER: &str = "SELECT COUNT(*) FROM diving_centers WHERE id = ?";
const JOIN: &str = "\
    INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id, is_primary) \
    VALUES (?, ?, ?)";
const SET_PRIMARY: &str = "\
    UPDATE diving_center_organizations SET is_primary = ? \
    WHERE diving_center_id = ? AND diving_organization_id = ?";
const PART: &str = "\
    DELETE FROM diving_center_organizations \
    WHERE diving_center_id = ? AND diving_organization_id = ?";
const PART_ALL: &str = "DELETE FROM diving_center_organizations WHERE diving_organization_id = ?";
const FORGET_MEMBERSHIPS: &str =
    "DELETE FROM diving_center_organizations WHERE diving_center_id = ?";
const FORGET_RATINGS: &str = "DELETE FROM center_ratings WHERE diving_center_id = ?";

#[derive(Deserialize)]
struct OrganizationRow {
    id: i64,
    name: String,
    acronym: String,
    website: Option<String>,
    logo_url: Option<String>,
    description: Option<String>,
    country: Option<String>,
    founded_year: Option<i32>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct MembershipRow {
    id: i64,
    center: i64,
    /// Others leave it empty, which is no.
    is_primary: Option<i64>,
    created_at: Option<String>,
    organization: OrganizationRow,
}

/// A time as either database writes it into JSON; one that is missing or cannot
/// be read is not known.
pub(super) fn time(text: Option<&str>) -> Option<DateTime<Utc>> {
    let text = text?;
    NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .map(|time| time.and_utc())
        .ok()
}

pub(super) fn json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Rows with an id that nobody could ask for are passed over.
fn organizations(rows: &[String]) -> Result<Vec<Organization>, sqlx::Error> {
    let all = rows.iter().map(|row| Ok(organization(json(row)?)));
    all.filter_map(Result::transpose).collect()
}

fn organization(row: OrganizationRow) -> Option<Organization> {
    Some(Organization {
        id: OrganizationId::new(row.id)?,
        text: OrganizationText {
            name: row.name,
            acronym: row.acronym,
            website: row.website,
            logo_url: row.logo_url,
            description: row.description,
            country: row.country,
            founded_year: row.founded_year,
        },
        created_at: time(row.created_at.as_deref()),
        updated_at: time(row.updated_at.as_deref()),
    })
}

fn membership(row: &str) -> Result<Option<Membership>, sqlx::Error> {
    let row: MembershipRow = json(row)?;
    let (Some(center), Some(organization)) =
        (CenterId::new(row.center), organization(row.organization))
    else {
        return Ok(None);
    };
    Ok(Some(Membership {
        id: row.id,
        center,
        organization,
        is_primary: row.is_primary.is_some_and(|set| set != 0),
        created_at: time(row.created_at.as_deref()),
    }))
}

/// Rows with ids that nobody could ask for are passed over.
fn memberships(rows: &[String]) -> Result<Vec<Membership>, sqlx::Error> {
    let all = rows.iter().map(|row| membership(row));
    all.filter_map(Result::transpose).collect()
}

/// Runs the same statement on whichever database it is, with what it reads
/// through.
macro_rules! on_readers {
    ($database:expr, $pool:ident => $call:expr) => {
        match $database {
            Database::MySql($pool) => $call,
            Database::Sqlite(pools) => {
                let $pool = &pools.readers;
                $call
            }
        }
    };
}

/// Runs the same statements in a transaction of whichever database it is, which takes
/// the key of the write; SQLite takes the file's write lock at once. `$call` is followed
/// by a commit where it is `Ok`. All that is written so leaves the same rows, or is
/// refused, when it is written once more.
macro_rules! in_transaction {
    ($database:expr, $transaction:ident => $call:expr) => {
        match $database {
            Database::MySql(pool) => {
                let mut $transaction = pool.begin().await?;
                $transaction.take_key().await?;
                let done = $call;
                let committed = $transaction.commit().await;
                committed.map_err(|error| StoreError::of_commit(error, true))?;
                done
            }
            Database::Sqlite(pools) => {
                let mut $transaction = pools.writer.begin_with("BEGIN IMMEDIATE").await?;
                $transaction.take_key().await?;
                let done = $call;
                $transaction.commit().await?;
                done
            }
        }
    };
}

impl Database {
    /// What an error of a write means where a table of nearby's own is missing, as it may
    /// be beside tables of another application.
    pub(super) async fn for_want_of(&self, table: &'static str, error: StoreError) -> StoreError {
        let Self::MySql(pool) = self else {
            return error;
        };
        match error {
            StoreError::Missing(failure) | StoreError::Denied(failure)
                if matches!(mysql::table_exists(pool, table).await, Ok(false)) =>
            {
                StoreError::NoTable { table, failure }
            }
            error => error,
        }
    }
}

/// Nothing where the table is missing: beside another application's tables there
/// need not be one.
pub(super) fn or_none<T>(rows: Result<Vec<T>, sqlx::Error>) -> Result<Vec<T>, sqlx::Error> {
    match rows {
        Err(error) if is_missing_table(&error) => Ok(Vec::new()),
        rows => rows,
    }
}

/// Whether another row has what was to be written.
fn is_taken(error: &StoreError) -> bool {
    matches!(error, StoreError::Unfit(unfit) if unfit.rule == Rule::Unique)
}

/// Binds what an organization says.
macro_rules! bind_draft {
    ($query:expr, $draft:expr) => {{
        let text = $draft.text();
        $query
            .bind(&text.name)
            .bind(&text.acronym)
            .bind(&text.website)
            .bind(&text.logo_url)
            .bind(&text.description)
            .bind(&text.country)
            .bind(text.founded_year)
    }};
}

impl Database {
    /// Up to `count` organizations with ids beyond `after`, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organizations(
        &self,
        after: Option<OrganizationId>,
        count: usize,
    ) -> Result<Vec<Organization>, StoreError> {
        let after = after.map_or(i64::MIN, OrganizationId::get);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let rows: Vec<String> = on_readers!(self, pool => {
            or_none(sqlx::query_scalar(LIST).bind(after).bind(count).fetch_all(pool).await)?
        });
        Ok(organizations(&rows)?)
    }

    /// Reads one organization.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organization(
        &self,
        id: OrganizationId,
    ) -> Result<Option<Organization>, StoreError> {
        let rows: Vec<String> = on_readers!(self, pool => {
            or_none(sqlx::query_scalar(READ).bind(id.get()).fetch_all(pool).await)?
        });
        Ok(organizations(&rows)?.pop())
    }

    /// Creates an organization.
    ///
    /// # Errors
    /// When another has its name or acronym, or the database does not answer.
    pub async fn create_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        let created = self.try_create_organization(draft).await;
        self.or_taken(created, None, draft).await
    }

    async fn try_create_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        Ok(in_transaction!(self, transaction => {
            let all: Vec<String> = sqlx::query_scalar(ALL).fetch_all(&mut *transaction).await?;
            refuse_taken(&organizations(&all)?, None, draft)?;
            let inserted = bind_draft!(sqlx::query(INSERT), draft).execute(&mut *transaction).await?;
            let id = InsertedId::of(&inserted);
            let row: String =
                sqlx::query_scalar(READ).bind(id).fetch_one(&mut *transaction).await?;
            let created = organizations(&[row])?.pop().ok_or(sqlx::Error::RowNotFound)?;
            transaction.keep_answer(Made::Organization(&created)).await?;
            created
        }))
    }

    /// Replaces what is said of an organization; `None` where there is none.
    ///
    /// # Errors
    /// When another has its name or acronym, or the database does not answer.
    pub async fn replace_organization(
        &self,
        id: OrganizationId,
        draft: &OrganizationDraft,
    ) -> Result<Option<Organization>, OrganizationError> {
        let replaced = self.try_replace_organization(id, draft).await;
        self.or_taken(replaced, Some(id), draft).await
    }

    async fn try_replace_organization(
        &self,
        id: OrganizationId,
        draft: &OrganizationDraft,
    ) -> Result<Option<Organization>, OrganizationError> {
        let update = match self {
            Self::MySql(_) => UPDATE_MYSQL,
            Self::Sqlite(_) => UPDATE_SQLITE,
        };
        let row: Option<String> = in_transaction!(self, transaction => {
            let all: Vec<String> = sqlx::query_scalar(ALL).fetch_all(&mut *transaction).await?;
            refuse_taken(&organizations(&all)?, Some(id), draft)?;
            let written = bind_draft!(sqlx::query(update), draft).bind(id.get());
            written.execute(&mut *transaction).await?;
            sqlx::query_scalar(READ).bind(id.get()).fetch_optional(&mut *transaction).await?
        });
        Ok(organizations(row.as_slice())?.pop())
    }

    /// Names the other where the database itself found that a name is taken:
    /// somebody wrote it after we looked.
    async fn or_taken<T>(
        &self,
        written: Result<T, OrganizationError>,
        id: Option<OrganizationId>,
        draft: &OrganizationDraft,
    ) -> Result<T, OrganizationError> {
        if let Err(OrganizationError::Store(error)) = &written
            && is_taken(error)
        {
            let all: Vec<String> =
                on_readers!(self, pool => sqlx::query_scalar(ALL).fetch_all(pool).await?);
            refuse_taken(&organizations(&all)?, id, draft)?;
        }
        match written {
            Err(OrganizationError::Store(error)) => {
                Err(self.for_want_of(ORGANIZATIONS, error).await.into())
            }
            written => written,
        }
    }

    /// Deletes an organization, and with it that centers work by it; `false`
    /// where there is none.
    ///
    /// # Errors
    /// When another application's rows refer to it and keep it, or the database does
    /// not answer; nothing is deleted then.
    pub(crate) async fn delete_organization(
        &self,
        id: OrganizationId,
        referring: Referring,
    ) -> Result<bool, DeleteError> {
        match self.try_delete_organization(id, referring).await {
            Err(DeleteError::Store(error)) => {
                Err(self.for_want_of(ORGANIZATIONS, error).await.into())
            }
            deleted => deleted,
        }
    }

    async fn try_delete_organization(
        &self,
        id: OrganizationId,
        referring: Referring,
    ) -> Result<bool, DeleteError> {
        let references = self.references_to(&WITH_ORGANIZATION).await?;
        let lock = match self {
            Self::MySql(_) => LOCK_MYSQL,
            Self::Sqlite(_) => LOCK_SQLITE,
        };
        let rows = in_transaction!(self, transaction => {
            // From here on nobody can write a row that refers to it.
            let locking = sqlx::query(lock).bind(id.get());
            locking.execute(&mut *transaction).await?;
            let mut used = Vec::new();
            for reference in references.that_keep(referring) {
                let is_used = sqlx::query_scalar(AssertSqlSafe(reference.is_used.clone()));
                if is_used.bind(id.get()).fetch_one(&mut *transaction).await? {
                    used.push(reference);
                }
            }
            refuse_used(&used)?;
            // First: another application's table may hold them by a foreign key.
            let parting = sqlx::query(PART_ALL).bind(id.get());
            parting.execute(&mut *transaction).await?;
            let deleting = sqlx::query(DELETE).bind(id.get());
            deleting.execute(&mut *transaction).await?.rows_affected()
        });
        Ok(rows > 0)
    }

    /// Adds those of the ten large organizations that are missing, and gives
    /// them. One whose name or acronym is taken is not missing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn seed_organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let mut added = Vec::new();
        for draft in large_organizations() {
            match self.create_organization(&draft).await {
                Ok(organization) => added.push(organization),
                Err(OrganizationError::Taken { .. }) => {}
                Err(OrganizationError::Store(error)) => return Err(error),
            }
        }
        Ok(added)
    }

    /// The organizations that a center works by, the primary one first; `None`
    /// where there is no such center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn memberships(
        &self,
        center: CenterId,
    ) -> Result<Option<Vec<Membership>>, StoreError> {
        let (known, rows): (i64, Vec<String>) = on_readers!(self, pool => {
            let known = sqlx::query_scalar(CENTER).bind(center.get()).fetch_one(pool).await?;
            let rows = or_none(
                sqlx::query_scalar(MEMBERSHIPS).bind(center.get()).fetch_all(pool).await
            )?;
            (known, rows)
        });
        let all = memberships(&rows)?;
        Ok((known > 0).then_some(all))
    }

    /// What all organizations are called.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organization_names(&self) -> Result<OrganizationNames, StoreError> {
        let rows: Vec<String> = on_readers!(self, pool => {
            or_none(sqlx::query_scalar(ALL).fetch_all(pool).await)?
        });
        Ok(OrganizationNames::of(&organizations(&rows)?))
    }

    /// The organizations that a filter names; asks only where it names any.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn organizations_of(
        &self,
        filter: &Filter,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        if filter.organizations.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.organization_names().await?;
        Ok(names.find(&filter.organizations))
    }

    /// All pairs of centers and organizations, by center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn all_memberships(&self) -> Result<Vec<(CenterId, OrganizationId)>, StoreError> {
        let rows: Vec<(i64, i64)> = on_readers!(self, pool => {
            or_none(sqlx::query_as(ALL_MEMBERSHIPS).fetch_all(pool).await)?
        });
        let ids = rows.into_iter().filter_map(|(center, organization)| {
            CenterId::new(center).zip(OrganizationId::new(organization))
        });
        Ok(ids.collect())
    }

    /// The centers that work by an organization, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn members(&self, id: OrganizationId) -> Result<Vec<CenterId>, StoreError> {
        let ids: Vec<i64> = on_readers!(self, pool => {
            or_none(sqlx::query_scalar(MEMBERS).bind(id.get()).fetch_all(pool).await)?
        });
        Ok(ids.into_iter().filter_map(CenterId::new).collect())
    }

    /// Notes that a center works by an organization.
    ///
    /// # Errors
    /// When either does not exist, they are joined, another organization is the
    /// primary one, or the database does not answer.
    pub(crate) async fn join(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Membership, MembershipError> {
        if self.organization(organization).await?.is_none() {
            return Err(MembershipError::NoOrganization);
        }
        let before = self.memberships(center).await?;
        refuse_joined(
            &before.ok_or(MembershipError::NoCenter)?,
            organization,
            is_primary,
        )?;
        let joined = self.try_join(center, organization, is_primary).await;
        if let Err(MembershipError::Store(error)) = &joined
            && is_taken(error)
        {
            let now = self.memberships(center).await?.unwrap_or_default();
            refuse_joined(&now, organization, is_primary)?;
        }
        joined
    }

    async fn try_join(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Membership, MembershipError> {
        Ok(in_transaction!(self, transaction => {
            sqlx::query(JOIN)
                .bind(center.get())
                .bind(organization.get())
                .bind(is_primary)
                .execute(&mut *transaction)
                .await?;
            let rows: Vec<String> = sqlx::query_scalar(MEMBERSHIPS)
                .bind(center.get())
                .fetch_all(&mut *transaction)
                .await?;
            let mut now = memberships(&rows)?.into_iter();
            let joined = now.find(|one| one.organization.id == organization);
            let joined = joined.ok_or(sqlx::Error::RowNotFound)?;
            transaction.keep_answer(Made::Membership(&joined)).await?;
            joined
        }))
    }

    /// Makes an organization a center's primary one, or no longer; `None` where
    /// they are not joined.
    ///
    /// # Errors
    /// When another is the primary one or the database does not answer.
    pub async fn set_primary(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Option<Membership>, MembershipError> {
        let written: Result<(), StoreError> = async {
            in_transaction!(self, transaction => {
                sqlx::query(SET_PRIMARY)
                    .bind(is_primary)
                    .bind(center.get())
                    .bind(organization.get())
                    .execute(&mut *transaction)
                    .await?;
            });
            Ok(())
        }
        .await;
        let now = self.memberships(center).await?.unwrap_or_default();
        if let Err(error) = written {
            if is_taken(&error) {
                refuse_second_primary(&now, organization, is_primary)?;
            }
            return Err(self.for_want_of(MEMBERS_TABLE, error).await.into());
        }
        let mut now = now.into_iter();
        Ok(now.find(|one| one.organization.id == organization))
    }

    /// Notes that a center no longer works by an organization; `false` where it
    /// did not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn part(
        &self,
        center: CenterId,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        match self.try_part(center, organization).await {
            Err(error) => Err(self.for_want_of(MEMBERS_TABLE, error).await),
            parted => parted,
        }
    }

    async fn try_part(
        &self,
        center: CenterId,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        let (center, organization) = (center.get(), organization.get());
        let rows = match self {
            Self::MySql(pool) => {
                let query = sqlx::query(PART).bind(center).bind(organization);
                query.execute(pool).await?.rows_affected()
            }
            Self::Sqlite(pools) => {
                let query = sqlx::query(PART).bind(center).bind(organization);
                query.execute(&pools.writer).await?.rows_affected()
            }
        };
        Ok(rows > 0)
    }
}

/// Forgets which organizations a center that goes worked by, and how it was rated;
/// SQLite does so by itself.
pub(super) async fn forget_center(
    connection: &mut MySqlConnection,
    center: CenterId,
) -> Result<(), sqlx::Error> {
    for statement in [FORGET_MEMBERSHIPS, FORGET_RATINGS] {
        let query = sqlx::query(statement).bind(center.get());
        let deleted = query.execute(&mut *connection).await;
        or_none(deleted.map(|_| Vec::<()>::new()))?;
    }
    Ok(())
}

fn refuse_taken(
    all: &[Organization],
    id: Option<OrganizationId>,
    draft: &OrganizationDraft,
) -> Result<(), OrganizationError> {
    for other in all.iter().filter(|other| Some(other.id) != id) {
        if let Some(field) = draft.collision(&other.text) {
            return Err(OrganizationError::Taken {
                field,
                id: other.id,
            });
        }
    }
    Ok(())
}

fn refuse_joined(
    memberships: &[Membership],
    organization: OrganizationId,
    is_primary: bool,
) -> Result<(), MembershipError> {
    if memberships
        .iter()
        .any(|one| one.organization.id == organization)
    {
        return Err(MembershipError::Joined);
    }
    refuse_second_primary(memberships, organization, is_primary)
}

fn refuse_second_primary(
    memberships: &[Membership],
    organization: OrganizationId,
    is_primary: bool,
) -> Result<(), MembershipError> {
    let first = memberships.iter().find(|one| one.is_primary);
    match first {
        Some(first) if is_primary && first.organization.id != organization => {
            Err(MembershipError::PrimaryTaken(first.organization.id))
        }
        _ => Ok(()),
    }
}

/// The id of a new row.
trait InsertedId {
    fn of(inserted: &Self) -> i64;
}

impl InsertedId for sqlx::mysql::MySqlQueryResult {
    fn of(inserted: &Self) -> i64 {
        i64::try_from(inserted.last_insert_id()).unwrap_or(i64::MAX)
    }
}

impl InsertedId for sqlx::sqlite::SqliteQueryResult {
    fn of(inserted: &Self) -> i64 {
        inserted.last_insert_rowid()
    }
}
