//! Planted bugs exist only in a build that asks for them.

use std::fs;

const VARIABLE: &[u8] = b"ONCELOG_PLANTED_BUG";

#[test]
fn only_a_build_with_the_feature_knows_the_variable_that_plants_a_bug() {
    let binary = fs::read(env!("CARGO_BIN_EXE_oncelog")).unwrap();

    let knows = binary.windows(VARIABLE.len()).any(|bytes| bytes == VARIABLE);

    assert_eq!(knows, cfg!(feature = "planted"));
}

#[cfg(feature = "planted")]
#[test]
fn an_unknown_name_ends_the_start_with_a_list_of_the_names() {
    let mut start = std::process::Command::new(env!("CARGO_BIN_EXE_oncelog"));
    let done = start.arg("migrate").env("ONCELOG_PLANTED_BUG", "no-such-bug").output().unwrap();

    assert!(!done.status.success());
    let printed = [done.stdout, done.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(printed.contains("no-such-bug") && printed.contains("fence-skipped"), "{printed}");
}
