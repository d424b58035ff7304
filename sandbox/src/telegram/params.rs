//! Parameters of a Bot API call, from wherever the client put them: query, form or JSON body.

use hyper::Method;
use serde_json::{Map, Value};

use super::ApiError;
use crate::http::Request;

/// Named parameters; what came from a form is a string and is converted on reading.
#[derive(Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Reads query and body. A body of an unknown type is ignored, as the real server does.
    pub(crate) fn read(request: &Request) -> Result<Self, ApiError> {
        let mut fields: Map<String, Value> = request
            .query
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        if request.method == Method::POST && !request.body.is_empty() {
            let content_type = request
                .header("content-type")
                .unwrap_or_default()
                .to_ascii_lowercase();
            if content_type.starts_with("application/json") {
                fields.extend(json_object(&request.body)?);
            } else if content_type.starts_with("application/x-www-form-urlencoded") {
                let pairs = url::form_urlencoded::parse(&request.body).into_owned();
                fields.extend(pairs.map(|(name, value)| (name, Value::String(value))));
            }
        }
        Ok(Self(fields))
    }

    /// A parameter as text; numbers and booleans are written out.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1"))
    }

    /// A structured parameter: JSON itself, or JSON in a string as forms send it. The error names what it should be.
    pub(crate) fn structure(&self, name: &str, what: &str) -> Result<Option<Value>, ApiError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| ApiError::bad_request(format!("can't parse {what} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

fn json_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::bad_request("strings must be encoded in UTF-8"))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::bad_request("expected an Object")),
        Err(_) => Err(ApiError::bad_request("can't parse JSON content")),
    }
}
