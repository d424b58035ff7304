//! Which part of the sandbox a request is for, and what the faults in force make of it.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};

use crate::faults::{DueFault, Effect, Service, rewritten, scripted_page, scripted_reply};
use crate::http::{Reply, Request};
use crate::state::{Shared, World};
use crate::{admin, page};

/// What goes back over the connection.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer {
        reply: Reply,
        delivery: Delivery,
    },
    /// RST.
    Reset,
    /// Nothing, while the connection stays open.
    Silence,
}

impl Outcome {
    pub(crate) fn whole(reply: Reply) -> Self {
        Self::Answer {
            reply,
            delivery: Delivery::Whole,
        }
    }
}

/// How the body travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Truncated,
    /// Pause between two pieces.
    Slow(Duration),
}

/// A call of a vendor's API, and how to carry it out.
enum Vendor {
    Telegram { token: String, method: String },
    Jira,
    Cloudflare,
    Collector,
}

impl Vendor {
    fn of(request: &Request, segments: &[String]) -> Option<Self> {
        let first = segments.first()?;
        if let Some(token) = first.strip_prefix("bot") {
            let method = segments.get(1).cloned().unwrap_or_default();
            let token = token.to_owned();
            return Some(Self::Telegram { token, method });
        }
        match (first.as_str(), segments.get(1).map(String::as_str)) {
            ("rest" | "ex" | "_edge", _) if !request.path.is_empty() => Some(Self::Jira),
            ("client", Some("v4")) => Some(Self::Cloudflare),
            ("collector", _) | ("ips", None) => Some(Self::Collector),
            _ => None,
        }
    }

    fn service(&self) -> Service {
        match self {
            Self::Telegram { .. } => Service::Telegram,
            Self::Jira => Service::Jira,
            Self::Cloudflare => Service::Cloudflare,
            Self::Collector => Service::Collector,
        }
    }

    /// Method and path under which the call is recorded and matched: never with the bot token in it.
    fn identity(&self, request: &Request) -> (String, String) {
        match self {
            Self::Telegram { method, .. } => (method.clone(), format!("/{method}")),
            Self::Jira | Self::Cloudflare | Self::Collector => {
                (request.method.to_string(), request.path.clone())
            }
        }
    }

    fn handle(&self, world: &mut World, request: &Request) -> Reply {
        let clock = world.clock;
        match self {
            Self::Telegram { token, method } => {
                world.telegram.handle(token, method, request, clock)
            }
            Self::Jira => world.jira.handle(request, clock),
            Self::Cloudflare => world.cloudflare.handle(request, clock),
            Self::Collector => world.collector.handle(request, clock),
        }
    }
}

/// Routes one request.
pub(crate) async fn route(request: Request, shared: &Arc<Shared>) -> Outcome {
    let segments = request.segments();
    match segments.first().map(String::as_str) {
        None if request.method == Method::GET => {
            let mut world = shared.world();
            world.settle();
            Outcome::whole(page::render(&world))
        }
        Some("browse") if request.method == Method::GET => Outcome::whole(page::browse(&segments)),
        Some("_sandbox") => Outcome::whole(admin::handle(&request, &segments[1..], shared)),
        Some("favicon.ico") => Outcome::whole(Reply::empty(StatusCode::NO_CONTENT)),
        _ => match Vendor::of(&request, &segments) {
            Some(vendor) => call(&vendor, &request, shared).await,
            None => Outcome::whole(Reply::empty(StatusCode::NOT_FOUND)),
        },
    }
}

async fn call(vendor: &Vendor, request: &Request, shared: &Arc<Shared>) -> Outcome {
    let (method, path) = vendor.identity(request);
    let (n, fault) = shared.world().arrive(vendor.service(), &method, &path);
    let Some(fault) = fault else {
        let reply = carry_out(vendor, request, shared, n);
        return finish(shared, n, reply, Delivery::Whole);
    };
    let reply = if happens_to_the_answer(&fault) {
        Some(carry_out(vendor, request, shared, n))
    } else {
        None
    };
    match fault.effect {
        Effect::Reset => Outcome::Reset,
        Effect::Hang => Outcome::Silence,
        Effect::Delay { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let reply = reply.unwrap_or_else(|| carry_out(vendor, request, shared, n));
            finish(shared, n, reply, Delivery::Whole)
        }
        Effect::Status {
            status,
            headers,
            body,
            retry_after,
        } => {
            let scripted = scripted_reply(
                vendor.service(),
                status,
                &headers,
                body.as_ref(),
                retry_after,
            );
            finish(shared, n, scripted, Delivery::Whole)
        }
        Effect::Html { status } => {
            let page = scripted_page(vendor.service(), status);
            finish(shared, n, page, Delivery::Whole)
        }
        Effect::Rewrite { set, remove } => {
            let reply = reply.unwrap_or_else(|| carry_out(vendor, request, shared, n));
            finish(shared, n, rewritten(reply, &set, &remove), Delivery::Whole)
        }
        Effect::TruncatedBody => {
            let reply = reply.unwrap_or_else(|| carry_out(vendor, request, shared, n));
            finish(shared, n, reply, Delivery::Truncated)
        }
        Effect::SlowBody { ms } => {
            let reply = reply.unwrap_or_else(|| carry_out(vendor, request, shared, n));
            let pause = Duration::from_millis(ms);
            finish(shared, n, reply, Delivery::Slow(pause))
        }
    }
}

/// A cut, slow or altered body needs an answer to work on; the others act on the answer only when told so.
fn happens_to_the_answer(fault: &DueFault) -> bool {
    fault.after_write
        || matches!(
            fault.effect,
            Effect::TruncatedBody | Effect::SlowBody { .. } | Effect::Rewrite { .. }
        )
}

fn carry_out(vendor: &Vendor, request: &Request, shared: &Arc<Shared>, n: u64) -> Reply {
    let mut world = shared.world();
    if let Some(call) = world.call(n) {
        call.handled = true;
    }
    vendor.handle(&mut world, request)
}

fn finish(shared: &Arc<Shared>, n: u64, reply: Reply, delivery: Delivery) -> Outcome {
    if let Some(call) = shared.world().call(n) {
        call.status = Some(reply.status.as_u16());
    }
    Outcome::Answer { reply, delivery }
}
