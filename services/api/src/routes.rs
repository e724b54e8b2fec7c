//! What each path does.
//!
//! | file | paths | beside it |
//! | --- | --- | --- |
//! | `publish` | `POST /publish`: events into the log | `request_schema` is what it takes, `responses` what it says |
//! | `listing` | `/events`, `/events/{topic}/{event_id}` | `event_json` is how events are written |
//! | `topics` | `/topics` | |
//! | `stats` | `/stats` | |
//! | `health` | `/health`, `/livez`, `/readyz` | |
//! | `metrics` | `/metrics` | |
//! | `docs` | `/openapi.json`, `/docs`, `/redoc` | |
//! | `index` | `/` | |

pub(crate) mod docs;
mod event_json;
pub(crate) mod health;
pub(crate) mod index;
pub(crate) mod listing;
pub(crate) mod metrics;
pub(crate) mod publish;
mod request_schema;
mod responses;
pub(crate) mod stats;
pub(crate) mod topics;
