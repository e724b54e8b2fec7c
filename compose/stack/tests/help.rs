//! What `stack --help` says, command by command.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/support/help.rs"]
mod help;

#[test]
fn the_help_of_every_command_is_as_reviewed() {
    help::assert_as_reviewed(env!("CARGO_BIN_EXE_stack"), &[]);
}
