//! The `segment-export` program: the library behind a command line.
//!
//! It owns what the library leaves to its caller: arguments, the environment, signals, the terminal and the
//! exit code. It does no work of an export itself.
//!
//! Exit codes: 0, 2 for bad usage (nothing was begun), 1 for what failed.

mod args;
mod assignment;
#[cfg_attr(not(feature = "kms"), path = "aws_absent.rs")]
mod aws;
mod configure;
mod decrypt;
mod environment;
mod export;
mod failure;
mod interrupt;
mod keys;
mod output;
mod progress;
mod schema;
mod snapshot;
mod warnings;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;

/// Threads for what waits: files, requests, signals. What computes has threads of its own.
const IO_THREADS: usize = 2;

fn main() -> ExitCode {
    warnings::show();
    match parse().and_then(|command| command.map_or(Ok(()), run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The command, or `None` where help was asked for and given.
fn parse() -> Result<Option<Command>, Failure> {
    match Cli::try_parse() {
        Ok(cli) => Ok(Some(cli.command)),
        Err(help) if !help.use_stderr() => {
            output::print(&help.render().to_string())?;
            Ok(None)
        }
        Err(error) => Err(Failure::arguments(&error)),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(IO_THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(&error))?;
    runtime.block_on(async {
        match command {
            Command::Export(args) => export::run(*args).await,
            Command::Verify(args) => snapshot::verify(args).await,
            Command::Abort(args) => snapshot::abort(args).await,
            Command::Decrypt(args) => decrypt::run(args).await,
            Command::Serve(_) => Err(Failure::not_available("serve")),
        }
    })
}
