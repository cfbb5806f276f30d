//! One file per verb.

mod answering;
pub mod audit;
pub mod check;
pub mod console;
pub mod demo;
mod dialogue;
pub mod dry;
pub mod finish;
pub mod host;
pub mod live;
pub mod mapping;
pub mod new;
pub mod preview;
pub mod profile;
mod progress;
pub mod repair;
pub mod report;
pub mod restore;
pub mod review;
pub mod run;
pub mod samples;
pub mod schedule;
pub mod tables;
pub mod validate;
