//! Every outgoing call × every class of error, over a whole life: fail, fail again, pass. Afterwards there is one message,
//! told that all is fixed, and one ticket, closed; and nothing was given up for good.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use futures::stream::{self, StreamExt};
use sandbox::{Effect, Fault, Sandbox, SandboxConfig, Service};
use support::{Home, row, said};

/// Every call that a life makes: service, method, path.
const CALLS: [(Service, &str, &str); 9] = [
    (Service::Telegram, "sendMessage", "*"),
    (Service::Telegram, "editMessageText", "*"),
    (Service::Jira, "GET", "*/user/search"),
    (Service::Jira, "POST", "*/issue"),
    (Service::Jira, "POST", "*/comment"),
    (Service::Jira, "GET", "*/transitions"),
    (Service::Jira, "POST", "*/transitions"),
    (Service::Jira, "GET", "*/issue/*"),
    (Service::Jira, "POST", "*/search/jql"),
];

/// A class of error: its name, and what the first such call meets.
type Class = (&'static str, fn(Fault) -> Fault);

fn classes() -> Vec<Class> {
    vec![
        ("429 with Retry-After", |fault| fault.too_many_requests(1)),
        ("500 with an HTML page", |fault| fault.status(500)),
        ("503 with an HTML page", |fault| fault.status(503)),
        ("503 after the write", |fault| {
            fault.status(503).after_write()
        }),
        ("reset before the write", Fault::reset),
        ("reset after the write", |fault| fault.reset().after_write()),
        ("silence after the write", |fault| {
            fault.hang().after_write()
        }),
        ("half a body after the write", |fault| {
            fault.effect(Effect::TruncatedBody).after_write()
        }),
        ("401", |fault| fault.status(401)),
        ("403", |fault| fault.status(403)),
    ]
}

async fn lives_through(
    service: Service,
    method: &'static str,
    path: &'static str,
    class: &'static str,
    strike: fn(Fault) -> Fault,
) -> Result<(), String> {
    let mut config = SandboxConfig::default();
    config.jira.search_lag_ms = 500;
    let sandbox = Sandbox::start(config).await.unwrap();
    let home = Home::new(&sandbox);
    let case = format!("{service:?} {method} {path}: {class}");
    sandbox.inject(strike(Fault::on(service).method(method).path(path).nth(1)));
    for (name, passed) in [
        ("first.json", false),
        ("second.json", false),
        ("pass.json", true),
    ] {
        let log = home.write(name, &row("alice@example.com", "firewall", passed));
        // A refused credential ends a run; the work is kept for the next, as a queue would keep it.
        for attempt in 1.. {
            let output = home.run(&["run", "--apply", &log]).await;
            if output.status.success() {
                break;
            }
            if attempt == 3 {
                return Err(format!("{case}: {name} never succeeds: {}", said(&output)));
            }
        }
    }
    let messages = sandbox.messages();
    let tickets = sandbox.tickets();
    // A 403 of Telegram's says that the person takes no messages: the team hears of it, or an edit is left undone.
    let unreachable = service == Service::Telegram && class == "403";
    match (&messages[..], &tickets[..]) {
        ([message], [ticket])
            if (unreachable || message.text.contains("Fixed, thank you"))
                && ticket.status_category == "done"
                && ticket.comments.len() == 1 =>
        {
            Ok(())
        }
        _ => Err(format!(
            "{case}: messages {:?}, tickets {:?}",
            messages
                .iter()
                .map(|message| &message.text)
                .collect::<Vec<_>>(),
            tickets
                .iter()
                .map(|ticket| (&ticket.status, ticket.comments.len()))
                .collect::<Vec<_>>()
        )),
    }
}

#[tokio::test]
async fn a_life_survives_every_error_at_every_call_with_one_message_and_one_ticket() {
    let cases: Vec<_> = CALLS
        .iter()
        .flat_map(|(service, method, path)| {
            classes()
                .into_iter()
                .map(move |(class, strike)| (*service, *method, *path, class, strike))
        })
        .collect();
    let wrong: Vec<String> = stream::iter(cases)
        .map(|(service, method, path, class, strike)| {
            lives_through(service, method, path, class, strike)
        })
        .buffer_unordered(6)
        .filter_map(|result| async { result.err() })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
