//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser};
use phonehome_follower::{Cloud, Files, Followed, Source, follow};
use phonehome_wire::{AccountId, Region};

/// Tells the packet lab what EC2 says, as it changes, until standard input ends. It speaks to this machine alone.
#[derive(Parser)]
struct Arguments {
    /// Where the lab is asked (`lab-serve --socket`)
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    #[command(flatten)]
    from: From,
    /// An account to follow; several when given several times. By default all that the endpoint says have changed
    #[arg(long, value_name = "ACCOUNT")]
    account: Vec<AccountId>,
    /// The account that owns the organization: all accounts of that are followed
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "account")]
    management_account: Option<AccountId>,
    /// A Region to follow; several when given several times. By default all that an account can use
    #[arg(long, value_name = "REGION")]
    region: Vec<Region>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct From {
    /// A local cloud, or another emulator, on this machine
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// A folder with a file ACCOUNT.REGION.json for each inventory, or a file with all of them by account/Region
    #[arg(long, value_name = "PATH")]
    files: Option<PathBuf>,
}

/// Does what the command line says.
pub(crate) async fn run() -> Result<()> {
    let Arguments { socket, from, account, management_account, region } = Arguments::parse();
    let source = match (from.endpoint, from.files) {
        (Some(endpoint), _) => {
            let accounts = match (management_account, account.is_empty()) {
                (Some(management), _) => Followed::Organization(management),
                (None, true) => Followed::WhatChanges,
                (None, false) => Followed::Accounts(account),
            };
            Source::Cloud(Cloud::at(&endpoint, accounts, region)?)
        }
        (None, files) => Source::Files(Files::at(files.unwrap_or_default())),
    };
    let ends = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        followed = follow(source, &socket, |line| println!("{line}")) => followed,
        ended = ends => Ok(ended?.map(drop)?),
    }
}
