//! The store in a bucket.

use async_trait::async_trait;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use remediate_core::aws;

use super::store::{Store, StoreError, StoreRead};

/// A prefix of a bucket. The bucket should be versioned and encrypted; docs/IP-LISTS.md has the permissions.
pub struct Bucket {
    client: aws_sdk_s3::Client,
    bucket: String,
    /// Empty, or ends with `/`.
    prefix: String,
}

impl Bucket {
    /// `s3://bucket` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// When the address is none.
    pub async fn at(address: &str) -> Result<Self, StoreError> {
        let wrong = || StoreError {
            place: address.to_owned(),
            key: String::new(),
            reason: "is no address of a bucket: expected s3://<bucket>[/<prefix>]".to_owned(),
        };
        let rest = address.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong());
        }
        let prefix = prefix.trim_end_matches('/');
        Ok(Self {
            client: aws::s3_client(aws::sdk_config().await),
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
        })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn failed<E: std::error::Error>(&self, key: &str, error: &E, code: Option<&str>) -> StoreError {
        StoreError {
            place: self.place(),
            key: key.to_owned(),
            reason: code.map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned),
        }
    }
}

#[async_trait]
impl StoreRead for Bucket {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(key));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let status = error
                    .raw_response()
                    .map(|response| response.status().as_u16());
                return match (status, error.code()) {
                    (_, Some("NoSuchKey")) | (Some(404), None) => Ok(None),
                    (_, code) => Err(self.failed(key, &error, code)),
                };
            }
        };
        let body = answer.body.collect().await;
        let body = body.map_err(|error| self.failed(key, &error, None))?;
        Ok(Some(body.to_vec()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        let mut next = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(self.key(prefix))
                .set_continuation_token(next);
            let page = request
                .send()
                .await
                .map_err(|error| self.failed(prefix, &error, error.code()))?;
            let found = page.contents().iter().filter_map(|object| object.key());
            keys.extend(
                found
                    .filter_map(|key| key.strip_prefix(&self.prefix))
                    .map(str::to_owned),
            );
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                keys.sort();
                return Ok(keys);
            }
        }
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }
}

#[async_trait]
impl Store for Bucket {
    async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(key))
            .body(body.into());
        let answer = request.send().await;
        answer.map_err(|error| self.failed(key, &error, error.code()))?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(self.key(key));
        let answer = request.send().await;
        answer.map_err(|error| self.failed(key, &error, error.code()))?;
        Ok(())
    }
}
