//! The runtime of the process for requests.

use super::error::LlmError;
use super::http::Clients;
use super::interrupt;
use std::sync::OnceLock;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Parts that the process has once: threads for waiting, connections to servers, an ear for Ctrl-C.
pub(crate) struct Engine {
    pub runtime: Runtime,
    pub clients: Clients,
    pub interrupts: watch::Receiver<u64>,
}

/// The engine, started at first use.
///
/// # Errors
///
/// Where threads or the TLS library cannot be had.
pub(crate) fn engine() -> Result<&'static Engine, LlmError> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let start = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("muster-llm")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Engine { runtime, clients: Clients::new()?, interrupts: interrupt::watch() })
    };
    ENGINE.get_or_init(start).as_ref().map_err(|message| LlmError::Start { message: message.clone() })
}
