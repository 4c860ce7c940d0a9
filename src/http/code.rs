//! The table of problem codes: what clients can tell problems apart by.
//!
//! Codes are part of the interface and stay as they are; `openapi.yaml` lists
//! the same ones, and a test holds the two together.

use actix_web::http::StatusCode;

/// Builds the enum and its columns from one line a code.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $status:ident, $name:literal, $title:literal;)+) => {
        /// What went wrong, in a form that stays the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as clients see it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The status that goes with it.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// What it means, in a few words that never change.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// A parameter or member that has to be there is not.
    ParameterMissing = BAD_REQUEST, "parameter_missing", "A parameter is missing";
    /// A parameter that may be there once is there again.
    ParameterRepeated = BAD_REQUEST, "parameter_repeated", "A parameter is repeated";
    /// A parameter or member that this resource does not know.
    ParameterUnknown = BAD_REQUEST, "parameter_unknown", "A parameter is unknown";
    /// A value is malformed or out of range.
    ParameterInvalid = BAD_REQUEST, "parameter_invalid", "A parameter has an invalid value";
    /// Two parameters exclude each other.
    ParameterConflict = BAD_REQUEST, "parameter_conflict", "Two parameters exclude each other";
    /// The query string is not percent-encoded UTF-8.
    QueryMalformed = BAD_REQUEST, "query_malformed", "The query string is malformed";
    /// The cursor is damaged, or belongs to another search, collection or engine.
    CursorInvalid = BAD_REQUEST, "cursor_invalid", "The cursor cannot be used here";
    /// The body is not JSON.
    BodyMalformed = BAD_REQUEST, "body_malformed", "The body is not JSON";
    /// A member that only nearby writes.
    FieldReadOnly = BAD_REQUEST, "field_read_only", "A field cannot be written";
    /// The request is at odds with HTTP or with the rules for cross-origin requests.
    RequestRefused = BAD_REQUEST, "request_refused", "The request was refused";
    /// The key is missing or wrong.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid key is needed";
    /// This server has no key, so nobody can write.
    WritesDisabled = FORBIDDEN, "writes_disabled", "Writes are disabled";
    /// The key does not allow it.
    Forbidden = FORBIDDEN, "forbidden", "The key does not allow it";
    /// There is no such path.
    PathUnknown = NOT_FOUND, "path_unknown", "There is nothing at this path";
    /// There is no such center.
    CenterNotFound = NOT_FOUND, "center_not_found", "There is no such center";
    /// There is no such collection.
    CollectionNotFound = NOT_FOUND, "collection_not_found", "There is no such collection";
    /// There is no such organization.
    OrganizationNotFound = NOT_FOUND, "organization_not_found", "There is no such organization";
    /// The center does not work by this organization.
    MembershipNotFound = NOT_FOUND, "membership_not_found", "The center does not have this organization";
    /// No center stands in this cluster.
    ClusterNotFound = NOT_FOUND, "cluster_not_found", "There is no such cluster";
    /// The rows of the collection do not say how far they reach.
    ServiceRadiusMissing = NOT_FOUND, "service_radius_missing", "The collection has no service radius";
    /// There is no such setting.
    SettingNotFound = NOT_FOUND, "setting_not_found", "There is no such setting";
    /// The path is there, but not for this method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here";
    /// None of the formats that `Accept` names can be given.
    NotAcceptable = NOT_ACCEPTABLE, "not_acceptable", "None of the accepted formats can be given";
    /// The body did not arrive in time.
    BodyTimeout = REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time";
    /// The request line and the headers did not arrive in time.
    HeadTimeout = REQUEST_TIMEOUT, "head_timeout", "The request did not arrive in time";
    /// A place without coordinates has nothing around it.
    CoordinatesMissing = CONFLICT, "coordinates_missing", "The place has no coordinates";
    /// Centers with a similar name are near.
    CenterExists = CONFLICT, "center_exists", "A center like this is near";
    /// Rows of tables that nearby does not write refer to what is to be deleted.
    InUse = CONFLICT, "in_use", "Other tables refer to it";
    /// Another organization has this name or acronym.
    OrganizationExists = CONFLICT, "organization_exists", "Another organization is called so";
    /// The center works by this organization already.
    MembershipExists = CONFLICT, "membership_exists", "The center has this organization already";
    /// Another organization is the center's primary one.
    PrimaryExists = CONFLICT, "primary_exists", "The center has another primary organization";
    /// A request with the same `Idempotency-Key` has not been answered yet.
    RequestUnderWay = CONFLICT, "request_under_way", "A request with this Idempotency-Key is under way";
    /// Other rows keep the table from taking the row.
    RowConflict = CONFLICT, "row_conflict", "Other rows are in the way";
    /// The table does not take the row.
    RowRefused = UNPROCESSABLE_ENTITY, "row_refused", "The table does not take the row";
    /// The `Idempotency-Key` came with another request before.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The Idempotency-Key belongs to another request";
    /// The row has changed since its client read it.
    PreconditionFailed = PRECONDITION_FAILED, "precondition_failed", "The row is not as the request has it";
    /// The body is larger than this server takes.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large";
    /// The query string is longer than this server takes.
    QueryTooLong = URI_TOO_LONG, "query_too_long", "The query string is too long";
    /// The body is of another type than the resource takes.
    ContentTypeUnsupported = UNSUPPORTED_MEDIA_TYPE, "content_type_unsupported", "The content type is not supported";
    /// A key or a network sends more than it may.
    TooManyRequests = TOO_MANY_REQUESTS, "too_many_requests", "Too many requests";
    /// The request line and the headers are larger than this server takes.
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "The head of the request is too large";
    /// Something went wrong here; the log knows what.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something went wrong";
    /// The database has no table for what is kept under an `Idempotency-Key`.
    IdempotencyUnavailable = NOT_IMPLEMENTED, "idempotency_unavailable", "No Idempotency-Key can be taken here";
    /// The database, which is another application's, has no table for what was to be written.
    TableMissing = NOT_IMPLEMENTED, "table_missing", "The database has no table for this";
    /// No index in memory tells what changes.
    ChangesUnavailable = NOT_IMPLEMENTED, "changes_unavailable", "Changes are not told here";
    /// The index is still being loaded.
    IndexLoading = SERVICE_UNAVAILABLE, "index_loading", "The index is being loaded";
    /// The index is further behind the database than it may be.
    IndexStale = SERVICE_UNAVAILABLE, "index_stale", "The index is too far behind";
    /// The database takes too long for what is asked.
    SearchTooSlow = SERVICE_UNAVAILABLE, "search_too_slow", "This takes the database too long";
    /// There is no place, memory or turn left for it.
    Overloaded = SERVICE_UNAVAILABLE, "overloaded", "The server has too much to do";
    /// The service was told to stop.
    Stopping = SERVICE_UNAVAILABLE, "stopping", "The server is stopping";
    /// The database does not answer.
    DatabaseUnavailable = SERVICE_UNAVAILABLE, "database_unavailable", "The database is unavailable";
}

impl Code {
    /// The code for an error that was not made here and has only a status.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.status() == status && status != StatusCode::BAD_REQUEST)
            .unwrap_or(if status.is_server_error() {
                Self::Internal
            } else {
                Self::RequestRefused
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_by_name_and_by_title() {
        for column in [Code::name, Code::title] {
            let distinct: std::collections::HashSet<_> =
                Code::ALL.iter().map(|code| column(*code)).collect();
            assert_eq!(distinct.len(), Code::ALL.len());
        }
    }

    #[test]
    fn an_error_made_elsewhere_gets_the_code_of_its_status() {
        assert_eq!(
            Code::of_status(StatusCode::PAYLOAD_TOO_LARGE),
            Code::BodyTooLarge
        );
        assert_eq!(
            Code::of_status(StatusCode::BAD_REQUEST),
            Code::RequestRefused
        );
        assert_eq!(Code::of_status(StatusCode::BAD_GATEWAY), Code::Internal);
        assert_eq!(
            Code::of_status(StatusCode::EXPECTATION_FAILED),
            Code::RequestRefused
        );
    }
}
