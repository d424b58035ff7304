//! The listener: connections that a fault can reset, bodies that it can cut or slow down.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::http::{Reply, Request};
use crate::router;
use crate::state::Shared;

/// More than Telegram or Jira take in one request.
const MAX_BODY: usize = 8 << 20;
/// Half a million list entries or threat records, with room to spare.
const MAX_BULK_BODY: usize = 128 << 20;
/// Size of the pieces in which a slow body drips.
const DRIP: usize = 16;

/// Accepts until the task is dropped; the connections go with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, Arc::clone(&shared)));
            }
            Err(error) => {
                tracing::warn!(%error, "the sandbox could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // Small replies must not wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(Notify::new());
    let handle = socket2::SockRef::from(&stream).try_clone();
    let service = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&reset)))
    };
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new());
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        () = reset.notified() => {
            // With a linger of zero, closing the last descriptor sends RST instead of FIN.
            if let Ok(socket) = &handle {
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    reset: Arc<Notify>,
) -> Result<Response<SandboxBody>, Infallible> {
    let (parts, body) = request.into_parts();
    let outcome = match Limited::new(body, max_body(parts.uri.path()))
        .collect()
        .await
    {
        Ok(body) => router::route(Request::new(&parts, body.to_bytes()), &shared).await,
        Err(_) => router::Outcome::whole(Reply::empty(StatusCode::PAYLOAD_TOO_LARGE)),
    };
    match outcome {
        router::Outcome::Answer { reply, delivery } => Ok(response(reply, delivery)),
        router::Outcome::Reset => {
            reset.notify_one();
            std::future::pending().await
        }
        router::Outcome::Silence => std::future::pending().await,
    }
}

fn max_body(path: &str) -> usize {
    if path.starts_with("/client/") || path.starts_with("/_sandbox/") {
        MAX_BULK_BODY
    } else {
        MAX_BODY
    }
}

fn response(reply: Reply, delivery: router::Delivery) -> Response<SandboxBody> {
    let mut response = Response::new(SandboxBody::new(reply.body, delivery));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        let pair = (
            hyper::header::HeaderName::try_from(name),
            hyper::header::HeaderValue::try_from(value),
        );
        if let (Ok(name), Ok(value)) = pair {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body that arrives whole, cut in half, or drop by drop; its announced length is always the full one.
struct SandboxBody {
    rest: Bytes,
    announced: u64,
    cut: Option<Cutting>,
    drip: Option<(Duration, Pin<Box<Sleep>>)>,
}

/// Where a body is on its way to being cut.
enum Cutting {
    /// So many bytes go out.
    At(usize),
    /// They are out, and get a moment to leave: hyper drops what it still holds when the body fails.
    After(Pin<Box<Sleep>>),
}

/// The connection is dropped in the middle of the body.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut by a scripted fault")]
struct Cut;

impl SandboxBody {
    fn new(body: Bytes, delivery: router::Delivery) -> Self {
        Self {
            announced: body.len() as u64,
            cut: (delivery == router::Delivery::Truncated).then_some(Cutting::At(body.len() / 2)),
            drip: match delivery {
                router::Delivery::Slow(pause) => Some((pause, Box::pin(tokio::time::sleep(pause)))),
                _ => None,
            },
            rest: body,
        }
    }
}

impl Body for SandboxBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        match &mut this.cut {
            None => {}
            Some(Cutting::At(at)) => {
                let half = this.rest.split_to(*at);
                let moment = tokio::time::sleep(Duration::from_millis(20));
                this.cut = Some(Cutting::After(Box::pin(moment)));
                return Poll::Ready(Some(Ok(Frame::data(half))));
            }
            Some(Cutting::After(moment)) => {
                std::task::ready!(moment.as_mut().poll(context));
                return Poll::Ready(Some(Err(Cut)));
            }
        }
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        let Some((pause, timer)) = &mut this.drip else {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.rest)))));
        };
        std::task::ready!(timer.as_mut().poll(context));
        timer.as_mut().reset(Instant::now() + *pause);
        let drop = this.rest.split_to(DRIP.min(this.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(drop))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.cut.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
