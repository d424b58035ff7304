//! The account, its zones, its tokens, and Cloudflare's own networks.

use std::hash::{DefaultHasher, Hash, Hasher};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::access::{self, Subject};
use super::config::{Access, CloudflareConfig, Token, Zone};
use super::id;
use super::refusal::{Refusal, code, json_reply};
use super::{Answer, Asked, ok};
use crate::http::{Reply, Request};

/// `GET /ips`: the only call that needs no token.
pub(crate) fn ips(config: &CloudflareConfig, request: &Request) -> Answer {
    if request.method != Method::GET {
        return Err(method_not_allowed());
    }
    let mut hasher = DefaultHasher::new();
    (&config.ipv4_cidrs, &config.ipv6_cidrs).hash(&mut hasher);
    let etag = format!("{:016x}{:016x}", hasher.finish(), !hasher.finish());
    Ok(ok(&json!({
        "etag": etag,
        "ipv4_cidrs": config.ipv4_cidrs,
        "ipv6_cidrs": config.ipv6_cidrs,
    })))
}

/// `GET /user/tokens/verify` and `GET /accounts/{a}/tokens/verify`.
pub(crate) fn verify(config: &CloudflareConfig, request: &Request) -> Answer {
    let token = access::admit(config, request).map_err(|refusal| {
        if refusal.status == StatusCode::FORBIDDEN {
            access::invalid_token()
        } else {
            refusal
        }
    })?;
    let message =
        json!({"code": 10000, "message": "This API Token is valid and active", "type": null});
    let body = json!({
        "result": {"id": token_id(token), "status": "active"},
        "success": true, "errors": [], "messages": [message],
    });
    Ok(json_reply(StatusCode::OK, &body))
}

fn token_id(token: &Token) -> String {
    let mut hasher = DefaultHasher::new();
    token.value.hash(&mut hasher);
    id::show(id::Kind::Operation, hasher.finish())
}

/// `GET /accounts` and `GET /accounts/{a}`.
pub(crate) fn account(config: &CloudflareConfig, asked: &Asked<'_>, one: bool) -> Answer {
    asked.only_get()?;
    if one {
        access::allow(asked.token, Subject::Zones, Access::Read)?;
    }
    let kind = if config.plan == super::Plan::Enterprise {
        "enterprise"
    } else {
        "standard"
    };
    let account = json!({
        "id": config.account_id,
        "name": config.account_name,
        "type": kind,
        "settings": {"enforce_twofactor": false, "abuse_contact_email": null},
        "created_on": "2020-01-01T08:00:00.000000Z",
    });
    Ok(if one {
        ok(&account)
    } else {
        page(vec![account], asked.request)
    })
}

/// `GET /zones?name=…` and `GET /zones/{z}`.
pub(crate) fn zones(config: &CloudflareConfig, asked: &Asked<'_>, id: Option<&str>) -> Answer {
    asked.only_get()?;
    access::allow(asked.token, Subject::Zones, Access::Read)?;
    if let Some(id) = id {
        return find_zone(config, id).map(|zone| ok(&show(config, zone)));
    }
    let name = asked.request.query("name");
    let account = asked.request.query("account.id");
    let wanted = |zone: &&Zone| {
        name.is_none_or(|name| name.eq_ignore_ascii_case(&zone.name))
            && account.is_none_or(|account| account == config.account_id)
    };
    let zones = config
        .zones
        .iter()
        .filter(wanted)
        .map(|zone| show(config, zone));
    Ok(page(zones.collect(), asked.request))
}

/// A zone by its id.
///
/// # Errors
/// As the vendor: an id of the wrong form has no route, one of another account is not this token's.
pub(crate) fn find_zone<'a>(config: &'a CloudflareConfig, id: &str) -> Result<&'a Zone, Refusal> {
    if !id::is_well_formed(id) {
        return Err(Refusal::no_route(&format!("/client/v4/zones/{id}")));
    }
    config
        .zones
        .iter()
        .find(|zone| zone.id == id)
        .ok_or_else(|| Refusal::authentication(format!("the token has no zone {id}")))
}

fn show(config: &CloudflareConfig, zone: &Zone) -> Value {
    let plan = zone.plan.unwrap_or(config.plan);
    json!({
        "id": zone.id,
        "name": zone.name,
        "status": "active",
        "paused": false,
        "type": "full",
        "development_mode": 0,
        "name_servers": ["ada.ns.example.net", "bob.ns.example.net"],
        "account": {"id": config.account_id, "name": config.account_name},
        "owner": {"id": null, "type": "user", "email": null},
        "plan": {
            "id": format!("{:x<32}", plan.as_str()), "name": plan.title(), "legacy_id": plan.as_str(),
            "currency": "USD", "frequency": "", "price": 0, "is_subscribed": true, "can_subscribe": false,
            "legacy_discount": false, "externally_managed": false,
        },
        "permissions": ["#waf:edit", "#waf:read", "#zone:read"],
        "created_on": "2020-01-01T08:00:00.000000Z",
        "modified_on": "2020-01-01T08:00:00.000000Z",
        "activated_on": "2020-01-01T08:00:00.000000Z",
    })
}

/// A page counted by numbers, as accounts and zones are.
fn page(all: Vec<Value>, request: &Request) -> Reply {
    let number = |name: &str, default: usize| -> usize {
        request
            .query(name)
            .and_then(|value| value.parse().ok())
            .filter(|n| *n > 0)
            .unwrap_or(default)
    };
    let (page, per_page) = (number("page", 1), number("per_page", 20).min(50));
    let total = all.len();
    let shown: Vec<Value> = all
        .into_iter()
        .skip((page - 1).saturating_mul(per_page))
        .take(per_page)
        .collect();
    let body = json!({
        "result_info": {
            "page": page, "per_page": per_page, "count": shown.len(), "total_count": total,
            "total_pages": total.div_ceil(per_page),
        },
        "result": shown, "success": true, "errors": [], "messages": [],
    });
    json_reply(StatusCode::OK, &body)
}

pub(crate) fn method_not_allowed() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        code::METHOD_NOT_ALLOWED,
        "Method not allowed for this authentication scheme",
    )
}
