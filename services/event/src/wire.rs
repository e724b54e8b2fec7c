//! The form of an event in the log: plain JSON, one object, that anything can read.
//!
//! `{"topic":…,"event_id":…,"timestamp":…,"source":…,"payload":…}`, without white space but for
//! what the payload brings along. [`Event::parse`] gives back the same event.

use crate::Event;

const TOPIC: &[u8] = br#"{"topic":"#;
const EVENT_ID: &[u8] = br#","event_id":"#;
const TIMESTAMP: &[u8] = br#","timestamp":""#;
const SOURCE: &[u8] = br#"","source":"#;
const PAYLOAD: &[u8] = br#","payload":"#;
const END: &[u8] = b"}";

impl Event {
    /// The wire form: UTF-8, the payload's text as it was sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.encoded_len());
        wire.extend_from_slice(TOPIC);
        push_string(&mut wire, self.topic.as_str());
        wire.extend_from_slice(EVENT_ID);
        push_string(&mut wire, self.event_id.as_str());
        wire.extend_from_slice(TIMESTAMP);
        wire.extend_from_slice(self.timestamp.text().as_str().as_bytes());
        wire.extend_from_slice(SOURCE);
        push_string(&mut wire, self.source.as_str());
        wire.extend_from_slice(PAYLOAD);
        wire.extend_from_slice(self.payload.as_str().as_bytes());
        wire.extend_from_slice(END);
        wire
    }

    /// The length of the wire form in bytes, without writing it.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let frame = [TOPIC, EVENT_ID, TIMESTAMP, SOURCE, PAYLOAD, END];
        let names = [self.topic.as_str(), self.event_id.as_str(), self.source.as_str()];
        frame.map(<[u8]>::len).iter().sum::<usize>()
            + names.map(string_len).iter().sum::<usize>()
            + self.timestamp.text().as_str().len()
            + self.payload.as_str().len()
    }
}

fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn push_string(wire: &mut Vec<u8>, text: &str) {
    if text.bytes().any(needs_escape) {
        push_escaped(wire, text);
    } else {
        wire.push(b'"');
        wire.extend_from_slice(text.as_bytes());
        wire.push(b'"');
    }
}

#[cold]
fn push_escaped(wire: &mut Vec<u8>, text: &str) {
    #[expect(clippy::expect_used, reason = "the message is the proof")]
    serde_json::to_writer(wire, text).expect("a Vec takes any write, and any str is a JSON string");
}

/// The length of the text as a JSON string, quotes included.
fn string_len(text: &str) -> usize {
    let escapes = text.bytes().filter(|byte| needs_escape(*byte));
    let added = escapes.map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | b'\x08' | b'\x0c' => "\\".len(),
        _ => "\\u000".len(),
    });
    text.len() + added.sum::<usize>() + "\"\"".len()
}
