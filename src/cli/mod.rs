//! Room.

pub mod demo;
