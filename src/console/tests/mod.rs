//! The console as a whole: screens as snapshots, flows against a scripted host, and a sweep that must never panic.

mod flow;
mod host;
mod parts;
mod plan;
mod points;
mod private;
mod profile;
mod restore;
mod review;
mod rows;
mod script;
mod seed;
mod snapshots;
mod sweep;
mod terminal;
mod update;
mod values;
