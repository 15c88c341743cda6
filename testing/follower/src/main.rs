//! Tells the packet lab what EC2 says, as it changes: see the library.

#[cfg(target_os = "linux")]
mod command;

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    match command::run().await {
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
