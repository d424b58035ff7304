//! Clients of the mock AWS.

use std::fs;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

use crate::REGION;
use crate::ministack::Ministack;

/// One principal's clients.
#[derive(Clone, Debug)]
pub struct Aws {
    pub cloudformation: aws_sdk_cloudformation::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub iam: aws_sdk_iam::Client,
    pub kms: aws_sdk_kms::Client,
    pub lambda: aws_sdk_lambda::Client,
    pub rds: aws_sdk_rds::Client,
    pub s3: aws_sdk_s3::Client,
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    pub sns: aws_sdk_sns::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub sts: aws_sdk_sts::Client,
}

impl Aws {
    /// As the root of the account.
    pub async fn root(ministack: &Ministack) -> Self {
        Self::with(
            ministack,
            Credentials::new("test", "test", None, None, "tests"),
        )
        .await
    }

    /// As a role that lets the account's root assume it.
    ///
    /// # Panics
    /// When it does not.
    pub async fn assuming(&self, ministack: &Ministack, role: &str) -> Self {
        let answer = self
            .sts
            .assume_role()
            .role_arn(role)
            .role_session_name("tests")
            .send()
            .await;
        let answer = answer.unwrap_or_else(|error| panic!("{role} cannot be assumed: {error:?}"));
        let key = answer
            .credentials()
            .expect("an assumed role has credentials");
        let token = Some(key.session_token().to_owned());
        Self::with(
            ministack,
            Credentials::new(
                key.access_key_id(),
                key.secret_access_key(),
                token,
                None,
                "tests",
            ),
        )
        .await
    }

    async fn with(ministack: &Ministack, credentials: Credentials) -> Self {
        let config = settings(ministack, credentials).await;
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            // A mock has no host name per bucket.
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(&config)
                    .force_path_style(true)
                    .build(),
            ),
            secretsmanager: aws_sdk_secretsmanager::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
        }
    }
}

async fn settings(ministack: &Ministack, credentials: Credentials) -> SdkConfig {
    // Of this machine's own environment and files nothing may count.
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .empty_test_environment()
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(ministack.url())
        .http_client(trusting(ministack))
        .timeout_config(timeouts())
        .load()
        .await
}

/// An attempt that gets no answer is made again over another connection.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(60))
        .build()
}

fn trusting(ministack: &Ministack) -> SharedHttpClient {
    let authority = ministack.authority();
    let authority =
        fs::read(authority).unwrap_or_else(|error| panic!("{}: {error}", authority.display()));
    let trust = TrustStore::empty().with_pem_certificate(authority);
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .expect("the test authority is a PEM file");
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https()
}
