//! The packet lab as a process of its own: see `phonehome_lab::server`.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match command::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("error: the packet lab needs Linux: it is made of its network namespaces");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod command {
    use std::path::PathBuf;

    use anyhow::Result;
    use clap::Parser;

    /// Makes a network from what it is told EC2 says, and runs functions in it, until its standard input ends.
    /// Needs no root; nothing of it is left.
    #[derive(Parser)]
    struct Arguments {
        /// Where it is to be asked; a path that nothing is at. With none it only says whether it could run here
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
    }

    pub(super) fn run() -> Result<()> {
        let arguments = Arguments::parse();
        let Some(socket) = arguments.socket else { return phonehome_lab::available() };
        phonehome_lab::enter()?;
        // Whoever started this waits for the line.
        phonehome_lab::server::serve(&socket, std::io::stdin(), || println!("ready"))
    }
}
