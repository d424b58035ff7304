//! What all processes that run on AWS share: SDK settings, secrets, and a configuration that can be changed after deployment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::config::{HttpClient, RuntimeComponents};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, OnceCell};

use crate::config::{Config, ConfigError, ConfigFiles};
use crate::secret::{SecretError, SecretRef};
use crate::telemetry;

/// The SDK's settings, made once; every client is derived from it, and all clients share its connections.
pub async fn sdk_config() -> &'static SdkConfig {
    static CONFIG: OnceCell<SdkConfig> = OnceCell::const_new();
    CONFIG.get_or_init(|| settings().load()).await
}

/// The SDK has no timeouts of its own: without these a hung connection lasts as long as the invocation.
fn settings() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(30))
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(Connections::prepared(&timeouts))
        .timeout_config(timeouts)
}

/// The connections of all clients: one pool, and one reading of the system's CA certificates.
///
/// By default each client has its own, and reads the certificates twice: when it is made, to see whether that can be done, and for its
/// first request. Clients that are made for an invocation would begin it with that and with a handshake each.
#[derive(Clone, Debug, Default)]
struct Connections {
    /// By connect and read timeout: what looks for credentials has other ones than the services' clients.
    connectors: Arc<SyncMutex<HashMap<[Option<Duration>; 2], SharedHttpConnector>>>,
}

impl Connections {
    /// Ready for clients of these timeouts: reading the certificates belongs in a function's start, not in its first invocation.
    fn prepared(timeouts: &TimeoutConfig) -> Self {
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.connect_timeout());
        settings.set_read_timeout(timeouts.read_timeout());
        let connections = Self::default();
        connections.connector(&settings.build());
        connections
    }

    fn connector(&self, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        let key = [settings.connect_timeout(), settings.read_timeout()];
        let mut connectors = self
            .connectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connector = connectors.entry(key).or_insert_with(|| {
            let connector = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .connector_settings(settings.clone())
                .proxy_config(ProxyConfig::from_env());
            SharedHttpConnector::new(connector.build())
        });
        connector.clone()
    }
}

impl HttpClient for Connections {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.connector(settings)
    }
}

/// A client for S3. A custom endpoint (a mock, MinIO) is addressed by path, since it has no host name per bucket.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let custom =
        config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(config)
            .force_path_style(custom)
            .build(),
    )
}

/// Fetches a secret that is kept on AWS.
///
/// # Errors
/// When it is not there, may not be read, or lacks the key.
pub(crate) async fn secret(reference: &SecretRef) -> Result<SecretString, SecretError> {
    let unavailable = |reason: String| SecretError::Unavailable {
        reference: reference.clone(),
        reason,
    };
    let config = sdk_config().await;
    match reference {
        SecretRef::Env(_) | SecretRef::Given(_) => {
            Err(unavailable("is not kept on AWS".to_owned()))
        }
        SecretRef::Ssm(name) => {
            let client = aws_sdk_ssm::Client::new(config);
            let answer = client
                .get_parameter()
                .name(name)
                .with_decryption(true)
                .send()
                .await;
            let answer = answer.map_err(|error| unavailable(described(&error, error.code())))?;
            let value = answer
                .parameter
                .and_then(|parameter| parameter.value)
                .filter(|value| !value.is_empty());
            value
                .map(SecretString::from)
                .ok_or_else(|| unavailable("the parameter is empty".to_owned()))
        }
        SecretRef::SecretsManager { id, key } => {
            let client = aws_sdk_secretsmanager::Client::new(config);
            let answer = client.get_secret_value().secret_id(id).send().await;
            let answer = answer.map_err(|error| unavailable(described(&error, error.code())))?;
            let whole = answer
                .secret_string
                .map(SecretString::from)
                .ok_or_else(|| unavailable("the secret is binary: expected text".to_owned()))?;
            let Some(key) = key else { return Ok(whole) };
            let object: serde_json::Value = serde_json::from_str(whole.expose_secret())
                .map_err(|_| unavailable(format!("is no JSON object, so it has no key `{key}`")))?;
            let value = object.get(key).and_then(serde_json::Value::as_str);
            value
                .map(SecretString::from)
                .ok_or_else(|| unavailable(format!("has no text under the key `{key}`")))
        }
    }
}

/// The service's error code if it answered, else what kept it from answering. Never the request.
fn described<E: std::error::Error>(error: &E, code: Option<&str>) -> String {
    code.map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned)
}

/// How often the stored configuration is asked for.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// The files that may lie under `REMEDIATE_CONFIG`; each replaces the packaged one of its name.
const FILES: [&str; 4] = [
    "rules.toml",
    "people.toml",
    "services.toml",
    "networks.toml",
];

/// The configuration of a deployed function: the packaged one, with what lies on S3 in its place.
///
/// What does not validate never becomes active: the last good one stays, the metric `ConfigurationInvalid` is raised,
/// and the log says what is wrong.
#[derive(Debug)]
pub struct ConfigSource {
    stored: Option<Stored>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Stored {
    client: aws_sdk_s3::Client,
    bucket: String,
    prefix: String,
}

#[derive(Debug, Default)]
struct State {
    checked: Option<Instant>,
    /// ETag and text per file of [`FILES`], as last fetched.
    fetched: [Option<(String, String)>; FILES.len()],
    active: Option<Arc<Config>>,
}

/// Why there is no configuration at all.
#[derive(Debug, thiserror::Error)]
pub enum ConfigSourceError {
    #[error("REMEDIATE_CONFIG is `{0}`: expected s3://<bucket>[/<prefix>]")]
    Address(String),
    #[error("configuration s3://{bucket}/{key}: {reason}")]
    Unavailable {
        bucket: String,
        key: String,
        reason: String,
    },
    #[error("the configuration is invalid, and there is no earlier one to stay with:\n{0}")]
    Invalid(#[from] ConfigError),
}

impl ConfigSource {
    /// As `REMEDIATE_CONFIG` says; only the packaged files if it is not set.
    ///
    /// # Errors
    /// When it is no S3 address.
    pub async fn from_env() -> Result<Self, ConfigSourceError> {
        let address = std::env::var("REMEDIATE_CONFIG").unwrap_or_default();
        let stored = if address.is_empty() {
            None
        } else {
            Some(Stored::at(&address).await?)
        };
        Ok(Self {
            stored,
            state: Mutex::default(),
        })
    }

    /// The configuration in force now.
    ///
    /// # Errors
    /// Only when there has never been a sound one.
    pub async fn current(&self) -> Result<Arc<Config>, ConfigSourceError> {
        let mut state = self.state.lock().await;
        if let Some(active) = &state.active
            && (self.stored.is_none()
                || state
                    .checked
                    .is_some_and(|checked| checked.elapsed() < CHECK_EVERY))
        {
            return Ok(Arc::clone(active));
        }
        state.checked = Some(Instant::now());
        match self.refresh(&mut state).await {
            Ok(Some(config)) => {
                tracing::info!(config = config.hash, "Configuration is in force.");
                state.active = Some(Arc::clone(&config));
                Ok(config)
            }
            Ok(None) => state
                .active
                .clone()
                .ok_or_else(|| ConfigError::Missing("configuration".to_owned()).into()),
            Err(error) => {
                telemetry::count("ConfigurationInvalid", 1, &[]);
                tracing::error!(%error, "Configuration was not taken; the last good one stays.");
                state.active.clone().ok_or(error)
            }
        }
    }

    /// The new configuration, or nothing if no file changed.
    async fn refresh(&self, state: &mut State) -> Result<Option<Arc<Config>>, ConfigSourceError> {
        let mut changed = state.active.is_none();
        if let Some(stored) = &self.stored {
            for (name, held) in FILES.iter().zip(state.fetched.iter_mut()) {
                changed |= stored.fetch(name, held).await?;
            }
        }
        if !changed {
            return Ok(None);
        }
        let mut files = ConfigFiles::packaged();
        if let Some(stored) = &self.stored {
            let origin = format!(
                "s3://{}/{}",
                stored.bucket,
                stored.prefix.trim_end_matches('/')
            );
            for (name, held) in FILES.iter().zip(&state.fetched) {
                if let Some((_, text)) = held {
                    files.replace(name, text.clone(), origin.trim_end_matches('/'));
                }
            }
        }
        Ok(Some(Arc::new(Config::from_files(&files)?)))
    }
}

impl Stored {
    async fn at(address: &str) -> Result<Self, ConfigSourceError> {
        let wrong = || ConfigSourceError::Address(address.to_owned());
        let rest = address.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong());
        }
        let prefix = if prefix.is_empty() || prefix.ends_with('/') {
            prefix.to_owned()
        } else {
            format!("{prefix}/")
        };
        Ok(Self {
            client: s3_client(sdk_config().await),
            bucket: bucket.to_owned(),
            prefix,
        })
    }

    /// Fetches a file unless it is the one we hold; says whether there is something new.
    async fn fetch(
        &self,
        name: &str,
        held: &mut Option<(String, String)>,
    ) -> Result<bool, ConfigSourceError> {
        let key = format!("{}{name}", self.prefix);
        let unavailable = |reason: String| ConfigSourceError::Unavailable {
            bucket: self.bucket.clone(),
            key: key.clone(),
            reason,
        };
        let request = self.client.get_object().bucket(&self.bucket).key(&key);
        let request = request.set_if_none_match(held.as_ref().map(|(etag, _)| etag.clone()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let status = error
                    .raw_response()
                    .map(|response| response.status().as_u16());
                return match (status, error.code()) {
                    (Some(304), _) => Ok(false),
                    (Some(404), _) | (_, Some("NoSuchKey")) => Ok(held.take().is_some()),
                    (_, code) => Err(unavailable(described(&error, code))),
                };
            }
        };
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        let body = answer
            .body
            .collect()
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let text =
            String::from_utf8(body.to_vec()).map_err(|_| unavailable("is not UTF-8".to_owned()))?;
        if held.as_ref().is_some_and(|(_, known)| *known == text) {
            return Ok(false);
        }
        *held = Some((etag, text));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_config::Region;
    use aws_sdk_dynamodb::config::Credentials;

    use super::*;

    /// Answers whatever is asked on a connection until it is closed: there are no tables.
    fn answer(mut stream: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 17\r\n\r\n{\"TableNames\":[]}";
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// A server's address, and how many connections there have been to it.
    fn serve() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || answer(stream.unwrap()));
            }
        });
        (address, connections)
    }

    fn with(address: &str, loader: ConfigLoader) -> ConfigLoader {
        loader
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .endpoint_url(address)
    }

    #[tokio::test]
    async fn clients_that_are_made_one_after_another_share_a_connection() {
        let (address, connections) = serve();
        let config = with(&address, settings()).load().await;
        for _ in 0..3 {
            let client = aws_sdk_dynamodb::Client::new(&config);
            client.list_tables().send().await.unwrap();
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_is_prepared_at_the_start_is_what_requests_use() {
        let (address, _) = serve();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .build();
        let shared = Connections::prepared(&timeouts);
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(shared.clone())
            .timeout_config(timeouts);
        let config = with(&address, loader).load().await;
        let client = aws_sdk_dynamodb::Client::new(&config);
        client.list_tables().send().await.unwrap();
        assert_eq!(shared.connectors.lock().unwrap().len(), 1);
    }
}
