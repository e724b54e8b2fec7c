//! Stored events, one or in pages.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`stored`] | one event, looked up by its key |
//! | [`query`] | which events are listed |
//! | [`cursor`] | where a list goes on: opaque text, bound to the query it came from |
//! | [`page`] | lists of events, by topic and over all |

pub mod cursor;
pub mod page;
mod query;
mod stored;

pub use cursor::{Cursor, CursorError, TopicsCursor};
pub(crate) use page::MAX_PAGE_BYTES;
pub use page::Page;
pub use query::Query;
pub(crate) use stored::KEEP_PLAN;
pub use stored::StoredEvent;
