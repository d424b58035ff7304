//! Objects as streams: downloaded on the runtime, read by a thread of its own.

use std::io::{self, Read};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::envelope::ObjectRef;

/// Where objects are.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Opens an object for reading from a blocking thread.
    async fn open(&self, object: &ObjectRef) -> Result<Box<dyn Read + Send>, ObjectError>;
}

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Deleted since: nothing is left to do.
    #[error("{object} is gone")]
    Gone { object: String },
    #[error(
        "{object}: access denied ({code}): the role wants s3:GetObject on it and s3:ListBucket on its bucket"
    )]
    Denied { object: String, code: String },
    #[error("{object}: {reason}")]
    Unavailable { object: String, reason: String },
}

/// The receiving end of a download, as a reader.
#[derive(Debug)]
pub struct ChannelReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl ChannelReader {
    /// A sender for chunks and the reader of them; `depth` chunks may wait in between.
    pub fn new(depth: usize) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, chunks) = mpsc::channel(depth);
        (
            sender,
            Self {
                chunks,
                current: Bytes::new(),
            },
        )
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let taken = self.current.split_to(buffer.len().min(self.current.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

#[cfg(feature = "aws")]
pub use s3::S3Objects;

#[cfg(feature = "aws")]
mod s3 {
    use aws_sdk_s3::Client;
    use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
    use aws_sdk_s3::operation::get_object::GetObjectOutput;

    use super::{ChannelReader, ObjectError, ObjectRef, Objects, Read, async_trait, io, mpsc};

    /// How often a broken download goes on from where it broke.
    const RESUMES: u32 = 3;

    /// Objects on S3.
    #[derive(Clone, Debug)]
    pub struct S3Objects {
        client: Client,
    }

    impl S3Objects {
        pub fn new(client: Client) -> Self {
            Self { client }
        }

        async fn get(
            &self,
            object: &ObjectRef,
            from: u64,
            etag: Option<&str>,
        ) -> Result<GetObjectOutput, ObjectError> {
            let request = self
                .client
                .get_object()
                .bucket(&object.bucket)
                .key(&object.key)
                .set_version_id(object.version.clone());
            let request = if from > 0 {
                request
                    .range(format!("bytes={from}-"))
                    .set_if_match(etag.map(str::to_owned))
            } else {
                request
            };
            request.send().await.map_err(|error| {
                let name = object.to_string();
                let status = error
                    .raw_response()
                    .map(|response| response.status().as_u16());
                match (status, error.code()) {
                    (_, Some("NoSuchKey" | "NoSuchVersion")) | (Some(404), None) => {
                        ObjectError::Gone { object: name }
                    }
                    (Some(403), code) => ObjectError::Denied {
                        object: name,
                        code: code.unwrap_or("403").to_owned(),
                    },
                    (_, Some(code)) => ObjectError::Unavailable {
                        object: name,
                        reason: code.to_owned(),
                    },
                    (_, None) => ObjectError::Unavailable {
                        object: name,
                        reason: DisplayErrorContext(&error).to_string(),
                    },
                }
            })
        }

        /// Hands chunks on until the end, going on from where the connection broke.
        async fn pump(
            self,
            object: ObjectRef,
            first: GetObjectOutput,
            sender: mpsc::Sender<io::Result<bytes::Bytes>>,
        ) {
            let etag = first.e_tag().map(str::to_owned);
            let mut output = first;
            let mut position = 0u64;
            let mut resumes = 0;
            loop {
                let broken = loop {
                    match output.body.next().await {
                        None => return,
                        Some(Ok(chunk)) => {
                            position += chunk.len() as u64;
                            if sender.send(Ok(chunk)).await.is_err() {
                                return;
                            }
                        }
                        Some(Err(error)) => break error.to_string(),
                    }
                };
                resumes += 1;
                let resumed = if resumes > RESUMES {
                    Err(broken)
                } else {
                    self.get(&object, position, etag.as_deref())
                        .await
                        .map_err(|error| error.to_string())
                };
                match resumed {
                    Ok(next) => output = next,
                    Err(reason) => {
                        let reason = format!("download broke off at byte {position}: {reason}");
                        let _ = sender
                            .send(Err(io::Error::new(
                                io::ErrorKind::ConnectionAborted,
                                reason,
                            )))
                            .await;
                        return;
                    }
                }
            }
        }
    }

    #[async_trait]
    impl Objects for S3Objects {
        async fn open(&self, object: &ObjectRef) -> Result<Box<dyn Read + Send>, ObjectError> {
            let first = self.get(object, 0, None).await?;
            let (sender, reader) = ChannelReader::new(32);
            tokio::spawn(self.clone().pump(object.clone(), first, sender));
            Ok(Box::new(reader))
        }
    }
}
