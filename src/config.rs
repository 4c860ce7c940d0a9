//! Settings: every flag has an environment variable.
