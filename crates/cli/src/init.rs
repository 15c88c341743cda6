//! `phonehome init`.

mod bind;
mod drafted;
mod store;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;

use clap::Args;

use crate::output::{Done, Failure, Format};

/// Begin with the accounts that there are.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Draft a fleet file of all accounts of the organization, by their names and units, into this file, which must not
    /// be there yet; `-` writes it to standard output.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fleet", "bind", "yes"])]
    draft: Option<PathBuf>,
    #[command(flatten)]
    lines: bind::BindArguments,
}

/// Drafts a fleet file, or shows, and with `--yes` stores, which line of one is which account.
pub(crate) async fn run(arguments: InitArguments, table: &str, format: Format) -> Result<Done, Failure> {
    match &arguments.draft {
        Some(path) => drafted::run(path, format).await.map(Done::from),
        None => bind::run(&arguments.lines, table, format).await,
    }
}
