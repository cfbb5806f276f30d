//! What the tests of this folder stand on: servers and databases of their own, rows as text, comparison by full values.

#![allow(dead_code, reason = "each subject takes what it needs")]

pub mod binary;
pub mod compare;
pub mod ends;
pub mod normal;
pub mod own;
pub mod proxy;
pub mod pty;
pub mod rust;
pub mod script;
pub mod servers;
pub mod shops;
pub mod sides;
pub mod skip;
