//! The tables of organizations in MySQL.

use async_trait::async_trait;
use serde_json::json;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection};

use super::MySqlDatabase;
use super::audit::NotesChanges as _;
use super::catalog::or_none;
use super::idempotency::RecordsKeys as _;
use super::transaction::Transaction;
use crate::domain::{CenterId, Membership, Organization, OrganizationDraft, OrganizationId};
use crate::store::audit::{Account, Audited, Change, MEMBERSHIPS as OF_CENTERS, RATINGS};
use crate::store::idempotency::Made;
use crate::store::organizations::{
    MembershipError, OrganizationError, OrganizationTables, memberships_of_json,
    organizations_of_json, refuse_taken,
};
use crate::store::references::{References, Referring, refuse_used};
use crate::store::{DeleteError, StoreError};

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
const UPDATE: &str = "\
    UPDATE diving_organizations SET name = ?, acronym = ?, website = ?, logo_url = ?, \
        description = ?, country = ?, founded_year = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?";
const LOCK: &str = "SELECT id FROM diving_organizations WHERE id = ? FOR UPDATE";
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
    SELECT CAST(diving_center_id AS SIGNED) FROM diving_center_organizations WHERE diving_organization_id = ? \
    ORDER BY diving_center_id";
const ALL_MEMBERSHIPS: &str = "\
    SELECT CAST(diving_center_id AS SIGNED), CAST(diving_organization_id AS SIGNED) \
    FROM diving_center_organizations \
    ORDER BY diving_center_id, diving_organization_id";
const MEMBERSHIPS_OF: &str = "\
    SELECT m.diving_center_id, m.diving_organization_id \
    FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) asked \
    JOIN diving_center_organizations m ON m.diving_center_id = asked.id \
    ORDER BY m.diving_center_id, m.diving_organization_id";
const CENTER: &str = "SELECT COUNT(*) FROM diving_centers WHERE id = ?";
const JOIN: &str = "\
    INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id, is_primary) \
    VALUES (?, ?, ?)";
const LOCK_MEMBERSHIP: &str = "\
    SELECT id FROM diving_center_organizations \
    WHERE diving_center_id = ? AND diving_organization_id = ? FOR UPDATE";
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

impl MySqlDatabase {
    /// Begins a transaction, which takes the key of the write.
    async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.pool.begin().await?;
        transaction.take_key().await?;
        Ok(transaction)
    }
}

async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    let committed = transaction.commit().await;
    committed.map_err(|error| StoreError::of_commit(error, true))
}

/// Binds what an organization says.
fn bind_draft<'q>(
    query: Query<'q, MySql, MySqlArguments>,
    draft: &'q OrganizationDraft,
) -> Query<'q, MySql, MySqlArguments> {
    let text = draft.text();
    query
        .bind(&text.name)
        .bind(&text.acronym)
        .bind(&text.website)
        .bind(&text.logo_url)
        .bind(&text.description)
        .bind(&text.country)
        .bind(text.founded_year)
}

#[async_trait]
impl OrganizationTables for MySqlDatabase {
    async fn organizations_after(
        &self,
        after: i64,
        count: i64,
    ) -> Result<Vec<Organization>, StoreError> {
        let reading = sqlx::query_scalar(LIST).bind(after).bind(count);
        organizations_of_json(&or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn all_organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let reading = sqlx::query_scalar(ALL);
        organizations_of_json(&or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        let reading = sqlx::query_scalar(READ).bind(id.get());
        let rows = or_none(reading.fetch_all(&self.pool).await)?;
        Ok(organizations_of_json(&rows)?.pop())
    }

    async fn insert_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        let mut transaction = self.begin().await?;
        let all: Vec<String> = sqlx::query_scalar(ALL).fetch_all(&mut *transaction).await?;
        refuse_taken(&organizations_of_json(&all)?, None, draft)?;
        let inserting = bind_draft(sqlx::query(INSERT), draft);
        let inserted = inserting.execute(&mut *transaction).await?;
        let reading = sqlx::query_scalar(READ).bind(inserted.last_insert_id());
        let row: String = reading.fetch_one(&mut *transaction).await?;
        let created = organizations_of_json(&[row])?.pop();
        let created = created.ok_or(sqlx::Error::RowNotFound)?;
        let change = Change::created(Audited::Organization(&created));
        transaction.note(&[change]).await?;
        transaction
            .keep_answer(Made::Organization(&created))
            .await?;
        commit(transaction).await?;
        Ok(created)
    }

    async fn update_organization(
        &self,
        id: OrganizationId,
        draft: &OrganizationDraft,
    ) -> Result<Option<Organization>, OrganizationError> {
        let mut transaction = self.begin().await?;
        // What is read of it from here on is what is written over.
        let locking = sqlx::query(LOCK).bind(id.get());
        locking.execute(&mut *transaction).await?;
        let all: Vec<String> = sqlx::query_scalar(ALL).fetch_all(&mut *transaction).await?;
        let all = organizations_of_json(&all)?;
        refuse_taken(&all, Some(id), draft)?;
        let writing = bind_draft(sqlx::query(UPDATE), draft).bind(id.get());
        writing.execute(&mut *transaction).await?;
        let reading = sqlx::query_scalar(READ).bind(id.get());
        let row: Option<String> = reading.fetch_optional(&mut *transaction).await?;
        let updated = organizations_of_json(row.as_slice())?.pop();
        let before = all.iter().find(|organization| organization.id == id);
        if let Some((before, after)) = before.zip(updated.as_ref()) {
            let (before, after) = (Audited::Organization(before), Audited::Organization(after));
            transaction.note(&[Change::updated(before, after)]).await?;
        }
        commit(transaction).await?;
        Ok(updated)
    }

    async fn delete_organization(
        &self,
        id: OrganizationId,
        references: References,
        referring: Referring,
    ) -> Result<bool, DeleteError> {
        let mut transaction = self.begin().await?;
        // From here on nobody can write a row that refers to it.
        let locking = sqlx::query(LOCK).bind(id.get());
        locking.execute(&mut *transaction).await?;
        let mut used = Vec::new();
        for reference in references.that_keep(referring) {
            let is_used = sqlx::query_scalar(AssertSqlSafe(reference.is_used.clone()));
            if is_used.bind(id.get()).fetch_one(&mut *transaction).await? {
                used.push(reference);
            }
        }
        refuse_used(&used)?;
        let reading = sqlx::query_scalar(READ).bind(id.get());
        let row: Option<String> = reading.fetch_optional(&mut *transaction).await?;
        // First: another application's table may hold them by a foreign key.
        let parting = sqlx::query(PART_ALL).bind(id.get());
        let parted = parting.execute(&mut *transaction).await?;
        for organization in &organizations_of_json(row.as_slice())? {
            let deleted = Change::deleted(Audited::Organization(organization));
            transaction.note(&[deleted]).await?;
        }
        transaction
            .note_gone_along(OF_CENTERS, format!("*/{id}"), parted.rows_affected())
            .await?;
        let deleting = sqlx::query(DELETE).bind(id.get());
        let deleted = deleting.execute(&mut *transaction).await?;
        commit(transaction).await?;
        Ok(deleted.rows_affected() > 0)
    }

    async fn memberships(&self, center: CenterId) -> Result<Option<Vec<Membership>>, StoreError> {
        let counting = sqlx::query_scalar(CENTER).bind(center.get());
        let known: i64 = counting.fetch_one(&self.pool).await?;
        let reading = sqlx::query_scalar(MEMBERSHIPS).bind(center.get());
        let rows = or_none(reading.fetch_all(&self.pool).await)?;
        let all = memberships_of_json(&rows)?;
        Ok((known > 0).then_some(all))
    }

    async fn all_memberships(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let reading = sqlx::query_as(ALL_MEMBERSHIPS);
        Ok(or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn memberships_of(&self, centers: Vec<i64>) -> Result<Vec<(i64, i64)>, StoreError> {
        let reading = sqlx::query_as(MEMBERSHIPS_OF).bind(json!(centers).to_string());
        Ok(or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn members(&self, id: OrganizationId) -> Result<Vec<i64>, StoreError> {
        let reading = sqlx::query_scalar(MEMBERS).bind(id.get());
        Ok(or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn insert_membership(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Membership, MembershipError> {
        let mut transaction = self.begin().await?;
        sqlx::query(JOIN)
            .bind(center.get())
            .bind(organization.get())
            .bind(is_primary)
            .execute(&mut *transaction)
            .await?;
        let reading = sqlx::query_scalar(MEMBERSHIPS).bind(center.get());
        let rows: Vec<String> = reading.fetch_all(&mut *transaction).await?;
        let joined = membership_with(organization, &rows)?;
        let joined = joined.ok_or(sqlx::Error::RowNotFound)?;
        let change = Change::created(Audited::Membership(&joined));
        transaction.note(&[change]).await?;
        transaction.keep_answer(Made::Membership(&joined)).await?;
        commit(transaction).await?;
        Ok(joined)
    }

    async fn set_primary(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let before = membership_to_note(&mut transaction, center, organization).await?;
        sqlx::query(SET_PRIMARY)
            .bind(is_primary)
            .bind(center.get())
            .bind(organization.get())
            .execute(&mut *transaction)
            .await?;
        if let Some(before) = before {
            let after = Membership {
                is_primary,
                ..before.clone()
            };
            let (before, after) = (Audited::Membership(&before), Audited::Membership(&after));
            transaction.note(&[Change::updated(before, after)]).await?;
        }
        commit(transaction).await
    }

    async fn delete_membership(
        &self,
        center: CenterId,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let before = membership_to_note(&mut transaction, center, organization).await?;
        let parting = sqlx::query(PART)
            .bind(center.get())
            .bind(organization.get());
        let parted = parting.execute(&mut *transaction).await?;
        if let Some(before) = before {
            let deleted = Change::deleted(Audited::Membership(&before));
            transaction.note(&[deleted]).await?;
        }
        commit(transaction).await?;
        Ok(parted.rows_affected() > 0)
    }
}

fn membership_with(
    organization: OrganizationId,
    rows: &[String],
) -> Result<Option<Membership>, StoreError> {
    let mut all = memberships_of_json(rows)?.into_iter();
    Ok(all.find(|one| one.organization.id == organization))
}

/// What is written over, where that is to be noted; nobody else writes it from here on.
async fn membership_to_note(
    connection: &mut MySqlConnection,
    center: CenterId,
    organization: OrganizationId,
) -> Result<Option<Membership>, StoreError> {
    if Account::current().is_none() {
        return Ok(None);
    }
    let locking = sqlx::query(LOCK_MEMBERSHIP)
        .bind(center.get())
        .bind(organization.get());
    locking.execute(&mut *connection).await?;
    let reading = sqlx::query_scalar(MEMBERSHIPS).bind(center.get());
    let rows: Vec<String> = reading.fetch_all(connection).await?;
    membership_with(organization, &rows)
}

/// Forgets which organizations a center that goes worked by, and how it was rated.
pub(super) async fn forget_center(
    connection: &mut MySqlConnection,
    center: CenterId,
) -> Result<(), StoreError> {
    for (collection, ids, statement) in [
        (OF_CENTERS, format!("{center}/*"), FORGET_MEMBERSHIPS),
        (RATINGS, center.to_string(), FORGET_RATINGS),
    ] {
        let query = sqlx::query(statement).bind(center.get());
        let deleted = query.execute(&mut *connection).await;
        let deleted = or_none(deleted.map(|deleted| vec![deleted.rows_affected()]))?;
        let count = deleted.iter().sum();
        connection.note_gone_along(collection, ids, count).await?;
    }
    Ok(())
}
