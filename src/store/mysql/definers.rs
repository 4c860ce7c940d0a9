//! The accounts in whose name triggers run, and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, MySqlPool};

use super::triggers::refusal;
use crate::store::Collection;

/// What ails the account in whose name a trigger runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ailment {
    /// It is gone.
    Gone,
    /// It lacks a right on the table.
    Lacks(&'static str),
}

/// The accounts of the server and what they may do with a table.
pub(super) struct Accounts {
    known: BTreeSet<String>,
    roles: Roles,
    /// Grantees, as the server quotes them, with their rights.
    rights: BTreeSet<(String, String)>,
}

impl Accounts {
    /// What ails an account that needs some rights.
    pub(super) fn ailment(&self, account: &str, needed: &[&'static str]) -> Option<Ailment> {
        if !self.known.contains(account) {
            return Some(Ailment::Gone);
        }
        let grantees: Vec<String> = self
            .roles
            .with(account)?
            .iter()
            .map(|account| grantee(account))
            .collect();
        let holds = |right: &str| {
            let mut grantees = grantees.iter();
            grantees.any(|grantee| self.rights.contains(&(grantee.clone(), right.to_owned())))
        };
        let lacking = needed.iter().find(|right| !holds(right));
        lacking.copied().map(Ailment::Lacks)
    }
}

/// The accounts; `None` where this user may not see them.
pub(super) async fn accounts(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Option<Accounts>> {
    let known = "SELECT CONCAT(CAST(User AS CHAR), '@', CAST(Host AS CHAR)) FROM mysql.user";
    let known = match sqlx::query_scalar(known).fetch_all(pool).await {
        Ok(known) => known,
        Err(error) if refusal(&error).is_some() => return Ok(None),
        Err(error) => return Err(error),
    };
    let roles = match Roles::read(pool).await {
        Ok(roles) => roles,
        Err(error) if refusal(&error).is_some() => Roles::Unknown,
        Err(error) => return Err(error),
    };
    let columns = "SELECT CAST(GRANTEE AS CHAR), CAST(PRIVILEGE_TYPE AS CHAR) \
                   FROM information_schema.";
    let on_table = "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?";
    let rights = format!(
        "{columns}USER_PRIVILEGES \
         UNION {columns}SCHEMA_PRIVILEGES WHERE DATABASE() LIKE TABLE_SCHEMA \
         UNION {columns}TABLE_PRIVILEGES {on_table} \
         UNION {columns}COLUMN_PRIVILEGES {on_table}"
    );
    let table = collection.table.as_str();
    let rights = sqlx::query_as(AssertSqlSafe(rights))
        .bind(table)
        .bind(table);
    Ok(Some(Accounts {
        known: known.into_iter().collect(),
        roles,
        rights: rights.fetch_all(pool).await?.into_iter().collect(),
    }))
}

/// Which roles are active while a trigger runs: those that an account has by default, or all
/// that it was granted where the server activates them by itself, each with the roles that
/// it was granted in turn.
enum Roles {
    /// This user may not see them, or they are of a kind that is not looked up.
    Unknown,
    /// By account.
    Known {
        /// What is active by itself.
        active: BTreeMap<String, BTreeSet<String>>,
        /// What was granted.
        granted: BTreeMap<String, BTreeSet<String>>,
    },
}

impl Roles {
    async fn read(pool: &MySqlPool) -> sqlx::Result<Self> {
        let server = "SELECT @@activate_all_roles_on_login = 1, @@mandatory_roles <> ''";
        let (activates_all, has_mandatory): (bool, bool) =
            sqlx::query_as(server).fetch_one(pool).await?;
        if activates_all && has_mandatory {
            return Ok(Self::Unknown);
        }
        let granted = "SELECT CONCAT(CAST(TO_USER AS CHAR), '@', CAST(TO_HOST AS CHAR)), \
                              CONCAT(CAST(FROM_USER AS CHAR), '@', CAST(FROM_HOST AS CHAR)) \
                       FROM mysql.role_edges";
        let granted = by_account(sqlx::query_as(granted).fetch_all(pool).await?);
        if activates_all {
            let active = granted.clone();
            return Ok(Self::Known { active, granted });
        }
        let defaults = "SELECT CONCAT(CAST(USER AS CHAR), '@', CAST(HOST AS CHAR)), \
                               CONCAT(CAST(DEFAULT_ROLE_USER AS CHAR), '@', \
                                      CAST(DEFAULT_ROLE_HOST AS CHAR)) \
                        FROM mysql.default_roles";
        let active = by_account(sqlx::query_as(defaults).fetch_all(pool).await?);
        Ok(Self::Known { active, granted })
    }

    /// An account and its active roles; `None` where they are unknown.
    fn with(&self, account: &str) -> Option<BTreeSet<String>> {
        let Self::Known { active, granted } = self else {
            return None;
        };
        let mut found = BTreeSet::from([account.to_owned()]);
        let mut next: Vec<&String> = active.get(account).into_iter().flatten().collect();
        while let Some(role) = next.pop() {
            if found.insert(role.clone()) {
                next.extend(granted.get(role).into_iter().flatten());
            }
        }
        Some(found)
    }
}

fn by_account(pairs: Vec<(String, String)>) -> BTreeMap<String, BTreeSet<String>> {
    let mut by_account = BTreeMap::<String, BTreeSet<String>>::new();
    for (account, role) in pairs {
        by_account.entry(account).or_default().insert(role);
    }
    by_account
}

/// `u@%` as the tables of rights name it.
fn grantee(account: &str) -> String {
    match account.rsplit_once('@') {
        Some((name, host)) => format!("'{name}'@'{host}'"),
        None => account.to_owned(),
    }
}
