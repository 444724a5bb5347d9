//! The runtime of the process for requests.

use super::error::LlmError;
use super::http::Clients;
use crate::process::PerProcess;
use tokio::runtime::Runtime;

/// Parts that the process has once: threads for waiting, and connections to servers.
pub(crate) struct Engine {
    pub runtime: Runtime,
    pub clients: Clients,
}

/// The engine, started at first use.
///
/// # Errors
///
/// Where threads or the TLS library cannot be had.
pub(crate) fn engine() -> Result<&'static Engine, LlmError> {
    static ENGINE: PerProcess<Result<Engine, String>> = PerProcess::new();
    let start = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("muster-llm")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Engine { runtime, clients: Clients::new()? })
    };
    ENGINE.get_or_init(start).as_ref().map_err(|message| LlmError::Start { message: message.clone() })
}
