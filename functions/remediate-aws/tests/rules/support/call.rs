//! What a request asks for.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// One request of the SDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The service as the signature names it: `s3`, `ec2`, `monitoring`.
    pub(crate) service: String,
    /// `GetBucketAcl`.
    pub(crate) operation: String,
    /// The region that it is signed for.
    pub(crate) region: String,
    /// Path and query.
    pub(crate) path: String,
    /// What was sent, if it is text.
    pub(crate) body: String,
    /// The account that the resource has to belong to, where the call says so.
    pub(crate) expected_owner: Option<String>,
}

/// Operations that change nothing begin with one of these.
const READS: [&str; 6] = ["BatchGet", "Describe", "Get", "Head", "List", "Simulate"];

impl Call {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        let (service, region) = scope(request).unwrap_or_default();
        let path = request
            .uri()
            .splitn(4, '/')
            .nth(3)
            .map_or_else(|| "/".to_owned(), |path| format!("/{path}"));
        let operation = named(request)
            .or_else(|| parameter(&body, "Action"))
            .unwrap_or_else(|| rest(&service, request.method(), &path));
        Self {
            service,
            operation,
            region,
            path,
            body,
            expected_owner: request
                .headers()
                .get("x-amz-expected-bucket-owner")
                .map(str::to_owned),
        }
    }

    /// `s3:GetBucketAcl`
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    pub(crate) fn writes(&self) -> bool {
        let dry = parameter(&self.body, "DryRun").as_deref() == Some("true");
        !dry && !READS.iter().any(|read| self.operation.starts_with(read))
    }
}

/// Service and region of the signature: `Credential=AKID/20260101/eu-west-1/s3/aws4_request`.
fn scope(request: &HttpRequest) -> Option<(String, String)> {
    let authorization = request.headers().get("authorization")?;
    let credential = authorization.split("Credential=").nth(1)?;
    let mut parts = credential.split(['/', ',']);
    let region = parts.nth(2)?.to_owned();
    Some((parts.next()?.to_owned(), region))
}

/// JSON protocols name the operation in a header (`AmazonSQS.GetQueueAttributes`), RPC over CBOR in the path (`/service/X/operation/Y`).
fn named(request: &HttpRequest) -> Option<String> {
    let name = match request.headers().get("x-amz-target") {
        Some(target) => target.rsplit('.').next()?,
        None => request
            .uri()
            .split("/operation/")
            .nth(1)?
            .split('?')
            .next()?,
    };
    Some(name.to_owned())
}

/// A parameter of the Query protocol's form.
fn parameter(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// Services whose operations are method and path.
fn rest(service: &str, method: &str, path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match service {
        "s3" => s3(method, path, query),
        "lambda" => lambda(method, path),
        "guardduty" => guardduty(method, path),
        _ => format!("{method} {path}"),
    }
}

/// Bucket operations are a method and a subresource, the first key of the query without a value.
fn s3(method: &str, path: &str, query: &str) -> String {
    let verb = match method {
        "GET" => "Get",
        "PUT" => "Put",
        "DELETE" => "Delete",
        "HEAD" => "Head",
        other => other,
    };
    let mut keys = query.split('&').map(|pair| pair.trim_end_matches('='));
    let known = keys.find_map(|key| {
        Some(match key {
            "acl" => "BucketAcl",
            "encryption" => "BucketEncryption",
            "location" => "BucketLocation",
            "ownershipControls" => "BucketOwnershipControls",
            "policy" => "BucketPolicy",
            "publicAccessBlock" => "PublicAccessBlock",
            "tagging" => "BucketTagging",
            "versioning" => "BucketVersioning",
            "website" => "BucketWebsite",
            _ => return None,
        })
    });
    let in_bucket = path.trim_matches('/').contains('/');
    let what = known.unwrap_or(if in_bucket { "Object" } else { "Bucket" });
    format!("{verb}{what}")
}

fn lambda(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", [_, "functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", [_, "functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("GET", [_, "functions", _]) => "GetFunction",
        ("GET", [_, "tags", ..]) => "ListTags",
        ("GET", [_, "functions", _, "policy"]) => "GetPolicy",
        _ => return format!("{method} {path}"),
    }
    .to_owned()
}

fn guardduty(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["detector"]) => "ListDetectors",
        ("POST", ["detector"]) => "CreateDetector",
        ("GET", ["detector", _]) => "GetDetector",
        ("POST", ["detector", _]) => "UpdateDetector",
        ("GET", ["detector", _, "administrator"]) => "GetAdministratorAccount",
        ("DELETE", ["detector", _]) => "DeleteDetector",
        ("GET", ["tags", ..]) => "ListTagsForResource",
        _ => return format!("{method} {path}"),
    }
    .to_owned()
}
