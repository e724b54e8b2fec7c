//! Planted bugs exist only in a build that asks for them.

use std::fs;

const VARIABLES: [&[u8]; 2] = [b"ONCELOG_PLANTED_BUG", b"ONCELOG_PLANTED_PANIC"];

#[test]
fn only_a_build_with_the_feature_knows_the_variables_that_plant_something() {
    let binary = fs::read(env!("CARGO_BIN_EXE_oncelog")).unwrap();

    let knows = VARIABLES.map(|variable| binary.windows(variable.len()).any(|bytes| bytes == variable));

    assert_eq!(knows, [cfg!(feature = "planted"); 2]);
}

#[cfg(feature = "planted")]
#[test]
fn an_unknown_name_ends_the_start_with_a_list_of_the_names() {
    for (variable, one_of_them) in [("ONCELOG_PLANTED_BUG", "fence-skipped"), ("ONCELOG_PLANTED_PANIC", "poll")] {
        let mut start = std::process::Command::new(env!("CARGO_BIN_EXE_oncelog"));
        let done = start.arg("migrate").env(variable, "no-such-name").output().unwrap();

        assert!(!done.status.success());
        let printed = [done.stdout, done.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(printed.contains("no-such-name") && printed.contains(one_of_them), "{printed}");
    }
}
