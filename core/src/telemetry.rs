//! What a process says about itself: one line of JSON per event in Lambda, metrics in CloudWatch's embedded format.

use serde_json::{Map, Value, json};
use tracing_subscriber::EnvFilter;

/// The namespace of every metric.
pub const NAMESPACE: &str = "AutoRemediate";

/// JSON lines on standard output, as CloudWatch Logs wants them. `RUST_LOG` decides how much; `info` unless set.
///
/// The clients' own logging of requests stays off: URLs carry tokens, bodies carry addresses.
pub fn init_lambda() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,hyper=warn,aws=warn,aws_smithy=warn"));
    // A second initialisation is a test in the same process; the first one stands.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init();
}

/// One metric in the embedded metric format; the dimension values must be few and hold no personal data.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
pub fn metric_line(
    name: &str,
    value: f64,
    unit: &str,
    dimensions: &[(&str, &str)],
    at_ms: i64,
) -> String {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": at_ms,
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": [{ "Name": name, "Unit": unit }] }],
        }),
    );
    for (name, value) in dimensions {
        line.insert((*name).to_owned(), Value::from(*value));
    }
    line.insert(name.to_owned(), Value::from(value));
    Value::Object(line).to_string()
}

/// Emits a count where the process runs as a Lambda function; elsewhere nobody would read it.
pub fn count(name: &str, value: u64, dimensions: &[(&str, &str)]) {
    if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        let now = jiff::Timestamp::now().as_millisecond();
        #[allow(clippy::cast_precision_loss)]
        let line = metric_line(name, value as f64, "Count", dimensions, now);
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_line_has_the_embedded_format() {
        let line: Value = serde_json::from_str(&metric_line(
            "Failed",
            2.0,
            "Count",
            &[("Function", "open-jira")],
            1_700_000_000_000,
        ))
        .unwrap();
        assert_eq!(line["Failed"], 2.0);
        assert_eq!(line["Function"], "open-jira");
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"],
            "Failed"
        );
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0][0],
            "Function"
        );
    }
}
