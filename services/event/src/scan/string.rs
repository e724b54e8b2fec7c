//! Strings: their end, their escapes, and a fast way over what is neither.

use super::Scanner;
use super::defect::{LocatedDefect, PayloadDefect};

impl Scanner<'_> {
    pub(super) fn string(&mut self) -> Result<(), LocatedDefect> {
        let start = self.at;
        self.at += 1;
        loop {
            self.at += plain_prefix(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(start)?,
                Some(_) => return self.expected("no control character in a string"),
                None => return self.expected("`\"`"),
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<(), LocatedDefect> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0 => Err(self.defective(start, PayloadDefect::Nul)),
                0xD800..0xDC00 if self.rest().starts_with(b"\\u") => {
                    self.at += 1;
                    match self.code_unit()? {
                        0xDC00..0xE000 => Ok(()),
                        _ => Err(self.defective(start, PayloadDefect::LoneSurrogate)),
                    }
                }
                0xD800..0xE000 => Err(self.defective(start, PayloadDefect::LoneSurrogate)),
                _ => Ok(()),
            },
            _ => self.expected("an escape of JSON after `\\`"),
        }
    }

    /// Reads `uXXXX`.
    fn code_unit(&mut self) -> Result<u32, LocatedDefect> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return self.expected("four hexadecimal digits after `\\u`");
            };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

/// How many bytes come before the first `"`, `\` or control character; eight at a time, since
/// strings are most of most payloads.
fn plain_prefix(bytes: &[u8]) -> usize {
    let mut plain = 0;
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*eight));
        if special != 0 {
            return plain + special.trailing_zeros() as usize / 8;
        }
        plain += 8;
        rest = after;
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
    plain + tail.unwrap_or(rest.len())
}

/// Sets the high bit of each special byte. Bits above the lowest one set may be false (a borrow
/// runs upwards), so only that one counts.
fn special_bytes(word: u64) -> u64 {
    let zeros = |word: u64| word.wrapping_sub(each(1)) & !word;
    let below_space = word.wrapping_sub(each(b' ')) & !word;
    let quotes = zeros(word ^ each(b'"'));
    let backslashes = zeros(word ^ each(b'\\'));
    (below_space | quotes | backslashes) & each(0x80)
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_at_every_place_of_a_word() {
        for special in *b"\"\\\n\0\x1f" {
            for place in 0..24 {
                let mut text = "plain é \u{7f} text 🦀 ".repeat(2).into_bytes();
                text[place] = special;
                assert_eq!(plain_prefix(&text), place, "{special} at {place}");
            }
        }
        let plain = "!#[]\u{7f}\u{80}ÿ\u{ffff}".repeat(9);
        assert_eq!(plain_prefix(plain.as_bytes()), plain.len());
    }
}
