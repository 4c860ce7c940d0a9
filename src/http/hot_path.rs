//! The hot path: `GET /nearby` and `GET /nearest`, answered in front of the
//! application where the index in memory has all of the answer.
//!
//! Routing, middleware and the boxed futures in between cost a sixth of the time that
//! such a request takes. Whatever is not as simple goes to the application, untouched,
//! and gets there what any request gets: problems, the other engine, other
//! methods, panics. So there is one place that says what a wrong request is told.

use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use actix_http::{ConnectionType, Request, Response};
use actix_service::IntoServiceFactory;
use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{AppConfig, Service, ServiceFactory, ServiceResponse, forward_ready};
use actix_web::http::{Method, StatusCode};
use futures_util::future::{Either, FutureExt as _, LocalBoxFuture, Map};

use super::answer::AnswerBody;
use super::collections::filter_for;
use super::observe::Answered;
use super::reply;
use super::request_id::{REQUEST_ID, RequestIds};
use super::routes::Labels;
use super::search::{Way, ask_index};
use super::state::State;
use super::{nearby, nearest};
use crate::domain::Search;
use crate::metrics::RouteMetrics;

const WAYS: [(&str, Way); 2] = [("/nearby", nearby::WAY), ("/nearest", nearest::WAY)];

/// What an answer's body is: written here or by the application.
type Body = EitherBody<Vec<u8>, BoxBody>;
type Outcome = Result<Response<Body>, Error>;

/// What is answered in front of the application.
#[derive(Debug, Clone)]
pub struct HotPath {
    state: Arc<State>,
    lanes: Arc<[Lane]>,
}

/// One path that is answered here.
#[derive(Debug)]
struct Lane {
    way: Way,
    label: Arc<RouteMetrics>,
}

impl HotPath {
    /// Answers searches of the default collection.
    #[must_use]
    pub fn new(state: Arc<State>, labels: &Labels) -> Self {
        let lanes = WAYS.iter().map(|(path, way)| Lane {
            way: *way,
            label: Arc::clone(labels.of(path).expect("the table has the path")),
        });
        Self {
            state,
            lanes: lanes.collect(),
        }
    }

    /// Answers nothing: all goes to the application.
    #[must_use]
    pub fn closed(state: Arc<State>) -> Self {
        Self {
            state,
            lanes: Arc::new([]),
        }
    }

    /// Stands in front of an application.
    pub fn before<F: ServiceFactory<Request>>(
        self,
        app: impl IntoServiceFactory<F, Request>,
    ) -> InFront<F> {
        InFront {
            hot_path: self,
            app: app.into_factory(),
        }
    }

    /// The answer, where it is a simple one.
    fn answer(&self, ids: &RequestIds, request: &Request) -> Option<Response<Vec<u8>>> {
        if request.method() != Method::GET {
            return None;
        }
        let path = request.path();
        let Lane { way, label } = self
            .lanes
            .iter()
            .find(|lane| lane.label.pattern() == path)?;
        let catalog = &self.state.catalog;
        let started = Instant::now();
        let headers = &request.head().headers;
        let query = request.uri().query().unwrap_or_default();
        let (search, format) = way.asked(query, headers).ok()?;
        let filter = filter_for(catalog, search.filter).ok()?;
        let search = Search { filter, ..search };
        let mut answer = AnswerBody::new(format, &search);
        ask_index(catalog, &search, &mut answer)?.ok()?;
        self.state.metrics.search_answered(answer.count());
        let status = StatusCode::OK;
        let mut response = Response::with_body(status, answer.finish());
        for (name, value) in reply::headers_of(format) {
            response.headers_mut().insert(name, value);
        }
        let id = ids.of(headers);
        let answered = Answered {
            route: label,
            method: request.method(),
            status,
            id: &id,
            started,
            cause: None,
        };
        answered.log_and_count();
        response.headers_mut().insert(REQUEST_ID, id);
        Some(response)
    }
}

/// An application with a hot path in front, before it is started.
#[derive(Debug)]
pub struct InFront<F> {
    hot_path: HotPath,
    app: F,
}

impl<F> ServiceFactory<Request> for InFront<F>
where
    F: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse, Error = Error>,
    F::Future: 'static,
{
    type Response = Response<Body>;
    type Error = Error;
    type Config = AppConfig;
    type Service = Started<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let hot_path = self.hot_path.clone();
        let starting = self.app.new_service(config);
        Box::pin(async move {
            Ok(Started {
                hot_path,
                ids: RequestIds::new(),
                app: starting.await?,
            })
        })
    }
}

/// The same in one worker.
#[derive(Debug)]
pub struct Started<S> {
    hot_path: HotPath,
    ids: RequestIds,
    app: S,
}

impl<S> Service<Request> for Started<S>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<Ready<Outcome>, Map<S::Future, fn(Result<S::Response, Error>) -> Outcome>>;

    forward_ready!(app);

    fn call(&self, request: Request) -> Self::Future {
        // What panics here does so again in the application, which makes it an answer.
        let answering = AssertUnwindSafe(|| self.hot_path.answer(&self.ids, &request));
        // Whoever would rather speak something else may, on another connection: actix reads
        // no further request from this one, and would say that it was upgraded.
        let closes = request.head().connection_type() == ConnectionType::Upgrade;
        if let Ok(Some(response)) = catch_unwind(answering) {
            let response = response.map_body(|_, body| Body::left(body));
            return Either::Left(ready(Ok(closed_if(closes, response))));
        }
        let finish: fn(_) -> _ = if closes { closing } else { of_application };
        Either::Right(self.app.call(request).map(finish))
    }
}

fn of_application(answered: Result<ServiceResponse, Error>) -> Outcome {
    let response = Response::from(answered?);
    Ok(response.map_body(|_, body| Body::right(body)))
}

fn closing(answered: Result<ServiceResponse, Error>) -> Outcome {
    of_application(answered).map(|response| closed_if(true, response))
}

fn closed_if<B>(closes: bool, mut response: Response<B>) -> Response<B> {
    if closes {
        let head = response.head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    response
}

#[cfg(test)]
mod tests {
    use actix_http::test::TestRequest;
    use actix_web::{App, HttpResponse, web};
    use tokio::runtime::Handle;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::catalog::Catalog;
    use crate::collections::Collections;
    use crate::domain::{CenterId, Position, Summary};
    use crate::engine::Engine;
    use crate::engine::memory::MemoryEngine;
    use crate::http::idempotency::KeysUnderWay;
    use crate::metrics::Metrics;
    use crate::store::{Collection, Database, DatabaseUrl, PoolSettings, Store};

    /// What the application answers in these tests, whatever it is asked.
    const SENT_ON: StatusCode = StatusCode::IM_A_TEAPOT;

    fn loaded() -> MemoryEngine {
        let engine = MemoryEngine::new("centers");
        let mut loading = engine.begin_load();
        loading.push(&Summary {
            id: CenterId::new(7).unwrap(),
            position: Position::new(37.9, 23.7).unwrap(),
            name: "Athens",
            country: Some("GR"),
            region: None,
            city: None,
        });
        engine.finish_load(loading.build());
        engine
    }

    async fn state(engine: MemoryEngine, folder: &tempfile::TempDir) -> Arc<State> {
        let url = DatabaseUrl::Sqlite(folder.path().join("test.gpkg"));
        let settings = PoolSettings::default();
        let connecting = Database::connect(&url, &settings);
        let database = connecting.await.expect("a file can be made");
        let store = Store::new(&database, &Collection::diving_centers());
        let catalog = Arc::new(Catalog::new(store, Arc::new(Engine::Memory(engine))));
        let metrics = Metrics::new(catalog.engine().kind());
        Arc::new(State {
            collections: Collections::new(Arc::clone(&catalog), Vec::new()),
            catalog,
            database,
            metrics: Arc::new(metrics),
            admin_key: None,
            media_url: None,
            body_limit: 0,
            batch_turns: Arc::new(Semaphore::new(1)),
            write_turns: Arc::new(Semaphore::new(1)),
            write_places: Arc::new(Semaphore::new(1)),
            keys_under_way: KeysUnderWay::default(),
            runtime: Handle::current(),
        })
    }

    async fn status(hot_path: HotPath, request: Request) -> StatusCode {
        let app = App::new().default_service(web::to(|| async { HttpResponse::new(SENT_ON) }));
        let starting = hot_path.before(app).new_service(AppConfig::default());
        let service = starting.await.expect("it starts");
        let answered = service.call(request).await.expect("it answers");
        answered.status()
    }

    fn get(path: &str) -> Request {
        TestRequest::default().uri(path).finish()
    }

    #[actix_web::test]
    async fn simple_searches_are_answered_and_all_else_is_sent_on() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(loaded(), &folder).await;
        state.catalog.refresh_rating_visibility().await.unwrap();
        let hot_path = HotPath::new(Arc::clone(&state), &Labels::new(&state.metrics));
        for simple in [
            "/nearby?lat=37.9&lng=23.7",
            "/nearby?lat=37.9&lng=23.7&country=GR&limit=1&format=geojson",
            "/nearby?lat=0&lng=0&organization=padi&min_rating=8",
            "/nearest?lat=0&lng=0",
        ] {
            let answered = status(hot_path.clone(), get(simple)).await;
            assert_eq!(answered, StatusCode::OK, "{simple}");
        }
        for other in [
            "/nearby",
            "/nearby?lat=91&lng=0",
            "/nearby?lat=0&lng=0&cursor=x",
            "/nearby/?lat=0&lng=0",
            "/nearby/batch",
            "/collections/centers/nearby?lat=0&lng=0",
            "/centers",
        ] {
            let answered = status(hot_path.clone(), get(other)).await;
            assert_eq!(answered, SENT_ON, "{other}");
        }
        let head = TestRequest::with_uri("/nearest?lat=0&lng=0")
            .method(Method::HEAD)
            .finish();
        assert_eq!(status(hot_path.clone(), head).await, SENT_ON);
        let page = TestRequest::with_uri("/nearest?lat=0&lng=0")
            .insert_header(("accept", "text/html"))
            .finish();
        assert_eq!(status(hot_path, page).await, SENT_ON);
    }

    #[actix_web::test]
    async fn an_index_not_loaded_an_unread_setting_and_a_closed_path_answer_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let simple = "/nearest?lat=0&lng=0";
        let state_of = |engine| state(engine, &folder);
        let empty = state_of(MemoryEngine::new("centers")).await;
        let hot_path = HotPath::new(Arc::clone(&empty), &Labels::new(&empty.metrics));
        assert_eq!(status(hot_path, get(simple)).await, SENT_ON);
        let unread = state_of(loaded()).await;
        let hot_path = HotPath::new(Arc::clone(&unread), &Labels::new(&unread.metrics));
        assert_eq!(status(hot_path.clone(), get(simple)).await, SENT_ON);
        unread.catalog.refresh_rating_visibility().await.unwrap();
        assert_eq!(status(hot_path, get(simple)).await, StatusCode::OK);
        let closed = HotPath::closed(state_of(loaded()).await);
        assert_eq!(status(closed, get(simple)).await, SENT_ON);
    }
}
