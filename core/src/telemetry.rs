//! What a process says about itself: one line of JSON per event in Lambda, metrics in CloudWatch's embedded format.

use serde_json::{Map, Value, json};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The namespace of every metric.
pub const NAMESPACE: &str = "AutoRemediate";

/// What is logged: as `RUST_LOG` says (`info`, `orchestrator=debug,warn`), else as the default does.
///
/// What cannot be read is told on standard error, since there is no log yet.
pub fn log_filter(default: &str) -> Targets {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    filter(&asked, default).unwrap_or_else(|problem| {
        eprintln!("{problem}");
        default.parse().unwrap_or_default()
    })
}

fn filter(asked: &str, default: &str) -> Result<Targets, String> {
    let asked = match asked.trim() {
        "" => default,
        asked => asked,
    };
    asked.parse().map_err(|error| {
        format!("RUST_LOG is `{asked}`: {error}; `{default}` holds. Expected a level (`info`) or `<target>=<level>`, with commas between")
    })
}

/// JSON lines on standard output, as CloudWatch Logs wants them. `RUST_LOG` decides how much; `info` unless set.
///
/// The clients' own logging of requests stays off: URLs carry tokens, bodies carry addresses.
pub fn init_lambda() {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false);
    // A second initialisation is a test in the same process; the first one stands.
    let _ = tracing_subscriber::registry()
        .with(log_filter("info,hyper=warn,aws=warn,aws_smithy=warn"))
        .with(lines)
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
    use tracing::Level;

    use super::*;

    #[test]
    fn rust_log_is_heeded_and_what_it_cannot_say_is_told() {
        let shipped = "info,hyper=warn";
        for (asked, target, level, logged) in [
            ("", "orchestrator", Level::INFO, true),
            ("", "orchestrator", Level::DEBUG, false),
            ("", "hyper::proto", Level::INFO, false),
            (" warn ", "orchestrator", Level::INFO, false),
            (
                "orchestrator=debug,error",
                "orchestrator::gate",
                Level::DEBUG,
                true,
            ),
            (
                "orchestrator=debug,error",
                "remediate_core",
                Level::WARN,
                false,
            ),
            ("off", "orchestrator", Level::ERROR, false),
        ] {
            let filter = filter(asked, shipped).unwrap();
            assert_eq!(
                filter.would_enable(target, &level),
                logged,
                "`{asked}`: {target} at {level}"
            );
        }
        let problem = filter("orchestrator=loud", shipped).unwrap_err();
        assert!(
            problem.contains("`orchestrator=loud`") && problem.contains(shipped),
            "{problem}"
        );
    }

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
