//! What `remediate config check` says about guides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use remediate_core::config::Config;

use crate::error::NotifyError;
use crate::guides::{ANY, Facts, Guide, GuideKey, Guides, OTHER, VARIABLES};
use crate::html::{Block, Span, length, to_html, to_text};
use crate::markdown::{Oddity, Parsed};
use crate::phrases::PhraseBook;

/// The code points that a guide may have with its title, so that two of them fit into one message.
pub const GUIDE_LIMIT: usize = 1400;

/// A guide, rendered with sample values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedGuide {
    /// Below `guides/`.
    pub path: String,
    pub check: String,
    /// `windows`, `macos`, `linux`, `ios`, `android`, `any`.
    pub os: String,
    pub language: String,
    pub title: String,
    /// When somebody last went through the steps, as `2026-11-21`.
    pub reviewed: String,
    /// In Telegram's markup.
    pub html: String,
    /// As it is read.
    pub text: String,
    /// In code points without markup, as Telegram counts.
    pub length: usize,
}

/// Something to be mended in a guide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuideProblem {
    /// Below `guides/`.
    pub path: String,
    /// Counted from 1.
    pub line: Option<usize>,
    pub problem: String,
}

impl GuideProblem {
    pub(crate) fn new(path: &str, line: Option<usize>, problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            problem: problem.into(),
        }
    }
}

impl fmt::Display for GuideProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "guides/{}:{line}: {}", self.path, self.problem),
            None => write!(f, "guides/{}: {}", self.path, self.problem),
        }
    }
}

/// Renders every guide with sample values and looks for what is missing or would not be shown as it was meant.
///
/// # Errors
/// Every problem found, in the order of the files.
pub fn check_guides(config: &Config) -> Result<Vec<RenderedGuide>, Vec<GuideProblem>> {
    let (guides, mut problems) = Guides::load(config);
    let phrases = match PhraseBook::load(config) {
        Ok(phrases) => Some(phrases),
        Err(NotifyError::Phrases { path, reason }) => {
            problems.push(GuideProblem::new(&path, None, reason));
            None
        }
        Err(other) => {
            problems.push(GuideProblem::new("", None, other.to_string()));
            None
        }
    };
    let mut rendered = Vec::new();
    for (key, guide) in guides.iter() {
        let sections = phrases
            .as_ref()
            .and_then(|book| book.sections(&key.language));
        match check(&guides, key, guide, sections) {
            Ok(guide) => rendered.push(guide),
            Err(found) => problems.extend(found),
        }
    }
    problems.extend(missing(&guides));
    problems.sort();
    if problems.is_empty() {
        Ok(rendered)
    } else {
        Err(problems)
    }
}

fn check(
    guides: &Guides,
    key: &GuideKey,
    guide: &Guide,
    sections: Option<&[String; 4]>,
) -> Result<RenderedGuide, Vec<GuideProblem>> {
    let mut found = Vec::new();
    let unknown = guides.unknown_names(guide);
    if !unknown.is_empty() {
        found.push(format!(
            "uses {}, which nobody defines; defined are {}",
            unknown.join(", "),
            VARIABLES.join(", ")
        ));
    }
    // Once with every value there and once with none, so that both sides of an `if` are seen.
    let rendered = guides
        .render(guide, &sample())
        .and_then(|full| Ok((full, guides.render(guide, &bare_sample())?)));
    let (full, bare) = match (rendered, found.pop()) {
        (Ok(rendered), None) => rendered,
        // The names of what is not defined say more than that something is not.
        (Ok(_), Some(said)) => return Err(vec![GuideProblem::new(&guide.path, None, said)]),
        (Err(problem), Some(said)) => {
            return Err(vec![GuideProblem::new(&guide.path, problem.line, said)]);
        }
        (Err(problem), None) => return Err(vec![problem]),
    };
    let mut blocks = vec![Block::heading(guide.front.title.clone())];
    blocks.extend(full.blocks.iter().cloned());
    let length = length(&blocks);
    if length > GUIDE_LIMIT {
        found.push(format!("has {length} characters: at most {GUIDE_LIMIT}, so that two guides fit into one message"));
    }
    found.extend(front_problems(guide));
    found.extend(text_problems(&full, sections));
    if bare.sections != full.sections {
        found.push("loses a section where values are empty".to_owned());
    }
    if found.is_empty() {
        Ok(RenderedGuide {
            path: guide.path.clone(),
            check: key.check.clone(),
            os: key.os.clone(),
            language: key.language.clone(),
            title: guide.front.title.clone(),
            reviewed: guide.front.reviewed.to_string(),
            html: to_html(&blocks),
            text: to_text(&blocks),
            length,
        })
    } else {
        let problem = |text| GuideProblem::new(&guide.path, None, text);
        Err(found.into_iter().map(problem).collect())
    }
}

fn front_problems(guide: &Guide) -> Vec<String> {
    let mut found = Vec::new();
    let title = guide.front.title.trim();
    if title.is_empty() || title.chars().count() > 80 || title.contains('\n') {
        found.push("has a title of 0 or more than 80 characters, or of several lines".to_owned());
    }
    let reviewed = &guide.front.reviewed;
    if reviewed.date.is_none() || reviewed.time.is_some() {
        found.push(format!(
            "was reviewed on `{reviewed}`: expected a day such as 2026-11-21"
        ));
    }
    if guide.front.minutes == 0 {
        found.push("says that it takes 0 minutes".to_owned());
    }
    found
}

fn text_problems(parsed: &Parsed, sections: Option<&[String; 4]>) -> Vec<String> {
    let mut found = Vec::new();
    match sections {
        Some(expected) if parsed.sections.as_slice() != expected => found.push(format!(
            "has the sections `{}`: expected `{}`, in this order",
            parsed.sections.join("`, `"),
            expected.join("`, `")
        )),
        None if parsed.sections.len() != 4 => found.push(format!(
            "has {} sections: expected four (why, steps, check, help)",
            parsed.sections.len()
        )),
        _ => {}
    }
    found.extend(parsed.oddities.iter().map(|oddity| {
        match oddity {
            Oddity::RawHtml => "contains HTML, which is shown as text",
            Oddity::Image => "contains an image, of which only the text is shown",
            Oddity::NestedList => "contains a list in a list, which is hard to read on a phone",
            Oddity::Link => {
                "contains a link to something else than a web page, which Telegram drops"
            }
        }
        .to_owned()
    }));
    let spans = parsed.blocks.iter().flat_map(|block: &Block| &block.spans);
    let escaped = |span: &Span| span.style.code && span.text.contains(ESCAPED);
    if spans.into_iter().any(escaped) {
        found.push("inserts a value between backticks: write {{ name | code }} instead".to_owned());
    }
    found
}

/// What every check and every language must have.
fn missing(guides: &Guides) -> Vec<GuideProblem> {
    let mut languages: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (key, _) in guides.iter() {
        let set = languages.entry(&key.language).or_default();
        set.insert((&key.check, &key.os));
    }
    let all: BTreeSet<(&str, &str)> = languages.values().flatten().copied().collect();
    let mut wanted = all.clone();
    wanted.extend(all.iter().map(|(check, _)| (*check, ANY)));
    wanted.insert((OTHER, ANY));
    languages.entry("en").or_default();
    let mut problems = Vec::new();
    for (language, have) in &languages {
        for (check, os) in wanted.difference(have) {
            let path = format!("{check}/{os}.{language}.md.j2");
            problems.push(GuideProblem::new(
                &path,
                None,
                "is missing: every language has the same guides, and every check one for any system",
            ));
        }
    }
    problems
}

/// An asterisk that was escaped and then shown as it was written: the value stood in a code span.
const ESCAPED: &str = "\\*";

fn sample() -> Facts {
    Facts {
        person_name: "Alice Example".to_owned(),
        device_name: "LAPTOP-0042".to_owned(),
        device_os_version: "15.1 *".to_owned(),
        check: "disk_encryption_check *".to_owned(),
        expected: "enabled *".to_owned(),
        actual: "disabled *".to_owned(),
        observed_at: "2026-11-21 10:30 UTC".to_owned(),
    }
}

fn bare_sample() -> Facts {
    Facts {
        check: "check".to_owned(),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn guide(body: &str) -> String {
        format!(
            "+++\ntitle = \"T\"\nminutes = 1\nneeds_admin = false\nreviewed = 2026-01-01\n+++\n{body}"
        )
    }

    const BODY: &str = "## Why\n\na\n\n## Steps\n\n1. b\n\n## Check\n\nc\n\n## Help\n\nd\n";

    fn problems_of(files: &[(&str, &str)]) -> Vec<String> {
        let config = testing::config_with_guides(files);
        let problems = check_guides(&config).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    fn problem_with(body: &str) -> String {
        problems_of(&[("other/any.en.md.j2", &guide(body))]).join("\n")
    }

    #[test]
    fn the_guides_of_this_repository_have_no_problem() {
        let config = testing::shipped_config();
        let guides = check_guides(&config).unwrap_or_else(|problems| {
            panic!(
                "{}",
                problems
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            )
        });
        for check in [
            "disk-encryption",
            "antivirus",
            "os-updates",
            "firewall",
            "screen-lock",
            "other",
        ] {
            for language in ["en", "de"] {
                let found = |guide: &RenderedGuide| {
                    guide.check == check && guide.language == language && guide.os == ANY
                };
                assert!(guides.iter().any(found), "{check} {language}");
            }
        }
    }

    #[test]
    fn a_sound_guide_is_rendered_with_its_length() {
        let text = guide(BODY);
        let config = testing::config_with_guides(&[
            ("other/any.en.md.j2", &text),
            ("README.md", "# not a guide"),
        ]);
        let rendered = check_guides(&config).unwrap();
        assert_eq!(rendered.len(), 1);
        assert_eq!(
            rendered[0].text,
            "T\n\nWhy\na\n\nSteps\n1. b\n\nCheck\nc\n\nHelp\nd"
        );
        assert_eq!(rendered[0].length, rendered[0].text.chars().count());
    }

    #[test]
    fn each_fault_of_a_guide_is_named() {
        let swapped = BODY.replace("## Why", "## Steps");
        assert!(problem_with(&swapped).contains("expected `Why`, `Steps`, `Check`, `Help`"));
        let long = format!("{BODY}{}", "word ".repeat(300));
        assert!(problem_with(&long).contains("at most 1400"));
        assert!(problem_with(&format!("{BODY}<b>x</b>")).contains("HTML"));
        assert!(problem_with(&format!("{BODY}`{{{{ actual }}}}`")).contains("| code"));
        assert!(
            problem_with(&format!(
                "{BODY}{{% if expected %}}{{% else %}}{{{{ tickt }}}}{{% endif %}}"
            ))
            .contains("tickt")
        );
        assert!(problem_with(&format!("{BODY}{{{{ ticket.key }}}}")).contains("ticket.key"));
        assert!(problem_with(&format!("{BODY}- a\n  - b")).contains("list in a list"));
    }

    #[test]
    fn what_one_language_has_the_others_must_have() {
        let text = guide(BODY);
        let german = text
            .replace("## Why", "## Warum")
            .replace("## Steps", "## Schritte")
            .replace("## Check", "## Prüfen")
            .replace("## Help", "## Hilfe");
        let problems = problems_of(&[
            ("firewall/macos.en.md.j2", &text),
            ("other/any.en.md.j2", &text),
            ("other/any.de.md.j2", &german),
        ]);
        let names: Vec<_> = problems
            .iter()
            .map(|p| p.split(": ").next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "guides/firewall/any.de.md.j2",
                "guides/firewall/any.en.md.j2",
                "guides/firewall/macos.de.md.j2"
            ]
        );
    }

    #[test]
    fn a_configuration_without_guides_lacks_the_general_one() {
        assert!(problems_of(&[])[0].contains("other/any.en.md.j2"));
    }
}
