//! `localcloud demo`: the whole story of phonehome on the local cloud.
//!
//! `cargo xtask demo` builds everything and starts this.

mod story;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "localcloud", about = "The local cloud of phonehome")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the story: accounts come, get a network, lose a connection, get it back.
    Demo {
        /// Leave the local cloud running afterwards, until Ctrl-C.
        #[arg(long)]
        keep: bool,
        /// How many accounts there are.
        #[arg(
            long,
            value_name = "COUNT",
            default_value_t = story::Size::LEAST,
            value_parser = clap::value_parser!(u16).range(i64::from(story::Size::LEAST)..=i64::from(story::Size::MOST)),
        )]
        accounts: u16,
        /// Show the emulator's and the functions' logs when it is over.
        #[arg(long)]
        verbose: bool,
    },
    /// Print docs/costs.md as the cost sheet makes it.
    Costs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Demo { keep, accounts, verbose } = Arguments::parse().command else {
        print!("{}", phonehome_localcloud::cost::document());
        return ExitCode::SUCCESS;
    };
    match phonehome_localcloud::unless_interrupted(story::play(
        &repository(),
        story::Size::of(accounts),
        verbose,
    ))
    .await
    {
        Ok(scene) => {
            if keep && let Err(error) = story::keep(scene).await {
                eprintln!("\nThe local cloud ended: {error:#}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The repository this was built from.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
