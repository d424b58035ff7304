//! Who asks, and through which door: the site path, the gateway path, or Data Center.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::json;

use super::config::{JiraConfig, User};
use crate::http::{Reply, Request};

/// What kind of Jira answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deployment {
    Cloud,
    DataCenter,
}

/// How rich text travels: documents in version 3, wiki text in version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Markup {
    Adf,
    Wiki,
}

/// An admitted request.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) deployment: Deployment,
    pub(crate) markup: Markup,
    /// Base of `self` links: `http://host/rest/api/3`, with the gateway's prefix when it came through it.
    pub(crate) base: String,
    pub(crate) site: String,
}

impl Access {
    pub(crate) fn is_cloud(&self) -> bool {
        self.deployment == Deployment::Cloud
    }
}

enum Credentials<'a> {
    None,
    Basic { user: String, secret: String },
    Bearer(&'a str),
    Other,
}

/// The path behind `/rest/api/<version>/`, and who asks for it.
pub(crate) type Admitted<'a> = (Access, &'a [String]);

/// Splits the path and checks the credentials against the door.
pub(crate) fn admit<'a>(
    config: &JiraConfig,
    request: &Request,
    segments: &'a [String],
) -> Result<Admitted<'a>, Reply> {
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (gateway, rest) = match names.as_slice() {
        ["ex", "jira", cloud_id, ..] if *cloud_id == config.cloud_id => (true, &segments[3..]),
        ["ex", ..] => return Err(gateway_refusal(StatusCode::NOT_FOUND, "Not Found")),
        _ => (false, segments),
    };
    let markup = match rest
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["rest", "api", "3", ..] => Markup::Adf,
        ["rest", "api", "2" | "latest", ..] => Markup::Wiki,
        _ => return Err(dead_link()),
    };
    let path = &rest[3..];
    let site = request.origin();
    let version = if markup == Markup::Adf { 3 } else { 2 };
    let prefix = if gateway {
        format!("/ex/jira/{}", config.cloud_id)
    } else {
        String::new()
    };
    let access = |deployment| Access {
        deployment,
        markup,
        base: format!("{site}{prefix}/rest/api/{version}"),
        site: site.clone(),
    };
    let deployment = match (credentials(request), gateway, markup) {
        (Credentials::Basic { user, secret }, true, _)
            if is_bot(config, &user) && secret == config.scoped_token =>
        {
            Deployment::Cloud
        }
        (_, true, _) => return Err(gateway_refusal(StatusCode::UNAUTHORIZED, "Unauthorized")),
        (Credentials::Basic { user, secret }, false, _)
            if is_bot(config, &user) && secret == config.api_token =>
        {
            Deployment::Cloud
        }
        (Credentials::Bearer(token), false, Markup::Wiki) if token == config.pat => {
            Deployment::DataCenter
        }
        (given, false, _) if path.first().is_some_and(|first| first == "serverInfo") => {
            match (given, markup) {
                (Credentials::None, Markup::Adf) => Deployment::Cloud,
                (Credentials::None, Markup::Wiki) => Deployment::DataCenter,
                _ => return Err(unauthorized(&site, true)),
            }
        }
        (given, false, _) => {
            let failed = !matches!(given, Credentials::None);
            return Err(unauthorized(&site, failed));
        }
    };
    Ok((access(deployment), path))
}

/// The account behind every credential of this site.
pub(crate) fn bot(config: &JiraConfig) -> Option<&User> {
    config.users.iter().find(|user| user.email == config.email)
}

fn is_bot(config: &JiraConfig, email: &str) -> bool {
    email.eq_ignore_ascii_case(&config.email)
}

fn credentials(request: &Request) -> Credentials<'_> {
    let Some(header) = request.header("authorization") else {
        return Credentials::None;
    };
    let Some((scheme, value)) = header.split_once(' ') else {
        return Credentials::Other;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Credentials::Bearer(value.trim());
    }
    let decoded = STANDARD
        .decode(value.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((user, secret)) if scheme.eq_ignore_ascii_case("basic") => Credentials::Basic {
            user: user.to_owned(),
            secret: secret.to_owned(),
        },
        _ => Credentials::Other,
    }
}

fn unauthorized(site: &str, failed_login: bool) -> Reply {
    let body = json!({
        "message": "Client must be authenticated to access this resource.",
        "status-code": 401,
    });
    let realm: String = url::form_urlencoded::byte_serialize(site.as_bytes()).collect();
    let reply = Reply::json(StatusCode::UNAUTHORIZED, &body)
        .with_header("WWW-Authenticate", format!("OAuth realm=\"{realm}\""));
    if failed_login {
        reply.with_header("X-Seraph-Loginreason", "AUTHENTICATED_FAILED")
    } else {
        reply
    }
}

fn gateway_refusal(status: StatusCode, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({"code": status.as_u16(), "message": message}),
    )
}

/// What Jira shows for a path that no resource answers.
pub(crate) fn dead_link() -> Reply {
    Reply::json(
        StatusCode::NOT_FOUND,
        &json!({"message": "null for uri", "status-code": 404}),
    )
}
