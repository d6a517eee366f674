//! Times
