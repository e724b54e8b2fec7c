//! Why an address is not one.

/// What a URL looks like.
pub(crate) const FORM: &str = "postgres://user:password@host:5432/database";

/// Why `DATABASE_URL` can't be used, and what to write in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; the form is {FORM}")]
pub struct AddressError(pub(super) String);

impl AddressError {
    pub(super) fn new<T>(text: impl Into<String>) -> Result<T, AddressError> {
        Err(AddressError(text.into()))
    }
}
