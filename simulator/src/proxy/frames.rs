//! A stream of bytes, taken apart into messages.
//!
//! Sources: the Kafka protocol guide (a request begins with size, API key, API version,
//! correlation id and the client's name; a response with size and correlation id), and "Message
//! Formats" in the manual of PostgreSQL (type, length that counts itself).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::kinds::{CONSUMER, Call, Protocol};

/// A larger message is a sign that the stream was misread.
const LARGEST: usize = 256 << 20;
const CHUNK: usize = 16 << 10;
/// PostgreSQL has one call under way per connection.
const ONLY: i32 = 0;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// One message, whole.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// What is asked for, if a trap can wait for it.
    pub(super) call: Option<Call>,
    /// Names the exchange that it belongs to.
    pub(super) id: Option<i32>,
    /// What is asked for, if the answer may be written over.
    pub(super) asked: Option<Asked>,
}

/// A question to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) version: i16,
    /// By a client that calls itself [`CONSUMER`].
    pub(super) by_consumer: bool,
    /// What `ListOffsets` asks for, where that is told apart.
    pub(super) place: Option<Place>,
}

/// An end of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its first offset.
    Low,
    /// Its last one, open transactions included.
    High,
}

/// Its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Fetch,
    ListOffsets,
    ApiVersions,
}

/// Reads the next message; none at an orderly end.
pub(super) async fn next<R>(from: &mut R, protocol: Protocol, side: Side) -> io::Result<Option<Frame>>
where
    R: AsyncRead + Unpin,
{
    let bytes = match protocol {
        Protocol::Bytes => chunk(from).await?,
        Protocol::Kafka => message(from, 0).await?,
        Protocol::Postgres => message(from, 1).await?,
    };
    Ok(bytes.map(|bytes| match (protocol, side) {
        (Protocol::Bytes, _) => Frame { bytes, call: None, id: None, asked: None },
        (Protocol::Kafka, Side::Client) => {
            Frame { call: kafka_call(&bytes), id: number(&bytes, 8), asked: kafka_question(&bytes), bytes }
        }
        (Protocol::Kafka, Side::Server) => Frame { call: None, id: number(&bytes, 4), bytes, asked: None },
        (Protocol::Postgres, Side::Client) => {
            let call =
                (bytes.first() == Some(&b'Q') && bytes[5..].eq_ignore_ascii_case(b"COMMIT\0")).then_some(Call::Commit);
            Frame { call, id: call.map(|_| ONLY), bytes, asked: None }
        }
        (Protocol::Postgres, Side::Server) => {
            let committed = bytes.first() == Some(&b'C') && &bytes[5..] == b"COMMIT\0";
            Frame { call: None, id: committed.then_some(ONLY), bytes, asked: None }
        }
    }))
}

async fn chunk<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; CHUNK];
    let read = from.read(&mut bytes).await?;
    bytes.truncate(read);
    Ok((read > 0).then_some(bytes))
}

/// A message with a length of four bytes, which counts itself only behind a type.
async fn message<R: AsyncRead + Unpin>(from: &mut R, type_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let head = type_bytes + 4;
    let mut bytes = vec![0; head];
    if let Err(error) = from.read_exact(&mut bytes).await {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let length = number(&bytes, type_bytes).and_then(|length| usize::try_from(length).ok());
    let counted = if type_bytes > 0 { 4 } else { 0 };
    let Some(rest) = length.and_then(|length| length.checked_sub(counted)).filter(|rest| *rest <= LARGEST) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    bytes.resize(head + rest, 0);
    from.read_exact(&mut bytes[head..]).await?;
    Ok(Some(bytes))
}

/// PostgreSQL's first message has no type. Gives it back with its code.
pub(super) async fn opening<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<Option<(Vec<u8>, i32)>> {
    let mut bytes = vec![0; 8];
    if let Err(error) = from.read_exact(&mut bytes).await {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let (length, code) = (number(&bytes, 0).unwrap_or_default(), number(&bytes, 4).unwrap_or_default());
    let rest = usize::try_from(length - 8).map_err(|_| io::ErrorKind::InvalidData)?;
    if rest > CHUNK {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.resize(8 + rest, 0);
    from.read_exact(&mut bytes[8..]).await?;
    Ok(Some((bytes, code)))
}

fn kafka_call(request: &[u8]) -> Option<Call> {
    match request.get(4..6)? {
        [0, 0] => Some(Call::Produce),
        [0, 2] => Some(Call::ListOffsets),
        [0, 8] => Some(Call::OffsetCommit),
        _ => None,
    }
}

/// Size, API key, version, correlation id, and the client's name with its length.
fn kafka_question(request: &[u8]) -> Option<Asked> {
    let short = |at: usize| Some(i16::from_be_bytes(request.get(at..at + 2)?.try_into().ok()?));
    let question = match short(4)? {
        1 => Question::Fetch,
        2 => Question::ListOffsets,
        18 => Question::ApiVersions,
        _ => return None,
    };
    let named = usize::try_from(short(12)?).unwrap_or(0);
    let by_consumer = request.get(14..14 + named) == Some(CONSUMER.as_bytes());
    let version = short(6)?;
    let place = if question == Question::ListOffsets { place(request, 14 + named, version) } else { None };
    Some(Asked { question, version, by_consumer, place })
}

/// What `ListOffsets` 2 to 7 asks of its first partition. Behind the head and its tags: replica, isolation, and an
/// array of topics, each with its name and an array of partitions: number, epoch (from 4 on), time. No array is
/// empty, and no name longer than a byte can tell.
fn place(request: &[u8], head: usize, version: i16) -> Option<Place> {
    let is_flexible = version >= 6;
    let array = if is_flexible { 1 } else { 4 };
    let isolation = head + usize::from(is_flexible) + 4;
    let name = isolation + 1 + array;
    // With its length, which counts itself where it is a single byte.
    let name_bytes = if is_flexible {
        usize::from(*request.get(name)?)
    } else {
        2 + usize::from(u16::from_be_bytes(request.get(name..name + 2)?.try_into().ok()?))
    };
    let time = name + name_bytes + array + 4 + if version >= 4 { 4 } else { 0 };
    let time = i64::from_be_bytes(request.get(time..time + 8)?.try_into().ok()?);
    match (*request.get(isolation)?, time) {
        (_, -2) => Some(Place::Low),
        (0, -1) => Some(Place::High),
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..at + 4)?.try_into().ok().map(i32::from_be_bytes)
}
