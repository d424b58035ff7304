//! Lists: what there is, and what makes one.

use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connection::Call;
use super::{CloudflareError, Reader, Writer};

/// The kinds of lists that there are; ours are of the first.
pub mod kinds {
    pub const IP: &str = "ip";
}

/// A list as the API describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub num_items: u64,
    /// Rules, enabled or not, that refer to it. While there are any it cannot be deleted.
    #[serde(default)]
    pub num_referencing_filters: u64,
    #[serde(default)]
    pub created_on: Option<Timestamp>,
    #[serde(default)]
    pub modified_on: Option<Timestamp>,
}

impl Reader {
    /// Every list of the account, of every kind: one call tells whether anything changed.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn lists(&self) -> Result<Vec<List>, CloudflareError> {
        let action = "read the lists of the account";
        let account = self.connection.account(action)?;
        let path = ["accounts", account, "rules", "lists"];
        let call = Call::read(action, &path);
        let answer = self.connection.call(&call).await?;
        Ok(answer
            .owned::<Option<Vec<List>>>(&call)?
            .unwrap_or_default())
    }

    /// One list.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn list(&self, id: &str, name: &str) -> Result<List, CloudflareError> {
        let action = format!("read the list {name}");
        let account = self.connection.account(&action)?;
        let path = ["accounts", account, "rules", "lists", id];
        let call = Call::read(&action, &path);
        self.connection.call(&call).await?.owned(&call)
    }
}

impl Writer {
    /// Makes an IP list.
    ///
    /// # Errors
    /// See [`CloudflareError`]; refused when the plan has no list to spare or the name is taken.
    pub async fn create_list(
        &self,
        name: &str,
        description: &str,
    ) -> Result<List, CloudflareError> {
        let action = format!("create the list {name}");
        let account = self.connection.account(&action)?;
        let path = ["accounts", account, "rules", "lists"];
        let body = json!({"name": name, "kind": kinds::IP, "description": description});
        let call = Call::write(&action, Method::POST, &path, body.to_string());
        self.connection.call(&call).await?.owned(&call)
    }
}
