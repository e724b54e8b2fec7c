//! The body of a publish request, in any of its three shapes: one event, an array of events, or
//! an object with the array as its member `events`.
//!
//! An object is a batch if it has `events` and neither `topic` nor `event_id`. The text is read
//! once, event by event; there is no tree of it, and no list of parts to read again.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use crate::document::{self, Outline};
use crate::field_error::{EventPointer, FieldError, FieldErrors};
use crate::fields::{Fields, Member};
use crate::{Event, MAX_EVENT_BYTES};

/// Why a body was refused. Nothing of it may be kept then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// The body or some of its events are not what they should be: mend what the errors point to.
    #[error("the body has {} errors, the first: {}", .0.len(), first(.0))]
    Invalid(Vec<FieldError>),
    /// Send the events in several requests. Such a body's events are not checked.
    #[error("the body has {count} events, at most {max} are taken at once")]
    TooManyEvents {
        /// How many the body has.
        count: usize,
        /// How many it may have.
        max: usize,
    },
    /// An event is too large for the log, in any request; the first such of the body.
    #[error("the event at {pointer:?} has {bytes} bytes, at most {max} are taken")]
    EventTooLarge {
        /// JSON pointer to the event.
        pointer: String,
        /// The length of its wire form.
        bytes: usize,
        /// How long that may be.
        max: usize,
    },
}

fn first(errors: &[FieldError]) -> String {
    errors.first().map(FieldError::to_string).unwrap_or_default()
}

impl From<FieldError> for BodyError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

/// Reads the events of a request, all of them or none, in their order; at least one.
///
/// `max_events` bounds a batch. Where several things are wrong, broken JSON is reported before too
/// many events, those before invalid ones, and those before an event that is too large.
pub fn parse(bytes: &[u8], max_events: usize) -> Result<Vec<Event>, BodyError> {
    let text = document::text(bytes)?;
    match document::outline(text) {
        Outline::Object => {
            let seed = Object { max: max_events };
            document::read(text, seed)?.into_events()
        }
        Outline::Array => {
            let (array, max) = ("", max_events);
            document::read(text, Array { array, max })?.into_events()
        }
        Outline::Nothing => Err(FieldError::of_whole("is empty, must be an event or events").into()),
        Outline::Scalar => Err(document::misfit(text, "must be an object or an array").into()),
    }
}

/// Checked events, or what is wrong with them.
struct Batch {
    events: Vec<Event>,
    errors: FieldErrors,
    too_large: Option<(EventPointer, usize)>,
}

impl Batch {
    fn new() -> Self {
        Self { events: Vec::new(), errors: FieldErrors::default(), too_large: None }
    }

    fn add(&mut self, fields: &Fields<'_>, pointer: EventPointer) {
        let Some(event) = fields.check(pointer, &mut self.errors) else {
            return;
        };
        let bytes = event.encoded_len();
        if bytes > MAX_EVENT_BYTES {
            self.too_large.get_or_insert((pointer, bytes));
        }
        if self.is_valid() {
            self.events.push(event);
        }
    }

    fn is_valid(&self) -> bool {
        self.errors.is_empty() && self.too_large.is_none()
    }

    fn into_events(self) -> Result<Vec<Event>, BodyError> {
        if !self.errors.is_empty() {
            return Err(BodyError::Invalid(self.errors.into_vec()));
        }
        match self.too_large {
            None => Ok(self.events),
            Some((pointer, bytes)) => {
                Err(BodyError::EventTooLarge { pointer: pointer.to_string(), bytes, max: MAX_EVENT_BYTES })
            }
        }
    }
}

/// What was found where an array of events should be.
enum Events {
    Some(Batch),
    TooMany { count: usize, max: usize },
    NoArray { pointer: &'static str },
}

impl Events {
    fn into_events(self) -> Result<Vec<Event>, BodyError> {
        match self {
            Self::Some(batch) => batch.into_events(),
            Self::TooMany { count, max } => Err(BodyError::TooManyEvents { count, max }),
            Self::NoArray { pointer } => Err(FieldError::new(pointer, "must be an array").into()),
        }
    }
}

/// The methods of a visitor for which everything but an object or an array is one and the same.
macro_rules! scalars_are {
    ($value:expr) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value(self))
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value(self))
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value(self))
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value(self))
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value(self))
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($value(self))
        }
    };
}

/// A body that is an object.
#[derive(Clone, Copy)]
struct Object {
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Events;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Events, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Events;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut object: M) -> Result<Events, M::Error> {
        let (array, max) = ("/events", self.max);
        let mut fields = Fields::default();
        let mut events = None;
        while let Some(member) = object.next_key()? {
            if member == Member::Events && !fields.have_identity() {
                events = Some(object.next_value_seed(Array { array, max })?);
            } else {
                fields.take(member, &mut object)?;
            }
        }
        // A topic or an event id behind `events` still makes it one event.
        if let Some(events) = events.filter(|_| !fields.have_identity()) {
            return Ok(events);
        }
        let mut batch = Batch::new();
        batch.add(&fields, EventPointer::Whole);
        Ok(Events::Some(batch))
    }
}

/// The array of events that `array` points to.
#[derive(Clone, Copy)]
struct Array {
    array: &'static str,
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Array {
    type Value = Events;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Events, D::Error> {
        json.deserialize_any(self)
    }
}

impl Array {
    fn absent(self) -> Events {
        let pointer = self.array;
        Events::NoArray { pointer }
    }
}

impl<'de> Visitor<'de> for Array {
    type Value = Events;

    scalars_are!(Array::absent);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut object: M) -> Result<Events, M::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.absent())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Events, S::Error> {
        let Self { array, max } = self;
        let mut batch = Batch::new();
        let mut count = 0;
        while count < max
            && let Some(item) = items.next_element_seed(Item)?
        {
            let index = count;
            let pointer = EventPointer::Item { array, index };
            if let Some(fields) = item {
                batch.add(&fields, pointer);
            } else {
                let error = || FieldError::new(pointer.to_string(), "must be an object");
                batch.errors.add(error);
            }
            count += 1;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if count > max {
            return Ok(Events::TooMany { count, max });
        }
        if count == 0 {
            let error = || FieldError::new(array, "must have at least one event");
            batch.errors.add(error);
        }
        Ok(Events::Some(batch))
    }
}

/// One item of an array of events: the fields of an object, or none.
#[derive(Clone, Copy)]
struct Item;

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Option<Fields<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Option<Fields<'de>>;

    scalars_are!(|_| None);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<M: MapAccess<'de>>(self, object: M) -> Result<Self::Value, M::Error> {
        Fields::read(object).map(Some)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Self::Value, S::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
