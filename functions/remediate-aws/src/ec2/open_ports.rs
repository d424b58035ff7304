//! What the world can reach through a security group, and taking it away.

use async_trait::async_trait;
use remediate_core::rule::{Form, ParameterKind, ParameterSpec};
use serde::Deserialize;

use super::exposure::{Concern, Exposure, Left, LeftBecause, OnWider, assess};
use super::group_named;
use super::group_rule::{GroupRule, Permission};
use super::group_rules::{Direction, Egress, GroupRules, Ingress, of};
use super::traffic::{NoTraffic, Ports, Traffic};
use super::world::Width;
use crate::aspect::effect;
use crate::aws::Reader;
use crate::error::AwsError;
use crate::rule::{Case, Grant, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Takes away what lets the world through.
pub struct OpenToWorld {
    pub direction: Direction,
    pub check: Check,
}

/// What a check is about.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// These ports, as ranges with both ends included.
    Ports {
        tcp: &'static [(u16, u16)],
        udp: &'static [(u16, u16)],
    },
    Icmp,
    /// More than one port of TCP or UDP in one rule.
    Ranges,
    /// Every port of TCP and UDP but what the parameter allows.
    Uncommon,
    /// Everything but what the parameter allows.
    Everything,
}

/// What is shared by all rules of this kind.
pub const PARAMETERS: &[ParameterSpec] = &[ON_WIDER, TOO_WIDE_IPV4, TOO_WIDE_IPV6, ACT_IF];

/// The same, for [`Check::Uncommon`]: allowed is what has a rule of its own.
pub const PARAMETERS_OF_UNCOMMON: &[ParameterSpec] = &[
    ParameterSpec {
        default: r#"["tcp/20-23", "tcp/25", "tcp/53", "tcp/80", "tcp/135", "tcp/139", "tcp/443", "tcp/445", "tcp/1433", "tcp/1521", "tcp/3306", "tcp/3389", "tcp/5432", "tcp/27017", "udp/53", "udp/137-138", "udp/443", "udp/445", "udp/3389"]"#,
        what: "ports that this rule leaves alone, as `tcp/443` or `udp/8000-8100`: those that are common, and have rules of their own",
        ..ALLOWED
    },
    ON_WIDER,
    TOO_WIDE_IPV4,
    TOO_WIDE_IPV6,
    ACT_IF,
];

/// The same, for [`Check::Everything`]. AWS gives every new group a rule that lets everything out: where it is in use, a person
/// has to say so first.
pub const PARAMETERS_OF_EVERYTHING: &[ParameterSpec] = &[
    ALLOWED,
    ON_WIDER,
    TOO_WIDE_IPV4,
    TOO_WIDE_IPV6,
    ParameterSpec {
        default: "\"unattached\"",
        ..ACT_IF
    },
];

const ALLOWED: ParameterSpec = ParameterSpec {
    name: "allowed_traffic",
    kind: ParameterKind::Texts(Form::Traffic),
    default: "[]",
    what: "traffic that may stay open to the world, as `tcp/443`, `udp/8000-8100` or `icmp`",
};

const ON_WIDER: ParameterSpec = ParameterSpec {
    name: "on_wider",
    kind: ParameterKind::Choice(&["skip", "narrow", "remove"]),
    default: "\"skip\"",
    what: "what to do with a rule that opens more than this to the world (a range around the port, all traffic): \"skip\" reports it, \"narrow\" first makes rules for the rest of it (of \"all traffic\" that is TCP, UDP and ICMP; other protocols are lost), \"remove\" takes it away as a whole",
};

const TOO_WIDE_IPV4: ParameterSpec = ParameterSpec {
    name: "too_wide_ipv4",
    kind: ParameterKind::Whole { min: 0, max: 32 },
    default: "0",
    what: "prefix length at or below which an IPv4 range counts as the world; several ranges that make up such a range count too (0.0.0.0/1 and 128.0.0.0/1), private ranges (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and the like) never",
};

const TOO_WIDE_IPV6: ParameterSpec = ParameterSpec {
    name: "too_wide_ipv6",
    kind: ParameterKind::Whole { min: 0, max: 128 },
    default: "3",
    what: "the same for IPv6, where 2000::/3 is everything that is routed; private are fc00::/7 and fe80::/10",
};

const ACT_IF: ParameterSpec = ParameterSpec {
    name: "act_if",
    kind: ParameterKind::Choice(&["always", "unattached"]),
    default: "\"always\"",
    what: "\"unattached\" holds the repair back for a person while the group is attached to a network interface",
};

/// What planning and repairing ingress takes.
pub const INGRESS_GRANTS: &[Grant] = &[
    READS,
    Grant {
        actions: &["ec2:RevokeSecurityGroupIngress"],
        resources: &[GROUPS],
    },
    Grant {
        actions: &["ec2:AuthorizeSecurityGroupIngress"],
        resources: &[GROUPS, GROUP_RULES],
    },
    TAGS,
];

/// What planning and repairing egress takes.
pub const EGRESS_GRANTS: &[Grant] = &[
    READS,
    Grant {
        actions: &["ec2:RevokeSecurityGroupEgress"],
        resources: &[GROUPS],
    },
    Grant {
        actions: &["ec2:AuthorizeSecurityGroupEgress"],
        resources: &[GROUPS, GROUP_RULES],
    },
    TAGS,
];

/// EC2 knows no resource for its describing calls.
const READS: Grant = Grant {
    actions: &[
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
    ],
    resources: &["*"],
};

const GROUPS: &str = "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group/*";
const GROUP_RULES: &str = "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*";

/// A rule that is narrowed or brought back keeps its tags.
const TAGS: Grant = Grant {
    actions: &["ec2:CreateTags"],
    resources: &[GROUP_RULES],
};

#[derive(Debug, Deserialize)]
struct Settings {
    on_wider: OnWider,
    too_wide_ipv4: u8,
    too_wide_ipv6: u8,
    act_if: ActIf,
    #[serde(default)]
    allowed_traffic: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActIf {
    Always,
    Unattached,
}

impl Check {
    fn concern(self, allowed: &[String]) -> Result<Concern, NoTraffic> {
        let traffic = match self {
            Self::Ports { tcp, udp } => Traffic {
                tcp: Ports::of(tcp.iter().copied()),
                udp: Ports::of(udp.iter().copied()),
                ..Traffic::default()
            },
            Self::Icmp => Traffic {
                icmp: true,
                ..Traffic::default()
            },
            Self::Ranges | Self::Uncommon => Traffic {
                tcp: Ports::all(),
                udp: Ports::all(),
                ..Traffic::default()
            },
            Self::Everything => Traffic::all(),
        };
        Ok(Concern {
            traffic: traffic.without(&Traffic::try_from(allowed.to_vec())?),
            ranges_only: matches!(self, Self::Ranges),
        })
    }

    /// What it is about, for a person: `tcp/22`.
    fn in_words(self, concern: &Concern) -> String {
        match self {
            Self::Ports { .. } | Self::Icmp => concern.traffic.to_string(),
            Self::Ranges => "a range of ports".to_owned(),
            Self::Uncommon => "uncommon ports".to_owned(),
            Self::Everything => "traffic that is not allowed".to_owned(),
        }
    }
}

#[async_trait]
impl Repair for OpenToWorld {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let settings: Settings = case.parameters()?;
        let concern = match self.check.concern(&settings.allowed_traffic) {
            Ok(concern) => concern,
            Err(error) => {
                return Ok(Verdict::unsupported(format!(
                    "{}: parameter allowed_traffic: {error}",
                    case.rule.id
                )));
            }
        };
        let all = reader.security_group_rules(&case.target).await?;
        if all.is_empty() {
            // A group without any rule, or no group: only this call says which.
            reader.security_group(&case.target).await?;
        }
        let rules = of(self.direction, all);
        let width = Width {
            ipv4: settings.too_wide_ipv4,
            ipv6: settings.too_wide_ipv6,
        };
        let exposure = assess(&rules, &concern, settings.on_wider, width);
        if exposure.remove.is_empty() {
            return Ok(self.nothing_to_take_away(case, &concern, &exposure));
        }
        let group = reader.security_group(&case.target).await?;
        if let Some(owner) = group
            .owner
            .filter(|owner| owner != case.target.account.as_str())
        {
            return Ok(Verdict::unsupported(format!(
                "{} is account {owner}'s, which shares it: it has to be repaired there",
                group_named(&case.target)
            )));
        }
        let interfaces = reader.interfaces_of_group(&case.target).await?;
        let steps = exposure
            .changes(&rules, &concern.traffic)
            .iter()
            .map(|(from, to)| self.step(&case.target, from, to))
            .collect::<Result<_, _>>()?;
        let mut steps = Steps {
            steps,
            tags: group.tags,
            notes: vec![attached(&interfaces)],
        };
        steps.notes.extend(self.remarks(&concern, &exposure));
        if settings.act_if == ActIf::Unattached && !interfaces.is_empty() {
            let because = format!(
                "{} is {} (act_if = \"unattached\"): send the finding if it is to be repaired all the same",
                group_named(&case.target),
                attached(&interfaces)
            );
            return Ok(Verdict::Held { because, steps });
        }
        Ok(Verdict::Change(steps))
    }
}

impl OpenToWorld {
    fn nothing_to_take_away(
        &self,
        case: &Case<'_>,
        concern: &Concern,
        exposure: &Exposure,
    ) -> Verdict {
        let remarks = self.remarks(concern, exposure).join("; ");
        if !exposure.left.is_empty() {
            Verdict::unsupported(format!("{}: {remarks}", group_named(&case.target)))
        } else if exposure.aside.is_empty() {
            Verdict::compliant()
        } else {
            Verdict::compliant_because(remarks)
        }
    }

    fn step(&self, target: &Target, from: &GroupRules, to: &GroupRules) -> Result<Step, AwsError> {
        let effect = match self.direction {
            Direction::Ingress => effect(&Ingress, target, from, to),
            Direction::Egress => effect(&Egress, target, from, to),
        };
        Ok(Step {
            what: group_named(target),
            summary: self.summary(from, to),
            effect: effect?,
        })
    }

    fn summary(&self, from: &GroupRules, to: &GroupRules) -> String {
        let listed =
            |rules: Vec<&GroupRule>| self.listed(rules.into_iter().map(|rule| &rule.permission));
        let made = to.beyond(from);
        if made.is_empty() {
            return format!("take away {}", listed(from.beyond(to)));
        }
        let of = listed(from.rules.iter().collect());
        format!("make {}, what is to stay open of {of}", listed(made))
    }

    /// `tcp/22 from 0.0.0.0/0, tcp/22 from ::/0`
    fn listed<'a>(&self, permissions: impl Iterator<Item = &'a Permission>) -> String {
        let all: Vec<_> = permissions
            .map(|permission| self.in_words(permission))
            .collect();
        shortened(&all, SHOWN)
    }

    /// `tcp/22 from 0.0.0.0/0`
    fn in_words(&self, permission: &Permission) -> String {
        let way = match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        format!("{permission} {way} {}", permission.peer)
    }

    /// With their ids, which a person needs to find them.
    fn listed_with_ids(&self, rules: &[&Left]) -> String {
        let all: Vec<_> = rules
            .iter()
            .map(|left| match &left.id {
                Some(id) => format!("{} ({id})", self.in_words(&left.permission)),
                None => self.in_words(&left.permission),
            })
            .collect();
        shortened(&all, SHOWN)
    }

    /// What a person should know, or has to do.
    fn remarks(&self, concern: &Concern, exposure: &Exposure) -> Vec<String> {
        let left = |why: LeftBecause| {
            let of: Vec<&Left> = exposure
                .left
                .iter()
                .filter(|left| left.why == why)
                .collect();
            (!of.is_empty()).then(|| self.listed_with_ids(&of))
        };
        let mut remarks = Vec::new();
        remarks.extend(left(LeftBecause::Wider).map(|listed| {
            format!("{listed} also opens {} to the world, but is wider than that: set on_wider to \"narrow\" or \"remove\", or change it by hand", self.check.in_words(concern))
        }));
        remarks.extend(left(LeftBecause::Wide).map(|listed| {
            format!("{listed} opens {} to a large part of the world: set too_wide_ipv4 or too_wide_ipv6 to its prefix length to have it taken away, or change it by hand", self.check.in_words(concern))
        }));
        remarks.extend(left(LeftBecause::Elsewhere).map(|listed| {
            format!("{listed} opens a range of ports, though not to the world: which of them are needed only a person knows, narrow it by hand")
        }));
        if !exposure.make.is_empty() {
            remarks.push(
                "to take all of it back, undo what was taken away first, and then what was made"
                    .to_owned(),
            );
        }
        if !exposure.lost.is_empty() {
            remarks.push(format!(
                "{} is narrowed to TCP, UDP and ICMP: other protocols (GRE, ESP, SCTP) no longer pass by it",
                self.listed(exposure.lost.iter())
            ));
        }
        if !exposure.aside.is_empty() {
            remarks.push(format!(
                "prefix lists and other groups are not looked into: {}",
                self.listed(exposure.aside.iter())
            ));
        }
        remarks
    }
}

/// So many rules are named; of more there is the count.
const SHOWN: usize = 8;

/// `attached to 2 network interfaces (eni-1, eni-2)`
fn attached(interfaces: &[String]) -> String {
    const SHOWN: usize = 3;
    match interfaces {
        [] => "attached to no network interface".to_owned(),
        [one] => format!("attached to 1 network interface ({one})"),
        several => format!(
            "attached to {} network interfaces ({})",
            several.len(),
            shortened(several, SHOWN)
        ),
    }
}

fn shortened(all: &[String], shown: usize) -> String {
    let listed = all
        .iter()
        .take(shown)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match all.len().saturating_sub(shown) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_not_the_checks_concern() {
        let allowed = ["tcp/443".to_owned(), "icmp".to_owned()];
        let concern = Check::Everything.concern(&allowed).unwrap();
        assert!(!concern.traffic.tcp.contains(443));
        assert!(concern.traffic.tcp.contains(444));
        assert!(!concern.traffic.icmp);
        assert!(concern.traffic.others);
        assert!(Check::Everything.concern(&["https".to_owned()]).is_err());
    }

    #[test]
    fn interfaces_are_counted_and_some_are_named() {
        let of = |count: usize| (1..=count).map(|n| format!("eni-{n}")).collect::<Vec<_>>();
        assert_eq!(attached(&of(0)), "attached to no network interface");
        assert_eq!(attached(&of(1)), "attached to 1 network interface (eni-1)");
        assert_eq!(
            attached(&of(5)),
            "attached to 5 network interfaces (eni-1, eni-2, eni-3 and 2 more)"
        );
    }
}
