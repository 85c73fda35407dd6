//! The program `interview-relay`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    interview_relay::cli::main()
}
