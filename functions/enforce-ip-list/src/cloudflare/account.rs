//! The token, the account, zones, and Cloudflare's own ranges.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connection::{Call, RULES_PERMISSION};
use super::{CloudflareError, Reader};

/// Cloudflare's own ranges: what reaches an origin through it comes from there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranges {
    #[serde(default)]
    pub etag: Option<String>,
    #[serde(default)]
    pub ipv4_cidrs: Vec<String>,
    #[serde(default)]
    pub ipv6_cidrs: Vec<String>,
}

/// What the API says of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenState {
    pub id: String,
    /// `active`, `disabled` or `expired`.
    pub status: String,
    #[serde(default)]
    pub expires_on: Option<String>,
}

/// A zone, and the plan that decides what its rules may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub id: String,
    pub name: String,
    /// `free`, `pro`, `business`, `enterprise`, as far as the API says it.
    pub plan: Option<String>,
}

impl Reader {
    /// Cloudflare's own ranges, <https://www.cloudflare.com/ips/>.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn ranges(&self) -> Result<Ranges, CloudflareError> {
        let call = Call::read("read Cloudflare's own ranges", &["ips"]);
        self.connection.call(&call).await?.owned(&call)
    }

    /// Whether the token is one. An account's token is asked for below its account, a user's below the user.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn verify_token(&self) -> Result<TokenState, CloudflareError> {
        let action = "check the token";
        let users = Call::read(action, &["user", "tokens", "verify"]);
        let refused = match self.connection.call(&users).await {
            Ok(answer) => return answer.owned(&users),
            Err(error) => error,
        };
        let Ok(account) = self.connection.account(action) else {
            return Err(refused);
        };
        let path = ["accounts", account, "tokens", "verify"];
        let call = Call::read(action, &path);
        match self.connection.call(&call).await {
            Ok(answer) => answer.owned(&call),
            Err(_) => Err(refused),
        }
    }

    /// The account's name.
    ///
    /// # Errors
    /// See [`CloudflareError`]. A token that may only edit lists is not told: that is no fault.
    pub async fn account_name(&self) -> Result<String, CloudflareError> {
        let action = "read the account";
        let account = self.connection.account(action)?;
        let path = ["accounts", account];
        let call = Call::read(action, &path);
        let account: Value = self.connection.call(&call).await?.owned(&call)?;
        Ok(account["name"].as_str().unwrap_or_default().to_owned())
    }

    /// A zone by its name or its id. With its id it need not be readable: a token that may edit its rules and nothing else will do.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn zone(&self, name_or_id: &str) -> Result<Zone, CloudflareError> {
        let action = format!("look up the zone {name_or_id}");
        let is_id = name_or_id.len() == 32 && name_or_id.bytes().all(|b| b.is_ascii_hexdigit());
        let found: Value = if is_id {
            let path = ["zones", name_or_id];
            let call = Call {
                remedy: RULES_PERMISSION,
                ..Call::read(&action, &path)
            };
            match self.connection.call(&call).await {
                Ok(answer) => answer.owned(&call)?,
                Err(error) if matches!(error.status(), Some(403 | 404)) => {
                    serde_json::json!({ "id": name_or_id })
                }
                Err(error) => return Err(error),
            }
        } else {
            let query = [("name", name_or_id)];
            let call = Call {
                query: &query,
                remedy: RULES_PERMISSION,
                ..Call::read(&action, &["zones"])
            };
            let zones: Vec<Value> = self
                .connection
                .call(&call)
                .await?
                .owned::<Option<_>>(&call)?
                .unwrap_or_default();
            zones
                .into_iter()
                .find(|zone| zone["name"].as_str() == Some(name_or_id))
                .unwrap_or_default()
        };
        match found["id"].as_str() {
            Some(id) => Ok(Zone {
                id: id.to_owned(),
                name: found["name"].as_str().unwrap_or(name_or_id).to_owned(),
                plan: found["plan"]["legacy_id"].as_str().map(str::to_owned),
            }),
            None => Err(CloudflareError::Refused {
                action,
                status: 404,
                detail: "the token sees no zone of this name: is it spelled as in the dashboard, and is it among the token's zones?".to_owned(),
                errors: Vec::new(),
            }),
        }
    }
}
