//! What the documents say of tests, metrics, problems and defaults is true, their links lead somewhere, and files are
//! what they are on every system.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The number of the last rule.
const RULES: usize = 40;

/// The sections of the rules, on all of their pages: a rule's number, and the names of what holds it.
fn rules() -> Vec<(usize, Vec<String>)> {
    let rule = |section: &str| {
        let (number, body) = section.split_once('\n')?;
        let (body, _) = body.split_once("\n## ").unwrap_or((body, ""));
        let (_, held_by) = body.split_once("**Held by:**")?;
        let named = |line: &str| line.strip_prefix("- ")?.split('`').nth(1).map(str::to_owned);
        let entries = held_by.trim_start().lines().take_while(|line| !line.is_empty());
        Some((number.trim().parse().ok()?, entries.filter_map(named).collect()))
    };
    let mut all: Vec<_> = files(&stack::checkout().join("docs/src/internals/rules"), ".md")
        .iter()
        .flat_map(|page| fs::read_to_string(page).unwrap().split("\n## Rule ").skip(1).map(rule).collect::<Vec<_>>())
        .map(|rule| rule.expect("a section of a rule has a number, and says what holds it"))
        .collect();
    all.sort();
    all
}

/// All documents: their paths and their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let all = files(&stack::checkout(), ".md");
    assert!(all.len() > 20, "{all:?}");
    all.into_iter().map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

/// The lines of a document that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Where the headings of a document are linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        let kept = |c: char| (c.is_alphanumeric() || "-_ ".contains(c)).then_some(if c == ' ' { '-' } else { c });
        line.starts_with('#')
            .then(|| line.trim_start_matches('#').trim().to_lowercase().chars().filter_map(kept).collect())
    };
    prose(text).filter_map(heading).collect()
}

/// All names that a test or a scenario has, or could have.
fn names(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files(dir, ".rs") {
        let source = fs::read_to_string(file).unwrap();
        let until = |end| move |rest: &str| rest.split(end).next().unwrap().to_owned();
        found.extend(source.split("fn ").skip(1).map(until('(')));
        found.extend(source.split("name: \"").skip(1).map(until('"')));
    }
    found
}

/// The files whose names end so, at any depth, but for what is built.
fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().unwrap();
        if path.is_dir() && ![".git", ".stack", "target"].contains(&name) {
            found.extend(files(&path, end));
        } else if path.is_file() && name.ends_with(end) {
            found.push(path);
        }
    }
    found
}

#[test]
fn lines_end_alike_on_every_system() {
    // Checked out with CR LF, scripts of the image don't run, and checksums of migrations differ.
    let root = &stack::checkout();
    let attributes = fs::read_to_string(root.join(".gitattributes")).unwrap();
    assert!(attributes.lines().any(|line| line == "* text=auto eol=lf"), "{attributes}");
    let all = files(root, "");
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
    let known: BTreeSet<_> =
        ["tests", "services", "simulator/src"].iter().flat_map(|folder| names(&root.join(folder))).collect();

    let rules = rules();

    let numbers: Vec<usize> = rules.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=RULES).collect::<Vec<_>>());
    for (number, held_by) in rules {
        assert!(!held_by.is_empty(), "rule {number} is held by nothing");
        for name in held_by {
            assert!(known.contains(&name), "rule {number}: there is no {name}");
        }
    }
}

#[test]
fn every_source_file_that_a_document_names_exists_and_holds_what_it_is_named_for() {
    let sources = files(&stack::checkout(), ".rs");
    let mut checked = 0;
    // One tells of files that are gone, the other of files that there must not be.
    let told = |file: &Path| file.ends_with("CHANGELOG.md") || file.ends_with("CONTRIBUTING.md");
    for (file, text) in documents().into_iter().filter(|(file, _)| !told(file)) {
        for (path, items) in named_sources(&text) {
            let named: Vec<&PathBuf> = sources.iter().filter(|source| source.ends_with(&path)).collect();
            assert!(!named.is_empty(), "{}: there is no {path}", file.display());
            for item in items {
                let has_it = |source: &&PathBuf| fs::read_to_string(source).unwrap().contains(&item);
                assert!(named.iter().any(has_it), "{}: {path} has no {item}", file.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} files");
}

/// The source files that a document names, each with what it names in brackets behind it.
fn named_sources(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let prose = prose(text).collect::<Vec<_>>().join("\n");
    for paragraph in prose.split("\n\n") {
        // Text and code, in turn.
        let parts: Vec<&str> = paragraph.split('`').collect();
        let code = parts.iter().enumerate().skip(1).step_by(2);
        for (at, path) in code.filter(|(_, code)| code.strip_suffix(".rs").is_some_and(|stem| !stem.contains('*'))) {
            let items = in_brackets(&parts[at + 1..]).into_iter().map(str::to_owned).collect();
            found.push(((*path).to_owned(), items));
        }
    }
    found
}

/// The code in brackets behind a file's name: "`file.rs` (`one`, `another`)". Text comes first, then code, in turn.
fn in_brackets<'a>(parts: &[&'a str]) -> Vec<&'a str> {
    if !parts[0].trim_start().starts_with('(') {
        return Vec::new();
    }
    let texts_before_the_end = parts.iter().step_by(2).take_while(|text| !text.contains(')')).count();
    parts.iter().skip(1).step_by(2).take(texts_before_the_end).copied().collect()
}

#[test]
fn an_example_in_rustdoc_is_in_a_crate_whose_examples_are_compiled() {
    let is_meant = |manifest: &PathBuf| fs::read_to_string(manifest).unwrap().contains("doctest = false");
    let manifests: Vec<_> = files(&stack::checkout(), "Cargo.toml").into_iter().filter(is_meant).collect();
    assert!(manifests.len() > 5, "{manifests:?}");
    for source in manifests.iter().flat_map(|manifest| files(manifest.parent().unwrap(), ".rs")) {
        let text = fs::read_to_string(&source).unwrap();
        let lines = text.lines().map(str::trim_start);
        let docs = lines.filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")));
        let fences = docs.filter_map(|line| line.trim().strip_prefix("```"));
        // Each second one closes.
        for language in fences.step_by(2) {
            assert!(["text", "json", "console", "sql"].contains(&language), "{}: ```{language}", source.display());
        }
    }
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut checked = 0;
    for (file, text) in documents() {
        let targets = prose(&text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let aim = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(aim.exists(), "{}: {target}", file.display());
            if let Some(anchor) = anchor {
                let there = anchors(&whole(&aim));
                assert!(there.contains(anchor), "{}: {target}", file.display());
            }
            // What lies outside of the book is not in it when it is built.
            let book = stack::checkout().join("docs/src");
            let stays = fs::canonicalize(&aim).unwrap().starts_with(fs::canonicalize(&book).unwrap());
            assert!(stays || !file.starts_with(&book), "{}: {target}", file.display());
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} links");
}

/// A page of the book that includes another document is that document.
fn whole(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    match text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
        Some(included) => fs::read_to_string(page.parent().unwrap().join(included)).unwrap(),
        None => text,
    }
}

/// The cells of all tables of a page.
fn cells(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter(|line| line.starts_with('|')).flat_map(|line| line.trim_matches('|').split(" | ").map(str::trim))
}

/// What is read of a cell: not where its links lead.
fn without_targets(cell: &str) -> String {
    let mut parts = cell.split("](");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |read, part| read + "]" + part.split_once(')').map_or(part, |(_, rest)| rest))
}

#[test]
fn documents_are_of_a_size_that_is_read() {
    for (file, text) in documents() {
        let most = match file.strip_prefix(stack::checkout()).unwrap().to_str().unwrap() {
            "README.md" => 120,
            "ARCHITECTURE.md" => 200,
            _ => usize::MAX,
        };
        assert!(text.lines().count() <= most, "{}: at most {most} lines", file.display());
        for (number, line) in text.lines().enumerate() {
            assert!(line.chars().count() <= 700, "{}:{}: over 700 characters", file.display(), number + 1);
        }
        for cell in cells(&text).map(without_targets) {
            assert!(cell.chars().count() <= 220, "{}: a cell should be a paragraph: {cell}", file.display());
        }
    }
}

#[test]
fn every_page_is_in_the_books_contents() {
    let pages = stack::checkout().join("docs/src");
    let contents = fs::read_to_string(pages.join("SUMMARY.md")).unwrap();
    for (file, _) in documents() {
        let Ok(page) = file.strip_prefix(&pages) else { continue };
        let page = page.to_str().unwrap();
        assert!(page == "SUMMARY.md" || contents.contains(&format!("({page})")), "{page}");
    }
}

/// A page of the book.
fn page(name: &str) -> String {
    fs::read_to_string(stack::checkout().join("docs/src").join(name)).unwrap()
}

/// The rows of a page's tables: each with its first cell's words in backticks, and the others as they are.
fn rows(text: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let first = cells.next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (first, cells.map(str::to_owned).collect())
    };
    prose(text).filter(|line| line.starts_with("| `")).map(row).collect()
}

#[test]
fn the_book_has_every_metric_and_no_other() {
    let text = page("reference/metrics.md");
    let (api, rest) = text.split_once("\n## consumer\n").unwrap();
    let (consumer, limits) = rest.split_once("\n## Values of `limit`\n").unwrap();
    let mut exposed_limits = BTreeSet::new();
    for (process, section) in [("api", api), ("consumer", consumer)] {
        let snapshot = stack::checkout().join(format!("tests/snapshots/metrics/{process}.snap"));
        let snapshot = fs::read_to_string(snapshot).unwrap();
        let types = snapshot.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let exposed: BTreeSet<_> = types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
        let name = |shown: &String| shown.split('{').next().unwrap().to_owned();
        let written: BTreeSet<_> =
            rows(section).iter().map(|(first, rest)| (name(&first[0]), rest[0].clone())).collect();
        assert_eq!(written, exposed, "{process}");
        let limit = |line: &str| line.split_once("{limit=\"").map(|(_, rest)| rest.trim_end_matches("\"}").to_owned());
        exposed_limits.extend(snapshot.lines().filter_map(limit));
    }
    let written: BTreeSet<_> = rows(limits).into_iter().flat_map(|(first, _)| first).collect();
    assert_eq!(written, exposed_limits);
}

#[test]
fn the_book_has_every_problem_and_its_status_and_no_other() {
    let snapshots = files(&stack::checkout().join("services/api/src/http/problem/snapshots"), ".snap");
    let problem = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let (_, rest) = text.split_once("\"status\": ").expect("a problem has a status");
        let status = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().to_owned();
        (file.file_stem().unwrap().to_str().unwrap().to_owned(), status)
    };
    let known: BTreeSet<_> = snapshots.iter().map(problem).collect();

    let text = page("reference/errors.md");
    let (_, table) = text.split_once("urn:oncelog:problem:` +").unwrap();
    let written: BTreeSet<_> = rows(table)
        .into_iter()
        .flat_map(|(types, rest)| {
            let statuses: Vec<_> = rest[0].split(", ").map(str::to_owned).collect();
            let statuses = if statuses.len() == 1 { vec![statuses[0].clone(); types.len()] } else { statuses };
            assert_eq!(types.len(), statuses.len(), "{types:?}");
            types.into_iter().zip(statuses)
        })
        .collect();

    assert_eq!(written, known);
}

/// A number, a size or a word, however it is written.
fn plain(value: &str) -> String {
    let value = value.replace(['`', ','], "");
    let scaled =
        |unit: &str, scale: u64| Some((value.strip_suffix(unit)?.trim().parse::<u64>().ok()? * scale).to_string());
    scaled("KiB", 1 << 10).or_else(|| scaled("MiB", 1 << 20)).or_else(|| scaled("GiB", 1 << 30)).unwrap_or(value)
}

#[test]
fn defaults_in_the_book_are_those_of_the_help() {
    let written: BTreeMap<_, _> = rows(&page("reference/configuration.md"))
        .into_iter()
        .map(|(first, rest)| (first[0].clone(), plain(&rest[1])))
        .collect();
    let mut compared = 0;
    for command in ["serve", "migrate"] {
        let help = stack::checkout().join(format!("tests/snapshots/help/oncelog-{command}.snap"));
        let help: Vec<String> = fs::read_to_string(help).unwrap().split_whitespace().map(str::to_owned).collect();
        let help = help.join(" ");
        for setting in help.split("[env: ").skip(1) {
            let Some((variable, rest)) = setting.split_once("=] [default: ") else { continue };
            if variable.contains(']') {
                continue;
            }
            let (default, _) = rest.split_once(']').unwrap();
            assert_eq!(written[variable], plain(default), "{variable}");
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}
