//! Guides: found, chosen and rendered.
//!
//! A guide is a file `guides/<check>/<os>.<lang>.md.j2`: TOML between two lines `+++`, then Markdown with MiniJinja.
//! Variables are strict (a name that does not exist is an error), rendering has a limit of steps, and every value that is
//! inserted is escaped as Markdown, so that what a log contains can neither format a guide nor put a link into it.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use remediate_core::config::Config;
use remediate_core::finding::Platform;
use serde::Deserialize;

use crate::lint::GuideProblem;
use crate::markdown::{self, Parsed};

/// Instructions per rendering. The longest of our guides takes a few hundred.
const FUEL: u64 = 50_000;

pub(crate) const EXTENSION: &str = ".md.j2";

/// What a guide is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GuideKey {
    /// The folder: what follows `posture.` in the rule's id.
    pub(crate) check: String,
    /// `windows` …, or `any`.
    pub(crate) os: String,
    /// In lower case.
    pub(crate) language: String,
}

impl GuideKey {
    /// `firewall/macos.en.md.j2`; `None` if the path is not of this form.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (check, file) = path.strip_suffix(EXTENSION)?.split_once('/')?;
        let (os, language) = file.split_once('.')?;
        let known = os == ANY || Platform::ALL.iter().any(|platform| platform.as_str() == os);
        let tag = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        (known && tag(check) && tag(language)).then(|| Self {
            check: check.to_owned(),
            os: os.to_owned(),
            language: language.to_lowercase(),
        })
    }
}

/// The guide for all operating systems.
pub(crate) const ANY: &str = "any";
/// The check whose guide serves those that have none.
pub(crate) const OTHER: &str = "other";

/// What stands between the `+++`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Front {
    pub(crate) title: String,
    /// The time the person needs at the keyboard.
    pub(crate) minutes: u32,
    pub(crate) needs_admin: bool,
    /// When somebody last went through the steps.
    pub(crate) reviewed: toml::value::Datetime,
}

#[derive(Clone, Debug)]
pub(crate) struct Guide {
    pub(crate) path: String,
    pub(crate) front: Front,
}

/// What a guide may speak of. All of it is text, and any of it may be empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) person_name: String,
    pub(crate) device_name: String,
    pub(crate) device_os_version: String,
    pub(crate) check: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
    pub(crate) observed_at: String,
}

/// The names that [`Guides::render`] defines.
pub(crate) const VARIABLES: [&str; 9] = [
    "person.name",
    "device.name",
    "device.os_version",
    "check",
    "expected",
    "actual",
    "observed_at",
    "help.contact",
    "help.url",
];

/// All guides of a configuration, compiled.
pub(crate) struct Guides {
    engine: Environment<'static>,
    guides: BTreeMap<GuideKey, Guide>,
    contact: String,
    help_url: String,
}

impl fmt::Debug for Guides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guides")
            .field("guides", &self.guides.keys())
            .finish_non_exhaustive()
    }
}

impl Guides {
    /// Compiles every guide, and names those that cannot be.
    pub(crate) fn load(config: &Config) -> (Self, Vec<GuideProblem>) {
        let help = &config.services.help;
        let contact = help.contact.clone();
        let help_url = help
            .url
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let mut engine = engine(vec![contact.clone(), help_url.clone()]);
        let mut guides = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, text) in &config.guides {
            if !path.ends_with(EXTENSION) {
                continue;
            }
            match compile(&mut engine, path, text) {
                Ok((key, guide)) => drop(guides.insert(key, guide)),
                Err(problem) => problems.push(problem),
            }
        }
        let loaded = Self {
            engine,
            guides,
            contact,
            help_url,
        };
        (loaded, problems)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&GuideKey, &Guide)> {
        self.guides.iter()
    }

    /// The folder that serves a rule: its own, or `other`.
    pub(crate) fn check_of<'a>(&self, rule: &'a str) -> &'a str {
        let name = rule.strip_prefix("posture.").unwrap_or(rule);
        if self.guides.keys().any(|key| key.check == name) {
            name
        } else {
            OTHER
        }
    }

    /// The guide for a check on a platform. The languages come first: a general guide that is understood helps more
    /// than an exact one that is not.
    pub(crate) fn find(
        &self,
        check: &str,
        platform: Option<Platform>,
        chain: &[String],
    ) -> Option<&Guide> {
        let platforms = [platform.map(Platform::as_str), Some(ANY)];
        chain
            .iter()
            .flat_map(|language| platforms.iter().flatten().map(move |os| (language, *os)))
            .find_map(|(language, os)| {
                self.guides.get(&GuideKey {
                    check: check.to_owned(),
                    os: os.to_owned(),
                    language: language.clone(),
                })
            })
    }

    /// # Errors
    /// What is wrong in the guide, and in which line.
    pub(crate) fn render(&self, guide: &Guide, facts: &Facts) -> Result<Parsed, GuideProblem> {
        let contact = &self.contact;
        let url = &self.help_url;
        let values = context! {
            person => context! { name => &facts.person_name },
            device => context! { name => &facts.device_name, os_version => &facts.device_os_version },
            check => &facts.check,
            expected => &facts.expected,
            actual => &facts.actual,
            observed_at => &facts.observed_at,
            help => context! { contact => contact, url => url },
        };
        self.engine
            .get_template(&guide.path)
            .and_then(|template| template.render(values))
            .map(|text| markdown::parse(&text))
            .map_err(|error| problem_of(&guide.path, &error))
    }

    /// The names that a guide uses and that nobody defines, in whatever branch.
    pub(crate) fn unknown_names(&self, guide: &Guide) -> Vec<String> {
        let Ok(template) = self.engine.get_template(&guide.path) else {
            return Vec::new();
        };
        let groups = ["person", "device", "help"];
        let mut unknown: Vec<_> = template
            .undeclared_variables(true)
            .into_iter()
            .filter(|name| !VARIABLES.contains(&name.as_str()) && !groups.contains(&name.as_str()))
            .filter(|name| self.engine.globals().all(|(global, _)| global != name))
            .collect();
        unknown.sort();
        unknown
    }
}

/// The engine, with our escaping. `trusted` are values of the configuration that may become links.
fn engine(trusted: Vec<String>) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_debug(false);
    // Not `None`, so that what a template captures in a block is not escaped a second time.
    engine.set_auto_escape_callback(|_| AutoEscape::Custom("markdown".into()));
    engine.set_formatter(move |out, _, value| {
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        let text = value.to_string();
        let markdown = if value.is_safe() {
            text
        } else if becomes_link(&text) && !trusted.contains(&text) {
            markdown::code(&text)
        } else {
            markdown::escape(&text)
        };
        out.write_str(&markdown).map_err(Error::from)
    });
    engine.add_filter("code", |value: Value| {
        Value::from_safe_string(markdown::code(&value.to_string()))
    });
    engine
}

/// Whether Telegram would make a link, a mention, a hashtag or a command of a part of this text by itself. Values of a log that it
/// would are shown as code, where it does not: a device's name must not be able to lead anybody anywhere.
pub(crate) fn becomes_link(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "()[]<>\"',;".contains(c))
        .any(|word| {
            let dotted = word.char_indices().any(|(at, c)| {
                let after = word[at + c.len_utf8()..].chars();
                c == '.' && at > 0 && after.take(2).filter(|c| c.is_alphabetic()).count() == 2
            });
            dotted
                || word.contains(['@', '#', '$'])
                || word.contains("://")
                || word.starts_with('/')
        })
}

fn compile(
    engine: &mut Environment<'static>,
    path: &str,
    text: &str,
) -> Result<(GuideKey, Guide), GuideProblem> {
    let key = GuideKey::of(path).ok_or_else(|| {
        GuideProblem::new(
            path,
            None,
            "is no name of a guide: expected `<check>/<os>.<lang>.md.j2` with an os of windows, macos, linux, ios, android or any",
        )
    })?;
    let (front, body) = parted(text).ok_or_else(|| {
        GuideProblem::new(
            path,
            Some(1),
            "does not begin with TOML between two lines `+++`",
        )
    })?;
    let front: Front = toml::from_str(front).map_err(|error| {
        let before = error.span().map_or(0, |span| {
            front[..span.start.min(front.len())].matches('\n').count()
        });
        GuideProblem::new(path, Some(before + 2), error.message())
    })?;
    // As many empty lines as the front matter has, so that the engine's line numbers are those of the file.
    let skipped = text[..text.len() - body.len()].matches('\n').count();
    let body = "\n".repeat(skipped) + body;
    engine
        .add_template_owned(path.to_owned(), body)
        .map_err(|error| problem_of(path, &error))?;
    let guide = Guide {
        path: path.to_owned(),
        front,
    };
    Ok((key, guide))
}

/// Front matter and body. A byte order mark and Windows line ends are what some editors add.
fn parted(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = text
        .strip_prefix("+++\n")
        .or_else(|| text.strip_prefix("+++\r\n"))?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "+++" {
            return Some((&rest[..at], &rest[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

fn problem_of(path: &str, error: &Error) -> GuideProblem {
    let mut said = error
        .detail()
        .map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    if error.kind() == ErrorKind::UndefinedError {
        said = format!(
            "a name that is not defined is used; defined are {}",
            VARIABLES.join(", ")
        );
    } else if error.kind() == ErrorKind::OutOfFuel {
        said = format!("takes more than {FUEL} steps to render");
    }
    GuideProblem::new(path, error.line(), said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::html::{to_html, to_text};
    use crate::testing;

    fn render(body: &str, facts: &Facts) -> Result<Parsed, GuideProblem> {
        let text = format!(
            "+++\ntitle = \"T\"\nminutes = 1\nneeds_admin = false\nreviewed = 2026-01-01\n+++\n{body}"
        );
        let config = testing::config_with_guides(&[("other/any.en.md.j2", &text)]);
        let (guides, problems) = Guides::load(&config);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        let guide = guides.find(OTHER, None, &["en".to_owned()]).unwrap();
        guides.render(guide, facts)
    }

    fn html(body: &str, actual: &str) -> String {
        let facts = Facts {
            actual: actual.to_owned(),
            check: "c".to_owned(),
            ..Facts::default()
        };
        to_html(&render(body, &facts).unwrap().blocks)
    }

    #[test]
    fn hostile_values_are_shown_as_they_are() {
        let actual = "</code><a href='https://evil'>**x** `y` [z](https://evil) {{ 7*7 }}";
        let shown = html("Found: {{ actual }}.", actual);
        assert!(!shown.contains("<a"), "{shown}");
        assert!(
            shown.contains(
                "&lt;/code&gt;&lt;a href='https://evil'&gt;**x** `y` [z](https://evil) {{ 7*7 }}"
            ),
            "{shown}"
        );
    }

    #[test]
    fn a_value_that_telegram_would_link_is_shown_as_code() {
        for actual in [
            "see https://evil.example/x",
            "@admin",
            "evil.example",
            "#tag",
            "/start",
            "a@b",
        ] {
            assert!(
                html("{{ actual }}", actual).starts_with("<code>"),
                "{actual}"
            );
        }
        for actual in [
            "15.1",
            "disabled",
            "C:\\Windows",
            "Version 10.0.19045, build 5",
        ] {
            assert_eq!(html("{{ actual }}", actual), actual);
        }
    }

    #[test]
    fn a_contact_of_the_configuration_may_be_a_link() {
        let facts = Facts::default();
        let blocks = render("{{ help.url }} {{ help.contact }}", &facts)
            .unwrap()
            .blocks;
        assert_eq!(to_html(&blocks), "https://help.example.com/ #it-help");
    }

    #[test]
    fn a_captured_block_is_escaped_once() {
        assert_eq!(
            html("{% set x %}a*b {{ actual }}{% endset %}{{ x }}", "1.5*2"),
            "a*b 1.5*2"
        );
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error_with_its_line() {
        let problem = render("one\n\n{{ ticket.key }}", &Facts::default()).unwrap_err();
        assert_eq!(
            (problem.line, problem.path.as_str()),
            (Some(9), "other/any.en.md.j2")
        );
        assert!(problem.problem.contains("help.contact"), "{problem}");
        assert!(render("{{ typo }}", &Facts::default()).is_err());
    }

    #[test]
    fn a_template_without_end_is_stopped() {
        let problem = render(
            "{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}",
            &Facts::default(),
        );
        assert!(problem.unwrap_err().problem.contains("steps"));
    }

    #[test]
    fn front_matter_that_does_not_parse_is_an_error_with_its_line() {
        let config = testing::config_with_guides(&[
            (
                "other/any.en.md.j2",
                "+++\ntitle = \"T\"\nminutes = \"ten\"\n+++\nx",
            ),
            ("other/any.de.md.j2", "no front matter"),
            ("other/beos.de.md.j2", "+++\n+++\n"),
        ]);
        let (_, problems) = Guides::load(&config);
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(1), Some(3), None], "{problems:?}");
    }

    #[test]
    fn the_language_is_the_outer_chain_and_the_system_the_inner_one() {
        let file = |title: &str| {
            format!(
                "+++\ntitle = \"{title}\"\nminutes = 1\nneeds_admin = false\nreviewed = 2026-01-01\n+++\nx"
            )
        };
        let names = [
            "firewall/macos.en.md.j2",
            "firewall/any.en.md.j2",
            "firewall/any.pt.md.j2",
            "firewall/linux.pt-BR.md.j2",
        ];
        let texts: Vec<_> = names.iter().map(|name| (*name, file(name))).collect();
        let files: Vec<_> = texts
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let config = testing::config_with_guides(&files);
        let (guides, _) = Guides::load(&config);
        let chain = crate::phrases::chain("pt-BR", "en");
        let found = |platform| {
            guides
                .find("firewall", platform, &chain)
                .unwrap()
                .path
                .clone()
        };
        assert_eq!(found(Some(Platform::Linux)), "firewall/linux.pt-BR.md.j2");
        assert_eq!(found(Some(Platform::Macos)), "firewall/any.pt.md.j2");
        assert_eq!(found(None), "firewall/any.pt.md.j2");
        let english = guides.find("firewall", Some(Platform::Macos), &["en".to_owned()]);
        assert_eq!(english.unwrap().path, "firewall/macos.en.md.j2");
        assert_eq!(guides.check_of("posture.firewall"), "firewall");
        assert_eq!(guides.check_of("posture.usb-ports"), OTHER);
    }

    proptest! {
        #[test]
        fn no_value_changes_the_structure_of_a_guide(actual in "[!-~]{0,30}|\\PC{0,30}|[`*_\\[\\]()<>#\\n ]{0,12}") {
            let body = "## A\n\n1. one {{ actual }} two\n2. {{ actual | code }} three\n\nEnd {{ actual }}";
            let facts = |actual: &str| Facts { actual: actual.to_owned(), ..Facts::default() };
            let plain = render(body, &facts("x")).unwrap();
            let hostile = render(body, &facts(&actual)).unwrap();
            let shape = |parsed: &Parsed| parsed.blocks.iter().map(|b| (b.kind, b.gap)).collect::<Vec<_>>();
            prop_assert_eq!(shape(&plain), shape(&hostile));
            prop_assert_eq!(hostile.sections.as_slice(), ["A"]);
            prop_assert!(hostile.blocks.iter().flat_map(|b| &b.spans).all(|s| s.style.link.is_none()));
            prop_assert!(to_text(&hostile.blocks).contains(" two\n2. "));
        }
    }
}
