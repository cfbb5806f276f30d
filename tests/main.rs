//! What crosses rooms, against real servers and files: one binary, a module per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod budget;
mod compare;
mod crash;
mod demo;
mod drill;
mod dry_run;
mod faults;
mod fixtures;
mod hazards;
mod journal;
mod layers;
mod matrix;
mod metrics;
mod modes;
mod others;
mod pairs;
mod profile;
mod proof;
mod readme;
mod real_data;
mod restore;
mod review;
mod reviews;
mod samples;
mod secrets;
mod servers;
mod support;
mod taken_back;
mod terminal;
mod throttle;
mod validation;
mod weight;
mod when;
