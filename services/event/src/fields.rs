//! The members of an event's object, captured as they lie in the text and checked one by one.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::field_error::{EventPointer, FieldError, FieldErrors};
use crate::{Event, EventId, NameError, Payload, Source, Timestamp, TimestampError, Topic};

/// The name of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Topic,
    EventId,
    Timestamp,
    Source,
    Payload,
    Events,
    Unknown,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Member;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a member")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "topic" => Member::Topic,
                    "event_id" => Member::EventId,
                    "timestamp" => Member::Timestamp,
                    "source" => Member::Source,
                    "payload" => Member::Payload,
                    "events" => Member::Events,
                    _ => Member::Unknown,
                })
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

/// What an object says about an event: of a repeated name the last, of unknown names nothing.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    topic: Option<&'a RawValue>,
    event_id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    source: Option<&'a RawValue>,
    payload: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// All members of an object.
    pub(crate) fn read<M: MapAccess<'a>>(mut object: M) -> Result<Self, M::Error> {
        let mut fields = Self::default();
        while let Some(member) = object.next_key()? {
            fields.take(member, &mut object)?;
        }
        Ok(fields)
    }

    /// Takes the value of the member whose name was just read.
    pub(crate) fn take<M>(&mut self, member: Member, object: &mut M) -> Result<(), M::Error>
    where
        M: MapAccess<'a>,
    {
        let field = match member {
            Member::Topic => &mut self.topic,
            Member::EventId => &mut self.event_id,
            Member::Timestamp => &mut self.timestamp,
            Member::Source => &mut self.source,
            Member::Payload => &mut self.payload,
            Member::Events | Member::Unknown => {
                object.next_value::<IgnoredAny>()?;
                return Ok(());
            }
        };
        *field = Some(object.next_value()?);
        Ok(())
    }

    /// Whether the object means to be an event: it has a topic or an event id, valid or not.
    pub(crate) fn have_identity(&self) -> bool {
        self.topic.is_some() || self.event_id.is_some()
    }

    /// The event, or none and at least one error more.
    pub(crate) fn check(&self, pointer: EventPointer, errors: &mut FieldErrors) -> Option<Event> {
        let mut note = |member: &str, error: &dyn std::fmt::Display| {
            errors.add(|| FieldError::new(format!("{pointer}/{member}"), error));
        };
        let topic = string(self.topic, Topic::parse).map_err(|error| note("topic", &error));
        let event_id = string(self.event_id, EventId::parse).map_err(|e| note("event_id", &e));
        let timestamp = string(self.timestamp, Timestamp::parse).map_err(|error| note("timestamp", &error));
        let source = string(self.source, Source::parse).map_err(|error| note("source", &error));
        let payload = self.payload.map_or(Ok(Payload::default()), |raw| {
            Payload::parse(raw.get()).map_err(|error| note(&format!("payload{}", error.pointer), &error))
        });
        Some(Event {
            topic: topic.ok()?,
            event_id: event_id.ok()?,
            timestamp: timestamp.ok()?,
            source: source.ok()?,
            payload: payload.ok()?,
        })
    }
}

#[derive(Debug, Error)]
enum StringError {
    #[error("is missing")]
    Missing,
    #[error("must be a string")]
    NotAString,
    #[error("must not contain half of a surrogate pair")]
    LoneSurrogate,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
}

fn string<T, E>(raw: Option<&RawValue>, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, StringError>
where
    StringError: From<E>,
{
    let text = decode(raw.ok_or(StringError::Missing)?.get())?;
    Ok(parse(&text)?)
}

/// The characters of a JSON string. The capture has checked its syntax, but not what its escapes
/// stand for.
fn decode(raw: &str) -> Result<Cow<'_, str>, StringError> {
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    let inner = inner.ok_or(StringError::NotAString)?;
    if inner.as_bytes().contains(&b'\\') {
        let decoded = serde_json::from_str(raw).map_err(|_| StringError::LoneSurrogate)?;
        return Ok(Cow::Owned(decoded));
    }
    Ok(Cow::Borrowed(inner))
}
