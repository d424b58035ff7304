//! Turning rules on and off in `rules.toml` without disturbing a comment.

use toml_edit::{DocumentMut, Item, value};

use crate::rule::Mode;

/// Why a rule was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("rules.toml: {0}")]
    Syntax(#[from] toml_edit::TomlError),
    #[error("rules.toml has no rule `{0}`: `remediate rules list` shows those it has")]
    UnknownRule(String),
}

/// The text of `rules.toml`, open for changes.
#[derive(Debug)]
pub struct RulesEdit {
    document: DocumentMut,
}

impl RulesEdit {
    /// # Errors
    /// When the text is no TOML.
    pub fn new(text: &str) -> Result<Self, EditError> {
        Ok(Self {
            document: text.parse()?,
        })
    }

    /// # Errors
    /// When the file has no such rule.
    pub fn set_enabled(&mut self, rule: &str, enabled: bool) -> Result<(), EditError> {
        set(self.key(rule, "enabled")?, value(enabled));
        Ok(())
    }

    /// # Errors
    /// When the file has no such rule.
    pub fn set_mode(&mut self, rule: &str, mode: Mode) -> Result<(), EditError> {
        set(self.key(rule, "mode")?, value(mode.to_string()));
        Ok(())
    }

    fn key(&mut self, rule: &str, key: &str) -> Result<&mut Item, EditError> {
        let table = self
            .document
            .get_mut("rules")
            .and_then(|rules| rules.get_mut(rule))
            .and_then(Item::as_table_like_mut);
        let table = table.ok_or_else(|| EditError::UnknownRule(rule.to_owned()))?;
        Ok(table.entry(key).or_insert(Item::None))
    }

    pub fn text(&self) -> String {
        self.document.to_string()
    }
}

/// Replaces a value and keeps what is written behind it on the line.
fn set(item: &mut Item, new: Item) {
    let decor = item.as_value().map(|old| old.decor().clone());
    *item = new;
    if let (Some(decor), Some(new)) = (decor, item.as_value_mut()) {
        *new.decor_mut() = decor;
    }
}
