//! The one schema that holds the tables: named, and the same for every session.

use std::fmt;
use std::str::FromStr;

/// A schema's name, as `DATABASE_SCHEMA` has it: case counts, and it is quoted wherever it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema(String);

/// PostgreSQL cuts longer names off.
const MAX_BYTES: usize = 63;

/// Why a text can't name the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Nothing, or nothing but blanks.
    #[error("a schema's name must not be blank")]
    Blank,
    /// PostgreSQL would cut it off.
    #[error("a schema's name has at most 63 bytes")]
    TooLong,
    /// A tab, a line's end and the like.
    #[error("a schema's name has no control characters")]
    Control,
    /// PostgreSQL keeps these for itself.
    #[error("schemas whose names begin with pg_, and information_schema, are PostgreSQL's own: name another one")]
    Reserved,
}

impl Schema {
    /// The name without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as SQL writes it.
    pub(crate) fn quoted(&self) -> String {
        quoted(&self.0)
    }

    /// What a session's `search_path` is set to. `pg_temp` last: unnamed, it would come first, and a
    /// temporary table would hide ours. `pg_catalog` stays unnamed, and so the very first.
    pub(crate) fn search_path(&self) -> String {
        format!("{}, pg_temp", self.quoted())
    }
}

/// Any name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Default for Schema {
    fn default() -> Self {
        Schema("public".to_owned())
    }
}

impl FromStr for Schema {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Schema, SchemaError> {
        if text.trim().is_empty() {
            return Err(SchemaError::Blank);
        }
        if text.len() > MAX_BYTES {
            return Err(SchemaError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(SchemaError::Control);
        }
        if text.starts_with("pg_") || text == "information_schema" {
            return Err(SchemaError::Reserved);
        }
        Ok(Schema(text.to_owned()))
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_whatever_it_holds() {
        let odd: Schema = "Ereignisse \"2\"".parse().unwrap();
        assert_eq!(odd.search_path(), "\"Ereignisse \"\"2\"\"\", pg_temp");
        assert_eq!(Schema::default().search_path(), "\"public\", pg_temp");
    }

    #[test]
    fn names_that_postgresql_would_not_take_or_cut_off_are_refused() {
        let refused = |text: &str| text.parse::<Schema>().unwrap_err();
        assert_eq!(refused(" "), SchemaError::Blank);
        assert_eq!(refused(&"é".repeat(32)), SchemaError::TooLong);
        assert_eq!(refused("a\0b"), SchemaError::Control);
        assert_eq!(refused("pg_catalog"), SchemaError::Reserved);
        assert_eq!(refused("information_schema"), SchemaError::Reserved);
        assert!("é".repeat(31).parse::<Schema>().is_ok());
    }
}
