//! Numbers: their grammar and their limits.

use super::Scanner;
use super::defect::{LocatedDefect, PayloadDefect};
use crate::{MAX_EXPONENT, MAX_EXPONENTS_SUM, MAX_NUMBER_DIGITS};

impl Scanner<'_> {
    pub(super) fn number(&mut self) -> Result<(), LocatedDefect> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let mut digits = match self.peek() {
            Some(b'0') => {
                self.at += 1;
                1
            }
            _ => self.digits()?,
        };
        if self.peek() == Some(b'.') {
            self.at += 1;
            digits += self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            let exponent = self.exponent()?;
            if exponent > MAX_EXPONENT {
                return Err(self.defective(start, PayloadDefect::Exponent));
            }
            self.exponents += exponent as usize;
            if self.exponents > MAX_EXPONENTS_SUM {
                return Err(self.defective(start, PayloadDefect::ExponentsSum));
            }
        }
        if digits > MAX_NUMBER_DIGITS {
            return Err(self.defective(start, PayloadDefect::TooManyDigits(digits)));
        }
        Ok(())
    }

    /// The exponent without its sign, saturated.
    fn exponent(&mut self) -> Result<u32, LocatedDefect> {
        if let Some(b'+' | b'-') = self.peek() {
            self.at += 1;
        }
        let count = self.digits()?;
        let digits = &self.bytes[self.at - count..self.at];
        Ok(digits.iter().fold(0u32, |value, digit| {
            let digit = u32::from(digit - b'0');
            value.saturating_mul(10).saturating_add(digit)
        }))
    }

    /// Reads one digit or more and says how many.
    fn digits(&mut self) -> Result<usize, LocatedDefect> {
        let rest = self.rest().iter();
        let count = rest.take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return self.expected("a digit");
        }
        self.at += count;
        Ok(count)
    }
}
