//! The JSON pointer to a byte of a payload. A second, slower walk that only a refused payload
//! pays for.

use std::fmt::Write;

/// The longest pointer that is spelled out, in bytes: a name in a payload may be as long as the
/// payload. Beyond it the pointer ends at the nearest value around that still fits.
const MAX_POINTER_BYTES: usize = 1024;

/// What is open, and which of its values comes next.
enum Level<'a> {
    /// The member with this name, in quotes and with its escapes; none before it was read.
    Object(Option<&'a str>),
    Array(usize),
}

/// The pointer (RFC 6901) to the value that begins at byte `at`, or to the object whose name
/// does. The text before `at` has to be what the scan accepted.
pub(crate) fn locate(text: &str, at: usize) -> String {
    let bytes = text.as_bytes();
    let mut levels = Vec::new();
    let mut here = 0;
    while here < at {
        match (bytes[here], levels.last_mut()) {
            (b'{', _) => levels.push(Level::Object(None)),
            (b'[', _) => levels.push(Level::Array(0)),
            (b'}' | b']', _) => drop(levels.pop()),
            (b',', Some(Level::Array(index))) => *index += 1,
            (b',', Some(Level::Object(name))) => *name = None,
            (b'"', level) => {
                let end = string_end(bytes, here);
                if end > at {
                    break;
                }
                if let Some(Level::Object(name @ None)) = level {
                    *name = text.get(here..end);
                }
                here = end;
                continue;
            }
            _ => {}
        }
        here += 1;
    }
    pointer(&levels)
}

/// The byte after the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut here = start + 1;
    loop {
        match bytes.get(here) {
            None => return bytes.len() + 1,
            Some(b'"') => return here + 1,
            Some(b'\\') => here += 2,
            Some(_) => here += 1,
        }
    }
}

fn pointer(levels: &[Level<'_>]) -> String {
    let mut pointer = String::new();
    for level in levels {
        let whole = pointer.len();
        // Writing to a String does not fail.
        let _ = match level {
            Level::Object(None) => break,
            Level::Object(Some(name)) => write!(pointer, "/{}", segment(name)),
            Level::Array(index) => write!(pointer, "/{index}"),
        };
        if pointer.len() > MAX_POINTER_BYTES {
            pointer.truncate(whole);
            break;
        }
    }
    pointer
}

fn segment(name: &str) -> String {
    let name = serde_json::from_str::<String>(name).unwrap_or_default();
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_located(text: &str, expected: &str) {
        let at = text.find('!').unwrap_or(text.len());
        assert_eq!(locate(text, at), expected, "{text}");
    }

    #[test]
    fn the_pointer_names_members_and_counts_items() {
        assert_located("!", "");
        assert_located(r#"{"a": !"#, "/a");
        assert_located(r#"{"a": [1, {"b": 2, "c": [[], !"#, "/a/1/c/1");
        assert_located(r#"{"a": {"b": [1, 2]}, "c": !"#, "/c");
    }

    #[test]
    fn strings_are_no_structure() {
        assert_located(r#"{"a\"{": "[{,", "b": ["\\", !"#, "/b/1");
    }

    #[test]
    fn a_name_that_is_being_read_points_to_its_object() {
        assert_located(r#"{"a": {"b": 1, !"#, "/a");
        assert_located(r#"{"a": {"b": 1, "c!"#, "/a");
    }

    #[test]
    fn names_are_unescaped_as_json_and_escaped_as_pointers() {
        assert_located(r#"{"a/b~c\u00e9": !"#, "/a~1b~0cé");
        assert_located(r#"{"": !"#, "/");
    }

    #[test]
    fn a_name_that_is_too_long_ends_the_pointer_before_it() {
        let name = "n".repeat(MAX_POINTER_BYTES);
        assert_located(&format!(r#"{{"a": {{"{name}": !"#), "/a");
    }
}
