//! The ends of logs, for errors to show.

use std::fs;
use std::io;
use std::path::Path;

/// The last `lines` of `text`.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The last `lines` of a file; empty if it can't be read.
pub(crate) fn tail_of(path: &Path, lines: usize) -> String {
    let bytes: io::Result<Vec<u8>> = fs::read(path);
    bytes.map_or_else(|_| String::new(), |b| tail(&String::from_utf8_lossy(&b), lines))
}
