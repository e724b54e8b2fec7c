//! The help of a program, as it is reviewed. Tests of other packages include this file by its path.

use std::path::Path;
use std::process::{Command, Stdio};

/// Holds the help of a program's command, and of all commands below it, against the reviewed ones, a file each.
pub(crate) fn assert_as_reviewed(program: &str, command: &[&str]) {
    let help = help(program, command);
    let file = Path::new(program).file_name().unwrap().to_str().unwrap();
    insta::with_settings!({
        snapshot_path => "../snapshots/help",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!([&[file], command].concat().join("-"), help);
    });
    for below in commands(&help) {
        assert_as_reviewed(program, &[command, &[below]].concat());
    }
}

/// What it prints where nothing is set and there is no terminal: it is 100 columns wide then.
fn help(program: &str, command: &[&str]) -> String {
    let mut run = Command::new(program);
    let run = run.args(command).arg("--help").env_clear().stdin(Stdio::null());
    let done = run.output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{command:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// The commands that a help lists, but for clap's own.
fn commands(help: &str) -> Vec<&str> {
    let (_, listed) = help.split_once("\nCommands:\n").unwrap_or_default();
    let (listed, _) = listed.split_once("\n\n").unwrap_or((listed, ""));
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    // What begins with a space goes on with the line before.
    names.filter(|name| !["", "help"].contains(name)).collect()
}
