//! HTTP: routes, parameters, answers and problems. With `app`, the only place that knows actix.
