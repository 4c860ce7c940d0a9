//! What a server lacks to be followed by its binary log.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::MySqlPool;

use super::login::Login;
use super::stream;
use crate::store::feed::Lack;
use crate::store::mysql::triggers::account;
use crate::store::{Collection, StoreError};

/// How long the server may take to accept somebody who follows.
const PATIENCE: Duration = Duration::from_secs(10);

const WHOLE_NUMBERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];

/// A setting, what it has to be, what it is for and how it becomes so.
struct Required {
    setting: &'static str,
    value: &'static str,
    why: &'static str,
    mend: &'static str,
}

const REQUIRED: [Required; 4] = [
    Required {
        setting: "log_bin",
        value: "ON",
        why: "changes are read from the binary log",
        mend: "start the server with --log-bin; nothing switches it on while it runs",
    },
    Required {
        setting: "binlog_format",
        value: "ROW",
        why: "statements do not tell which rows they change",
        mend: "SET PERSIST binlog_format = ROW",
    },
    Required {
        setting: "gtid_mode",
        value: "ON",
        why: "transactions without a GTID cannot be told apart",
        mend: "SET PERSIST enforce_gtid_consistency = ON; SET PERSIST gtid_mode = OFF_PERMISSIVE; \
               SET PERSIST gtid_mode = ON_PERMISSIVE; SET PERSIST gtid_mode = ON",
    },
    Required {
        setting: "log_replica_updates",
        value: "ON",
        why: "a replica without it does not log what its source wrote",
        mend: "SET PERSIST_ONLY log_replica_updates = ON; RESTART",
    },
];

pub(super) async fn lacks(
    pool: &MySqlPool,
    login: &Login,
    collections: &[Collection],
) -> Result<Vec<Lack>, StoreError> {
    let mut lacks = lacking_settings(pool).await?;
    lacks.extend(lacking_right(pool, login).await?);
    for collection in collections {
        lacks.extend(lacking_table(pool, collection).await?);
    }
    Ok(lacks)
}

async fn lacking_settings(pool: &MySqlPool) -> Result<Vec<Lack>, StoreError> {
    let names = REQUIRED.map(|required| format!("'{}'", required.setting));
    let text = format!(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})",
        names.join(", ")
    );
    let rows: Vec<(String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .fetch_all(pool)
        .await?;
    let values: HashMap<String, String> = rows.into_iter().collect();
    let lacking = REQUIRED.iter().filter_map(|required| {
        // A server that knows no such setting has no other way.
        let value = values.get(required.setting)?;
        (!value.eq_ignore_ascii_case(required.value)).then(|| Lack {
            what: format!("{} is {value}: {}", required.setting, required.why),
            mend: required.mend.to_owned(),
        })
    });
    Ok(lacking.collect())
}

async fn lacking_right(pool: &MySqlPool, login: &Login) -> Result<Option<Lack>, StoreError> {
    let trying = tokio::time::timeout(PATIENCE, stream::is_allowed(login));
    match trying.await {
        Ok(Ok(true)) => Ok(None),
        Ok(Ok(false)) => {
            let user: String = sqlx::query_scalar("SELECT CAST(CURRENT_USER() AS CHAR)")
                .fetch_one(pool)
                .await?;
            Ok(Some(Lack {
                what: "this user may not read the binary log".to_owned(),
                mend: format!("GRANT REPLICATION SLAVE ON *.* TO {}", account(&user)),
            }))
        }
        Ok(Err(error)) => Ok(Some(Lack {
            what: format!("the binary log cannot be read: {error}"),
            mend: if login.checks_authority_alone() {
                "with ssl-mode=verify_ca this connection checks the server's name as well: \
                 give the server a certificate that bears its name"
            } else {
                "see what the server says"
            }
            .to_owned(),
        })),
        Err(_) => Ok(Some(Lack {
            what: format!("the server gave no word within {PATIENCE:?} to whoever reads its log"),
            mend: "see whether something between it and nearby holds the connection up".to_owned(),
        })),
    }
}

/// A table that is not there is told by others.
async fn lacking_table(
    pool: &MySqlPool,
    collection: &Collection,
) -> Result<Option<Lack>, StoreError> {
    let found: Option<(String, String)> = sqlx::query_as(
        "SELECT CAST(t.TABLE_TYPE AS CHAR), LOWER(CAST(c.DATA_TYPE AS CHAR)) \
         FROM information_schema.TABLES t JOIN information_schema.COLUMNS c \
           ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME \
         WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = ? AND c.COLUMN_NAME = ?",
    )
    .bind(collection.table.as_str())
    .bind(collection.id.as_str())
    .fetch_optional(pool)
    .await?;
    let table = collection.table.as_str();
    Ok(match found {
        Some((kind, _)) if kind != "BASE TABLE" => Some(Lack {
            what: format!("{table} is a view, and the binary log tells of tables"),
            mend: "declare the table that it is of".to_owned(),
        }),
        Some((_, key)) if !WHOLE_NUMBERS.contains(&key.as_str()) => Some(Lack {
            what: format!("the key of {table} is of type {key}, not of whole numbers"),
            mend: "declare a collection with another key".to_owned(),
        }),
        _ => None,
    })
}
