//! `GET /api/v1/settings/{key}`.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use crate::domain::SettingKey;
use crate::http::problem::repeated;
use crate::http::settings::{answer, check_reader};
use crate::http::state::State;

/// Answers a setting, its value as JSON.
///
/// # Errors
/// When there is none or the database does not answer.
pub async fn get(key: Path<String>, request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let text = key.as_str();
    let not_found = || Refusal::not_found(format!("Setting '{}' not found", repeated(text)));
    let key = SettingKey::new(text).ok_or_else(not_found)?;
    check_reader(&request, &key)?;
    let state = State::of(&request);
    let database = state.database.clone();
    let asked = key.clone();
    let found = state
        .run(async move { database.setting(&asked).await })
        .await?;
    let setting = found.ok_or_else(not_found)?;
    Ok(answer(&key, &setting))
}
