//! Organizations and the centers that work by them, as the engine follows them.

use super::Catalog;
use crate::domain::{CenterId, Membership, Organization, OrganizationDraft, OrganizationId};
use crate::engine::Engine;
use crate::engine::memory::Change;
use crate::store::feed::Keys;
use crate::store::{
    Database, DeleteError, MembershipError, OrganizationError, Referring, StoreError,
};

impl Catalog {
    /// Creates an organization.
    ///
    /// # Errors
    /// When another has its name or acronym, or the database does not answer.
    pub async fn create_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        let _turn = self.turn().await?;
        let database = self.store.database();
        let created = database.create_organization(draft).await?;
        self.follow_names(database).await?;
        Ok(created)
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
        let _turn = self.turn().await?;
        let database = self.store.database();
        let replaced = database.replace_organization(id, draft).await?;
        self.follow_names(database).await?;
        Ok(replaced)
    }

    /// Deletes an organization, and with it that centers work by it; `false`
    /// where there is none.
    ///
    /// # Errors
    /// When another application's rows refer to it and keep it, or the database does
    /// not answer; nothing is deleted then.
    pub async fn delete_organization(
        &self,
        id: OrganizationId,
        referring: Referring,
    ) -> Result<bool, DeleteError> {
        let _turn = self.turn().await?;
        let database = self.store.database();
        let members = match self.engine() {
            Engine::Memory(_) => database.members(id).await?,
            Engine::Sql(_) => Vec::new(),
        };
        let deleted = database.delete_organization(id, referring).await?;
        self.follow_names(database).await?;
        self.follow_memberships(database, &members).await?;
        Ok(deleted)
    }

    /// Notes that a center works by an organization.
    ///
    /// # Errors
    /// When either does not exist, they are joined, another organization is the
    /// primary one, or the database does not answer.
    pub async fn join(
        &self,
        center: CenterId,
        organization: OrganizationId,
        is_primary: bool,
    ) -> Result<Membership, MembershipError> {
        let _turn = self.turn().await?;
        let database = self.store.database();
        let joined = database.join(center, organization, is_primary).await?;
        self.follow_memberships(database, &[center]).await?;
        Ok(joined)
    }

    /// Notes that a center no longer works by an organization; `false` where it
    /// did not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn part(
        &self,
        center: CenterId,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        let _turn = self.turn().await?;
        let database = self.store.database();
        let parted = database.part(center, organization).await?;
        self.follow_memberships(database, &[center]).await?;
        Ok(parted)
    }

    async fn follow_names(&self, database: &Database) -> Result<(), StoreError> {
        if self.is_mirror() {
            let keys = Keys {
                organizations: true,
                ..Keys::default()
            };
            self.follow_own(keys).await;
        } else if let Engine::Memory(engine) = self.engine() {
            engine.rename_organizations(database.organization_names().await?);
        }
        Ok(())
    }

    async fn follow_memberships(
        &self,
        database: &Database,
        centers: &[CenterId],
    ) -> Result<(), StoreError> {
        let Engine::Memory(engine) = self.engine() else {
            return Ok(());
        };
        if self.is_mirror() {
            self.follow_own(Keys::of_links(centers.iter().copied()))
                .await;
            return Ok(());
        }
        for &center in centers {
            let memberships = database.memberships_of([center]).await?;
            let ids: Vec<_> = memberships.iter().map(|&(_, id)| id).collect();
            engine.apply(&[Change::Organizations(center, &ids)]);
        }
        Ok(())
    }
}
