//! What crosses rooms, against real servers and files: one binary, a module per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compare;
mod fixtures;
mod layers;
mod servers;
mod support;
