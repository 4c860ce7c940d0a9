//! The table of routes: what is registered, what `openapi.yaml` lists, what
//! metrics are labelled with.

use std::future::ready;
use std::sync::Arc;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder, Route};

use super::auth::Reader;
use super::caught::Caught;
use super::code::Code;
use super::divemap::errors::Refusal;
use super::problem::Problem;
use super::{
    around, batch, centers, centers_batch, changes, clusters, covering, divemap, features, list,
    memberships, names, nearby, nearest, ops, organizations, pages, settings, tiles, within,
};
use crate::metrics::{Metrics, RouteMetrics};

/// What requests to unknown paths are counted under.
const UNMATCHED: &str = "unmatched";

/// Paths for operators alone, where those have a listener of their own.
const FOR_OPERATORS: [&str; 1] = ["/metrics"];
/// What operators find there.
const ON_THEIR_LISTENER: [&str; 3] = ["/metrics", "/healthz", "/readyz"];

/// Who asks at an address that the service listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Everybody, operators among them.
    ForAll,
    /// Clients, as operators have an address of their own.
    ForClients,
    /// Operators.
    ForOperators,
}

impl Listener {
    fn has(self, pattern: &str) -> bool {
        match self {
            Self::ForAll => true,
            Self::ForClients => !FOR_OPERATORS.contains(&pattern),
            Self::ForOperators => ON_THEIR_LISTENER.contains(&pattern),
        }
    }
}

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The method.
    pub method: &'static str,
    /// The path, with parameters in braces, as OpenAPI writes it.
    pub pattern: &'static str,
    /// Puts the handler on a route.
    handler: fn(Route) -> Route,
}

const fn endpoint(
    method: &'static str,
    pattern: &'static str,
    handler: fn(Route) -> Route,
) -> Endpoint {
    Endpoint {
        method,
        pattern,
        handler,
    }
}

fn on<F, Args, E>(route: Route, handler: F) -> Route
where
    Caught<F>: Handler<Args, Output = Result<HttpResponse, E>>,
    Result<HttpResponse, E>: Responder + 'static,
    Args: FromRequest + 'static,
{
    route.to(Caught(handler))
}

/// The same of what reads rows, for which a key may be asked.
fn reads<F, Args, E>(route: Route, handler: F) -> Route
where
    Caught<F>: Handler<Args, Output = Result<HttpResponse, E>>,
    Result<HttpResponse, E>: Responder + 'static,
    Args: FromRequest + 'static,
{
    route.to(ForReaders(Caught(handler)))
}

/// A handler for those who may read.
#[derive(Debug, Clone, Copy)]
struct ForReaders<H>(H);

impl<H, Args> Handler<(Reader, Args)> for ForReaders<H>
where
    H: Handler<Args>,
{
    type Output = H::Output;
    type Future = H::Future;

    fn call(&self, (_, args): (Reader, Args)) -> Self::Future {
        self.0.call(args)
    }
}

/// Every endpoint, a path's methods side by side. Paths are tried in this order: those
/// asked most stand first, and fixed ones before those with parameters that would match
/// them too. GET answers HEAD as well,
/// and every path OPTIONS.
pub const ROUTES: &[Endpoint] = &[
    endpoint("GET", "/nearby", |route| {
        reads(route, |request: HttpRequest| nearby::WAY.get(&request))
    }),
    endpoint("GET", "/nearest", |route| {
        reads(route, |request: HttpRequest| nearest::WAY.get(&request))
    }),
    endpoint("GET", "/collections/{collection}/nearby", |route| {
        reads(route, |request: HttpRequest| nearby::WAY.get(&request))
    }),
    endpoint("GET", "/collections/{collection}/nearest", |route| {
        reads(route, |request: HttpRequest| nearest::WAY.get(&request))
    }),
    endpoint("GET", "/covering", |route| {
        reads(route, |request: HttpRequest| covering::WAY.get(&request))
    }),
    endpoint("GET", "/collections/{collection}/covering", |route| {
        reads(route, |request: HttpRequest| covering::WAY.get(&request))
    }),
    endpoint("GET", "/within", |route| {
        reads(route, |request: HttpRequest| within::get(&request))
    }),
    endpoint("GET", "/collections/{collection}/within", |route| {
        reads(route, |request: HttpRequest| within::get(&request))
    }),
    endpoint("GET", "/changes", |route| reads(route, changes::get)),
    endpoint("GET", "/collections/{collection}/changes", |route| {
        reads(route, changes::get)
    }),
    endpoint("POST", "/nearby/batch", |route| reads(route, batch::post)),
    endpoint("GET", "/search", |route| reads(route, names::get)),
    endpoint("GET", "/centers", |route| reads(route, list::get)),
    endpoint("POST", "/centers", |route| on(route, centers::post)),
    endpoint("POST", "/centers/batch", |route| {
        on(route, centers_batch::post)
    }),
    endpoint("GET", "/centers/{id}", |route| reads(route, centers::get)),
    endpoint("PUT", "/centers/{id}", |route| on(route, centers::put)),
    endpoint("PATCH", "/centers/{id}", |route| on(route, centers::patch)),
    endpoint("DELETE", "/centers/{id}", |route| {
        on(route, centers::delete)
    }),
    endpoint("GET", "/dive-sites", |route| reads(route, list::get)),
    endpoint("POST", "/dive-sites", |route| on(route, centers::post)),
    endpoint("POST", "/dive-sites/batch", |route| {
        on(route, centers_batch::post)
    }),
    endpoint("GET", "/dive-sites/{id}", |route| {
        reads(route, centers::get)
    }),
    endpoint("PUT", "/dive-sites/{id}", |route| on(route, centers::put)),
    endpoint("PATCH", "/dive-sites/{id}", |route| {
        on(route, centers::patch)
    }),
    endpoint("DELETE", "/dive-sites/{id}", |route| {
        on(route, centers::delete)
    }),
    endpoint("GET", "/dive-sites/{id}/nearby", |route| {
        reads(route, around::sites)
    }),
    endpoint("GET", "/dive-sites/{id}/centers", |route| {
        reads(route, around::centers)
    }),
    endpoint("GET", "/collections", |route| {
        reads(route, features::collections::list)
    }),
    endpoint("GET", "/collections/{collection}", |route| {
        reads(route, features::collections::get)
    }),
    endpoint("POST", "/collections/{collection}/nearby/batch", |route| {
        reads(route, batch::post)
    }),
    endpoint("GET", "/collections/{collection}/search", |route| {
        reads(route, names::get)
    }),
    endpoint("GET", "/collections/{collection}/items", |route| {
        reads(route, features::items::get)
    }),
    endpoint("GET", "/collections/{collection}/items/{id}", |route| {
        reads(route, features::items::one)
    }),
    endpoint("GET", "/collections/{collection}/queryables", |route| {
        reads(route, features::queryables::get)
    }),
    endpoint("GET", "/collections/{collection}/tiles", |route| {
        reads(route, features::tilesets::list)
    }),
    endpoint(
        "GET",
        "/collections/{collection}/tiles/{matrix_set}",
        |route| reads(route, features::tilesets::get),
    ),
    endpoint(
        "GET",
        "/collections/{collection}/tiles/{matrix_set}/{z}/{y}/{x}",
        |route| reads(route, features::tilesets::tile),
    ),
    endpoint("GET", "/conformance", |route| {
        reads(route, features::landing::conformance)
    }),
    endpoint("GET", "/centers/{id}/organizations", |route| {
        reads(route, memberships::list)
    }),
    endpoint("POST", "/centers/{id}/organizations", |route| {
        on(route, memberships::post)
    }),
    endpoint(
        "PUT",
        "/centers/{id}/organizations/{organization_id}",
        |route| on(route, memberships::put),
    ),
    endpoint(
        "DELETE",
        "/centers/{id}/organizations/{organization_id}",
        |route| on(route, memberships::delete),
    ),
    endpoint("GET", "/organizations", |route| {
        reads(route, organizations::list)
    }),
    endpoint("POST", "/organizations", |route| {
        on(route, organizations::post)
    }),
    endpoint("GET", "/organizations/{id}", |route| {
        reads(route, organizations::get)
    }),
    endpoint("PUT", "/organizations/{id}", |route| {
        on(route, organizations::put)
    }),
    endpoint("DELETE", "/organizations/{id}", |route| {
        on(route, organizations::delete)
    }),
    endpoint("GET", "/tiles/{collection}/{z}/{x}/{y}.mvt", |route| {
        reads(route, tiles::tile)
    }),
    endpoint("GET", "/tiles/{collection}.json", |route| {
        reads(route, tiles::tile_json)
    }),
    endpoint("GET", "/clusters/{id}/children", |route| {
        reads(route, clusters::children)
    }),
    endpoint("GET", "/clusters/{id}/leaves", |route| {
        reads(route, clusters::leaves)
    }),
    endpoint(
        "GET",
        "/collections/{collection}/clusters/{id}/children",
        |route| reads(route, clusters::children),
    ),
    endpoint(
        "GET",
        "/collections/{collection}/clusters/{id}/leaves",
        |route| reads(route, clusters::leaves),
    ),
    endpoint("GET", "/settings/{key}", |route| {
        reads(route, settings::get)
    }),
    endpoint("PUT", "/settings/{key}", |route| on(route, settings::put)),
    endpoint("GET", "/api/v1/diving-centers", |route| {
        reads(route, divemap::list::get)
    }),
    endpoint("GET", "/api/v1/diving-centers/", |route| {
        reads(route, divemap::list::get)
    }),
    endpoint("GET", "/api/v1/diving-centers/nearby", |route| {
        reads(route, divemap::nearby::get)
    }),
    endpoint("GET", "/api/v1/diving-centers/search", |route| {
        reads(route, divemap::search::get)
    }),
    endpoint("GET", "/api/v1/diving-centers/count", |route| {
        reads(route, divemap::list::count)
    }),
    endpoint(
        "GET",
        "/api/v1/diving-centers/{diving_center_id}",
        |route| reads(route, divemap::center::get),
    ),
    endpoint("GET", "/api/v1/dive-sites", |route| {
        reads(route, divemap::sites::list)
    }),
    endpoint("GET", "/api/v1/dive-sites/", |route| {
        reads(route, divemap::sites::list)
    }),
    endpoint("GET", "/api/v1/dive-sites/count", |route| {
        reads(route, divemap::sites::count)
    }),
    endpoint("GET", "/api/v1/dive-sites/{dive_site_id}", |route| {
        reads(route, divemap::sites::get)
    }),
    endpoint(
        "GET",
        "/api/v1/dive-sites/{dive_site_id}/diving-centers",
        |route| reads(route, divemap::sites::centers),
    ),
    endpoint("GET", "/api/v1/dive-sites/{dive_site_id}/nearby", |route| {
        reads(route, divemap::dive_sites::nearby)
    }),
    endpoint(
        "GET",
        "/api/v1/diving-centers/{diving_center_id}/organizations",
        |route| reads(route, divemap::organizations::get),
    ),
    endpoint("GET", "/api/v1/settings/{key}", |route| {
        reads(route, divemap::settings::get)
    }),
    endpoint("GET", "/healthz", |route| on(route, ops::healthz)),
    endpoint("GET", "/readyz", |route| on(route, ops::readyz)),
    endpoint("GET", "/metrics", |route| reads(route, ops::metrics)),
    endpoint("GET", "/openapi.yaml", |route| on(route, ops::openapi)),
    endpoint("GET", "/", |route| on(route, pages::home)),
    endpoint("GET", "/docs", |route| on(route, pages::docs)),
    endpoint("GET", "/widget.js", |route| on(route, pages::widget)),
    endpoint("GET", "/web/{folder}/{file}", |route| {
        on(route, pages::file)
    }),
    endpoint("GET", "/web/vendor/{package}/{file}", |route| {
        on(route, pages::file)
    }),
];

/// What is counted of each path.
#[derive(Debug)]
pub(crate) struct Labels {
    by_path: Vec<Arc<RouteMetrics>>,
    unmatched: Arc<RouteMetrics>,
}

impl Labels {
    /// Labels for every path of the table.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let of = |pattern| Arc::new(metrics.route(pattern));
        Self {
            by_path: paths().map(|methods| of(methods[0].pattern)).collect(),
            unmatched: of(UNMATCHED),
        }
    }

    /// The label of all that asks for no path of the table.
    pub fn unmatched(&self) -> &Arc<RouteMetrics> {
        &self.unmatched
    }
}

/// Under which path of the table a request is counted.
pub(super) fn route_of(request: &HttpRequest) -> &RouteMetrics {
    request
        .app_data::<Arc<RouteMetrics>>()
        .expect("the application has metrics for what matches no route")
}

fn paths() -> impl Iterator<Item = &'static [Endpoint]> {
    ROUTES.chunk_by(|one, next| one.pattern == next.pattern)
}

/// Registers every endpoint of a listener.
pub(crate) fn configure(config: &mut ServiceConfig, labels: &Labels, listener: Listener) {
    for (endpoints, label) in paths().zip(&labels.by_path) {
        if !listener.has(endpoints[0].pattern) {
            continue;
        }
        let allow = allow(endpoints);
        let mut resource = web::resource(endpoints[0].pattern).app_data(Arc::clone(label));
        for endpoint in endpoints {
            let on = |method: Method| (endpoint.handler)(web::method(method));
            let method = Method::from_bytes(endpoint.method.as_bytes())
                .expect("the table holds methods of HTTP");
            if method == Method::GET {
                resource = resource.route(on(Method::HEAD));
            }
            resource = resource.route(on(method));
        }
        config.service(
            resource.default_service(web::to(move |request: HttpRequest| {
                ready(other_method(&request, allow.clone()))
            })),
        );
    }
    config
        .app_data(listener)
        .app_data(Arc::clone(&labels.unmatched))
        .default_service(web::to(move |request: HttpRequest| {
            ready(nothing_there(&request, listener))
        }));
}

fn allow(endpoints: &[Endpoint]) -> HeaderValue {
    let mut methods: Vec<&str> = Vec::new();
    for endpoint in endpoints {
        methods.push(endpoint.method);
        if endpoint.method == "GET" {
            methods.push("HEAD");
        }
    }
    methods.push("OPTIONS");
    HeaderValue::from_str(&methods.join(", ")).expect("methods are tokens")
}

fn other_method(request: &HttpRequest, allow: HeaderValue) -> Result<HttpResponse, Error> {
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::build(StatusCode::NO_CONTENT)
            .insert_header((ALLOW, allow))
            .finish());
    }
    if divemap::is_asked(request) {
        return Err(Refusal::method_not_allowed(allow).into());
    }
    Err(Problem::method_not_allowed(request.method().as_str(), allow).into())
}

fn nothing_there(request: &HttpRequest, listener: Listener) -> Result<HttpResponse, Error> {
    if divemap::is_asked(request) {
        return Err(Refusal::unknown_path().into());
    }
    Err(unknown_path(request, listener).into())
}

/// What is said where there is nothing, with all paths that there are.
fn unknown_path(request: &HttpRequest, listener: Listener) -> Problem {
    let mut paths: Vec<&str> = ROUTES.iter().map(|endpoint| endpoint.pattern).collect();
    paths.retain(|pattern| listener.has(pattern));
    paths.dedup();
    Problem::new(
        Code::PathUnknown,
        "there is nothing at this path; /openapi.yaml describes all there is",
    )
    .at("path")
    .got(request.path())
    .allowed(paths.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paths_methods_stand_side_by_side() {
        let patterns: Vec<&str> = paths().map(|methods| methods[0].pattern).collect();
        let distinct: std::collections::HashSet<_> = patterns.iter().collect();
        assert_eq!(distinct.len(), patterns.len());
    }

    #[test]
    fn get_allows_head_and_everything_options() {
        let of = |pattern: &str| {
            let methods = paths()
                .find(|methods| methods[0].pattern == pattern)
                .unwrap();
            allow(methods).to_str().unwrap().to_owned()
        };
        assert_eq!(of("/nearby"), "GET, HEAD, OPTIONS");
        assert_eq!(
            of("/centers/{id}"),
            "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
        );
    }
}
