//! Organizations and the centers that work by them. Databases give their rows as JSON.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use thiserror::Error;

use super::references::{References, Referring, WITH_ORGANIZATION};
use super::{Database, DeleteError, Rule, StoreError};
use crate::domain::{
    CenterId, Filter, Membership, Organization, OrganizationDraft, OrganizationId,
    OrganizationName, OrganizationNames, OrganizationText, large_organizations,
};

const ORGANIZATIONS: &str = "diving_organizations";
const MEMBERS_TABLE: &str = "diving_center_organizations";

/// The tables of organizations and of the centers that work by them; nothing to read
/// where there are none. A write leaves the same rows, or is refused, when it is made once
/// more.
#[async_trait]
pub(super) trait OrganizationTables {
    /// Up to `count` organizations with ids beyond `after`, by id.
    async fn organizations_after(
        &self,
        after: i64,
        count: i64,
    ) -> Result<Vec<Organization>, StoreError>;

    /// All of them, by id.
    async fn all_organizations(&self) -> Result<Vec<Organization>, StoreError>;

    /// Reads one.
    async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;

    /// Creates one, unless [`refuse_taken`] refuses it.
    async fn insert_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError>;

    /// Replaces what is said of one, unless [`refuse_taken`] refuses it.
    async fn update_organization(
        &self,
        id: OrganizationId,
        draft: &OrganizationDraft,
    ) -> Result<Option<Organization>, OrganizationError>;

    /// Deletes one, and with it that centers work by it.
    async fn delete_organization(
        &self,
        id: OrganizationId,
        references: References,
        referring: Referring,
    ) -> Result<bool, DeleteError>;

    /// Those that a center works by, the primary one first; `None` where there is no such
    /// center.
    async fn memberships(&self, center: CenterId) -> Result<Option<Vec<Membership>>, StoreError>;

    /// All pairs of centers and organizations, by center.
    async fn all_memberships(&self) -> Result<Vec<(i64, i64)>, StoreError>;

    /// The pairs of these centers, by center and organization.
    async fn memberships_of(&self, centers: Vec<i64>) -> Result<Vec<(i64, i64)>, StoreError>;

    /// The centers that work by one, by id.
    async fn members(&self, id: OrganizationId) -> Result<Vec<i64>, StoreError>;

    /// Joins a center and an organization.
    async fn insert_membership(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Membership, MembershipError>;

    /// Says whether an organization is a center's primary one.
    async fn set_primary(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<(), StoreError>;

    /// Parts a center and an organization; whether they were joined.
    async fn delete_membership(
        &self,
        center: CenterId,
        organization: OrganizationId,
    ) -> Result<bool, StoreError>;
}

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

impl From<rusqlite::Error> for OrganizationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::Error> for MembershipError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<rusqlite::Error> for MembershipError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

#[derive(Deserialize)]
struct OrganizationRow {
    id: i64,
    /// Others may leave both empty.
    name: Option<String>,
    acronym: Option<String>,
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

/// A time as databases write it into JSON; one that is missing or cannot
/// be read is not known.
pub(super) fn time(text: Option<&str>) -> Option<DateTime<Utc>> {
    let text = text?;
    NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .map(|time| time.and_utc())
        .ok()
}

pub(super) fn json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(StoreError::unreadable)
}

/// Rows with an id that nobody could ask for are passed over.
pub(super) fn organizations_of_json(rows: &[String]) -> Result<Vec<Organization>, StoreError> {
    let all = rows.iter().map(|row| Ok(organization(json(row)?)));
    all.filter_map(Result::transpose).collect()
}

fn organization(row: OrganizationRow) -> Option<Organization> {
    Some(Organization {
        id: OrganizationId::new(row.id)?,
        text: OrganizationText {
            name: row.name.unwrap_or_default(),
            acronym: row.acronym.unwrap_or_default(),
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

fn membership(row: &str) -> Result<Option<Membership>, StoreError> {
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
pub(super) fn memberships_of_json(rows: &[String]) -> Result<Vec<Membership>, StoreError> {
    let all = rows.iter().map(|row| membership(row));
    all.filter_map(Result::transpose).collect()
}

/// Rows with ids that nobody could ask for are passed over.
fn pairs(rows: Vec<(i64, i64)>) -> Vec<(CenterId, OrganizationId)> {
    let ids = rows.into_iter().filter_map(|(center, organization)| {
        CenterId::new(center).zip(OrganizationId::new(organization))
    });
    ids.collect()
}

impl Database {
    /// What an error of a write means where a table of nearby's own is missing, as it may
    /// be beside tables of another application.
    pub(super) async fn for_want_of(&self, table: &'static str, error: StoreError) -> StoreError {
        let backend = self.backend();
        match error {
            StoreError::Missing(failure) | StoreError::Denied(failure)
                if !backend.migrates_itself()
                    && matches!(backend.table_exists(table).await, Ok(false)) =>
            {
                StoreError::NoTable { table, failure }
            }
            error => error,
        }
    }
}

/// Whether another row has what was to be written.
fn is_taken(error: &StoreError) -> bool {
    matches!(error, StoreError::Unfit(unfit) if unfit.rule == Rule::Unique)
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
        self.backend().organizations_after(after, count).await
    }

    /// Reads one organization.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organization(
        &self,
        id: OrganizationId,
    ) -> Result<Option<Organization>, StoreError> {
        self.backend().organization(id).await
    }

    /// Creates an organization.
    ///
    /// # Errors
    /// When another has its name or acronym, or the database does not answer.
    pub async fn create_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        let created = self.backend().insert_organization(draft).await;
        self.or_taken(created, None, draft).await
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
        let replaced = self.backend().update_organization(id, draft).await;
        self.or_taken(replaced, Some(id), draft).await
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
            refuse_taken(&self.backend().all_organizations().await?, id, draft)?;
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
        let references = self.references_to(&WITH_ORGANIZATION).await?;
        let deleting = self
            .backend()
            .delete_organization(id, references, referring);
        match deleting.await {
            Err(DeleteError::Store(error)) => {
                Err(self.for_want_of(ORGANIZATIONS, error).await.into())
            }
            deleted => deleted,
        }
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
        self.backend().memberships(center).await
    }

    /// What all organizations are called.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organization_names(&self) -> Result<OrganizationNames, StoreError> {
        let all = self.backend().all_organizations().await?;
        Ok(OrganizationNames::of(&all))
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
        Ok(pairs(self.backend().all_memberships().await?))
    }

    /// The pairs of these centers and their organizations, by center and organization.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn memberships_of(
        &self,
        centers: impl IntoIterator<Item = CenterId> + Send,
    ) -> Result<Vec<(CenterId, OrganizationId)>, StoreError> {
        let centers = centers.into_iter().map(CenterId::get).collect();
        Ok(pairs(self.backend().memberships_of(centers).await?))
    }

    /// The centers that work by an organization, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn members(&self, id: OrganizationId) -> Result<Vec<CenterId>, StoreError> {
        let ids = self.backend().members(id).await?;
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
        let joining = self
            .backend()
            .insert_membership(center, organization, is_primary);
        let joined = joining.await;
        if let Err(MembershipError::Store(error)) = &joined
            && is_taken(error)
        {
            let now = self.memberships(center).await?.unwrap_or_default();
            refuse_joined(&now, organization, is_primary)?;
        }
        joined
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
        let writing = self.backend().set_primary(center, organization, is_primary);
        let written = writing.await;
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
        let parting = self.backend().delete_membership(center, organization);
        match parting.await {
            Err(error) => Err(self.for_want_of(MEMBERS_TABLE, error).await),
            parted => parted,
        }
    }
}

pub(super) fn refuse_taken(
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
