//! The words around the guides: greeting, headlines, what is said when all is fixed, what the team reads.
//!
//! English and German are built in. A file `guides/phrases.<lang>.toml` of the configuration adds a language or replaces one.

use std::collections::BTreeMap;

use remediate_core::config::Config;
use serde::Deserialize;

use crate::error::NotifyError;
use crate::html::{Span, Style};

const BUILT_IN: [(&str, &str); 2] = [
    ("en", include_str!("phrases/en.toml")),
    ("de", include_str!("phrases/de.toml")),
];

/// One language's words; `phrases/en.toml` shows what each is for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phrases {
    pub(crate) sections: [String; 4],
    pub(crate) hello: String,
    pub(crate) hello_nameless: String,
    pub(crate) intro_one: String,
    pub(crate) intro_one_deviceless: String,
    pub(crate) intro_many: String,
    pub(crate) headline_many: String,
    pub(crate) effort: String,
    pub(crate) admin: String,
    pub(crate) fixed_line: String,
    pub(crate) more_lines: String,
    pub(crate) more_guides: String,
    pub(crate) updates_itself: String,
    pub(crate) genuine: String,
    pub(crate) fixed_headline: String,
    pub(crate) fixed_text: String,
    pub(crate) surplus: String,
    pub(crate) guide_title: String,
    pub(crate) guide_text: String,
    pub(crate) team_one: String,
    pub(crate) team_many: String,
    pub(crate) team_who: String,
    pub(crate) team_fixed: String,
    pub(crate) team_reached: String,
    pub(crate) unlisted: String,
    pub(crate) refused: String,
    /// What each check is called, by the name of its guides' folder.
    pub(crate) checks: BTreeMap<String, String>,
}

/// The words by language, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct PhraseBook {
    languages: BTreeMap<String, Phrases>,
    /// English: what there always is.
    last_resort: Phrases,
}

impl PhraseBook {
    pub(crate) fn load(config: &Config) -> Result<Self, NotifyError> {
        let read = |path: &str, text: &str| {
            toml::from_str::<Phrases>(text).map_err(|error| NotifyError::Phrases {
                path: path.to_owned(),
                reason: error.to_string().trim_end().to_owned(),
            })
        };
        let mut languages = BTreeMap::new();
        for (language, text) in BUILT_IN {
            let path = format!("phrases.{language}.toml (built in)");
            languages.insert(language.to_owned(), read(&path, text)?);
        }
        for (path, text) in &config.guides {
            let language = path
                .strip_prefix("phrases.")
                .and_then(|rest| rest.strip_suffix(".toml"));
            if let Some(language) = language {
                languages.insert(language.to_lowercase(), read(path, text)?);
            }
        }
        let last_resort = languages.get("en").cloned().unwrap_or_default();
        Ok(Self {
            languages,
            last_resort,
        })
    }

    /// The words in the first of these languages that has any.
    pub(crate) fn of(&self, chain: &[String]) -> &Phrases {
        chain
            .iter()
            .find_map(|language| self.languages.get(language))
            .unwrap_or(&self.last_resort)
    }

    /// What a language calls the four sections of a guide, if its words are known.
    pub(crate) fn sections(&self, language: &str) -> Option<&[String; 4]> {
        self.languages
            .get(&language.to_lowercase())
            .map(|phrases| &phrases.sections)
    }
}

/// The languages to look in, in this order and in lower case: the person's own and the default one, each shortened from
/// the right, then English. `pt-BR` with the default `de` gives `pt-br`, `pt`, `de`, `en`.
pub(crate) fn chain(language: &str, default: &str) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for tag in [language, default, "en"] {
        let mut tag = tag.to_lowercase();
        loop {
            if !chain.contains(&tag) {
                chain.push(tag.clone());
            }
            match tag.rfind('-') {
                Some(end) => tag.truncate(end),
                None => break,
            }
        }
    }
    chain
}

/// Fills `{name}` in a phrase. What is filled in are spans, so that no value can become part of the phrase.
pub(crate) fn fill(phrase: &str, values: &[(&str, &[Span])]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut rest = phrase;
    while let Some(start) = rest.find('{') {
        let named = rest[start + 1..].split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, after))
        });
        let Some((value, after)) = named else {
            push(&mut spans, Span::plain(&rest[..=start]));
            rest = &rest[start + 1..];
            continue;
        };
        push(&mut spans, Span::plain(&rest[..start]));
        value.iter().for_each(|span| push(&mut spans, span.clone()));
        rest = after;
    }
    push(&mut spans, Span::plain(rest));
    spans
}

/// [`fill`] with plain texts.
pub(crate) fn fill_text(phrase: &str, values: &[(&str, &str)]) -> String {
    let values: Vec<_> = values
        .iter()
        .map(|(name, value)| (*name, [Span::plain(*value)]))
        .collect();
    let values: Vec<(&str, &[Span])> = values
        .iter()
        .map(|(name, span)| (*name, span.as_slice()))
        .collect();
    let spans = fill(phrase, &values);
    spans.iter().map(|span| span.text.as_str()).collect()
}

fn push(spans: &mut Vec<Span>, span: Span) {
    if span.text.is_empty() {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.style == Style::default() && span.style == Style::default() => {
            last.text.push_str(&span.text);
        }
        _ => spans.push(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_falls_back_to_its_shorter_form_then_the_default_then_english() {
        assert_eq!(chain("pt-BR", "de"), ["pt-br", "pt", "de", "en"]);
        assert_eq!(chain("en", "en"), ["en"]);
        assert_eq!(
            chain("zh-Hant-TW", "en-GB"),
            ["zh-hant-tw", "zh-hant", "zh", "en-gb", "en"]
        );
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_not_filled_again() {
        let values = [("a", "{b}"), ("b", "no")];
        assert_eq!(fill_text("{a} {unknown} {", &values), "{b} {unknown} {");
    }

    #[test]
    fn both_built_in_languages_name_the_same_checks() {
        let read = |text: &str| toml::from_str::<Phrases>(text).unwrap();
        let (en, de) = (read(BUILT_IN[0].1), read(BUILT_IN[1].1));
        let names = |phrases: &Phrases| phrases.checks.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&en), names(&de));
    }
}
