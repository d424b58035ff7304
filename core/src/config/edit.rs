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
    #[error("{key}: {value} cannot be written as TOML")]
    Value { key: String, value: String },
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

    /// # Errors
    /// When the file has no such rule, or the value has no form in TOML.
    pub fn set_parameter(
        &mut self,
        rule: &str,
        name: &str,
        new: &serde_json::Value,
    ) -> Result<(), EditError> {
        let written = match new {
            serde_json::Value::Null => None,
            other => toml::Value::try_from(other).ok(),
        };
        let item = written
            .and_then(|new| new.to_string().parse::<toml_edit::Value>().ok())
            .ok_or_else(|| EditError::Value {
                key: format!("rules.{rule}.parameters.{name}"),
                value: new.to_string(),
            })?;
        let parameters = self.key(rule, "parameters")?;
        if parameters.is_none() {
            *parameters = value(toml_edit::InlineTable::new());
        }
        if let Some(table) = parameters.as_table_like_mut() {
            set(table.entry(name).or_insert(Item::None), value(item));
        }
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
