//! The command line (contract 47, 49).

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};

use crate::{
    config::{self, Config},
    http::{openapi, routes},
    store::Store,
    telemetry,
};

/// Tells whoever started the program something. That they have had enough is no failure, nor that nobody listens.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

pub mod args;
mod background;
mod demo;
mod events;
mod installation;
mod keys;
mod node;
mod org;
mod projections;
pub mod serve;

use self::{args::Command, installation::Installation};

/// InterviewRelay: a self-hostable, event-sourced platform for AI-run interviews.
#[derive(Debug, Parser)]
#[command(name = "interview-relay", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let matches = Cli::command().args(config::flags()).get_matches();
    let result = match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(&cli.command.unwrap_or(Command::Serve), innermost(&matches)),
        Err(error) => error.exit(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("interview-relay: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a text of any length to standard output. That whoever reads it has had enough is no failure.
fn show(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Settings may stand before or after the command: the innermost matches hold them all.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| innermost(matches))
}

fn run(command: &Command, flags: &ArgMatches) -> Result<(), String> {
    // This one describes the program and not an installation, so it works whatever the settings are.
    if matches!(command, Command::Openapi) {
        return show(&openapi::text(&routes::operations()).map_err(|error| error.to_string())?);
    }
    let config = Config::load(flags).map_err(|error| error.to_string())?;
    if matches!(command, Command::Config) {
        return show(&config.describe());
    }
    telemetry::init(&config.log_level, config.log_format);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    let result = runtime.block_on(dispatch(command, &config));
    telemetry::flush();
    result
}

/// Runs a command that works on the store.
async fn dispatch(command: &Command, config: &Config) -> Result<(), String> {
    if matches!(command, Command::Migrate) {
        let applied = Store::migrate(installation::location(config)).await.map_err(|error| error.to_string())?;
        say!("{applied} migrations applied");
        return Ok(());
    }
    let installation = Installation::open(config).await?;
    match command {
        Command::Serve => serve::run(config, installation).await,
        Command::Projections(args::Projections::Rebuild) => projections::rebuild(&installation).await,
        Command::Projections(args::Projections::Verify) => projections::verify(&installation).await,
        Command::Events(args::Events::Tail(tail)) => events::tail(&installation, tail).await,
        Command::Org(args::Org::Create(create)) => org::create(&installation.commands, create).await,
        Command::Keys(args::Keys::Create(create)) => {
            keys::create(&installation.commands, &installation.store, create).await
        }
        Command::Keys(args::Keys::List(list)) => keys::list(&installation.store, list).await,
        Command::Keys(args::Keys::Revoke(revoke)) => {
            keys::revoke(&installation.commands, &installation.store, revoke).await
        }
        Command::Demo => demo::run(&installation, &config.public_url).await,
        Command::Migrate | Command::Openapi | Command::Config => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> (Command, ArgMatches) {
        let matches = Cli::command().args(config::flags()).try_get_matches_from(line.split(' ')).expect("valid");
        let cli = Cli::from_arg_matches(&matches).expect("valid");
        (cli.command.unwrap_or(Command::Serve), innermost(&matches).clone())
    }

    fn load(flags: &ArgMatches) -> Config {
        Config::load_with(flags, |_| None).expect("valid")
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().args(config::flags()).debug_assert();
    }

    #[test]
    fn no_command_is_serve_and_settings_may_stand_anywhere() {
        for line in
            ["relay --listen 127.0.0.1:9", "relay serve --listen 127.0.0.1:9", "relay --listen=127.0.0.1:9 serve"]
        {
            let (command, flags) = parse(line);
            assert!(matches!(command, Command::Serve));
            assert_eq!(load(&flags).listen.port(), 9, "{line}");
        }
    }

    #[test]
    fn a_switch_may_stand_alone() {
        assert!(load(&parse("relay --dev").1).dev);
        assert!(!load(&parse("relay --rate-limit off").1).rate_limit);
    }

    #[test]
    fn nested_commands_take_settings_too() {
        let (command, flags) = parse("relay keys create --org org_1 --name ci --scopes all --json --data-dir /d");
        assert!(
            matches!(command, Command::Keys(args::Keys::Create(create)) if create.json && create.scopes == ["all"])
        );
        assert_eq!(load(&flags).data_dir, std::path::PathBuf::from("/d"));
    }
}
