//! Handlers whose panics are answers: caught where they happen, so that whatever
//! stands around a handler treats them as any other fault of ours. Pages of other
//! origins can read them, and they are counted and logged.

use std::any::Any;
use std::future::{Future, Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};

use actix_web::{Handler, HttpResponse, Responder};
use futures_util::future::{CatchUnwind, Either, FutureExt as _, Map};

use super::problem::Problem;

/// What a panic came with.
type Panic = Box<dyn Any + Send>;
/// A handler's future that ends whatever happens, or what it panicked with before there
/// was one.
type Ending<F, R> = Either<CaughtFuture<F, R>, Ready<R>>;
type CaughtFuture<F, R> = Map<CatchUnwind<AssertUnwindSafe<F>>, fn(Result<R, Panic>) -> R>;

/// A handler that answers 500 where it panics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caught<F>(pub F);

impl<F, Args, E> Handler<Args> for Caught<F>
where
    F: Handler<Args, Output = Result<HttpResponse, E>>,
    Result<HttpResponse, E>: Responder,
    E: From<Problem> + 'static,
{
    type Output = Result<HttpResponse, E>;
    type Future = Ending<F::Future, Self::Output>;

    fn call(&self, args: Args) -> Self::Future {
        match catch_unwind(AssertUnwindSafe(|| self.0.call(args))) {
            Ok(answering) => Either::Left(caught(answering)),
            Err(panic) => Either::Right(ready(Err(fault(panic.as_ref()).into()))),
        }
    }
}

fn caught<F, E>(answering: F) -> CaughtFuture<F, F::Output>
where
    F: Future<Output = Result<HttpResponse, E>>,
    E: From<Problem>,
{
    AssertUnwindSafe(answering)
        .catch_unwind()
        .map(|ended| ended.unwrap_or_else(|panic| Err(fault(panic.as_ref()).into())))
}

/// A fault of ours, with what the panic said for the log.
pub(super) fn fault(panic: &(dyn Any + Send)) -> Problem {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Problem::internal(format!("a handler panicked: {said}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_cors::Cors;
    use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, ORIGIN};
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, HttpRequest, web};
    use serde_json::Value;

    use super::*;
    use crate::domain::EngineKind;
    use crate::http::divemap::errors::Refusal;
    use crate::http::observe::Observe;
    use crate::metrics::Metrics;

    async fn panics<E>(_: HttpRequest) -> Result<HttpResponse, E> {
        panic!("the secret of a fault")
    }

    fn panics_at_once(_: HttpRequest) -> Ready<Result<HttpResponse, Problem>> {
        panic!("the secret of a fault")
    }

    #[actix_web::test]
    async fn a_panic_is_answered_in_the_form_of_its_endpoint_and_pages_may_read_it() {
        let label = Metrics::new(EngineKind::Memory).route("/ours");
        let app = App::new()
            .app_data(Arc::new(label))
            .route("/ours", web::get().to(Caught(panics::<Problem>)))
            .route("/at-once", web::get().to(Caught(panics_at_once)))
            .route("/theirs", web::get().to(Caught(panics::<Refusal>)))
            .wrap(Cors::default().allow_any_origin().send_wildcard())
            .wrap(Observe::default());
        let app = init_service(app).await;
        for (path, content_type, member) in [
            ("/ours", "application/problem+json", "code"),
            ("/at-once", "application/problem+json", "code"),
            ("/theirs", "application/json", "detail"),
        ] {
            let request = TestRequest::get().uri(path);
            let request = request.insert_header((ORIGIN, "https://maps.example"));
            let response = call_service(&app, request.to_request()).await;
            assert_eq!(response.status(), 500);
            let header = |name| response.headers().get(name).expect("it is there");
            assert_eq!(header(ACCESS_CONTROL_ALLOW_ORIGIN), "*");
            assert_eq!(header(CONTENT_TYPE), content_type);
            assert!(response.headers().contains_key("x-request-id"));
            let body: Value = read_body_json(response).await;
            assert!(body[member].is_string(), "{body}");
            assert!(!body.to_string().contains("secret"), "{body}");
        }
    }
}
