//! What `oncelog-sim --help` says, command by command.
#![allow(clippy::unwrap_used)]

#[path = "../../tests/support/help.rs"]
mod help;

const PROGRAM: &str = env!("CARGO_BIN_EXE_oncelog-sim");

#[test]
fn the_help_of_every_command_is_as_reviewed() {
    help::assert_as_reviewed(PROGRAM, &[]);
}

#[test]
fn the_help_of_the_command_that_is_not_listed_is_as_reviewed() {
    help::assert_as_reviewed(PROGRAM, &["bench-bare-http"]);
}
