//! `remediate config`: is it sound, and what may stand in it.

use std::sync::Arc;

use enforce_ip_list::cloudflare::{Connection, Reader};
use enforce_ip_list::run::gather;
use notify_telegram::NotifyTelegram;
use open_jira::OpenJira;
use remediate_core::config::{self, Config};
use remediate_core::ledger::Retention;
use remediate_core::ledger::sqlite::SqliteLedger;

use crate::args::{ConfigCommand, PlaceArgs, SchemaFile};
use crate::error::CliError;
use crate::print::{Colour, coloured, paint, say, tame};

pub async fn run(command: ConfigCommand, place: &PlaceArgs) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check { online } => check(place, online).await,
        ConfigCommand::Import { file, yes } => super::import::run(&file, yes, place),
        ConfigCommand::Schema { file } => schema(file),
        ConfigCommand::Guide {
            check,
            os,
            language,
        } => guide(&place.config()?, &check, &os, &language),
    }
}

async fn check(place: &PlaceArgs, online: bool) -> Result<(), CliError> {
    let config = Arc::new(place.config()?);
    let from = place.config_dir().map_or_else(
        || "the packaged configuration".to_owned(),
        |dir| dir.display().to_string(),
    );
    say!("{from}: sound ({})", config.hash);
    let enabled: Vec<_> = config
        .rules
        .iter()
        .filter(|(_, rule)| rule.config.enabled)
        .map(|(id, rule)| format!("{id} ({})", rule.config.mode))
        .collect();
    say!(
        "rules that are on: {}",
        if enabled.is_empty() {
            "none".to_owned()
        } else {
            enabled.join(", ")
        }
    );
    say!("people: {}", config.people.iter().count());
    match notify_telegram::check_guides(&config) {
        Ok(guides) => say!("guides: {} rendered", guides.len()),
        Err(problems) => {
            for problem in &problems {
                say!("{} {problem}", paint(coloured(), Colour::Red, "guide:"));
            }
            return Err(CliError::Reported("guides are not in order"));
        }
    }
    match gather::fetchers(&config) {
        Ok(sources) => say!("sources of threats: {}", sources.len()),
        Err(problem) => {
            say!("{} {problem}", paint(coloured(), Colour::Red, "sources:"));
            return Err(CliError::Reported(
                "the sources of threats are not in order",
            ));
        }
    }
    if online {
        connect(config).await
    } else {
        Ok(())
    }
}

/// Calls the services with the configured credentials; nothing is sent or created.
async fn connect(config: Arc<Config>) -> Result<(), CliError> {
    let ledger = Arc::new(SqliteLedger::open_in_memory(Retention::default())?);
    let mut failed = false;
    let telegram = match NotifyTelegram::new(Arc::clone(&config), ledger.clone()) {
        Ok(function) => function
            .check_connection()
            .await
            .map(|found| format!("{found:?}"))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let cloudflare = match &config.services.cloudflare {
        settings if settings.account_id.is_none() => None,
        settings => {
            let reader = Reader::new(Arc::new(Connection::new(settings, None)));
            let lists = reader.lists().await;
            Some(
                lists
                    .map(|lists| format!("{} lists", lists.len()))
                    .map_err(|error| error.to_string()),
            )
        }
    };
    let jira = match OpenJira::new(config, ledger) {
        Ok(function) => function
            .check_connection()
            .await
            .map(|found| format!("{found:?}"))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let answers = [
        ("Telegram", Some(telegram)),
        ("Jira", Some(jira)),
        ("Cloudflare", cloudflare),
    ];
    for (service, answer) in answers {
        let Some(answer) = answer else {
            say!("{service}: not set up");
            continue;
        };
        match answer {
            Ok(found) => say!(
                "{service}: {} {}",
                paint(coloured(), Colour::Green, "reached"),
                tame(&found)
            ),
            Err(error) => {
                failed = true;
                say!(
                    "{service}: {}",
                    paint(coloured(), Colour::Red, &tame(&error))
                );
            }
        }
    }
    if failed {
        Err(CliError::Reported("a service was not reached"))
    } else {
        Ok(())
    }
}

fn schema(file: SchemaFile) -> Result<(), CliError> {
    let name = match file {
        SchemaFile::Rules => "rules.toml",
        SchemaFile::People => "people.toml",
        SchemaFile::Services => "services.toml",
        SchemaFile::Networks => "networks.toml",
    };
    let schemas = config::schemas();
    let text = schemas
        .get(name)
        .map(serde_json::to_string_pretty)
        .transpose()
        .map_err(|error| CliError::Failed(error.to_string()))?;
    say!("{}", text.unwrap_or_default());
    Ok(())
}

fn guide(config: &Config, check: &str, os: &str, language: &str) -> Result<(), CliError> {
    let path = format!("{check}/{os}.{language}.md.j2");
    let guides = notify_telegram::check_guides(config).map_err(|problems| {
        CliError::Failed(
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })?;
    let guide = guides
        .into_iter()
        .find(|guide| guide.path == path)
        .ok_or_else(|| CliError::Usage(format!("there is no guides/{path}")))?;
    say!("{}", guide.text);
    Ok(())
}
