//! Who this process is among the nodes of its installation.
//!
//! Work that one node does at a time is leased. A node that is killed cannot give its leases back, and nobody does that
//! work until they run out. So the place where a node runs has a name, kept in its data directory, and whoever starts
//! there next gives back what the one before held. A lock on the file tells that the one before is gone.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    path::Path,
};

/// The file in the data directory.
const FILE: &str = "node";

/// A node, for as long as its process lives.
pub struct Node {
    /// Names this process in leases.
    pub name: String,
    /// How the names of all processes that have run at this place begin, if the place has a name.
    pub place: Option<String>,
    _lock: Option<File>,
}

impl Node {
    /// Takes the place of a data directory. Where that is impossible, because another process has it or nothing can be
    /// written, the node has a name for this once.
    pub fn enter(data_dir: &Path) -> Self {
        match take(data_dir) {
            Ok((place, lock)) => Self { name: format!("{place}{}", unique()), place: Some(place), _lock: Some(lock) },
            Err(error) => {
                tracing::info!(%error, "the node's place is not remembered: leases of a node that is killed here run out");
                Self { name: format!("node_{}", unique()), place: None, _lock: None }
            }
        }
    }
}

fn take(data_dir: &Path) -> std::io::Result<(String, File)> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(data_dir.join(FILE))?;
    file.try_lock()?;
    let mut place = String::new();
    file.read_to_string(&mut place)?;
    if !place.starts_with("node_") || !place.ends_with('/') {
        place = format!("node_{}/", unique());
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(place.as_bytes())?;
        file.sync_all()?;
    }
    Ok((place, file))
}

fn unique() -> uuid::Uuid {
    uuid::Uuid::from_u128(rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_starts_where_another_has_stopped_has_its_place_but_not_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Node::enter(folder.path());
        let place = first.place.clone().expect("a place");
        assert!(first.name.starts_with(&place) && first.name.len() > place.len());
        let beside = Node::enter(folder.path());
        assert_eq!(beside.place, None, "the place is taken");
        assert!(!beside.name.starts_with(&place));
        let name = first.name.clone();
        drop(first);
        let next = Node::enter(folder.path());
        assert_eq!(next.place.as_deref(), Some(place.as_str()));
        assert_ne!(next.name, name);
    }

    #[test]
    fn a_node_without_a_directory_has_a_name_for_this_once() {
        let node = Node::enter(Path::new("/nowhere/at/all"));
        assert!(node.place.is_none() && node.name.starts_with("node_"));
    }
}
