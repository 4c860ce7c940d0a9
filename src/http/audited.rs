//! How the audit log keeps what is changed: as it is answered, and on whose account.

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage as _, HttpRequest};
use serde_json::json;
use serde_json::value::to_raw_value;

use super::auth;
use super::dto::CenterView;
use super::memberships::MembershipView;
use super::organizations::OrganizationView;
use super::reply::rendered;
use super::settings::SettingView;
use crate::domain::{AccessKey, Setting};
use crate::store::{Account, Audited};

/// Stands for the value of a setting that may be another application's secret.
const NOT_KEPT: &str = "(not kept)";

/// The id under which a request is logged.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) HeaderValue);

/// The account of the key that a request was let in with.
pub(super) fn account_of(request: &HttpRequest) -> Account {
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>();
    let id = id.and_then(|RequestId(id)| id.to_str().ok());
    Account::new(
        auth::name_of_writer(&extensions),
        id.map(str::to_owned),
        as_kept,
    )
}

/// A row as it is answered, without what may be a secret.
pub(crate) fn as_kept(audited: Audited<'_>) -> String {
    let json = match audited {
        Audited::Center(_, center) => rendered(&CenterView::from(center)),
        Audited::Organization(organization) => rendered(&OrganizationView::from(organization)),
        Audited::Membership(membership) => rendered(&MembershipView::from(membership)),
        Audited::Setting(key, setting) if key.is_public() => {
            rendered(&SettingView::new(key, setting))
        }
        Audited::Setting(key, setting) => {
            let value = to_raw_value(NOT_KEPT).expect("a text is JSON in quotes");
            let setting = Setting {
                value,
                ..setting.clone()
            };
            rendered(&SettingView::new(key, &setting))
        }
        Audited::AccessKey(key) => rendered(&key_as_kept(key)),
    };
    String::from_utf8(json).expect("JSON is UTF-8")
}

fn key_as_kept(key: &AccessKey) -> serde_json::Value {
    json!({
        "name": key.name.as_str(),
        "scope": key.scope.name(),
        "origins": key.origins,
        "collections": key.collections,
        "requests_per_minute": key.rate.map(|rate| rate.requests_per_minute().get()),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    })
}
