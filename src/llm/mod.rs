//! Language models as annotators: texts go in, labels with reasons come out, and no paid answer is lost.
//!
//! A request is identified by the hash of everything that can change its answer (`request`). Its answer is looked up in
//! a durable store (`store`), else asked for at one of four kinds of provider (`providers`, `http`) under the limits of
//! a run (`run`, `limits`), one by one (`annotate`) or in the provider's batches at half the price (`batch`). An
//! answer is committed to the store before its row is returned. Whatever befalls a single request is a row with
//! an error; a query ends early only where the user asked for it, by Ctrl-C, or when answers cannot be stored.

pub mod annotate;
pub mod batch;
pub mod error;
pub mod http;
pub mod interrupt;
pub mod limits;
pub mod model;
pub mod prices;
pub mod progress;
pub mod providers;
pub mod publish;
pub mod request;
pub mod run;
pub mod schema;
pub mod store;
