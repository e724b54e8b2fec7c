//! One file per command.

pub(crate) mod logs;
pub(crate) mod ps;
pub(crate) mod run;
pub(crate) mod up;
