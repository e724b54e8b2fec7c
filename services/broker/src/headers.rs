//! A record's headers, copied out of librdkafka.

use std::fmt;

/// The headers of one record, in their order, names and values as bytes.
///
/// One allocation whatever their number, none where there are none: a consumer
/// holds many thousands of records at once. Names are bytes since anybody may
/// write to the topic and Kafka's protocol does not check that they are UTF-8.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Box<[u8]>);

/// The length that stands for "no value" (a header's value may be null).
const NULL: u32 = u32::MAX;

impl Headers {
    /// Name and value of each header; no value = the header bears none (null).
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        Iter(&self.0)
    }

    /// Whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that the copy occupies on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.len()
    }
}

impl<'a> FromIterator<(&'a [u8], Option<&'a [u8]>)> for Headers {
    /// Copies; a name or value of 4 GiB or more, which no record can have, is cut.
    fn from_iter<I: IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>>(headers: I) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in headers {
            let (name, value) = (cut(name), value.map(cut));
            bytes.extend_from_slice(&length(name).to_le_bytes());
            bytes.extend_from_slice(&value.map_or(NULL, length).to_le_bytes());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(value.unwrap_or_default());
        }
        Self(bytes.into_boxed_slice())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        f.debug_map().entries(self.iter().map(|(k, v)| (text(k), v.map(text)))).finish()
    }
}

fn cut(field: &[u8]) -> &[u8] {
    &field[..field.len().min(NULL as usize - 1)]
}

fn length(field: &[u8]) -> u32 {
    u32::try_from(field.len()).unwrap_or(NULL - 1)
}

/// Each header is the length of its name, the length of its value, name, value.
struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name) as usize)?;
        let (value, rest) = match u32::from_le_bytes(*value) {
            NULL => (None, rest),
            length => {
                let (value, rest) = rest.split_at_checked(length as usize)?;
                (Some(value), rest)
            }
        };
        self.0 = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_headers_take_no_memory() {
        let none: Headers = [].into_iter().collect();
        assert_eq!(none, Headers::default());
        assert!(none.is_empty());
        assert_eq!(none.heap_bytes(), 0);
        assert_eq!(none.iter().count(), 0);
    }

    #[test]
    fn a_null_value_is_not_an_empty_one() {
        let headers: Headers = [(&b"a"[..], None), (&b"a"[..], Some(&b""[..]))].into_iter().collect();
        let read: Vec<_> = headers.iter().collect();
        assert_eq!(read, [(&b"a"[..], None), (&b"a"[..], Some(&b""[..]))]);
    }

    #[test]
    fn a_name_that_is_not_utf8_is_kept_and_can_be_printed() {
        let headers: Headers = [(&b"\xff\xfe"[..], Some(&b"x"[..]))].into_iter().collect();
        assert_eq!(headers.iter().next().unwrap().0, b"\xff\xfe");
        assert!(format!("{headers:?}").contains('x'));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            given in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..20),
                 prop::option::of(prop::collection::vec(any::<u8>(), 0..20))),
                0..8,
            ),
        ) {
            let headers: Headers =
                given.iter().map(|(k, v)| (k.as_slice(), v.as_deref())).collect();
            let read: Vec<_> =
                headers.iter().map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(read, given);
        }
    }
}
