//! Language models as annotators: texts go in, labels with reasons come out, and no paid answer is lost.
//!
//! A request is identified by the hash of everything that can change its answer (`request`). Its answer is looked up in
//! a durable store (`store`), else asked for at one of the `providers` under the limits of a run (`run`, `lane`,
//! `budget`), one by one (`ask`) or in the provider's batches at half the price (`batch`). Equal requests at the same
//! time are one (`flight`), and an answer is priced and committed to the store (`ledger`) before its row is returned.
//! `annotate` stands on top. Whatever befalls a single request is a row with an error; a query ends early only where
//! the user asked for it, by Ctrl-C, or when answers cannot be stored.

pub(crate) mod annotate;
mod ask;
mod batch;
mod budget;
pub(crate) mod call;
pub(crate) mod confidence;
mod engine;
pub(crate) mod error;
mod flight;
mod http;
mod job;
mod json;
pub(crate) mod key;
mod lane;
mod ledger;
mod limits;
pub(crate) mod model;
pub(crate) mod prices;
mod progress;
pub(crate) mod providers;
pub(crate) mod publish;
mod reply;
mod request;
mod request_error;
mod retry;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod store;
mod sync;
pub(crate) mod task;
mod thought;
mod wait;
