//! Web pages and the files that they load: the explorer at `/`, the reference at `/docs`,
//! the widget, and what stands in `web`. All of them are within the binary.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, CROSS_ORIGIN_OPENER_POLICY, Encoding, EntityTag, Header as _, HeaderName,
    HeaderValue, PERMISSIONS_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};

use super::code::Code;
use super::features::landing::landing;
use super::known::tagged;
use super::negotiate::prefers_html;
use super::problem::Problem;
use super::query::{Param, Params, Query};

static WEB: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/web");

/// Every file of `web` by its path there.
static FILES: LazyLock<HashMap<&'static str, File>> = LazyLock::new(|| {
    let mut files = HashMap::new();
    collect(&WEB, &mut files);
    files
});

/// What files are, by how their names end; all others are plain text.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("geojson", "application/geo+json"),
    ("svg", "image/svg+xml"),
];
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// Smaller files are not packed: that would save no packet.
const MIN_PACKED_BYTES: usize = 1024;

/// How much of a digest tells files apart.
const TAG_BYTES: usize = 16;

/// What pages may load and do: only what comes from here. Pictures may stand in style sheets
/// as well, and the map draws its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    // To be asked about each time, which costs a 304: an upgrade shows at once, and files
    // of two versions never meet.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        PERMISSIONS_POLICY,
        HeaderValue::from_static("geolocation=(self)"),
    ),
    (
        CROSS_ORIGIN_OPENER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

const FORMAT: &str = "f";
const HOME_PARAMS: Params = &[&[Param::once(FORMAT)]];

/// The explorer, for who would rather have a page than JSON; where everything is, for all
/// others.
pub(super) async fn home(request: HttpRequest) -> Result<HttpResponse, Problem> {
    // The explorer keeps its state in its address: what is unknown here may be its own.
    let query = Query::parse(request.query_string(), HOME_PARAMS).ok();
    let format = query.as_ref().and_then(|query| query.one(FORMAT));
    let is_page = match format {
        Some("html") => true,
        Some("json") => false,
        Some(other) => return Err(Problem::invalid(FORMAT, other, "json or html")),
        None => prefers_html(request.headers()),
    };
    let mut home = if is_page {
        send(&request, "explorer/index.html").await?
    } else {
        landing(&request)
    };
    home.headers_mut()
        .append(VARY, HeaderValue::from_static("Accept"));
    Ok(home)
}

pub(super) async fn docs(request: HttpRequest) -> Result<HttpResponse, Problem> {
    send(&request, "docs/index.html").await
}

pub(super) async fn widget(request: HttpRequest) -> Result<HttpResponse, Problem> {
    send(&request, "widget.js").await
}

/// A file of a page.
pub(super) async fn file(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parts = request.match_info();
    let path = match parts.get("package") {
        Some(package) => format!("vendor/{package}/{}", parts.query("file")),
        None => format!("{}/{}", parts.query("folder"), parts.query("file")),
    };
    send(&request, &path).await
}

async fn send(request: &HttpRequest, path: &str) -> Result<HttpResponse, Problem> {
    let Some(file) = FILES.get(path) else {
        return Err(
            Problem::new(Code::PathUnknown, "no page loads a file of this name")
                .at("path")
                .got(request.path()),
        );
    };
    let is_packed = file.bytes.len() >= MIN_PACKED_BYTES && takes_gzip(request);
    let tag = file.tag(is_packed);
    let (mut response, is_known) = match tagged(request, tag) {
        Ok(response) => (response, false),
        Err(response) => (response, true),
    };
    for header in HEADERS {
        response.insert_header(header);
    }
    response.insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    if is_known {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, file.content_type));
    if !is_packed {
        return Ok(response.body(file.bytes));
    }
    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    Ok(response.body(file.packed().await?))
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let (gzip, plain) = (Encoding::gzip(), Encoding::identity());
    request.headers().contains_key(ACCEPT_ENCODING)
        && AcceptEncoding::parse(request)
            .is_ok_and(|accepted| accepted.negotiate([&gzip, &plain].into_iter()) == Some(gzip))
}

/// A file of `web`.
struct File {
    bytes: &'static [u8],
    content_type: &'static str,
    digest: OnceLock<String>,
    packed: OnceLock<Vec<u8>>,
}

impl File {
    fn new(path: &str, bytes: &'static [u8]) -> Self {
        let end = path.rsplit('.').next().unwrap_or_default();
        let content_type = CONTENT_TYPES.iter().find(|(known, _)| *known == end);
        Self {
            bytes,
            content_type: content_type.map_or(PLAIN_TEXT, |(_, content_type)| content_type),
            digest: OnceLock::new(),
            packed: OnceLock::new(),
        }
    }

    /// What tells this content from any other; the packed form has a tag of its own.
    fn tag(&self, is_packed: bool) -> EntityTag {
        let digest = self
            .digest
            .get_or_init(|| URL_SAFE_NO_PAD.encode(&Sha256::digest(self.bytes)[..TAG_BYTES]));
        let form = if is_packed { "-gzip" } else { "" };
        EntityTag::new_strong(format!("{digest}{form}"))
    }

    /// The packed form, made when it is asked for first and kept.
    async fn packed(&'static self) -> Result<&'static [u8], Problem> {
        if let Some(packed) = self.packed.get() {
            return Ok(packed);
        }
        // Off the worker: other requests wait for nothing meanwhile.
        let packing = move || self.packed.get_or_init(|| gzipped(self.bytes)).as_slice();
        tokio::task::spawn_blocking(packing)
            .await
            .map_err(Problem::internal)
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn collect(folder: &'static Dir<'_>, files: &mut HashMap<&'static str, File>) {
    for file in folder.files() {
        let path = file.path().to_str().expect("names in `web` are ASCII");
        files.insert(path, File::new(path, file.contents()));
    }
    for folder in folder.dirs() {
        collect(folder, files);
    }
}
