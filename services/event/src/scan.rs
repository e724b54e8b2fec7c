//! One pass over the text of a payload, to find what must be refused.
//!
//! Nothing is built and nothing recurses: the text is checked where it lies, and what is open is
//! one bit per level. So a payload of 1 MiB costs one look at each byte, and one of a million
//! brackets costs no stack. The grammar is RFC 8259; the limits are this crate's.

mod defect;
mod levels;
mod number;
mod string;

pub(crate) use self::defect::{LocatedDefect, PayloadDefect};
use self::levels::{Kind, Levels};

/// Checks that the text is one JSON object within the limits, with nothing around it.
pub(crate) fn scan(text: &str) -> Result<(), LocatedDefect> {
    if !text.starts_with('{') {
        let (at, defect) = (0, PayloadDefect::NotAnObject);
        return Err(LocatedDefect { at, defect });
    }
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, open: Levels::default(), exponents: 0 };
    scanner.document()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Levels,
    /// The sum of all exponents so far, without their signs.
    exponents: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), LocatedDefect> {
        loop {
            self.value()?;
            if !self.after_value()? {
                break;
            }
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => self.expected("the end"),
        }
    }

    /// Reads one value that has no others in it, and opens what it stands in.
    fn value(&mut self) -> Result<(), LocatedDefect> {
        loop {
            self.white_space();
            match self.peek() {
                Some(b'{') => {
                    self.open(Kind::Object)?;
                    if self.closes(b'}') {
                        return Ok(());
                    }
                    self.name()?;
                }
                Some(b'[') => {
                    self.open(Kind::Array)?;
                    if self.closes(b']') {
                        return Ok(());
                    }
                }
                Some(b'"') => return self.string(),
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b't') => return self.literal(b"true"),
                Some(b'f') => return self.literal(b"false"),
                Some(b'n') => return self.literal(b"null"),
                _ => return self.expected("a value"),
            }
        }
    }

    /// Closes what the last value was the last of. False at the end of the outermost value.
    fn after_value(&mut self) -> Result<bool, LocatedDefect> {
        while let Some(kind) = self.open.innermost() {
            self.white_space();
            match (self.peek(), kind) {
                (Some(b','), Kind::Array) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b','), Kind::Object) => {
                    self.at += 1;
                    self.white_space();
                    self.name()?;
                    return Ok(true);
                }
                (Some(b']'), Kind::Array) | (Some(b'}'), Kind::Object) => {
                    self.at += 1;
                    self.open.close();
                }
                (_, Kind::Array) => return self.expected("`,` or `]`"),
                (_, Kind::Object) => return self.expected("`,` or `}`"),
            }
        }
        Ok(false)
    }

    fn open(&mut self, kind: Kind) -> Result<(), LocatedDefect> {
        let opened = self.open.open(kind);
        opened.map_err(|defect| self.defective(self.at, defect))?;
        self.at += 1;
        self.white_space();
        Ok(())
    }

    fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
            self.open.close();
        }
        closes
    }

    fn name(&mut self) -> Result<(), LocatedDefect> {
        if self.peek() != Some(b'"') {
            return self.expected("a name in quotes");
        }
        self.string()?;
        self.white_space();
        if self.peek() != Some(b':') {
            return self.expected("`:`");
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), LocatedDefect> {
        if !self.rest().starts_with(literal) {
            return self.expected("a value");
        }
        self.at += literal.len();
        Ok(())
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    #[cold]
    fn defective(&self, at: usize, defect: PayloadDefect) -> LocatedDefect {
        debug_assert!(at <= self.bytes.len());
        LocatedDefect { at, defect }
    }

    fn expected<T>(&self, what: &'static str) -> Result<T, LocatedDefect> {
        Err(self.defective(self.at, PayloadDefect::Expected(what)))
    }
}

#[cfg(test)]
mod tests;
