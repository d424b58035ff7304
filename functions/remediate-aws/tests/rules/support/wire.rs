//! The HTTP client beneath the SDK: records each call, and plays the mishaps that a test prepares.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::call::Call;

/// What somebody else does meanwhile.
pub(crate) type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes an answer, status and body, from a call: what moto has not.
pub(crate) type Play = dyn Fn(&Call) -> (u16, String) + Send + Sync;

/// What happens to a call.
enum Mishap {
    /// It is not carried out; the service refuses it.
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    /// It is not carried out; this is the answer.
    Answered {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// It never arrives.
    RequestLost,
    /// It is carried out, and the connection breaks before the answer.
    AnswerLost,
    /// It is carried out, after this.
    After(Arc<Mutex<Option<Meanwhile>>>),
}

/// Who carries a call out.
enum Service {
    Moto(SharedHttpConnector),
    Played(Arc<Play>),
}

impl Service {
    async fn call(
        &self,
        call: &Call,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        match self {
            Self::Moto(connector) => connector.call(request).await,
            Self::Played(play) => {
                let (status, body) = play(call);
                Ok(answer(status, &[], body))
            }
        }
    }
}

struct Prepared {
    /// `s3:GetBucketAcl`
    call: String,
    /// How many calls go well before.
    well: usize,
    /// How many meet with it then.
    times: usize,
    mishap: Mishap,
}

#[derive(Default)]
struct Script {
    calls: Vec<Call>,
    prepared: Vec<Prepared>,
    /// Who answers instead of moto, by the call: `lambda:UpdateFunctionConfiguration`.
    played: BTreeMap<String, Arc<Play>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} calls", self.calls.len())
    }
}

/// The client of one account. Clones share what they record.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    account: Arc<str>,
    connector: SharedHttpConnector,
    script: Arc<Mutex<Script>>,
}

impl Wire {
    /// Calls through it are made in this account.
    pub(crate) fn of_account(account: &str) -> Self {
        Self {
            account: account.into(),
            connector: SharedHttpConnector::new(Connector::builder().build_http()),
            script: Arc::default(),
        }
    }

    /// What was called so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.script.lock().unwrap().calls.clone()
    }

    /// What was called until now is forgotten.
    pub(crate) fn forget(&self) {
        self.script.lock().unwrap().calls.clear();
    }

    /// Prepares what happens to the next call of this name (`s3:PutBucketAcl`).
    pub(crate) fn on(&self, call: &str) -> Preparation<'_> {
        Preparation {
            wire: self,
            call: call.to_owned(),
            well: 0,
            times: 1,
        }
    }

    /// Nothing that was prepared happens any more.
    pub(crate) fn calm(&self) {
        self.script.lock().unwrap().prepared.clear();
    }

    fn service(&self, call: &Call) -> Service {
        let script = self.script.lock().unwrap();
        match script.played.get(&call.name()) {
            Some(play) => Service::Played(Arc::clone(play)),
            None => Service::Moto(self.connector.clone()),
        }
    }

    fn meets(&self, call: &Call) -> Option<Mishap> {
        let name = call.name();
        let mut script = self.script.lock().unwrap();
        script.calls.push(call.clone());
        let prepared = script
            .prepared
            .iter_mut()
            .find(|prepared| prepared.call == name && (prepared.well > 0 || prepared.times > 0))?;
        if prepared.well > 0 {
            prepared.well -= 1;
            return None;
        }
        prepared.times -= 1;
        Some(prepared.mishap.again())
    }
}

impl Mishap {
    fn again(&self) -> Self {
        match self {
            Self::Refused {
                status,
                code,
                message,
            } => Self::Refused {
                status: *status,
                code: code.clone(),
                message: message.clone(),
            },
            Self::Answered {
                status,
                headers,
                body,
            } => Self::Answered {
                status: *status,
                headers: headers.clone(),
                body: body.clone(),
            },
            Self::RequestLost => Self::RequestLost,
            Self::AnswerLost => Self::AnswerLost,
            Self::After(meanwhile) => Self::After(Arc::clone(meanwhile)),
        }
    }
}

/// A mishap that is being prepared.
pub(crate) struct Preparation<'a> {
    wire: &'a Wire,
    call: String,
    well: usize,
    times: usize,
}

impl Preparation<'_> {
    /// Only the n-th call from now, counted from 1.
    pub(crate) fn nth(mut self, n: usize) -> Self {
        self.well = n - 1;
        self
    }

    /// So often.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// From then on every one.
    pub(crate) fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// The credentials may not do it.
    pub(crate) fn denied(self) {
        self.refused(403, "AccessDenied", "not authorized to perform this");
    }

    /// Too fast, as the service would say it.
    pub(crate) fn throttled(self) {
        self.refused(429, "Throttling", "Rate exceeded");
    }

    /// An error of the service, in the form of its protocol.
    pub(crate) fn refused(self, status: u16, code: &str, message: &str) {
        self.put(Mishap::Refused {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        });
    }

    /// This answer, in the words of the service's protocol.
    pub(crate) fn answers(self, status: u16, body: &str) {
        self.answers_with(status, &[], body);
    }

    /// This answer, with headers.
    pub(crate) fn answers_with(self, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.put(Mishap::Answered {
            status,
            headers,
            body: body.to_owned(),
        });
    }

    /// For good, this plays the service: status and body from the call. For operations that moto has not. Mishaps come before it,
    /// as before moto.
    pub(crate) fn played_by(self, play: impl Fn(&Call) -> (u16, String) + Send + Sync + 'static) {
        let mut script = self.wire.script.lock().unwrap();
        script.played.insert(self.call, Arc::new(play));
    }

    /// The request never arrives.
    pub(crate) fn request_lost(self) {
        self.put(Mishap::RequestLost);
    }

    /// It is carried out, and the connection breaks before the answer.
    pub(crate) fn answer_lost(self) {
        self.put(Mishap::AnswerLost);
    }

    /// Somebody else does this just before it.
    pub(crate) fn after(self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        self.put(Mishap::After(Arc::new(Mutex::new(Some(Box::pin(
            meanwhile,
        ))))));
    }

    fn put(self, mishap: Mishap) {
        let mut script = self.wire.script.lock().unwrap();
        script.prepared.push(Prepared {
            call: self.call,
            well: self.well,
            times: self.times,
            mishap,
        });
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let call = Call::of(&request);
        let mishap = self.meets(&call);
        let service = self.service(&call);
        // moto reads the account from it; the signature is not looked at.
        request
            .headers_mut()
            .insert("x-moto-account-id", self.account.to_string());
        HttpConnectorFuture::new(async move {
            match mishap {
                None => service.call(&call, request).await,
                Some(Mishap::Refused {
                    status,
                    code,
                    message,
                }) => Ok(refusal(&call.service, status, &code, &message)),
                Some(Mishap::Answered {
                    status,
                    headers,
                    body,
                }) => Ok(answer(status, &headers, body)),
                Some(Mishap::RequestLost) => Err(broken()),
                Some(Mishap::AnswerLost) => {
                    service.call(&call, request).await?;
                    Err(broken())
                }
                Some(Mishap::After(meanwhile)) => {
                    let meanwhile = meanwhile.lock().unwrap().take();
                    if let Some(meanwhile) = meanwhile {
                        meanwhile.await;
                    }
                    service.call(&call, request).await
                }
            }
        })
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io("the connection was reset (by the test)".into())
}

fn answer(status: u16, headers: &[(String, String)], body: String) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    for (name, value) in headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// An error as the service's protocol has it: <https://smithy.io/2.0/aws/protocols/index.html>.
fn refusal(service: &str, status: u16, code: &str, message: &str) -> HttpResponse {
    let (kind, body) = match service {
        "s3" => (
            "application/xml",
            format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>test</RequestId></Error>"
            ),
        ),
        "ec2" => (
            "text/xml",
            format!(
                "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>test</RequestID></Response>"
            ),
        ),
        "iam" | "sts" | "rds" | "redshift" | "cloudformation" => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>test</RequestId></ErrorResponse>"
            ),
        ),
        _ => (
            "application/json",
            format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}"),
        ),
    };
    let headers = [
        ("content-type".to_owned(), kind.to_owned()),
        ("x-amzn-errortype".to_owned(), code.to_owned()),
    ];
    answer(status, &headers, body)
}
