//! Opening an installation: its directory, keys and store.

use std::{path::PathBuf, sync::Arc};

use crate::{
    clock::Clock,
    command::Commands,
    config::Config,
    store::{Location, Store},
    trust::keys::Keys,
};

/// Connections for lookups in PostgreSQL, per node.
const READERS: u32 = 16;

/// What every command that works on the store needs.
pub struct Installation {
    /// Runs commands.
    pub commands: Arc<Commands>,
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Where the master key is kept.
    pub key_file: PathBuf,
    /// Where the events are kept, without a password.
    pub database: String,
}

impl Installation {
    /// Opens the installation that the settings describe, and makes what is missing of it.
    ///
    /// # Errors
    /// When a directory, file or database cannot be used; the message names it.
    pub async fn open(config: &Config) -> Result<Self, String> {
        let data_dir = &config.data_dir;
        let embedded = config.database_url.is_none();
        if embedded {
            make_private_directory(data_dir).map_err(|error| format!("data-dir {}: {error}", data_dir.display()))?;
        }
        let key_file = config.key_file();
        let keys = Arc::new(Keys::from_file(&key_file, embedded).map_err(|error| error.to_string())?);
        let location = location(config);
        let clock = Clock::system();
        let store = Store::open(location.clone(), keys.clone(), clock.clone(), READERS)
            .await
            .map_err(|error| format!("{}: {error}", describe(&location)))?;
        store.check_master_key().await.map_err(|error| format!("master key {}: {error}", key_file.display()))?;
        let commands = Arc::new(Commands::new(store.clone(), clock.clone(), keys, config.public_url.clone()));
        Ok(Self { commands, store, clock, key_file, database: describe(&location) })
    }
}

/// Where the settings say that the events are.
pub fn location(config: &Config) -> Location {
    match &config.database_url {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Sqlite(config.sqlite_file()),
    }
}

fn describe(location: &Location) -> String {
    match location {
        Location::Sqlite(path) => format!("SQLite in {}", path.display()),
        // Behind the '@' there is no password any more.
        Location::Postgres(url) => format!("PostgreSQL at {}", url.rsplit_once('@').map_or(url.as_str(), |(_, at)| at)),
    }
}

fn make_private_directory(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
