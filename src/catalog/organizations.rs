//! Organizations and the centers that work by them, as the engine follows them.

use super::Catalog;
use crate::domain::{CenterId, Membership, Organization, OrganizationDraft, OrganizationId};
use crate::store::{MembershipError, OrganizationError, StoreError};

impl Catalog {
    /// Creates an organization.
    ///
    /// # Errors
    /// When another has its name or acronym, or the database does not answer.
    pub async fn create_organization(
        &self,
        draft: &OrganizationDraft,
    ) -> Result<Organization, OrganizationError> {
        let _order = self.write_order.lock().await;
        self.store.database().create_organization(draft).await
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
        let _order = self.write_order.lock().await;
        self.store.database().replace_organization(id, draft).await
    }

    /// Deletes an organization, and with it that centers work by it; `false`
    /// where there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_organization(&self, id: OrganizationId) -> Result<bool, StoreError> {
        let _order = self.write_order.lock().await;
        self.store.database().delete_organization(id).await
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
        let _order = self.write_order.lock().await;
        let database = self.store.database();
        database.join(center, organization, is_primary).await
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
        let _order = self.write_order.lock().await;
        self.store.database().part(center, organization).await
    }
}
