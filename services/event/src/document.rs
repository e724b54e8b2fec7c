//! JSON text before its meaning: UTF-8 and syntax.

use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::Deserializer;

use crate::FieldError;

/// A text as RFC 8259 has it: UTF-8 without a byte order mark, and not nothing.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, FieldError> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        FieldError::of_whole(format_args!("is not JSON: byte {at} is not UTF-8"))
    })?;
    if text.starts_with('\u{feff}') {
        return Err(FieldError::of_whole("is not JSON: it begins with a byte order mark"));
    }
    Ok(text)
}

/// What a document is, by its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outline {
    Object,
    Array,
    Scalar,
    Nothing,
}

pub(crate) fn outline(text: &str) -> Outline {
    match text.bytes().find(|byte| !b" \t\r\n".contains(byte)) {
        Some(b'{') => Outline::Object,
        Some(b'[') => Outline::Array,
        Some(_) => Outline::Scalar,
        None => Outline::Nothing,
    }
}

/// Reads the whole text as one value.
pub(crate) fn read<'de, S>(text: &'de str, seed: S) -> Result<S::Value, FieldError>
where
    S: DeserializeSeed<'de>,
{
    let mut json = Deserializer::from_str(text);
    let value = seed.deserialize(&mut json);
    value
        .and_then(|value| json.end().map(|()| value))
        .map_err(|error| FieldError::of_whole(format_args!("is not JSON: {error}")))
}

/// The error of a text that is not what it should be: that it is no JSON, or else `detail`.
pub(crate) fn misfit(text: &str, detail: &str) -> FieldError {
    let read = read(text, std::marker::PhantomData::<IgnoredAny>);
    read.err().unwrap_or_else(|| FieldError::of_whole(detail))
}
