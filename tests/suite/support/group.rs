//! Three servers as a group: one takes writes, and the others take its place.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::OwnServer;

/// Who the members are to each other.
const NAME: &str = "7a3c9c4e-5b1d-4d1e-9b53-2f6c0a6f1e11";

/// Group Replication with a single primary.
pub struct Group {
    /// The first one is the primary until it ends.
    pub members: Vec<OwnServer>,
}

impl Group {
    /// Starts one of three, which takes some seconds.
    pub async fn start() -> Self {
        let members: Vec<OwnServer> = (0..3).map(|_| OwnServer::start()).collect();
        // Beyond what servers of tests listen at.
        let address = |member: &OwnServer| format!("127.0.0.1:{}", member.port() + 20_000);
        let all: Vec<String> = members.iter().map(address).collect();
        let seeds = all.join(",");
        for (number, member) in members.iter().enumerate() {
            let own = &all[number];
            member
                .execute(&format!(
                    "INSTALL PLUGIN group_replication SONAME 'group_replication.so'; \
                     SET GLOBAL group_replication_group_name = '{NAME}', \
                         GLOBAL group_replication_local_address = '{own}', \
                         GLOBAL group_replication_group_seeds = '{seeds}', \
                         GLOBAL group_replication_recovery_get_public_key = ON, \
                         GLOBAL group_replication_member_expel_timeout = 0, \
                         GLOBAL group_replication_bootstrap_group = {}; \
                     SET sql_log_bin = 0; \
                     CREATE USER joins@'%' IDENTIFIED BY 'joins'; \
                     GRANT REPLICATION SLAVE, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO joins@'%'; \
                     SET sql_log_bin = 1; \
                     CHANGE REPLICATION SOURCE TO SOURCE_USER = 'joins', SOURCE_PASSWORD = 'joins' \
                         FOR CHANNEL 'group_replication_recovery'; \
                     START GROUP_REPLICATION; \
                     SET GLOBAL group_replication_bootstrap_group = OFF",
                    if number == 0 { "ON" } else { "OFF" }
                ))
                .await;
        }
        let group = Self { members };
        group.has_online(3).await;
        group
    }

    /// Waits until another one than the first takes writes; when that was.
    pub async fn has_a_primary_again(&self) -> Instant {
        for _ in 0..6_000 {
            for member in &self.members[1..] {
                let reads = "SELECT CAST(@@GLOBAL.read_only AS CHAR)";
                if member.text(reads).await == "0" {
                    return Instant::now();
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("the group has no primary");
    }

    /// Waits until so many are members.
    pub async fn has_online(&self, count: usize) {
        let last = self.members.last().expect("there are three");
        let expected = count.to_string();
        for _ in 0..600 {
            let online = "SELECT CAST(COUNT(*) AS CHAR) \
                          FROM performance_schema.replication_group_members \
                          WHERE MEMBER_STATE = 'ONLINE'";
            if last.text(online).await == expected {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("the group does not have {count} members");
    }
}
