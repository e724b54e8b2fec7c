//! What `oncelog --help` says, command by command.

use crate::support::help;

#[test]
fn the_help_of_every_command_is_as_reviewed() {
    help::assert_as_reviewed(env!("CARGO_BIN_EXE_oncelog"), &[]);
}
