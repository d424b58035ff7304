//! Amazon Resource Names.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

/// `arn:aws:service:region:account:rest`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// `role/name`, `function:name`, `bucket`.
    pub rest: &'a str,
}

impl<'a> Arn<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let _partition = parts.next()?;
        Some(Self {
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            rest: parts.next()?,
        })
    }

    /// What follows the last `/` or `:`.
    pub fn name(&self) -> &'a str {
        self.rest.rsplit(['/', ':']).next().unwrap_or(self.rest)
    }
}
