//! Calls of this service.
