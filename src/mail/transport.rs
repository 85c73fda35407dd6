//! Where mails leave: a mail server, or files.

use std::{
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use aggregates::invite::SendFailure;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{self, PoolConfig},
};

use super::{draft::Letter, settings::Outlet};

/// Connections to the mail server, at most.
pub const CONNECTIONS: u32 = 16;
/// How long one command to the mail server may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the sending of one mail may take in all. It must end well before another node may take over.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(45);

/// Sends letters.
#[derive(Clone, Debug)]
pub enum Transport {
    /// By way of a mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Into files of this folder.
    Folder(PathBuf),
}

/// What an attempt came to, where it did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Trying again may help.
    ForNow {
        /// What was answered, in figures.
        code: String,
    },
    /// Trying again is no use.
    ForGood {
        /// The kind of failure.
        reason: SendFailure,
        /// What was answered, in figures.
        code: String,
    },
}

impl Transport {
    /// Prepares to send by way of an outlet.
    ///
    /// # Errors
    /// When the URL of the mail server is of no use.
    pub fn new(outlet: &Outlet) -> Result<Self, String> {
        match outlet {
            Outlet::Folder(folder) => Ok(Self::Folder(folder.clone())),
            Outlet::Smtp(url) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|error| error.to_string())?;
                let pool = PoolConfig::new().max_size(CONNECTIONS).idle_timeout(Duration::from_secs(30));
                Ok(Self::Smtp(builder.timeout(Some(COMMAND_TIMEOUT)).pool_config(pool).build()))
            }
        }
    }

    /// Hands a letter over. `name` is what a file is called; the same letter has the same name each time.
    ///
    /// # Errors
    /// See [`Failure`]. After one for now, the letter may nevertheless have arrived: a mail server that has taken it may
    /// be cut off before it says so.
    pub async fn send(&self, letter: Letter, name: &str) -> Result<(), Failure> {
        let for_now = |code: &str| Failure::ForNow { code: code.to_owned() };
        match self {
            Self::Smtp(transport) => {
                let sent = transport.send_raw(&letter.envelope, &letter.bytes);
                match tokio::time::timeout(SEND_TIMEOUT, sent).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(judged(&error, &letter)),
                    Err(_) => Err(for_now("timeout")),
                }
            }
            Self::Folder(folder) => {
                let (folder, name) = (folder.clone(), name.to_owned());
                let written = tokio::task::spawn_blocking(move || write(&folder, &name, &letter.bytes)).await;
                match written {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a mail could not be written to its file");
                        Err(for_now("file"))
                    }
                    Err(_) => Err(for_now("stopped")),
                }
            }
        }
    }
}

/// Whether a mail server's refusal is about this mail, or about us or the moment.
fn judged(error: &smtp::Error, letter: &Letter) -> Failure {
    let Some(status) = error.status() else {
        let addresses = [letter.envelope.from()].into_iter().flatten().chain(letter.envelope.to());
        let foreign = addresses.into_iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii());
        if error.is_client() && foreign {
            // The server cannot take addresses in other alphabets (RFC 6531).
            return Failure::ForGood { reason: SendFailure::Address, code: "smtputf8".to_owned() };
        }
        let code = match error {
            _ if error.is_timeout() => "timeout",
            _ if error.is_tls() => "tls",
            _ if error.is_client() => "client",
            _ if error.is_response() => "response",
            _ => "connection",
        };
        return Failure::ForNow { code: code.to_owned() };
    };
    let status: u16 = status.into();
    let code = match enhanced(&error.to_string()) {
        Some(enhanced) => format!("{status} {enhanced}"),
        None => status.to_string(),
    };
    // 500 to 504 say that the server does not understand us, 530 to 538 that it does not know us: both are for the operator
    // to mend, and the mail waits for that. 521 and the like mean that it takes no mail at all.
    if (540..600).contains(&status) {
        Failure::ForGood { reason: SendFailure::Rejected, code }
    } else {
        Failure::ForNow { code }
    }
}

/// The enhanced status code (RFC 3463) in a reply: `5.1.1`.
pub fn enhanced(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find(|word| is_enhanced(word))
}

/// Whether a text is an enhanced status code.
pub fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && ["2", "4", "5"].contains(&parts[0]) && parts.iter().all(digits)
}

/// Writes a file that only we may read, whole or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let (temporary, file) = (folder.join(format!(".{name}.part")), folder.join(name));
    let mut options = std::fs::OpenOptions::new();
    let mut part = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    part.write_all(bytes)?;
    part.sync_all()?;
    std::fs::rename(temporary, file)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_found_and_addresses_of_hosts_are_not() {
        assert_eq!(enhanced("permanent error (550): 5.1.1 <ada@example.com>: unknown"), Some("5.1.1"));
        assert_eq!(enhanced("4.7.1 try later"), Some("4.7.1"));
        for text in ["no such user", "from 10.0.0.1", "9.9.9", "5.1", "5.1.1.1", "5.1234.1"] {
            assert_eq!(enhanced(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_is_private_and_replaced_as_a_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("make a folder");
        let mails = folder.path().join("mail");
        for text in ["one", "two"] {
            write(&mails, "a.eml", text.as_bytes()).expect("written");
        }
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&mails), mode(&mails.join("a.eml"))), (0o700, 0o600));
        let names: Vec<_> =
            std::fs::read_dir(&mails).expect("list").map(|entry| entry.expect("entry").file_name()).collect();
        assert_eq!(names, ["a.eml"]);
        assert_eq!(std::fs::read_to_string(mails.join("a.eml")).expect("read"), "two");
    }
}
