//! One file per verb.

pub mod audit;
pub mod check;
pub mod console;
pub mod demo;
pub mod dry;
pub mod finish;
pub mod host;
pub mod live;
pub mod new;
pub mod preview;
mod progress;
pub mod restore;
pub mod repair;
pub mod report;
pub mod review;
pub mod run;
pub mod schedule;
pub mod tables;
pub mod validate;
