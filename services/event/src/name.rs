//! The three names of an event: topic, event id and source.

use std::borrow::Borrow;
use std::fmt;

use thiserror::Error;

use crate::MAX_NAME_CHARS;

/// Why a text is no name. Each says what to send instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing, or nothing but white space.
    #[error("must not be blank")]
    Blank,
    /// More than [`MAX_NAME_CHARS`].
    #[error("must have at most {MAX_NAME_CHARS} characters, has {chars}")]
    TooLong {
        /// How many Unicode scalar values the text has.
        chars: usize,
    },
    /// U+0000, which `PostgreSQL` keeps in no text.
    #[error("must not contain U+0000")]
    Nul,
}

fn check(text: &str) -> Result<(), NameError> {
    if text.trim_start().is_empty() {
        return Err(NameError::Blank);
    }
    // A character has at least one byte, so most names need no counting.
    if text.len() > MAX_NAME_CHARS {
        let chars = text.chars().count();
        if chars > MAX_NAME_CHARS {
            return Err(NameError::TooLong { chars });
        }
    }
    if text.as_bytes().contains(&0) {
        return Err(NameError::Nul);
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $Name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to [`MAX_NAME_CHARS`] Unicode scalar values, not only white space, without U+0000;
        /// kept exactly as sent (neither trimmed nor normalised). Ordered by bytes, as a database
        /// does under `COLLATE "C"`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $Name(Box<str>);

        impl $Name {
            /// Takes the text if it keeps the rules of a name.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The text as it was sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// What an event is about; events of one topic keep the order of the log.
    Topic
}
name! {
    /// What makes an event itself within its topic: the same id again is a repeat.
    EventId
}
name! {
    /// Who says that the event happened.
    Source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_255_characters() {
        assert!(Topic::parse("a").is_ok());
        assert!(Topic::parse(&"a".repeat(255)).is_ok());
        assert_eq!(Topic::parse(""), Err(NameError::Blank));
        assert_eq!(Topic::parse(&"a".repeat(256)), Err(NameError::TooLong { chars: 256 }));
    }

    #[test]
    fn characters_are_unicode_scalar_values_not_bytes() {
        assert!(EventId::parse(&"🦀".repeat(255)).is_ok());
        assert_eq!(EventId::parse(&"é".repeat(256)), Err(NameError::TooLong { chars: 256 }));
    }

    #[test]
    fn only_white_space_is_blank_whatever_its_script() {
        for blank in [" ", "\t\r\n", "\u{a0}", "\u{3000}\u{2003}"] {
            assert_eq!(Source::parse(blank), Err(NameError::Blank), "{blank:?}");
        }
    }

    #[test]
    fn nul_is_refused_and_other_control_characters_are_not() {
        assert_eq!(Source::parse("a\0b"), Err(NameError::Nul));
        assert_eq!(Source::parse("\0"), Err(NameError::Nul));
        assert!(Source::parse("a\tb\u{7f}").is_ok());
    }

    #[test]
    fn a_name_is_kept_exactly_as_sent() {
        let name = Topic::parse(" Orders/EU ").map(|topic| topic.to_string());
        assert_eq!(name.as_deref(), Ok(" Orders/EU "));
    }
}
