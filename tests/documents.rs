//! What ARCHITECTURE.md says of the tests is true, and files are what they are on every system.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The number of the last rule.
const RULES: usize = 40;

/// The rows of the tables of rules: a rule's number, and what is said to hold it.
fn rules(page: &str) -> Vec<(usize, Vec<String>)> {
    let numbered = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let (number, held_by) = (cells.first()?.trim().parse().ok()?, cells.get(4)?);
        let names = held_by.split("<br>").filter_map(|entry| entry.split('`').nth(1));
        Some((number, names.map(str::to_owned).collect()))
    };
    let (_, tables) = page.split_once("\n## The rules\n").unwrap();
    let (tables, _) = tables.split_once("\n## ").unwrap();
    tables.lines().filter_map(numbered).collect()
}

/// All names that a test or a scenario has, or could have.
fn names(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            names(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let until = |end| move |rest: &str| rest.split(end).next().unwrap().to_owned();
            found.extend(source.split("fn ").skip(1).map(until('(')));
            found.extend(source.split("name: \"").skip(1).map(until('"')));
        }
    }
}

/// All files of the checkout but for what is built.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && ![".git", ".stack", "target"].contains(&name.to_str().unwrap()) {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn lines_end_alike_on_every_system() {
    // Checked out with CR LF, scripts of the image don't run, and checksums of migrations differ.
    let root = &stack::checkout();
    let attributes = fs::read_to_string(root.join(".gitattributes")).unwrap();
    assert!(attributes.lines().any(|line| line == "* text=auto eol=lf"), "{attributes}");
    let mut all = Vec::new();
    files(root, &mut all);
    assert!(all.len() > 100, "{all:?}");

    for file in all {
        let bytes = fs::read(&file).unwrap();
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if bytes.contains(&0) {
            assert!(attributes.contains(&format!("*.{extension} binary")), "{}", file.display());
        } else {
            assert!(!bytes.contains(&b'\r'), "{}", file.display());
        }
    }
}

#[test]
fn every_rule_names_a_test_or_a_scenario_that_exists() {
    let root = &stack::checkout();
    let mut known = BTreeSet::new();
    for house in ["tests", "services", "simulator/src"] {
        names(&root.join(house), &mut known);
    }

    let rules = rules(&fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap());

    let numbers: Vec<usize> = rules.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=RULES).collect::<Vec<_>>());
    for (number, held_by) in rules {
        assert!(!held_by.is_empty(), "rule {number} is held by nothing");
        for name in held_by {
            assert!(known.contains(&name), "rule {number}: there is no {name}");
        }
    }
}
