//! Amazon Resource Names.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

/// `arn:aws:service:region:account:rest`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
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
        Some(Self {
            partition: parts.next()?,
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

/// Twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `eu-west-1`, `us-gov-west-1`
pub fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let number = parts.next_back().unwrap_or_default();
    (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && parts.clone().count() >= 2
        && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// The region of an availability zone, which some messages name: `eu-central-1` of `eu-central-1a`. Anything else as it is.
pub fn without_zone(text: &str) -> &str {
    text.strip_suffix(|zone: char| zone.is_ascii_lowercase())
        .filter(|region| region.ends_with(|digit: char| digit.is_ascii_digit()))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_one_letter_behind_the_number_of_its_region() {
        for (text, region) in [
            ("eu-central-1", "eu-central-1"),
            ("ap-southeast-2b", "ap-southeast-2"),
            ("eu-west-1ab", "eu-west-1ab"),
            ("global", "global"),
            ("", ""),
        ] {
            assert_eq!(without_zone(text), region);
        }
    }
}
