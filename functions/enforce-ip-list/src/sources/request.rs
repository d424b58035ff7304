//! What each kind of source is asked.

use remediate_core::secret;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH,
};
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;

use super::config::{Kind, SourceConfig};
use super::format::Next;
use super::misp;
use super::outcome::{Unavailable, Validators};

/// How many records a collector is asked for at a time: a page of half a megabyte.
const COLLECTOR_PAGE: u32 = 5_000;

/// One question.
pub(super) struct Question {
    pub(super) url: Url,
    /// With a body it is a POST.
    pub(super) body: Option<String>,
    pub(super) headers: HeaderMap,
}

/// The headers of all questions to a source, with its secret.
pub(super) async fn headers(config: &SourceConfig) -> Result<HeaderMap, Unavailable> {
    let accept = match config.kind {
        Kind::Ipsum | Kind::Firehol | Kind::Plain => "text/plain, */*;q=0.5",
        // TAXII servers refuse everything else.
        Kind::Stix => {
            "application/taxii+json;version=2.1, application/stix+json;version=2.1;q=0.9, application/json;q=0.8"
        }
        Kind::Collector | Kind::SpamhausDrop | Kind::Abuseipdb | Kind::Crowdsec | Kind::Misp => {
            "application/json, */*;q=0.5"
        }
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some((name, value)) = credentials(config).await? {
        headers.insert(name, value);
    }
    Ok(headers)
}

async fn credentials(
    config: &SourceConfig,
) -> Result<Option<(HeaderName, HeaderValue)>, Unavailable> {
    let Some(reference) = &config.secret else {
        return Ok(None);
    };
    let secret = secret::resolve(reference).await?;
    // A line break at the end is the commonest fault of a stored secret.
    let secret = secret.expose_secret().trim();
    let (name, value) = match (&config.username, &config.secret_header) {
        (Some(user), _) => {
            use base64::Engine as _;
            use base64::engine::general_purpose::STANDARD;
            let pair = STANDARD.encode(format!("{user}:{secret}"));
            (AUTHORIZATION, format!("Basic {pair}"))
        }
        (None, Some(header)) => {
            let name = header
                .parse::<HeaderName>()
                .map_err(|_| Unavailable::SecretForm)?;
            (name, secret.to_owned())
        }
        (None, None) => match config.kind {
            Kind::Crowdsec => (HeaderName::from_static("x-api-key"), secret.to_owned()),
            Kind::Abuseipdb => (HeaderName::from_static("key"), secret.to_owned()),
            Kind::Misp => (AUTHORIZATION, secret.to_owned()),
            Kind::Collector
            | Kind::Ipsum
            | Kind::Firehol
            | Kind::Plain
            | Kind::SpamhausDrop
            | Kind::Stix => (AUTHORIZATION, format!("Bearer {secret}")),
        },
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| Unavailable::SecretForm)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// The question for the first page, or for the `next` one. Only the first is conditional: the later ones belong to it.
pub(super) fn question(
    config: &SourceConfig,
    mut headers: HeaderMap,
    known: Option<&Validators>,
    next: Option<&Next>,
) -> Question {
    if next.is_none()
        && let Some(known) = known
    {
        condition(&mut headers, known);
    }
    let mut url = address(config);
    let mut body = None;
    if config.kind == Kind::Misp {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        body = Some(misp_search(config.page_size, next));
    } else {
        query(config, &mut url, next);
    }
    Question { url, body, headers }
}

fn condition(headers: &mut HeaderMap, known: &Validators) {
    // With an entity tag the date is of no use (RFC 9110 §13.1.3).
    let (name, value) = match (&known.etag, &known.last_modified) {
        (Some(etag), _) => (IF_NONE_MATCH, etag),
        (None, Some(date)) => (IF_MODIFIED_SINCE, date),
        (None, None) => return,
    };
    // One that no header can carry came from no header.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Where the source is; of an address that names only the server, where its kind has it.
fn address(config: &SourceConfig) -> Url {
    let mut url = config.url.clone();
    let path: &[&str] = match config.kind {
        Kind::Collector => &["ips"],
        Kind::Crowdsec => &["v1", "decisions", "stream"],
        Kind::Misp => &["attributes", "restSearch"],
        Kind::Abuseipdb => &["api", "v2", "blacklist"],
        Kind::Ipsum | Kind::Firehol | Kind::Plain | Kind::SpamhausDrop | Kind::Stix => &[],
    };
    if url.path().ends_with('/')
        && !path.is_empty()
        && let Ok(mut segments) = url.path_segments_mut()
    {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Parameters that decide what is read; what the configured address says of them would lead back to the first page, or to a part.
const OURS: [&str; 5] = ["startup", "next", "cursor", "offset", "page"];

/// Adds the parameters of the kind and of the page. What the configured address says goes before ours, save for [`OURS`].
fn query(config: &SourceConfig, url: &mut Url, next: Option<&Next>) {
    let mut wanted = of_kind(config, url);
    wanted.extend(next.map(|next| of_page(config, next)));
    if wanted.is_empty() {
        return;
    }
    let mut given: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    given.retain(|(key, _)| {
        !(OURS.contains(&key.as_str()) && wanted.iter().any(|(name, _)| name == key))
    });
    wanted.retain(|(name, _)| !given.iter().any(|(key, _)| key == name));
    url.query_pairs_mut()
        .clear()
        .extend_pairs(given)
        .extend_pairs(wanted);
}

fn of_kind(config: &SourceConfig, url: &Url) -> Vec<(&'static str, String)> {
    let size = config.page_size.map(|size| ("limit", size.to_string()));
    match config.kind {
        // A file, perhaps at an address that is signed with its query, has no pages unless the configuration says so.
        Kind::Collector if size.is_none() && !url.path().ends_with("/ips") => Vec::new(),
        Kind::Collector => {
            vec![size.unwrap_or_else(|| ("limit", COLLECTOR_PAGE.to_string()))]
        }
        // The whole and not what changed: see the adapter.
        Kind::Crowdsec => vec![("startup", "true".to_owned())],
        Kind::Stix => {
            let indicators = url
                .path()
                .contains("/collections/")
                .then(|| ("match[type]", "indicator".to_owned()));
            size.into_iter().chain(indicators).collect()
        }
        Kind::Ipsum
        | Kind::Firehol
        | Kind::Plain
        | Kind::SpamhausDrop
        | Kind::Abuseipdb
        | Kind::Misp => Vec::new(),
    }
}

fn of_page(config: &SourceConfig, next: &Next) -> (&'static str, String) {
    match next {
        Next::Cursor(cursor) if config.kind == Kind::Stix => ("next", cursor.clone()),
        Next::Cursor(cursor) => ("cursor", cursor.clone()),
        Next::Offset(offset) => ("offset", offset.to_string()),
        Next::Page(page) => ("page", page.to_string()),
    }
}

fn misp_search(size: Option<u32>, next: Option<&Next>) -> String {
    let mut search = json!({
        "returnFormat": "json",
        "type": { "OR": misp::TYPES },
        "to_ids": 1,
        "deleted": 0,
        "enforceWarninglist": 1,
        "includeDecayScore": 1,
        "includeContext": 1,
        "includeEventTags": 1,
    });
    if let Some(size) = size {
        let page = match next {
            Some(Next::Page(page)) => *page,
            _ => 1,
        };
        search["limit"] = json!(size);
        search["page"] = json!(page);
    }
    search.to_string()
}

#[cfg(test)]
mod tests {
    use remediate_core::secret::SecretRef;

    use super::*;

    fn url(kind: Kind, url: &str, next: Option<&Next>) -> String {
        let config = SourceConfig::new(kind, url.parse().unwrap());
        String::from(question(&config, HeaderMap::new(), None, next).url)
    }

    #[test]
    fn given_the_server_alone_then_the_path_of_the_kind_is_asked() {
        for (kind, given, expected) in [
            (
                Kind::Collector,
                "https://c.example",
                "https://c.example/ips?limit=5000",
            ),
            (
                Kind::Collector,
                "https://c.example/feed.json?b=1&a=%2f",
                "https://c.example/feed.json?b=1&a=%2f",
            ),
            (
                Kind::Crowdsec,
                "http://lapi:8080/",
                "http://lapi:8080/v1/decisions/stream?startup=true",
            ),
            (
                Kind::Crowdsec,
                "http://lapi:8080/v1/decisions/stream?startup=false&origins=crowdsec",
                "http://lapi:8080/v1/decisions/stream?origins=crowdsec&startup=true",
            ),
            (
                Kind::Abuseipdb,
                "https://api.abuseipdb.com/?confidenceMinimum=90",
                "https://api.abuseipdb.com/api/v2/blacklist?confidenceMinimum=90",
            ),
            (
                Kind::Misp,
                "https://misp.example/",
                "https://misp.example/attributes/restSearch",
            ),
            (Kind::Ipsum, "https://f.example/", "https://f.example/"),
            (
                Kind::Stix,
                "https://t.example/api1/collections/91a7/objects/",
                "https://t.example/api1/collections/91a7/objects/?match%5Btype%5D=indicator",
            ),
        ] {
            assert_eq!(url(kind, given, None), expected);
        }
    }

    #[test]
    fn given_a_next_page_then_it_is_asked_for_in_the_words_of_the_source() {
        let cursor = Next::Cursor("a b&c".to_owned());
        assert_eq!(
            url(Kind::Collector, "https://c.example/", Some(&cursor)),
            "https://c.example/ips?limit=5000&cursor=a+b%26c"
        );
        assert_eq!(
            url(
                Kind::Stix,
                "https://t.example/o?next=1&limit=7",
                Some(&cursor)
            ),
            "https://t.example/o?limit=7&next=a+b%26c"
        );
        assert_eq!(
            url(
                Kind::Collector,
                "https://c.example/ips?page=1",
                Some(&Next::Page(2))
            ),
            "https://c.example/ips?limit=5000&page=2"
        );
    }

    #[test]
    fn given_what_is_known_then_only_the_first_page_is_asked_for_conditionally() {
        let config = SourceConfig::new(Kind::Collector, "https://c.example/".parse().unwrap());
        let known = Validators {
            etag: Some("\"a\"".to_owned()),
            last_modified: Some("Sat, 22 Aug 2026 03:00:31 GMT".to_owned()),
            ..Validators::default()
        };
        let first = question(&config, HeaderMap::new(), Some(&known), None);
        assert_eq!(first.headers[IF_NONE_MATCH], "\"a\"");
        assert!(!first.headers.contains_key(IF_MODIFIED_SINCE));
        let next = Next::Cursor("2".to_owned());
        let second = question(&config, HeaderMap::new(), Some(&known), Some(&next));
        assert!(!second.headers.contains_key(IF_NONE_MATCH));
    }

    #[tokio::test]
    async fn given_a_secret_then_it_goes_as_the_kind_wants_it() {
        for (kind, header, expected) in [
            (Kind::Collector, "authorization", "Bearer k3y"),
            (Kind::Crowdsec, "x-api-key", "k3y"),
            (Kind::Abuseipdb, "key", "k3y"),
            (Kind::Misp, "authorization", "k3y"),
        ] {
            let mut config = SourceConfig::new(kind, "https://s.example/".parse().unwrap());
            config.secret = Some(SecretRef::given("k3y\n"));
            let sent = headers(&config).await.unwrap();
            assert_eq!(sent[header], expected, "{kind:?}");
            assert!(sent[header].is_sensitive());
        }
    }

    #[tokio::test]
    async fn given_a_name_beside_the_secret_then_it_is_basic_authentication() {
        let mut config = SourceConfig::new(Kind::Stix, "https://t.example/".parse().unwrap());
        config.secret = Some(SecretRef::given("open sesame"));
        config.username = Some("Aladdin".to_owned());
        // The example of RFC 7617 §2.
        assert_eq!(
            headers(&config).await.unwrap()[AUTHORIZATION],
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn given_misp_then_only_addresses_that_are_meant_for_detection_are_searched_for() {
        let config = SourceConfig::new(Kind::Misp, "https://m.example/".parse().unwrap());
        let body = question(&config, HeaderMap::new(), None, None)
            .body
            .unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["type"]["OR"], json!(misp::TYPES));
        assert_eq!(body["to_ids"], 1);
        assert!(body.get("page").is_none());
    }
}
