//! Secrets by reference: the configuration says where a token is, never what it is.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Where a secret is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum SecretRef {
    /// `env:NAME`, an environment variable.
    Env(String),
    /// `ssm:/path`, a parameter of AWS Systems Manager (decrypted).
    Ssm(String),
    /// `secretsmanager:name` or `secretsmanager:name#key` for one key of a JSON secret.
    SecretsManager { id: String, key: Option<String> },
    /// Handed over in code: what sandboxes and tests use. No configuration file can say it.
    Given(SecretString),
}

impl SecretRef {
    /// A secret that is no secret.
    pub fn given(value: &str) -> Self {
        Self::Given(SecretString::from(value))
    }
}

impl FromStr for SecretRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "expected `env:NAME`, `ssm:/path` or `secretsmanager:name[#key]`";
        match text.split_once(':') {
            Some((_, "")) => Err(format!("`{text}` names nothing: {wanted}")),
            Some(("env", name)) => Ok(Self::Env(name.to_owned())),
            Some(("ssm", path)) => Ok(Self::Ssm(path.to_owned())),
            Some(("secretsmanager", rest)) => Ok(match rest.rsplit_once('#') {
                Some((id, key)) => Self::SecretsManager {
                    id: id.to_owned(),
                    key: Some(key.to_owned()),
                },
                None => Self::SecretsManager {
                    id: rest.to_owned(),
                    key: None,
                },
            }),
            // The text may be a token that somebody pasted: it must not be repeated in an error.
            _ => Err(format!(
                "this is not a reference to a secret (it is not shown, in case it is the secret itself): {wanted}"
            )),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Ssm(path) => write!(f, "ssm:{path}"),
            Self::SecretsManager { id, key: None } => write!(f, "secretsmanager:{id}"),
            Self::SecretsManager { id, key: Some(key) } => write!(f, "secretsmanager:{id}#{key}"),
            Self::Given(_) => f.write_str("[redacted]"),
        }
    }
}

/// Why a secret is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("secret {reference}: the environment variable is not set")]
    Unset { reference: SecretRef },
    #[error("secret {reference}: {reason}")]
    Unavailable {
        reference: SecretRef,
        reason: String,
    },
    #[error(
        "secret {reference}: this build reads no secrets from AWS; use env:NAME, or build with the feature `aws`"
    )]
    NotBuilt { reference: SecretRef },
}

/// Fetches a secret.
///
/// # Errors
/// When it is not there or may not be read.
pub async fn resolve(reference: &SecretRef) -> Result<SecretString, SecretError> {
    match reference {
        SecretRef::Given(secret) => Ok(secret.clone()),
        SecretRef::Env(name) => std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .map(SecretString::from)
            .ok_or_else(|| SecretError::Unset {
                reference: reference.clone(),
            }),
        #[cfg(feature = "aws")]
        SecretRef::Ssm(_) | SecretRef::SecretsManager { .. } => crate::aws::secret(reference).await,
        #[cfg(not(feature = "aws"))]
        SecretRef::Ssm(_) | SecretRef::SecretsManager { .. } => Err(SecretError::NotBuilt {
            reference: reference.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_survive_their_text() {
        for text in [
            "env:TELEGRAM_BOT_TOKEN",
            "ssm:/auto-remediate/telegram",
            "secretsmanager:prod/jira#token",
            "secretsmanager:prod/jira",
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_pasted_token_is_refused_and_not_repeated() {
        let error = "ATATT3xFfGF0secret".parse::<SecretRef>().unwrap_err();
        assert!(!error.contains("ATATT"), "{error}");
    }
}
