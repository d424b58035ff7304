//! `remediate rules`: what there is, and turning it on and off.

use std::path::PathBuf;

use remediate_core::config::{Config, ConfigFiles, RulesEdit};
use remediate_core::rule::{self, Mode, RiskTier};
use serde_json::json;

use crate::args::{Format, ModeArg, PlaceArgs, RulesCommand};
use crate::error::CliError;
use crate::print::{Colour, coloured, paint, say, table};

pub fn run(command: RulesCommand, place: &PlaceArgs) -> Result<(), CliError> {
    match command {
        RulesCommand::List { format } => list(&place.config()?, format),
        RulesCommand::Show { rule } => show(&place.config()?, &rule),
        RulesCommand::Enable { rules, yes } => enable(place, &rules, yes),
        RulesCommand::Disable { rules } => edit(
            place,
            |file| {
                rules
                    .iter()
                    .try_for_each(|rule| Ok(file.set_enabled(rule, false)?))
            },
            |_| say!("off: {}", rules.join(", ")),
        ),
        RulesCommand::Mode { rule, mode, yes } => {
            let mode = match mode {
                ModeArg::Observe => Mode::Observe,
                ModeArg::Propose => Mode::Propose,
                ModeArg::Act => Mode::Act,
            };
            if mode == Mode::Act {
                agree(
                    &rule,
                    yes,
                    &format!("Let {rule} act by itself?"),
                    "does not act by itself",
                )?;
            }
            edit(
                place,
                |file| Ok(file.set_mode(&rule, mode)?),
                |_| say!("{rule}: mode {mode}"),
            )
        }
    }
}

fn list(config: &Config, format: Format) -> Result<(), CliError> {
    let colour = coloured();
    let mut rows = vec![
        ["RULE", "STATE", "MODE", "RISK", "FUNCTIONS", "TITLE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (id, rule) in config.rules.iter() {
        let Some(spec) = rule::spec(id.as_str()) else {
            continue;
        };
        let functions: Vec<_> = rule
            .config
            .functions
            .iter()
            .map(ToString::to_string)
            .collect();
        match format {
            Format::Json => say!(
                "{}",
                json!({ "rule": id, "enabled": rule.config.enabled, "mode": rule.config.mode, "tier": spec.tier, "functions": functions, "title": spec.title })
            ),
            Format::Text => rows.push(vec![
                id.to_string(),
                state(rule.config.enabled),
                rule.config.mode.to_string(),
                spec.tier.to_string(),
                functions.join(", "),
                spec.title.to_owned(),
            ]),
        }
    }
    if format == Format::Text {
        let text = table(&rows);
        for (index, line) in text.lines().enumerate() {
            say!(
                "{}",
                if index == 0 {
                    paint(colour, Colour::Bold, line)
                } else {
                    line.to_owned()
                }
            );
        }
    }
    Ok(())
}

fn state(enabled: bool) -> String {
    if enabled { "on" } else { "off" }.to_owned()
}

fn show(config: &Config, id: &str) -> Result<(), CliError> {
    let unknown = || {
        CliError::Usage(format!(
            "there is no rule `{id}`: `remediate rules list` shows those there are"
        ))
    };
    let spec = rule::spec(id).ok_or_else(unknown)?;
    let rule = config.rules.get(&id.into()).ok_or_else(unknown)?;
    say!("{id}: {}", spec.title);
    say!("  state      {}", state(rule.config.enabled));
    say!("  mode       {} (ships as {})", rule.config.mode, spec.mode);
    say!("  risk       {}", spec.tier);
    say!("  effect     {}", spec.effect);
    say!(
        "  functions  {}",
        rule.config
            .functions
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    if let Some(matches) = &rule.config.matches {
        say!(
            "  types      {}",
            if matches.types.is_empty() {
                "-".to_owned()
            } else {
                matches.types.join(", ")
            }
        );
        say!(
            "  names      {}",
            if matches.names.is_empty() {
                "-".to_owned()
            } else {
                matches.names.join(", ")
            }
        );
    }
    say!(
        "  budget     {} changes per hour",
        rule.config.max_changes_per_hour
    );
    for (name, value) in rule.parameters.iter() {
        let parameter = spec.parameters.iter().find(|known| known.name == name);
        say!("  parameter  {name} = {value}");
        if let Some(parameter) = parameter {
            say!(
                "             {}: {} (default {})",
                parameter.what.trim_end_matches('.'),
                parameter.kind.expected(),
                parameter.default
            );
        }
    }
    if let Some(repair) = spec.repair {
        say!("  resource   {}", repair.resource);
        say!("  undo       {}", repair.undo);
        say!(
            "  calls      {} when nothing is wrong, {} for a repair",
            repair.calls_compliant,
            repair.calls_repair
        );
        for (actions, resources) in repair.grants {
            say!("  may        {}", actions.join(", "));
            say!("             on {}", resources.join(", "));
        }
    }
    for exemption in &rule.config.exemptions {
        say!(
            "  exempt     {} until {} by {}: {}",
            exemption.subject,
            exemption.until,
            exemption.owner,
            exemption.reason
        );
    }
    Ok(())
}

/// Changes `rules.toml` in place, if the result is a sound configuration, and says so afterwards.
pub fn edit(
    place: &PlaceArgs,
    change: impl FnOnce(&mut RulesEdit) -> Result<(), CliError>,
    done: impl FnOnce(&Config),
) -> Result<(), CliError> {
    let dir = place.config_dir().ok_or_else(|| {
        CliError::Usage("there is no ./config to change: name the folder with --config".to_owned())
    })?;
    // Of two at once, each would write the file without what the other changed. The folder is locked, since the file is replaced; where
    // folders cannot be opened, it is done without.
    let folder = std::fs::File::open(&dir).ok();
    if let Some(folder) = &folder {
        folder.lock().map_err(CliError::file(&dir))?;
    }
    let path = dir.join("rules.toml");
    let text = std::fs::read_to_string(&path).map_err(CliError::file(&path))?;
    let mut file = RulesEdit::new(&text)?;
    change(&mut file)?;
    let text = file.text();
    let mut files = ConfigFiles::from_dir(&dir)?;
    files.replace("rules.toml", text.clone(), &dir.display().to_string());
    let config = Config::from_files(&files)?;
    write_whole(path, &text)?;
    done(&config);
    Ok(())
}

/// Writes beside the file and moves it into place, so that no reader ever sees half of it.
fn write_whole(path: PathBuf, text: &str) -> Result<(), CliError> {
    let mut beside = path.clone().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, text).map_err(CliError::file(&beside))?;
    std::fs::rename(&beside, &path).map_err(CliError::file(path))
}

/// Turns rules on. What can cut off users or workloads is asked about first.
fn enable(place: &PlaceArgs, rules: &[String], yes: bool) -> Result<(), CliError> {
    for rule in rules {
        confirm(rule, yes)?;
    }
    edit(
        place,
        |file| {
            rules
                .iter()
                .try_for_each(|rule| Ok(file.set_enabled(rule, true)?))
        },
        |config| {
            let on = rules.iter().map(|rule| match waits(config, rule) {
                Some(mode) => format!("{rule} (mode {mode})"),
                None => rule.clone(),
            });
            say!("on: {}", on.collect::<Vec<_>>().join(", "));
        },
    )
}

/// The rule's mode, if it is one that does not act by itself.
pub fn waits(config: &Config, rule: &str) -> Option<Mode> {
    let mode = config.rules.get(&rule.into())?.config.mode;
    (mode != Mode::Act).then_some(mode)
}

/// Says what a rule can do, and turns it on only with a yes where that can hurt.
pub fn confirm(id: &str, yes: bool) -> Result<(), CliError> {
    agree(id, yes, &format!("Turn {id} on?"), "is not turned on")
}

/// `refused` is what is so without a yes.
fn agree(id: &str, yes: bool, question: &str, refused: &str) -> Result<(), CliError> {
    let Some(spec) = rule::spec(id) else {
        return Ok(());
    };
    say!("{id}: {}", spec.title);
    say!("  risk    {}", spec.tier);
    say!("  effect  {}", spec.effect);
    if let Some(repair) = spec.repair {
        say!("  undo    {}", repair.undo);
    }
    if spec.tier < RiskTier::CanCutOff || yes || super::agreed(question) {
        return Ok(());
    }
    say!("  watch it first: remediate rules mode {id} observe");
    Err(CliError::Failed(format!(
        "{id} {refused}: its repair {}; say --yes to do it all the same",
        match spec.tier {
            RiskTier::Irreversible => "cannot be taken back or changes a whole account",
            _ => "can cut off users or workloads",
        }
    )))
}
