//! Makes the accounts of lines of the fleet file, binds them, and tells people of each until it is ready.

mod handler;
mod lazily;
mod look;
mod message;
mod news;
mod progress;
mod properties;
mod settle;
mod tell;
#[cfg(test)]
mod tests;
mod waiting;
mod way;

pub use handler::Vending;
pub use lazily::OpenVending;
pub use way::OpenProperties;
