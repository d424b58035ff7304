//! The aspect that changes: what a security group's rules let through.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::group_named;
use super::group_rule::{GroupRule, Permission};
use super::traffic::Traffic;
use crate::aspect::Aspect;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

/// Which of a group's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ingress,
    Egress,
}

/// Rules of one direction of a group.
///
/// As it is read, all of them. As a change keeps it, those that have to do with the traffic that the change is about, and with it
/// those that the change makes: what is done to a group's HTTPS rules is no obstacle to taking back what was done for SSH.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupRules {
    /// Only rules that let through some of this are compared; all of them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Traffic>,
    pub rules: Vec<GroupRule>,
    /// Rules that are not there, where the traffic alone does not say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<GroupRule>,
}

impl GroupRules {
    /// Whether the observed rules are what `wanted` asks for: the same rules about its traffic, and whatever else it names.
    /// Ids and AWS's own tags are left out of it.
    pub(super) fn are(&self, wanted: &Self) -> bool {
        let has = |rules: &[GroupRule], one: &GroupRule| rules.iter().any(|rule| rule.is_like(one));
        let concerned = |rule: &&GroupRule| {
            wanted
                .about
                .as_ref()
                .is_none_or(|about| rule.permission.traffic().overlaps(about))
        };
        wanted.rules.iter().all(|rule| has(&self.rules, rule))
            && !wanted.without.iter().any(|rule| has(&self.rules, rule))
            && self
                .rules
                .iter()
                .filter(concerned)
                .all(|rule| has(&wanted.rules, rule))
    }

    /// The rules that the other does not have.
    pub(super) fn beyond(&self, other: &Self) -> Vec<&GroupRule> {
        self.rules
            .iter()
            .filter(|rule| !other.rules.iter().any(|known| known.is_like(rule)))
            .collect()
    }
}

/// A group's ingress rules.
pub struct Ingress;

/// A group's egress rules.
pub struct Egress;

#[async_trait]
impl Aspect for Ingress {
    const NAME: &'static str = "ec2.security-group-ingress";
    /// Answers of EC2 may be a moment behind its writes.
    const SETTLES: bool = true;
    type Value = GroupRules;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<GroupRules, AwsError> {
        read(target, Direction::Ingress, reader).await
    }

    async fn write(
        &self,
        target: &Target,
        from: &GroupRules,
        to: &GroupRules,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        write(target, Direction::Ingress, from, to, writer).await
    }

    fn is(&self, value: &GroupRules, wanted: &GroupRules) -> bool {
        value.are(wanted)
    }
}

#[async_trait]
impl Aspect for Egress {
    const NAME: &'static str = "ec2.security-group-egress";
    const SETTLES: bool = true;
    type Value = GroupRules;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<GroupRules, AwsError> {
        read(target, Direction::Egress, reader).await
    }

    async fn write(
        &self,
        target: &Target,
        from: &GroupRules,
        to: &GroupRules,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        write(target, Direction::Egress, from, to, writer).await
    }

    fn is(&self, value: &GroupRules, wanted: &GroupRules) -> bool {
        value.are(wanted)
    }
}

async fn read(
    target: &Target,
    direction: Direction,
    reader: &Reader,
) -> Result<GroupRules, AwsError> {
    let all = reader.security_group_rules(target).await?;
    if all.is_empty() {
        // A group without any rule, or no group.
        reader.security_group(target).await?;
    }
    Ok(GroupRules {
        rules: of(direction, all),
        ..GroupRules::default()
    })
}

/// Those of one direction.
pub(super) fn of(direction: Direction, rules: Vec<(Direction, GroupRule)>) -> Vec<GroupRule> {
    rules
        .into_iter()
        .filter(|(of, _)| *of == direction)
        .map(|(_, rule)| rule)
        .collect()
}

/// What AWS says of a rule that is no longer there, by its id and by what it allows.
const GONE: [&str; 2] = [
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
];

/// Makes what is missing first, so that traffic that stays allowed is never refused in between; then takes away what has to go.
async fn write(
    target: &Target,
    direction: Direction,
    from: &GroupRules,
    to: &GroupRules,
    writer: &Writer,
) -> Result<(), AwsError> {
    make(target, direction, &to.beyond(from), writer).await?;
    take_away(target, direction, &from.beyond(to), writer).await
}

/// As calls can make them, each all of its rules or none: tags are given to all rules of a call.
pub(super) fn by_tags<'a>(
    rules: impl IntoIterator<Item = &'a GroupRule>,
) -> impl Iterator<Item = Vec<&'a GroupRule>> {
    let mut by_tags: BTreeMap<_, Vec<&GroupRule>> = BTreeMap::new();
    for rule in rules {
        by_tags.entry(rule.own_tags()).or_default().push(rule);
    }
    by_tags.into_values()
}

async fn make(
    target: &Target,
    direction: Direction,
    rules: &[&GroupRule],
    writer: &Writer,
) -> Result<(), AwsError> {
    for rules in by_tags(rules.iter().copied()) {
        match writer
            .authorize_group_rules(target, direction, &rules)
            .await
        {
            Err(error) if error.code() == Some("InvalidPermission.Duplicate") => {
                // An attempt before this one got that far, or somebody else did.
                let known = permissions(target, direction, writer.reader()).await?;
                let rules: Vec<_> = rules
                    .into_iter()
                    .filter(|rule| !known.contains_key(&rule.permission))
                    .collect();
                if !rules.is_empty() {
                    writer
                        .authorize_group_rules(target, direction, &rules)
                        .await?;
                }
            }
            done => done?,
        }
    }
    Ok(())
}

async fn take_away(
    target: &Target,
    direction: Direction,
    rules: &[&GroupRule],
    writer: &Writer,
) -> Result<(), AwsError> {
    if rules.is_empty() {
        return Ok(());
    }
    let known: Option<Vec<String>> = rules.iter().map(|rule| rule.id.clone()).collect();
    if let Some(ids) = known {
        match writer.revoke_group_rules(target, direction, ids).await {
            Ok(0) => return Ok(()),
            // Gone or made anew meanwhile: look which are left.
            Ok(_) => {}
            Err(error) if error.code().is_some_and(|code| GONE.contains(&code)) => {}
            Err(error) => return Err(error),
        }
    }
    let known = permissions(target, direction, writer.reader()).await?;
    let ids: Vec<_> = rules
        .iter()
        .filter_map(|rule| known.get(&rule.permission).cloned().flatten())
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    match writer.revoke_group_rules(target, direction, ids).await? {
        0 => Ok(()),
        unknown => Err(AwsError::Refused {
            call: match direction {
                Direction::Ingress => "ec2:RevokeSecurityGroupIngress",
                Direction::Egress => "ec2:RevokeSecurityGroupEgress",
            },
            what: group_named(target),
            code: "UnknownIpPermissions".to_owned(),
            message: format!(
                "{unknown} of its rules could not be taken away: look at them by hand"
            ),
        }),
    }
}

/// What the group allows now, and by which rule.
async fn permissions(
    target: &Target,
    direction: Direction,
    reader: &Reader,
) -> Result<BTreeMap<Permission, Option<String>>, AwsError> {
    let rules = of(direction, reader.security_group_rules(target).await?);
    Ok(rules
        .into_iter()
        .map(|rule| (rule.permission, rule.id))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(port: i32, peer: &str, id: Option<&str>) -> GroupRule {
        GroupRule {
            permission: Permission::new(
                "tcp".to_owned().into(),
                Some(port),
                Some(port),
                peer.to_owned().into(),
            ),
            id: id.map(str::to_owned),
            description: None,
            tags: BTreeMap::new(),
        }
    }

    fn about(parts: &[&str], rules: &[GroupRule]) -> GroupRules {
        let parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
        GroupRules {
            about: Some(parts.try_into().unwrap()),
            rules: rules.to_vec(),
            ..GroupRules::default()
        }
    }

    fn observed(rules: &[GroupRule]) -> GroupRules {
        GroupRules {
            rules: rules.to_vec(),
            ..GroupRules::default()
        }
    }

    #[test]
    fn ids_order_and_aws_tags_do_not_matter_and_descriptions_do() {
        let ssh = rule(22, "0.0.0.0/0", Some("sgr-1"));
        let mut anew = rule(22, "0.0.0.0/0", Some("sgr-2"));
        anew.tags
            .insert("aws:cloudformation:stack-name".to_owned(), "web".to_owned());
        let wanted = about(&["tcp/22"], std::slice::from_ref(&ssh));
        assert!(observed(std::slice::from_ref(&anew)).are(&wanted));
        anew.description = Some("office".to_owned());
        assert!(!observed(&[anew]).are(&wanted));
    }

    #[test]
    fn what_is_done_to_other_traffic_does_not_matter_and_to_this_it_does() {
        let closed = about(&["tcp/22"], &[]);
        let https = rule(443, "0.0.0.0/0", Some("sgr-3"));
        assert!(observed(&[https]).are(&closed));
        let office = rule(22, "203.0.113.0/24", Some("sgr-4"));
        assert!(!observed(&[office]).are(&closed));
    }

    #[test]
    fn a_narrowed_state_has_to_have_what_was_made_for_it() {
        let rest = rule(23, "0.0.0.0/0", None);
        let narrowed = about(&["tcp/22"], std::slice::from_ref(&rest));
        assert!(observed(&[rest]).are(&narrowed));
        assert!(!observed(&[]).are(&narrowed));
    }

    #[test]
    fn a_state_before_something_was_made_has_none_of_it() {
        let (made, also) = (rule(23, "0.0.0.0/0", None), rule(24, "0.0.0.0/0", None));
        let before = GroupRules {
            without: vec![made.clone(), also],
            ..about(&[], &[])
        };
        assert!(observed(&[rule(443, "0.0.0.0/0", None)]).are(&before));
        assert!(!observed(&[made]).are(&before));
    }
}
