//! `GET /collections/{collection}/queryables`: what a collection can be asked by, as a JSON
//! Schema (OGC API - Features, Part 3, 6.2).

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::check_json_only;
use super::links::{self, address_of};
use crate::domain::FieldKind;
use crate::http::collections::catalog_of;
use crate::http::problem::Problem;
use crate::http::reply;

pub(in crate::http) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    check_json_only(&request)?;
    let catalog = catalog_of(&request)?;
    let name = catalog.collection().name.as_str();
    let mut properties = Map::new();
    let geometry = json!({"title": "where it is", "format": "geometry-point"});
    properties.insert("geometry".to_owned(), geometry);
    for (_, field) in catalog.collection().fields().iter() {
        if field.is_there {
            properties.insert(field.name.clone(), schema_of(field.kind));
        }
    }
    let path = format!("/collections/{name}/queryables");
    let mut answer = reply::ok(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address_of(&request, &path),
        "type": "object",
        "title": name,
        "properties": properties,
        "additionalProperties": false,
    }));
    let kind = HeaderValue::from_static(links::SCHEMA);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

fn schema_of(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Text => json!({"type": "string"}),
        FieldKind::Number => json!({"type": "number"}),
        FieldKind::Boolean => json!({"type": "boolean"}),
        FieldKind::Date => json!({"type": "string", "format": "date"}),
    }
}
