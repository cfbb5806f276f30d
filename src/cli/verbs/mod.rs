//! One file per verb.

mod answering;
pub mod audit;
pub mod check;
pub mod console;
pub mod demo;
mod dialogue;
pub mod finish;
pub mod host;
pub mod live;
pub mod mapping;
pub mod new;
pub mod preview;
mod progress;
pub mod review;
pub mod run;
pub mod schedule;
pub mod tables;
pub mod validate;
