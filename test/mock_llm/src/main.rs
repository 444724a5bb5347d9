//! The language model providers of muster's tests: one small server, on loopback, with no key and no model.
//!
//! It speaks the wire formats of `llm_annotate` with the field names of the real ones, and the batch interfaces of three
//! of them (`wire`, `batches`), and is as strict as they are: a missing header, a schema without `additionalProperties` or a temperature for a model that takes none is
//! their error. The answer to a text is a noisy function of its words, the same at every start (`judge`). A marker in
//! the text asks for a fault (`faults`). `/__stats` says what was asked (`state`), `/__reset` forgets it and may
//! change settings: `/__reset?latency_ms=100`.
//!
//!     mock_llm [--port 0] [--latency-ms 0] [--wait-ms 200] [--requests-per-minute 0] [--tokens-per-minute 0]
//!              [--batch-polls 2] [--while-stdin]
//!
//! `mock_llm --providers` prints the providers with the environment variables that lead muster here, and ends.
//!
//! The first line printed is the address. With `--while-stdin` the server ends when its standard input does, so that
//! it never outlives a test that was killed.

mod batches;
mod faults;
mod judge;
mod serve;
mod state;
mod wire;

use hyper_util::rt::{TokioIo, TokioTimer};
use state::{Settings, State};
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use tokio::net::TcpListener;

/// One thread serves all: it is never the slow side, and the order of its counters needs no lock.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("--providers") {
        println!("{}", serde_json::Value::from_iter(wire::ALL.map(wire::Provider::environment)));
        return Ok(());
    }
    let (port, while_stdin, settings) = arguments(std::env::args().skip(1))?;
    if while_stdin {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, listen(port, settings))
}

async fn listen(port: u16, settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("http://{address}");
    std::io::stdout().flush()?;
    let state = Rc::new(RefCell::new(State::new(settings, address.port())));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let state = state.clone();
        tokio::task::spawn_local(async move {
            let service = hyper::service::service_fn(|request| serve::serve(state.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // a client that went away, or a fault that cut the connection
            let _ = connection.await;
        });
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<(u16, bool, Settings), String> {
    let (mut port, mut while_stdin, mut settings) = (0, false, Settings::default());
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").ok_or_else(|| format!("mock_llm: argument {word} is not known"))?;
        if name == "while-stdin" {
            while_stdin = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("mock_llm: --{name} needs a value"))?;
        if name == "port" {
            port = value.parse().map_err(|_| format!("mock_llm: --port must be a port, got {value}"))?;
        } else {
            settings.set(&name.replace('-', "_"), &value)?;
        }
    }
    Ok((port, while_stdin, settings))
}
