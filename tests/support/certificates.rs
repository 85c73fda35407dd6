//! A root of a test's own, and a certificate below it for the loopback address.

use std::path::Path;

/// All in PEM.
pub struct Certificates {
    /// The root.
    pub root: String,
    leaf: String,
    key: String,
}

impl Certificates {
    /// Makes them.
    pub fn make() -> Self {
        let mut root = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root_key = rcgen::KeyPair::generate().expect("a key");
        let root_pem = root.self_signed(&root_key).expect("a root").pem();
        let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let leaf_key = rcgen::KeyPair::generate().expect("a key");
        let leaf = leaf.signed_by(&leaf_key, &rcgen::Issuer::new(root, root_key)).expect("a certificate");
        Self { root: root_pem, leaf: leaf.pem(), key: leaf_key.serialize_pem() }
    }

    /// Writes `root.pem`, `leaf.pem` and `leaf.key`.
    pub fn write(&self, folder: &Path) {
        for (name, text) in [("root.pem", &self.root), ("leaf.pem", &self.leaf), ("leaf.key", &self.key)] {
            std::fs::write(folder.join(name), text).expect("written");
        }
    }
}
