//! Pebble, Let's Encrypt's server for tests: it validates for real, against a name server of its own.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{certificates::Certificates, ports::free_port};

/// A running authority; it is gone when this is dropped, with all that it knew.
pub struct Pebble {
    folder: TempDir,
    directory_port: u16,
    management_port: u16,
    names_port: u16,
    children: Vec<Child>,
}

impl Pebble {
    /// Prepares an authority that asks for answers to its challenges at this port of the loopback address, whatever the
    /// name. It does not run yet.
    pub fn prepare(http_port: u16) -> Self {
        super::ring();
        let folder = tempfile::Builder::new().prefix("relay-pebble.").tempdir().expect("make a folder");
        let pebble = Self {
            folder,
            directory_port: free_port(),
            management_port: free_port(),
            names_port: free_port(),
            children: Vec::new(),
        };
        Certificates::make().write(pebble.folder.path());
        let local = |port: u16| format!("127.0.0.1:{port}");
        let config = json!({"pebble": {
            "listenAddress": local(pebble.directory_port),
            "managementListenAddress": local(pebble.management_port),
            "certificate": pebble.path("leaf.pem"),
            "privateKey": pebble.path("leaf.key"),
            "httpPort": http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        std::fs::write(pebble.path("config"), config.to_string()).expect("written");
        pebble
    }

    /// Prepares it and starts it.
    pub async fn start(http_port: u16) -> Self {
        let mut pebble = Self::prepare(http_port);
        pebble.run().await;
        pebble
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it, with nothing that it knew before.
    pub async fn run(&mut self) {
        let names = format!("127.0.0.1:{}", self.names_port);
        let mut resolver = Command::new("pebble-challtestsrv");
        resolver.args([
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ]);
        resolver.args(["-dns01", &names, "-management", &format!("127.0.0.1:{}", free_port())]);
        let mut authority = Command::new("pebble");
        authority.arg("-config").arg(self.path("config")).args(["-dnsserver", &names]);
        authority.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0").env("PEBBLE_AUTHZREUSE", "0");
        for mut command in [resolver, authority] {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.children.push(command.spawn().expect("start Pebble: run the tests with ./scripts/test"));
        }
        let up = async {
            // The name server listens on TCP as well.
            for port in [self.names_port, self.directory_port, self.management_port] {
                while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                    for child in &mut self.children {
                        assert_eq!(child.try_wait().expect("ask for the process"), None, "Pebble ended");
                    }
                    // A process tells nobody when it starts to listen.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), up).await.expect("Pebble listens");
    }

    /// `kill -9`
    pub fn kill9(&mut self) {
        for mut child in self.children.drain(..) {
            child.kill().expect("kill");
            child.wait().expect("wait");
        }
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.directory_port)
    }

    /// The root of its own HTTPS.
    pub fn ca_file(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// The root of the certificates that it issues, in PEM. Each start makes another one.
    pub async fn root(&self) -> Vec<u8> {
        let own = std::fs::read(self.ca_file()).expect("read");
        let own = reqwest::Certificate::from_pem(&own).expect("a certificate");
        let client = reqwest::Client::builder().tls_certs_only([own]).build().expect("a client");
        let url = format!("https://127.0.0.1:{}/roots/0", self.management_port);
        let answer = client.get(url).send().await.expect("an answer");
        answer.bytes().await.expect("a root").to_vec()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.kill9();
    }
}
