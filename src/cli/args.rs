//! What can be said on the command line besides the settings (contract 49).

use clap::{Args, Subcommand};

/// A command. Without one the program serves.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the server (this is what happens without a command)
    Serve,
    /// Manage organizations
    #[command(subcommand)]
    Org(Org),
    /// Manage API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Bring the database's schema up to date
    Migrate,
    /// Look after the read models
    #[command(subcommand)]
    Projections(Projections),
    /// Look at the log
    #[command(subcommand)]
    Events(Events),
    /// Make an organization with interviews to look at
    Demo,
    /// Print the OpenAPI document
    Openapi,
    /// Print the settings in force, secrets hidden
    Config,
}

/// Commands on organizations.
#[derive(Clone, Debug, Subcommand)]
pub enum Org {
    /// Create an organization
    Create(OrgCreate),
}

/// `org create`
#[derive(Clone, Debug, Args)]
pub struct OrgCreate {
    /// Its display name
    #[arg(long)]
    pub name: String,
    /// free, starter, professional or enterprise
    #[arg(long, default_value = "free")]
    pub plan: String,
    /// Opening balance; what the plan includes by default
    #[arg(long)]
    pub credits: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Commands on API keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Keys {
    /// Create a key and print it, this once
    Create(KeysCreate),
    /// List an organization's keys
    List(KeysList),
    /// Make a key invalid, at once and for ever
    Revoke(KeysRevoke),
}

/// `keys create`
#[derive(Clone, Debug, Args)]
pub struct KeysCreate {
    /// The organization that the key speaks for
    #[arg(long)]
    pub org: String,
    /// What you call it
    #[arg(long)]
    pub name: String,
    /// `all`, or scopes such as campaigns:read,invites:write
    #[arg(long, value_delimiter = ',', required = true)]
    pub scopes: Vec<String>,
    /// Print `{"id","key"}`
    #[arg(long)]
    pub json: bool,
}

/// `keys list`
#[derive(Clone, Debug, Args)]
pub struct KeysList {
    /// The organization; all of them by default
    #[arg(long)]
    pub org: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `keys revoke`
#[derive(Clone, Debug, Args)]
pub struct KeysRevoke {
    /// The key's id (`key_…`)
    pub id: String,
}

/// Commands on read models.
#[derive(Clone, Debug, Subcommand)]
pub enum Projections {
    /// Replay the log into fresh tables, compare, and swap them in
    Rebuild,
    /// Replay the log and compare
    Verify,
}

/// Commands on the log.
#[derive(Clone, Debug, Subcommand)]
pub enum Events {
    /// Print events as they are appended
    Tail(EventsTail),
}

/// `events tail`
#[derive(Clone, Debug, Args)]
pub struct EventsTail {
    /// The position to start after; the end of the log by default
    #[arg(long, value_name = "POS")]
    pub from: Option<u64>,
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
}
