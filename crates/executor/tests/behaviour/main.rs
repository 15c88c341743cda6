//! How plans are applied, by way of the public API alone, to an account that answers from a script.
//! Time is tokio's stopped clock: it moves only when everything waits.

mod applying;
mod estimate;
mod failures;
mod fencing;
mod limits;
mod properties;
mod support;
