//! The tables of organizations in an embedded file.

use async_trait::async_trait;
use rusqlite::{Connection, Params, params};
use serde_json::json;

use super::SqliteDatabase;
use super::catalog::{all, or_none};
use super::transaction::WriteTransaction;
use crate::domain::{CenterId, Membership, Organization, OrganizationDraft, OrganizationId};
use crate::store::audit::{Audited, Change, MEMBERSHIPS as OF_CENTERS};
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
        "json_object('id', o.id, 'name', o.name, 'acronym', o.acronym, 'website', o.website, \
            'logo_url', o.logo_url, 'description', o.description, 'country', o.country, \
            'founded_year', o.founded_year, 'created_at', o.created_at, 'updated_at', o.updated_at)"
    };
}

const LIST: &str = concat!(
    "SELECT ",
    organization!(),
    " FROM diving_organizations o WHERE o.id > ? ORDER BY o.id LIMIT ?"
);
const READ: &str = concat!(
    "SELECT ",
    organization!(),
    " FROM diving_organizations o WHERE o.id = ?"
);
const ALL: &str = concat!(
    "SELECT ",
    organization!(),
    " FROM diving_organizations o ORDER BY o.id"
);
const INSERT: &str = "\
    INSERT INTO diving_organizations \
        (name, acronym, website, logo_url, description, country, founded_year) \
    VALUES (?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str = "\
    UPDATE diving_organizations SET name = ?, acronym = ?, website = ?, logo_url = ?, \
        description = ?, country = ?, founded_year = ?, \
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ','now') WHERE id = ?";
const DELETE: &str = "DELETE FROM diving_organizations WHERE id = ?";
/// The first is the primary one.
const MEMBERSHIPS: &str = concat!(
    "SELECT json_object('id', m.id, 'center', m.diving_center_id, \
        'is_primary', m.is_primary, 'created_at', m.created_at, 'organization', ",
    organization!(),
    ") FROM diving_center_organizations m \
     JOIN diving_organizations o ON o.id = m.diving_organization_id \
     WHERE m.diving_center_id = ? ORDER BY m.is_primary DESC, m.id"
);
const MEMBERS: &str = "\
    SELECT diving_center_id FROM diving_center_organizations WHERE diving_organization_id = ? \
    ORDER BY diving_center_id";
const ALL_MEMBERSHIPS: &str = "\
    SELECT diving_center_id, diving_organization_id FROM diving_center_organizations \
    ORDER BY diving_center_id, diving_organization_id";
const MEMBERSHIPS_OF: &str = "\
    SELECT diving_center_id, diving_organization_id FROM diving_center_organizations \
    WHERE diving_center_id IN (SELECT value FROM json_each(?)) \
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

impl SqliteDatabase {
    async fn read_organizations(
        &self,
        sql: &'static str,
        values: impl Params + Send + 'static,
    ) -> Result<Vec<Organization>, StoreError> {
        let reading = self.read(move |connection| {
            let rows: Vec<String> = or_none(all(connection, sql, values))?;
            organizations_of_json(&rows)
        });
        reading.await
    }
}

/// Pairs of a center and an organization.
fn pairs(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect()
}

#[async_trait]
impl OrganizationTables for SqliteDatabase {
    async fn organizations_after(
        &self,
        after: i64,
        count: i64,
    ) -> Result<Vec<Organization>, StoreError> {
        self.read_organizations(LIST, [after, count]).await
    }

    async fn all_organizations(&self) -> Result<Vec<Organization>, StoreError> {
        self.read_organizations(ALL, ()).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        Ok(self.read_organizations(READ, [id.get()]).await?.pop())
    }

    async fn insert_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        let draft = draft.clone();
        let creating = self.write(move |writing| {
            let all = organizations_of_json(&writing.texts(ALL, ())?)?;
            refuse_taken(&all, None, &draft)?;
            write_draft(writing, INSERT, &draft, None)?;
            let row = writing.texts(READ, [writing.last_id()])?;
            let created = organizations_of_json(&row)?.pop();
            let created = created.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            writing.note(Change::created(Audited::Organization(&created)))?;
            writing.keep_answer(Made::Organization(&created))?;
            Ok(created)
        });
        creating.await
    }

    async fn update_organization(
        &self,
        id: OrganizationId,
        draft: &OrganizationDraft,
    ) -> Result<Option<Organization>, OrganizationError> {
        let draft = draft.clone();
        let replacing = self.write(move |writing| {
            let all = organizations_of_json(&writing.texts(ALL, ())?)?;
            refuse_taken(&all, Some(id), &draft)?;
            write_draft(writing, UPDATE, &draft, Some(id))?;
            let row = writing.texts(READ, [id.get()])?;
            let updated = organizations_of_json(&row)?.pop();
            let before = all.iter().find(|organization| organization.id == id);
            if let Some((before, after)) = before.zip(updated.as_ref()) {
                let (before, after) = (Audited::Organization(before), Audited::Organization(after));
                writing.note(Change::updated(before, after))?;
            }
            Ok(updated)
        });
        replacing.await
    }

    async fn delete_organization(
        &self,
        id: OrganizationId,
        references: References,
        referring: Referring,
    ) -> Result<bool, DeleteError> {
        let deleting = self.write(move |writing| {
            refuse_used(&writing.that_keep(&references, referring, id.get())?)?;
            let row = writing.texts(READ, [id.get()])?;
            // First: another application's table may hold them by a foreign key.
            let parted = writing.execute(PART_ALL, [id.get()])?;
            for organization in &organizations_of_json(&row)? {
                writing.note(Change::deleted(Audited::Organization(organization)))?;
            }
            writing.note_gone_along(OF_CENTERS, format!("*/{id}"), parted as u64)?;
            Ok(writing.execute(DELETE, [id.get()])? > 0)
        });
        deleting.await
    }

    async fn memberships(&self, center: CenterId) -> Result<Option<Vec<Membership>>, StoreError> {
        let reading = self.read(move |connection| {
            let known: i64 = connection.query_row(CENTER, [center.get()], |row| row.get(0))?;
            let rows: Vec<String> = or_none(all(connection, MEMBERSHIPS, [center.get()]))?;
            let all = memberships_of_json(&rows)?;
            Ok((known > 0).then_some(all))
        });
        reading.await
    }

    async fn all_memberships(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let reading = self.read(|connection| Ok(or_none(pairs(connection, ALL_MEMBERSHIPS, ()))?));
        reading.await
    }

    async fn memberships_of(&self, centers: Vec<i64>) -> Result<Vec<(i64, i64)>, StoreError> {
        let reading = self.read(move |connection| {
            let asked = json!(centers).to_string();
            Ok(or_none(pairs(connection, MEMBERSHIPS_OF, [asked]))?)
        });
        reading.await
    }

    async fn members(&self, id: OrganizationId) -> Result<Vec<i64>, StoreError> {
        let reading =
            self.read(move |connection| Ok(or_none(all(connection, MEMBERS, [id.get()]))?));
        reading.await
    }

    async fn insert_membership(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Membership, MembershipError> {
        let joining = self.write(move |writing| {
            let values = params![center.get(), organization.get(), is_primary];
            writing.execute(JOIN, values)?;
            let joined = membership(writing, center, organization)?;
            let joined = joined.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            writing.note(Change::created(Audited::Membership(&joined)))?;
            writing.keep_answer(Made::Membership(&joined))?;
            Ok(joined)
        });
        joining.await
    }

    async fn set_primary(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<(), StoreError> {
        let writing = self.write(move |writing| {
            let before = membership(writing, center, organization)?;
            let values = params![is_primary, center.get(), organization.get()];
            writing.execute(SET_PRIMARY, values)?;
            if let Some(before) = before {
                let after = Membership {
                    is_primary,
                    ..before.clone()
                };
                let (before, after) = (Audited::Membership(&before), Audited::Membership(&after));
                writing.note(Change::updated(before, after))?;
            }
            Ok(())
        });
        writing.await
    }

    async fn delete_membership(
        &self,
        center: CenterId,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        let parting = self.write(move |writing| {
            if let Some(before) = membership(writing, center, organization)? {
                writing.note(Change::deleted(Audited::Membership(&before)))?;
            }
            Ok(writing.execute(PART, [center.get(), organization.get()])? > 0)
        });
        parting.await
    }
}

fn membership(
    writing: &WriteTransaction<'_>,
    center: CenterId,
    organization: OrganizationId,
) -> Result<Option<Membership>, StoreError> {
    let rows = writing.texts(MEMBERSHIPS, [center.get()])?;
    let mut all = memberships_of_json(&rows)?.into_iter();
    Ok(all.find(|one| one.organization.id == organization))
}

/// Writes what an organization says, into the one with an id or a new one.
fn write_draft(
    writing: &WriteTransaction<'_>,
    sql: &str,
    draft: &OrganizationDraft,
    id: Option<OrganizationId>,
) -> rusqlite::Result<()> {
    let text = draft.text();
    let mut statement = writing.statement(sql)?;
    statement.raw_bind_parameter(1, &text.name)?;
    statement.raw_bind_parameter(2, &text.acronym)?;
    statement.raw_bind_parameter(3, &text.website)?;
    statement.raw_bind_parameter(4, &text.logo_url)?;
    statement.raw_bind_parameter(5, &text.description)?;
    statement.raw_bind_parameter(6, &text.country)?;
    statement.raw_bind_parameter(7, text.founded_year)?;
    if let Some(id) = id {
        statement.raw_bind_parameter(8, id.get())?;
    }
    statement.raw_execute().map(drop)
}
