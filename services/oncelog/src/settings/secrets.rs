//! Secrets: kept out of every message, and read from a file where that is asked for.
//!
//! clap gets them as any text and so never refuses one: its message would show it. What is wrong with one
//! is said here, by the name of its setting.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail, ensure};

/// Text that is never printed.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// An option that is given again goes on where the one before ends.
    pub(crate) fn lines(parts: &[Secret]) -> Option<Secret> {
        let parts: Vec<&str> = parts.iter().map(Secret::expose).collect();
        (!parts.is_empty()).then(|| Secret(parts.join("\n")))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// A secret and its `…_FILE` twin, by the names of the one.
pub(crate) struct Twins<'a> {
    pub(crate) variable: &'static str,
    pub(crate) option: &'static str,
    pub(crate) value: Option<&'a Secret>,
    pub(crate) file: Option<&'a PathBuf>,
}

impl Twins<'_> {
    /// The names of the one that is given.
    pub(crate) fn given(&self) -> String {
        let Self { variable, option, file, .. } = self;
        match file {
            None => format!("{variable} (--{option})"),
            Some(path) => format!("{variable}_FILE (--{option}-file) {:?}", path.to_string_lossy()),
        }
    }

    /// Whichever of the two is given, without a line break at its end.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Secret>> {
        let Self { variable, option, .. } = self;
        match (self.value, self.file) {
            (Some(_), Some(_)) => bail!(
                "{variable} (--{option}) and {variable}_FILE (--{option}-file) are both set. Allowed: one of them"
            ),
            (None, Some(path)) => read_file(path).map(Some).map_err(|error| {
                anyhow!(
                    "{variable}_FILE (--{option}-file) is {:?}: {error:#}. Allowed: a file that holds the value, \
                     at most 64 KiB",
                    path.to_string_lossy()
                )
            }),
            (Some(value), None) => Ok(Some(Secret(without_line_break(value.expose()).to_owned()))),
            (None, None) => Ok(None),
        }
    }
}

fn read_file(path: &Path) -> anyhow::Result<Secret> {
    const LARGEST: u64 = 64 * 1024;
    let mut bytes = Vec::new();
    // Behind the largest one more, so that a larger file is seen to be one.
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).context("it can't be read")?;
    ensure!(bytes.len() as u64 <= LARGEST, "it has more than 64 KiB");
    ensure!(!bytes.contains(&0), "it holds a zero byte");
    // Its error would show where, but not what.
    let Ok(text) = String::from_utf8(bytes) else { bail!("it is not UTF-8") };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    ensure!(!text.trim().is_empty(), "it is empty");
    Ok(Secret(without_line_break(text).to_owned()))
}

/// Editors and `echo` end a line, Windows' ones with a CR too; everything else belongs to the secret.
fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret: Secret = "hunter2".parse().unwrap_or_else(|never| match never {});
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn only_the_line_break_is_taken_off() {
        for (written, meant) in
            [(" a b \n", " a b "), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a"), ("\"a\"", "\"a\"")]
        {
            assert_eq!(without_line_break(written), meant, "{written:?}");
        }
    }
}
