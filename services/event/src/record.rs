//! Reading one event: a record of the log.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::document::{self, Outline};
use crate::fault::{Fault, Faults, Place};
use crate::fields::Fields;
use crate::{Event, MAX_EVENT_BYTES};

impl Event {
    /// Reads one JSON object of at most [`MAX_EVENT_BYTES`]: a record of the log.
    ///
    /// Unknown members are ignored, and of repeated ones the last counts. The error lists every
    /// fault, with pointers into the text.
    pub fn parse(json: &[u8]) -> Result<Self, Vec<Fault>> {
        if json.len() > MAX_EVENT_BYTES {
            return Err(vec![Fault::of_whole(format_args!(
                "must have at most {MAX_EVENT_BYTES} bytes, has {}",
                json.len()
            ))]);
        }
        let fields = document::text(json).and_then(read_object);
        let fields = fields.map_err(|fault| vec![fault])?;
        let mut faults = Faults::default();
        let event = fields.check(Place::Whole, &mut faults);
        event.ok_or_else(|| faults.into_vec())
    }
}

fn read_object(text: &str) -> Result<Fields<'_>, Fault> {
    match document::outline(text) {
        Outline::Object => document::read(text, Object),
        Outline::Nothing => Err(Fault::of_whole("is empty, must be a JSON object")),
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
