//! What tickets and comments say.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use remediate_core::config::{Config, Deployment};
use remediate_core::{Fingerprint, Severity, Source, Subject, rule};

use crate::document::{Document, Facts};
use crate::effect::Ticket;
use crate::observations::{Pass, Run};
use crate::state::{About, Failure, State, Told};
use crate::{adf, text, wiki};

/// Jira's limits, in UTF-16 code units. A document counts in the form it is sent in, markup included: the strictest reading.
pub(crate) const SUMMARY: usize = 255;
pub(crate) const BODY: usize = 32_767;

/// The label that every ticket of ours has.
pub(crate) const LABEL: &str = "auto-remediate";

/// The label by which a lost ticket is found again. It says nothing about the person behind it.
pub(crate) fn fingerprint_label(fingerprint: Fingerprint) -> String {
    format!("ar-{fingerprint}")
}

/// A ticket for a run of failures.
pub(crate) fn ticket(
    config: &Config,
    state: &State,
    about: &About,
    failure: &Failure,
    run: Run,
) -> Ticket {
    let mut labels = vec![LABEL.to_owned(), fingerprint_label(about.fingerprint)];
    for label in &config.services.jira.labels {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let earlier = state
        .issue
        .iter()
        .map(|issue| &issue.key)
        .chain(state.earlier.iter().rev());
    let earlier: Vec<&str> = earlier.map(String::as_str).take(5).collect();
    Ticket {
        summary: summary(about, failure),
        description: fitting(config, |most| {
            description(config, about, failure, run, &earlier, most)
        }),
        labels,
        fingerprint: about.fingerprint,
        rule: about.rule.clone(),
        person: about.subject.person().cloned(),
        told: told(run),
    }
}

/// What is told when a run of failures is reported.
pub(crate) fn told(run: Run) -> Told {
    Told {
        verdict: remediate_core::Verdict::Failed,
        observed_at: run.newest,
        failures: run.count,
    }
}

fn summary(about: &About, failure: &Failure) -> String {
    let check = check_name(about, failure);
    let summary = match &about.subject {
        Subject::Device { person, device, .. } => {
            let device = failure
                .device
                .as_ref()
                .map(|device| device.name.as_str())
                .filter(|name| !name.trim().is_empty())
                .unwrap_or(device);
            let person = person.as_str();
            match (device.trim(), person) {
                ("", person) => format!("Failed device check: {check} ({person})"),
                (device, "") => format!("Failed device check: {check} on {device}"),
                (device, person) => format!("Failed device check: {check} on {device} ({person})"),
            }
        }
        Subject::Resource { resource, .. } if resource.is_empty() => {
            format!("Failed check {}: {check} on the account", about.rule)
        }
        Subject::Resource { resource, .. } => {
            format!("Failed check {}: {check} on {resource}", about.rule)
        }
    };
    text::shorten(&text::title(&summary), SUMMARY)
}

/// What the check is called where it comes from, else what our rule is called.
fn check_name(about: &About, failure: &Failure) -> String {
    let check = match &about.subject {
        Subject::Device { check, .. } => check.as_str(),
        Subject::Resource { .. } => "",
    };
    [failure.title.text.as_str(), check]
        .into_iter()
        .find(|name| !name.trim().is_empty())
        .unwrap_or_else(|| rule_title(about))
        .to_owned()
}

fn rule_title(about: &About) -> &str {
    rule::spec(about.rule.as_str()).map_or(about.rule.as_str(), |spec| spec.title)
}

/// The document with values as long as the limit lets them be.
fn fitting(config: &Config, write: impl Fn(usize) -> Document) -> Document {
    let mut most = 16_000;
    loop {
        let document = write(most);
        if most <= 250 || text::length(&rendered(config, &document)) <= BODY {
            return document;
        }
        most /= 2;
    }
}

/// A document as the Jira at hand is sent it.
fn rendered(config: &Config, document: &Document) -> String {
    match config.services.jira.deployment {
        Deployment::Cloud => adf::render(document).to_string(),
        Deployment::DataCenter => wiki::render(document),
    }
}

fn description(
    config: &Config,
    about: &About,
    failure: &Failure,
    run: Run,
    earlier: &[&str],
    most: usize,
) -> Document {
    let mut document = Document::default();
    document.paragraph(
        "A required security check fails. This ticket was opened by auto-remediate, which closes it when the check passes again.",
    );
    document.heading("What failed");
    what_failed(about, failure, run, most).put(&mut document);
    document.heading("Where");
    whereabouts(config, about, failure).put(&mut document);
    document.heading("What to do");
    what_to_do(config, about).put(&mut document);
    document.heading("Reference");
    let mut facts = Facts::default();
    facts.add("Source", source(&failure.source));
    facts.add("Fingerprint", about.fingerprint.to_string());
    facts.add("Earlier tickets", earlier.join(", "));
    facts.put(&mut document);
    document
}

fn what_failed(about: &About, failure: &Failure, run: Run, most: usize) -> Facts {
    let mut facts = Facts::default();
    facts.add("Check", check_name(about, failure));
    facts.add(
        "Rule",
        format!("{} (required: {})", about.rule, rule_title(about)),
    );
    facts.add("Severity", severity(failure.severity));
    facts.add("First seen", instant(run.first));
    facts.add("Observed", instant(failure.at));
    if run.count > 1 {
        facts.add("Failures so far", run.count.to_string());
    }
    facts.value("Expected", &failure.expected.cut(most));
    facts.value("Actual", &failure.actual.cut(most));
    facts.value("Message", &failure.message.cut(most));
    facts
}

fn whereabouts(config: &Config, about: &About, failure: &Failure) -> Facts {
    let mut facts = Facts::default();
    match &about.subject {
        Subject::Device { person, device, .. } => {
            let name = config
                .people
                .get(person)
                .and_then(|contact| contact.name.as_deref());
            facts.add(
                "Person",
                match name {
                    Some(name) => format!("{name}, {}", person.as_str()),
                    None => person.as_str().to_owned(),
                },
            );
            facts.add("Device", device.as_str());
            if let Some(device) = &failure.device {
                facts.add("Device name", device.name.as_str());
                facts.add(
                    "Operating system",
                    text::title(&format!("{} {}", device.os, device.os_version)),
                );
                facts.add("Model", device.model.as_str());
            }
        }
        Subject::Resource {
            resource,
            account,
            region,
        } => {
            facts.add("Resource", resource.as_str());
            facts.add(
                "Account",
                account.as_ref().map_or("", |account| account.as_str()),
            );
            facts.add("Region", region.as_deref().unwrap_or_default());
        }
    }
    facts
}

fn what_to_do(config: &Config, about: &About) -> Facts {
    let mut facts = Facts::default();
    if let Some(guide) = guide_url(config, about) {
        facts.link("Guide", &guide, &guide);
    }
    let help = &config.services.help;
    match &help.url {
        Some(url) => facts.link("Ask", &help.contact, url.as_str()),
        None => facts.add("Ask", help.contact.as_str()),
    }
    facts
}

/// RFC 3986's unreserved characters stay as they are.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

fn guide_url(config: &Config, about: &About) -> Option<String> {
    let template = config.services.guides.url.as_deref()?;
    let rule = about.rule.as_str();
    let check = rule.strip_prefix("posture.").unwrap_or(rule);
    Some(template.replace("{check}", &utf8_percent_encode(check, RESERVED).to_string()))
}

/// A comment: it fails still.
pub(crate) fn still_failing(config: &Config, failure: &Failure, run: Run) -> Document {
    comment_on_failure(
        config,
        &format!(
            "Still failing: {} since {}, the newest at {}.",
            failures(run.count),
            instant(run.first),
            instant(run.newest)
        ),
        failure,
    )
}

/// A comment: it fails again after it had passed or after the ticket was closed.
pub(crate) fn failing_again(config: &Config, failure: &Failure, run: Run) -> Document {
    comment_on_failure(
        config,
        &format!(
            "Failing again: {} since {}, the newest at {}.",
            failures(run.count),
            instant(run.first),
            instant(run.newest)
        ),
        failure,
    )
}

fn comment_on_failure(config: &Config, opening: &str, failure: &Failure) -> Document {
    fitting(config, |most| {
        let mut document = Document::default();
        document.paragraph(opening);
        let mut facts = Facts::default();
        facts.value("Expected", &failure.expected.cut(most));
        facts.value("Actual", &failure.actual.cut(most));
        facts.add("Source", source(&failure.source));
        facts.put(&mut document);
        document
    })
}

/// A comment: it passes.
pub(crate) fn passed(about: &About, pass: &Pass, before: Told) -> Document {
    let mut document = Document::default();
    let check = match &about.subject {
        Subject::Device { check, .. } if !check.trim().is_empty() => text::title(check),
        Subject::Device { .. } | Subject::Resource { .. } => rule_title(about).to_owned(),
    };
    document.paragraph(format!(
        "Passed: {check} was seen passing at {}, after {}.",
        instant(pass.at),
        failures(before.failures)
    ));
    let mut facts = Facts::default();
    facts.add("Source", source(&pass.source));
    facts.put(&mut document);
    document
}

fn failures(count: u64) -> String {
    match count {
        1 => "1 failure".to_owned(),
        count => format!("{count} failures"),
    }
}

fn source(source: &Source) -> String {
    text::shorten(&source.to_string(), 1_200)
}

pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::VeryHigh => "very high",
        Severity::Extreme => "extreme",
    }
}
