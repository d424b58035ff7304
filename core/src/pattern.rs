//! Globs, as the configuration has them.

use glob::{MatchOptions, Pattern};

/// `*`, `?` and `[a-z]` stand for any character, `/` and `:` included. Case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Pattern);

impl Glob {
    /// # Errors
    /// Why it is none, and what to write instead.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let mut text = String::with_capacity(pattern.len());
        let mut class = false;
        let mut before = None;
        for (at, character) in pattern.chars().enumerate() {
            // Other tools read these as alternatives and as "none of". Here they would be characters to find, and nobody means that.
            let remedy = match (before, character) {
                (_, '{') if !class => {
                    "write one entry for each alternative, and `[{]` for the character itself"
                }
                (Some('['), '^') if class => "write `[!` for none of these characters",
                _ => "",
            };
            if !remedy.is_empty() {
                return Err(format!("`{character}` at character {}: {remedy}", at + 1));
            }
            // One star crosses `/` already.
            if class || (before, character) != (Some('*'), '*') {
                text.push(character);
            }
            class = character == '[' || (class && character != ']');
            before = Some(character);
        }
        Pattern::new(&text)
            .map(Self)
            .map_err(|error| error.msg.to_owned())
    }

    pub fn fits(&self, value: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: false,
            require_literal_separator: false,
            require_literal_leading_dot: false,
        };
        self.0.matches_with(value, options)
    }
}
