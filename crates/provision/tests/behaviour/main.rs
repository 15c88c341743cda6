//! What becomes of one account's stack, by way of the public API alone, in an AWS whose time is set by the
//! tests.

mod addresses;
mod api_calls;
mod closing;
mod decommission;
mod drift;
mod links;
mod older;
mod status;
mod support;
