//! What is too large for the ledger: copies of the lists and of the sources, and the audit.
//!
//! A folder on a laptop, a bucket on AWS. Keys are paths with `/`; what is written under a key is there whole or not at all.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

/// Why something could not be stored or fetched.
#[derive(Debug, thiserror::Error)]
#[error("store {place}: {key}: {reason}")]
pub struct StoreError {
    pub place: String,
    pub key: String,
    pub reason: String,
}

/// The reading half: all that planning gets.
#[async_trait]
pub trait StoreRead: Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The keys that begin like this, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Where it is, for people: a folder, `s3://bucket/prefix`.
    fn place(&self) -> String;
}

/// The whole of it.
#[async_trait]
pub trait Store: StoreRead {
    async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), StoreError>;

    /// Removes it if it is there.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// A folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn failed(&self, key: &str, error: &dyn std::fmt::Display) -> StoreError {
        StoreError {
            place: self.place(),
            key: key.to_owned(),
            reason: error.to_string(),
        }
    }

    /// A key never leads out of the folder: ours hold nothing but names and numbers.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        let safe = key.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':'])
        });
        if safe {
            Ok(self.0.join(key))
        } else {
            Err(self.failed(key, &"is no key"))
        }
    }
}

#[async_trait]
impl StoreRead for Folder {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match tokio::fs::read(self.path(key)?).await {
            Ok(body) => Ok(Some(body)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        collect(&self.0, "", &mut keys).map_err(|error| self.failed(prefix, &error))?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort();
        Ok(keys)
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}

/// Half-written files have names that no key has.
const UNFINISHED: &str = ".unfinished";

fn collect(dir: &Path, below: &str, keys: &mut Vec<String>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let key = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &key, keys)?;
        } else if !key.ends_with(UNFINISHED) {
            keys.push(key);
        }
    }
    Ok(())
}

#[async_trait]
impl Store for Folder {
    async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        let write = async {
            if let Some(parent) = path.parent() {
                tokio::fs::create_dir_all(parent).await?;
            }
            let file = tokio::fs::File::create(&unfinished).await?;
            let mut writer = tokio::io::BufWriter::new(file);
            tokio::io::AsyncWriteExt::write_all(&mut writer, &body).await?;
            tokio::io::AsyncWriteExt::flush(&mut writer).await?;
            writer.get_ref().sync_all().await?;
            tokio::fs::rename(&unfinished, &path).await
        };
        write
            .await
            .map_err(|error: std::io::Error| self.failed(key, &error))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match tokio::fs::remove_file(self.path(key)?).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.failed(key, &error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn given_a_folder_when_keys_are_put_then_they_are_listed_in_order_and_gone_when_deleted()
    {
        let dir = std::env::temp_dir().join(format!("eil-store-{}", std::process::id()));
        let store = Folder::new(&dir);
        assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
        for key in ["audit/2", "audit/1", "lists/block"] {
            store.put(key, key.as_bytes().to_vec()).await.unwrap();
        }
        assert_eq!(store.list("audit/").await.unwrap(), ["audit/1", "audit/2"]);
        assert_eq!(store.get("audit/1").await.unwrap().unwrap(), b"audit/1");
        store.delete("audit/1").await.unwrap();
        store.delete("audit/1").await.unwrap();
        assert_eq!(store.get("audit/1").await.unwrap(), None);
        assert!(store.put("../outside", Vec::new()).await.is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
