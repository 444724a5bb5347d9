//! The hub that models come from, and the cache that its own tools share.
//!
//! * [`places`]: folders that hold models, the hub's address, and whether it may be asked;
//! * [`repository`]: the files of a model in the cache;
//! * [`client`]: requests to the hub;
//! * [`download`](mod@download): models from the hub into the cache.

mod client;
mod download;
mod places;
mod repository;

pub(super) use download::download;
pub(super) use places::Places;
pub(super) use repository::{Repository, recorded_hashes};
