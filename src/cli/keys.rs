//! `nearby keys`

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::Outcome;
use super::audit::account_of;
use super::database::DatabaseArgs;
use crate::app::Origin;
use crate::domain::{AccessKey, AccessKeyName, Lifetime, Rate, Scope};
use crate::keyring::{digest_of, new_key};
use crate::output::{note, say};
use crate::store::{AccessKeyError, CollectionName, Database};

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "A key is sent as `Authorization: Bearer KEY`, never in a URL. The database holds its \
        SHA-256 alone: a key that is lost is revoked, and another one made. Running instances know \
        new keys, and forget revoked ones, within 5 seconds."
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key, and print it this once
    Create(CreateArgs),
    /// List all keys: what they allow, how long, and when they were used
    List(DatabaseArgs),
    /// End a key, everywhere within 5 seconds
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What the key is called: 1 to 100 letters, digits, `_`, `-` and `.`
    #[arg(long)]
    name: AccessKeyName,
    /// What it lets its holder do: `read`, `write` (centers, dive sites, organizations) or `admin`
    /// (settings, too); each includes those before it
    #[arg(long)]
    scope: Scope,
    /// How long it is good for, as 90d, 12h or 30m [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    expires: Option<Lifetime>,
    /// The only origins whose pages may use it, between commas, as `https://maps.example`
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',')]
    origins: Vec<Origin>,
    /// The most requests a second or a minute, as 10/s or 300/m [default: any]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// The only collections that it is for, between commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = CollectionName::new)]
    collections: Vec<CollectionName>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// The name of the key
    name: AccessKeyName,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.action {
        Action::Create(args) => create(&args).await,
        Action::List(database) => database.with(list).await,
        Action::Revoke(args) => revoke(&args).await,
    }
}

async fn create(args: &CreateArgs) -> anyhow::Result<Outcome> {
    let secret = new_key();
    let now = Utc::now();
    let key = AccessKey {
        name: args.name.clone(),
        scope: args.scope,
        origins: args.origins.iter().map(ToString::to_string).collect(),
        collections: args.collections.iter().map(ToString::to_string).collect(),
        rate: args.rate,
        created_at: now,
        expires_at: args.expires.map(|lifetime| lifetime.end(now)),
        last_used_at: None,
    };
    let digest = digest_of(secret.as_bytes());
    let creating = async |database: &Database| {
        let account = account_of("nearby keys create");
        let creating = database.create_access_key(digest, &key);
        Ok(database.on_account_of(account, creating).await?)
    };
    args.database.with(creating).await?;
    say!("{secret}");
    note!(
        "made the key {} ({}, {}); it is shown this once",
        key.name,
        key.scope,
        end(&key)
    );
    Ok(Outcome::Done)
}

async fn list(database: &Database) -> anyhow::Result<Outcome> {
    let keys = database.access_keys().await?;
    let keys = keys.ok_or(AccessKeyError::NoTable)?;
    if keys.is_empty() {
        note!("there are no keys");
    }
    let now = Utc::now();
    for (_, key) in &keys {
        let mut held = String::new();
        for (what, names) in [("origins", &key.origins), ("collections", &key.collections)] {
            if !names.is_empty() {
                held = format!("{held}  {what}: {}", names.join(","));
            }
        }
        if let Some(rate) = key.rate {
            held = format!("{held}  rate: {rate}");
        }
        let end = if key.has_expired(now) {
            "expired".to_owned()
        } else {
            end(key)
        };
        let used = key.last_used_at.map_or_else(
            || "never used".to_owned(),
            |at| format!("used {}", told(at)),
        );
        say!("{:<20}  {:<5}  {end}  {used}{held}", key.name, key.scope);
    }
    Ok(Outcome::Done)
}

async fn revoke(args: &RevokeArgs) -> anyhow::Result<Outcome> {
    let name = &args.name;
    let revoking = async |database: &Database| {
        let account = account_of("nearby keys revoke");
        let revoking = database.revoke_access_key(name);
        Ok(database.on_account_of(account, revoking).await?)
    };
    if args.database.with(revoking).await? {
        note!("revoked {name}: no instance takes it in 5 seconds any more");
        Ok(Outcome::Done)
    } else {
        note!("there is no key named {name}; `nearby keys list` names those there are");
        Ok(Outcome::FoundWrong)
    }
}

fn end(key: &AccessKey) -> String {
    key.expires_at.map_or_else(
        || "until it is revoked".to_owned(),
        |end| format!("until {}", told(end)),
    )
}

fn told(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
