//! Checks against real listeners on the loopback network.

mod certificates;
mod dns;
mod http;
mod isolation;
mod runs;
mod support;
mod tcp;
mod tls;
mod tries;
