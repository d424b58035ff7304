//! What tickets and comments say, before it takes the form that the Jira at hand reads.

use serde::{Deserialize, Serialize};

use crate::text::{self, Excerpt};

/// Headings, paragraphs, lists and verbatim text, in this order.
///
/// The text in it may come from outside and is kept as it came: [`adf`](crate::adf) and [`wiki`](crate::wiki) make it harmless.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(pub Vec<Block>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    Heading(String),
    Paragraph(Vec<Inline>),
    List(Vec<Vec<Inline>>),
    /// Shown as it is, line by line.
    Verbatim(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    Text(String),
    Strong(String),
    /// An address that cannot be parsed, or is not `http(s)`, is shown as text.
    Link {
        text: String,
        url: String,
    },
}

impl Document {
    pub fn heading(&mut self, text: &str) {
        self.0.push(Block::Heading(text.to_owned()));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.0
            .push(Block::Paragraph(vec![Inline::Text(text.into())]));
    }

    /// The text of the first paragraph or heading, in one line: what a comment is recognised by.
    pub fn opening(&self) -> String {
        let opening = self.0.iter().find_map(|block| match block {
            Block::Heading(text) => Some(text.clone()),
            Block::Paragraph(inlines) => Some(inlines.iter().map(Inline::text).collect()),
            Block::List(_) | Block::Verbatim(_) => None,
        });
        text::title(&opening.unwrap_or_default())
    }
}

impl Inline {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Strong(text) | Self::Link { text, .. } => text,
        }
    }
}

/// Collects "label: value" lines and the values that are too long for one.
#[derive(Debug, Default)]
pub struct Facts {
    short: Vec<Vec<Inline>>,
    long: Vec<(String, Excerpt)>,
}

impl Facts {
    /// What still reads well in a list.
    const SHORT: usize = 160;

    /// A fact; an empty one is left out.
    pub fn add(&mut self, label: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.trim().is_empty() {
            self.short.push(vec![
                Inline::Strong(format!("{label}:")),
                Inline::Text(format!(" {value}")),
            ]);
        }
    }

    pub fn link(&mut self, label: &str, text: &str, url: &str) {
        self.short.push(vec![
            Inline::Strong(format!("{label}:")),
            Inline::Text(" ".to_owned()),
            Inline::Link {
                text: text.to_owned(),
                url: url.to_owned(),
            },
        ]);
    }

    /// A value of any length and any number of lines.
    pub fn value(&mut self, label: &str, value: &Excerpt) {
        let is_short = value.omitted == 0
            && value.text.chars().nth(Self::SHORT).is_none()
            && !value.text.trim().contains(['\n', '\r']);
        if is_short {
            self.add(label, value.text.trim());
        } else if !value.is_empty() {
            self.long.push((label.to_owned(), value.clone()));
        }
    }

    /// Puts them into the document: the list, then each long value under its name.
    pub fn put(self, document: &mut Document) {
        if !self.short.is_empty() {
            document.0.push(Block::List(self.short));
        }
        for (label, value) in self.long {
            document
                .0
                .push(Block::Paragraph(vec![Inline::Strong(format!("{label}:"))]));
            document.0.push(Block::Verbatim(value.text));
            if value.omitted > 0 {
                document.paragraph(format!(
                    "… {} more characters are left out here.",
                    value.omitted
                ));
            }
        }
    }
}

/// An address that may be linked: absolute, `http` or `https`, in its normal form.
pub(crate) fn linkable(url: &str) -> Option<String> {
    url::Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .map(String::from)
}
