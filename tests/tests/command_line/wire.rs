//! What lies between the command line and moto: it puts each call into the test's account, records it, and can hold it.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::call::Call;

/// An endpoint of one account.
#[derive(Debug)]
pub struct Wire {
    url: String,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Script {
    account: String,
    moto: String,
    client: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    hold: Mutex<Option<Hold>>,
}

/// When a call is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It has not reached AWS.
    Before,
    /// It is carried out, and not answered.
    After,
}

#[derive(Debug)]
struct Hold {
    /// How many calls go by first.
    well: usize,
    when: When,
    reached: oneshot::Sender<()>,
    dropped: oneshot::Receiver<()>,
}

/// The test's end of a held call. When it is dropped, the connection breaks.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    _holding: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the call is there. False when the wire is gone before.
    pub async fn reached(&mut self) -> bool {
        (&mut self.reached).await.is_ok()
    }
}

impl Hold {
    /// Until the test lets the call get lost.
    async fn wait(self) -> io::Error {
        let _ = self.reached.send(());
        let _ = self.dropped.await;
        io::Error::other("lost")
    }
}

impl Wire {
    /// Calls that come through it are made in this account.
    pub async fn of_account(account: &str, moto: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script {
            account: account.to_owned(),
            moto: moto.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            calls: Mutex::default(),
            hold: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&script)));
        Self {
            url,
            script,
            server,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The calls so far: `s3:GetBucketAcl`.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.script.calls.lock().unwrap();
        calls.iter().map(Call::name).collect()
    }

    /// Those of them that change something.
    pub fn writes(&self) -> Vec<String> {
        let calls = self.script.calls.lock().unwrap();
        let writes = calls.iter().filter(|call| call.writes());
        writes.map(Call::name).collect()
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        self.script.calls.lock().unwrap().clear();
    }

    /// Holds one of the calls to come, after so many others.
    pub fn hold(&self, well: usize, when: When) -> Held {
        let (reached, is_reached) = oneshot::channel();
        let (holding, dropped) = oneshot::channel();
        *self.script.hold.lock().unwrap() = Some(Hold {
            well,
            when,
            reached,
            dropped,
        });
        Held {
            reached: is_reached,
            _holding: holding,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Script {
    /// Records a call; hands out the hold that is meant for it.
    fn noted(&self, call: Call) -> Option<Hold> {
        self.calls.lock().unwrap().push(call);
        let mut hold = self.hold.lock().unwrap();
        match hold.as_mut() {
            Some(Hold { well: 0, .. }) => hold.take(),
            Some(later) => {
                later.well -= 1;
                None
            }
            None => None,
        }
    }

    async fn carry(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut hold = self.noted(called(&head, &body)?);
        if let Some(before) = hold.take_if(|hold| hold.when == When::Before) {
            return Err(before.wait().await);
        }
        let answer = self.ask(&head, body).await?;
        match hold {
            Some(after) => Err(after.wait().await),
            None => Ok(answer),
        }
    }

    async fn ask(&self, head: &Parts, body: Bytes) -> io::Result<Response<Full<Bytes>>> {
        let url = format!("{}{}", self.moto, head.uri);
        let request = self
            .client
            .request(head.method.clone(), url)
            // The host, too: it is signed.
            .headers(head.headers.clone())
            .header("x-moto-account-id", &self.account)
            .body(body);
        let answer = request.send().await.map_err(io::Error::other)?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            // hyper sets both by itself.
            if name != "transfer-encoding" && name != "connection" {
                response = response.header(name, value);
            }
        }
        let body = answer.bytes().await.map_err(io::Error::other)?;
        response.body(Full::new(body)).map_err(io::Error::other)
    }
}

async fn serve(listener: TcpListener, script: Arc<Script>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        connections.spawn(async move {
            let carried = service_fn(|request| script.carry(request));
            let http = hyper::server::conn::http1::Builder::new();
            // A client that goes away is not an error here.
            let _ = http.serve_connection(TokioIo::new(stream), carried).await;
        });
    }
}

fn called(head: &Parts, body: &Bytes) -> io::Result<Call> {
    let mut request = HttpRequest::new(SdkBody::from(body.to_vec()));
    let described = request
        .set_method(head.method.as_str())
        .and_then(|()| request.set_uri(format!("http://moto{}", head.uri)));
    described.map_err(io::Error::other)?;
    for (name, value) in &head.headers {
        if let Ok(value) = value.to_str() {
            let (name, value) = (name.as_str().to_owned(), value.to_owned());
            request.headers_mut().insert(name, value);
        }
    }
    Ok(Call::of(&request))
}
