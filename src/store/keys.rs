//! Keys of organizations and data subjects: stored wrapped, kept unwrapped in a bounded cache.

use std::collections::HashMap;

use super::{Error, Store, value::Value, write::TableWrite};
use crate::{
    store::{Kind, Mode},
    trust::{
        keys::{Key, random_key},
        seal,
    },
};

/// Subjects whose keys stay in memory.
const CACHED_SUBJECTS: usize = 20_000;

/// A data subject's id and key.
#[derive(Clone)]
pub struct SubjectKey {
    /// `sub_…`.
    pub id: String,
    /// The key.
    pub key: Key,
}

/// Unwrapped keys.
pub struct KeyCache {
    organizations: quick_cache::sync::Cache<String, Key>,
    subjects: quick_cache::sync::Cache<String, SubjectKey>,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self {
            organizations: quick_cache::sync::Cache::new(1_000),
            subjects: quick_cache::sync::Cache::new(CACHED_SUBJECTS),
        }
    }
}

impl Store {
    /// Makes the key of a new organization; the write must be part of the submission that creates it.
    pub fn new_organization_key(&self, organization: &str) -> TableWrite {
        let key = random_key();
        let mut write =
            TableWrite::new("organization_keys", Mode::Insert, &[("org_id", Kind::Text), ("wrapped_key", Kind::Bytes)]);
        let wrapped = seal::wrap(self.keys.organizations(), organization, &key);
        write.rows.push(vec![organization.into(), wrapped.into()]);
        write
    }

    /// The key under which an organization's subject keys are wrapped.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is missing or was wrapped under another master key.
    pub async fn organization_key(&self, organization: &str) -> Result<Key, Error> {
        if let Some(key) = self.key_cache.organizations.get(organization) {
            return Ok(key);
        }
        let sql = "SELECT wrapped_key FROM organization_keys WHERE org_id = $1".to_owned();
        let rows = self.query(sql, vec![organization.into()]).await?;
        let wrapped = rows.into_iter().flatten().next().and_then(Value::into_bytes);
        let key = wrapped
            .and_then(|wrapped| seal::unwrap(self.keys.organizations(), organization, &wrapped))
            .ok_or_else(|| Error::Corrupt(format!("no usable key for {organization}; is it another master key?")))?;
        self.key_cache.organizations.insert(organization.to_owned(), key.clone());
        Ok(key)
    }

    /// Whether the master key is the one that this store was written with.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not.
    pub async fn check_master_key(&self) -> Result<(), Error> {
        let sql = "SELECT org_id FROM organization_keys LIMIT 1".to_owned();
        match self.query(sql, Vec::new()).await?.first() {
            Some(row) => self.organization_key(row[0].text()).await.map(drop),
            None => Ok(()),
        }
    }

    /// A data subject's key, if this process has met the subject lately.
    pub fn cached_subject(&self, lookup: &str) -> Option<SubjectKey> {
        self.key_cache.subjects.get(lookup)
    }

    /// Remembers a subject that exists, for the next command about it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the key was wrapped under another organization key.
    pub async fn remember_subject(
        &self,
        organization: &str,
        lookup: String,
        id: String,
        wrapped: &[u8],
    ) -> Result<(), Error> {
        let key = seal::unwrap(&self.organization_key(organization).await?, &id, wrapped)
            .ok_or_else(|| Error::Corrupt(format!("the key of {id} cannot be unwrapped")))?;
        self.key_cache.subjects.insert(lookup, SubjectKey { id, key });
        Ok(())
    }

    /// Remembers a subject that was just created.
    pub fn remember_new_subject(&self, lookup: String, subject: SubjectKey) {
        self.key_cache.subjects.insert(lookup, subject);
    }

    /// The id of the data subject with this lookup, if there is one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn find_subject(&self, lookup: &str) -> Result<Option<String>, Error> {
        if let Some(subject) = self.cached_subject(lookup) {
            return Ok(Some(subject.id));
        }
        let rows = self.query("SELECT id FROM subjects WHERE lookup = $1".to_owned(), vec![lookup.into()]).await?;
        Ok(rows.into_iter().flatten().next().and_then(Value::into_text))
    }

    /// Unwraps the subject keys that came along with a page of events.
    pub(super) async fn unwrap_subjects(
        &self,
        wrapped: HashMap<String, (String, Vec<u8>)>,
    ) -> Result<HashMap<String, Key>, Error> {
        let mut keys = HashMap::with_capacity(wrapped.len());
        for (subject, (organization, wrapped)) in wrapped {
            let outer = self.organization_key(&organization).await?;
            let key = seal::unwrap(&outer, &subject, &wrapped)
                .ok_or_else(|| Error::Corrupt(format!("the key of {subject} cannot be unwrapped")))?;
            keys.insert(subject, key);
        }
        Ok(keys)
    }
}
