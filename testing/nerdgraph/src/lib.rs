//! A stand-in of NerdGraph, New Relic's GraphQL API: the part of its schema that is used here, executed, so that a query that
//! does not fit the schema is refused as it would be there. Names are not unique, no call has a token, and what goes wrong
//! on the way is told to it ([`Fault`]).
//!
//! The types are those of New Relic's own client
//! (<https://github.com/newrelic/newrelic-client-go>, packages `accountmanagement`, `apiaccess` and `cloud`).

mod execute;
mod fault;
mod http;
mod refusal;
mod schema;
mod state;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, MutexGuard};

use anyhow::{Context as _, Result};

pub use fault::Fault;
pub use state::{Account, Key, Linked, State};

use state::{Shared, locked};

/// A running stand-in. Its server ends with the process.
#[derive(Debug)]
pub struct Nerdgraph {
    url: String,
    state: Shared,
}

impl Nerdgraph {
    /// Listens on a port of this machine. Only this user key is accepted.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(user_key: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for NerdGraph")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/graphql", listener.local_addr()?);
        let state = Shared::default();
        let (of_server, user_key) = (Arc::clone(&state), user_key.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(http::serve(listener, of_server, user_key)));
        Ok(Self { url, state })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What there is, to be looked at and changed as by hand. Hold it for a moment only: the server waits for it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// What goes wrong with the next call of this operation, after those that were said before.
    pub fn fail(&self, operation: &str, fault: Fault) {
        self.state().faults.push((operation.to_owned(), fault));
    }
}
