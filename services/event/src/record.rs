//! Reading one event: a record of the log.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::document::{self, Outline};
use crate::field_error::{EventPointer, FieldError, FieldErrors};
use crate::fields::Fields;
use crate::{Event, MAX_EVENT_BYTES};

impl Event {
    /// Reads one JSON object of at most [`MAX_EVENT_BYTES`]: a record of the log.
    ///
    /// Unknown members are ignored, and of repeated ones the last counts. An `Err` lists every
    /// error, with pointers into the text.
    pub fn parse(json: &[u8]) -> Result<Self, Vec<FieldError>> {
        if json.len() > MAX_EVENT_BYTES {
            return Err(vec![FieldError::of_whole(format_args!(
                "must have at most {MAX_EVENT_BYTES} bytes, has {}",
                json.len()
            ))]);
        }
        let fields = document::text(json).and_then(read_object);
        let fields = fields.map_err(|error| vec![error])?;
        let mut errors = FieldErrors::default();
        let event = fields.check(EventPointer::Whole, &mut errors);
        event.ok_or_else(|| errors.into_vec())
    }
}

fn read_object(text: &str) -> Result<Fields<'_>, FieldError> {
    match document::outline(text) {
        Outline::Object => document::read(text, Object),
        Outline::Nothing => Err(FieldError::of_whole("is empty, must be a JSON object")),
        Outline::Array | Outline::Scalar => Err(document::misfit(text, "must be an object")),
    }
}

struct Object;

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Fields<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, object: M) -> Result<Fields<'de>, M::Error> {
        Fields::read(object)
    }
}
