//! Every rule there is.

use crate::aspect::AnyAspect;
use crate::rule::Rule;

/// Rules and aspects of the services that this build has.
const SERVICES: &[(&[Rule], &[&dyn AnyAspect])] = &[
    #[cfg(feature = "platform")]
    (crate::cloudformation::RULES, crate::cloudformation::ASPECTS),
    #[cfg(feature = "account")]
    (crate::cloudtrail::RULES, crate::cloudtrail::ASPECTS),
    #[cfg(feature = "account")]
    (crate::config::RULES, crate::config::ASPECTS),
    #[cfg(feature = "ec2")]
    (crate::ec2::RULES, crate::ec2::ASPECTS),
    #[cfg(feature = "account")]
    (crate::guardduty::RULES, crate::guardduty::ASPECTS),
    #[cfg(feature = "iam")]
    (crate::iam::RULES, crate::iam::ASPECTS),
    #[cfg(feature = "platform")]
    (crate::kinesis::RULES, crate::kinesis::ASPECTS),
    #[cfg(feature = "kms")]
    (crate::kms::RULES, crate::kms::ASPECTS),
    #[cfg(feature = "platform")]
    (crate::lambda::RULES, crate::lambda::ASPECTS),
    #[cfg(feature = "account")]
    (crate::organizations::RULES, crate::organizations::ASPECTS),
    #[cfg(feature = "rds")]
    (crate::rds::RULES, crate::rds::ASPECTS),
    #[cfg(feature = "redshift")]
    (crate::redshift::RULES, crate::redshift::ASPECTS),
    #[cfg(feature = "s3")]
    (crate::s3::RULES, crate::s3::ASPECTS),
    #[cfg(feature = "platform")]
    (crate::sqs::RULES, crate::sqs::ASPECTS),
];

/// All rules, by service.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    SERVICES.iter().flat_map(|(rules, _)| rules.iter())
}

/// The rule of this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}

/// The aspect of this name.
pub fn aspect(name: &str) -> Option<&'static dyn AnyAspect> {
    SERVICES
        .iter()
        .flat_map(|(_, aspects)| aspects.iter().copied())
        .find(|aspect| aspect.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_and_aspects_are_unique_and_every_entry_is_filled_in() {
        let mut ids = BTreeSet::new();
        for rule in rules() {
            assert!(ids.insert(rule.id), "{} twice", rule.id);
            for text in [rule.title, rule.effect, rule.undo] {
                assert!(!text.trim().is_empty(), "{}", rule.id);
            }
            assert!(!rule.grants.is_empty(), "{} needs nothing?", rule.id);
            assert!(
                rule.calls.compliant > 0 && rule.calls.repair >= rule.calls.compliant,
                "{}",
                rule.id
            );
        }
        let mut names = BTreeSet::new();
        for (_, aspects) in SERVICES {
            for aspect in *aspects {
                assert!(names.insert(aspect.name()), "{} twice", aspect.name());
            }
        }
    }
}
