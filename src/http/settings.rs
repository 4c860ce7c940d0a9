//! `/settings/{key}`: JSON by name, written with the key; what is not nearby's own is read with it.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::auth::{Administrator, may_read_all_settings};
use super::body::{JSON, read_json};
use super::code::Code;
use super::problem::Problem;
use super::query::Query;
use super::reply;
use super::state::State;
use crate::domain::{
    MAX_DESCRIPTION_CHARS, MAX_SETTING_BYTES, MAX_SETTING_KEY_CHARS, Setting, SettingError,
    SettingKey,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingBody {
    value: Box<RawValue>,
    #[serde(default)]
    description: Option<String>,
}

/// A setting as it is sent.
#[derive(Serialize)]
pub(super) struct SettingView<'a> {
    key: &'a str,
    value: &'a RawValue,
    description: Option<&'a str>,
}

impl<'a> SettingView<'a> {
    pub(super) fn new(key: &'a SettingKey, setting: &'a Setting) -> Self {
        Self {
            key: key.as_str(),
            value: &setting.value,
            description: setting.description.as_deref(),
        }
    }
}

pub(super) async fn get(key: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let key = key_of(&key)?;
    check_reader(&request, &key)?;
    let state = State::of(&request);
    let database = state.database.clone();
    let asked = key.clone();
    let found = state
        .run(async move { database.setting(&asked).await })
        .await?;
    let setting = found.ok_or_else(|| {
        Problem::new(
            Code::SettingNotFound,
            format!("there is no setting {}", key.as_str()),
        )
        .at("key")
        .got(key.as_str())
        .allowed("the name of a setting")
    })?;
    Ok(answer(&key, &setting))
}

/// Refuses to show a setting that is not public to whoever has no key.
///
/// # Errors
/// When it is such a setting, and the request has no valid key.
pub(super) fn check_reader(request: &HttpRequest, key: &SettingKey) -> Result<(), Problem> {
    if key.is_public() {
        return Ok(());
    }
    may_read_all_settings(request)
}

/// A setting, for its reader alone where it is not public.
pub(super) fn answer(key: &SettingKey, setting: &Setting) -> HttpResponse {
    let mut response = reply::ok(&SettingView::new(key, setting));
    if !key.is_public() {
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

pub(super) async fn put(
    _: Administrator,
    key: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let key = key_of(&key)?;
    let body: SettingBody = read_json(&request, payload, JSON).await?;
    let setting = Setting::new(body.value, body.description)?;
    let state = State::of(&request);
    let collections = state.collections.clone();
    let answer = answer(&key, &setting);
    state
        .write(&request, async move {
            collections.put_setting(&key, &setting).await
        })
        .await?;
    Ok(answer)
}

fn key_of(text: &str) -> Result<SettingKey, Problem> {
    SettingKey::new(text).ok_or_else(|| {
        Problem::invalid(
            "key",
            text,
            format!("1 to {MAX_SETTING_KEY_CHARS} characters, none of them a control character"),
        )
    })
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Value(bytes) => Self::invalid(
                "value",
                &format!("{bytes} bytes"),
                format!("JSON of at most {MAX_SETTING_BYTES} bytes"),
            ),
            SettingError::Description(chars) => Self::invalid(
                "description",
                &format!("{chars} characters"),
                format!("a text of at most {MAX_DESCRIPTION_CHARS} characters"),
            ),
        }
    }
}
