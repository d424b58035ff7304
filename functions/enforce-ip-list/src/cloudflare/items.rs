//! Items: read page by page, written in bulk.

use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connection::Call;
use super::{CloudflareError, Reader, Writer};

/// The largest page the API gives.
pub const PAGE: u64 = 500;

/// An item as the API gives it. Items of IP lists come with empty `hostname` and `redirect` objects, which say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Item {
    pub id: String,
    #[serde(default)]
    pub ip: Option<String>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub created_on: Option<Timestamp>,
}

/// An item to be put into a list. Sending one whose network is there already replaces its comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewItem {
    /// In canonical form: no host bits, no `/32` or `/128`.
    pub ip: String,
    pub comment: String,
}

#[derive(Deserialize)]
struct Accepted {
    operation_id: String,
}

impl Reader {
    /// Hands over every item of a list, one page of at most [`PAGE`] in memory at a time, and says how many there were.
    /// The order is not to be relied on.
    ///
    /// # Errors
    /// See [`CloudflareError`]. What was handed over until then is part of the list only.
    pub async fn items(
        &self,
        list: &str,
        name: &str,
        mut each: impl FnMut(Item),
    ) -> Result<u64, CloudflareError> {
        let mut count = 0;
        let mut cursor: Option<String> = None;
        loop {
            let (items, after) = self.page(list, name, &[], cursor.as_deref()).await?;
            count += items.len() as u64;
            let empty = items.is_empty();
            items.into_iter().for_each(&mut each);
            match after {
                // A cursor that leads nowhere new would go on for ever.
                Some(after) if !empty && cursor.as_deref() != Some(after.as_str()) => {
                    cursor = Some(after);
                }
                _ => return Ok(count),
            }
        }
    }

    /// The items whose network begins like this text.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn search(
        &self,
        list: &str,
        name: &str,
        text: &str,
    ) -> Result<Vec<Item>, CloudflareError> {
        Ok(self.page(list, name, &[("search", text)], None).await?.0)
    }

    async fn page(
        &self,
        list: &str,
        name: &str,
        filter: &[(&str, &str)],
        cursor: Option<&str>,
    ) -> Result<(Vec<Item>, Option<String>), CloudflareError> {
        let action = format!("read the items of {name}");
        let account = self.connection.account(&action)?;
        let path = ["accounts", account, "rules", "lists", list, "items"];
        let size = PAGE.to_string();
        let mut query = vec![("per_page", size.as_str())];
        query.extend(filter);
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let call = Call {
            query: &query,
            ..Call::read(&action, &path)
        };
        let answer = self.connection.call(&call).await?;
        let items = answer
            .owned::<Option<Vec<Item>>>(&call)?
            .unwrap_or_default();
        let after = answer
            .result_info()
            .cursors
            .and_then(|cursors| cursors.after)
            .filter(|after| !after.is_empty());
        Ok((items, after))
    }
}

impl Writer {
    /// Puts items into a list and gives the operation's id. What the list holds beside them stays.
    ///
    /// # Errors
    /// See [`CloudflareError`]; one bad element refuses all of them.
    pub async fn append(
        &self,
        list: &str,
        name: &str,
        items: &[NewItem],
    ) -> Result<String, CloudflareError> {
        let action = format!("add {} to {name}", counted(items.len()));
        self.bulk(&action, Method::POST, list, encode(items)).await
    }

    /// Replaces everything a list holds.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn replace(
        &self,
        list: &str,
        name: &str,
        items: &[NewItem],
    ) -> Result<String, CloudflareError> {
        let action = format!("replace what {name} holds by {}", counted(items.len()));
        self.bulk(&action, Method::PUT, list, encode(items)).await
    }

    /// Takes items out of a list by their ids.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn delete(
        &self,
        list: &str,
        name: &str,
        ids: &[String],
    ) -> Result<String, CloudflareError> {
        let action = format!("remove {} from {name}", counted(ids.len()));
        let items: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        let body = json!({"items": items}).to_string();
        self.bulk(&action, Method::DELETE, list, body).await
    }

    async fn bulk(
        &self,
        action: &str,
        method: Method,
        list: &str,
        body: String,
    ) -> Result<String, CloudflareError> {
        let account = self.connection.account(action)?;
        let path = ["accounts", account, "rules", "lists", list, "items"];
        let call = Call::write(action, method, &path, body);
        let answer = self.connection.call(&call).await?;
        Ok(answer.owned::<Accepted>(&call)?.operation_id)
    }
}

fn encode(items: &[NewItem]) -> String {
    let mut body = String::with_capacity(items.len() * 80 + 2);
    body.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&json!(item).to_string());
    }
    body.push(']');
    body
}

fn counted(number: usize) -> String {
    match number {
        1 => "1 item".to_owned(),
        number => format!("{number} items"),
    }
}
