//! nearby
