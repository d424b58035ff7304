//! What has to go so that the world no longer reaches a kind of traffic. Pure.

use serde::Deserialize;

use super::group_rule::{GroupRule, Peer, Permission, Protocol};
use super::group_rules::GroupRules;
use super::traffic::Traffic;
use super::world::{Width, is_wide, open_to_world};

/// What a check is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    pub traffic: Traffic,
    /// Only rules that let more than one port through.
    pub ranges_only: bool,
}

/// What is done with a rule that lets through more than the check is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnWider {
    /// Left to a person.
    #[default]
    Skip,
    /// Replaced by rules for the rest of what it lets through.
    Narrow,
    /// Removed as a whole.
    Remove,
}

/// What planning found in a group's rules of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Rules to take away.
    pub remove: Vec<GroupRule>,
    /// Rules to make first, for what of the removed ones stays allowed.
    pub make: Vec<GroupRule>,
    /// Rules among `remove` of which protocols beside TCP, UDP and ICMP are lost, which no narrower rule can keep.
    pub lost: Vec<Permission>,
    /// Rules that a person has to see to.
    pub left: Vec<Left>,
    /// Rules from prefix lists and other groups, which are not looked into.
    pub aside: Vec<Permission>,
}

/// A rule that is too open, and why it is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub permission: Permission,
    pub id: Option<String>,
    pub why: LeftBecause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftBecause {
    /// It lets through more than the check is about.
    Wider,
    /// It is from a large part of the world.
    Wide,
    /// It opens a range of ports, but not to the world: which of them are needed only a person knows.
    Elsewhere,
}

impl Concern {
    fn is_of(&self, permission: &Permission) -> bool {
        permission.traffic().overlaps(&self.traffic) && (!self.ranges_only || permission.is_range())
    }

    /// Whether the range itself is what it objects to, wherever it is open to.
    fn is_of_ranges(&self, permission: &Permission) -> bool {
        self.ranges_only && permission.protocol != Protocol::All
    }
}

/// What has to be done about the rules of a group, all of one direction.
pub fn assess(rules: &[GroupRule], concern: &Concern, on_wider: OnWider, width: Width) -> Exposure {
    let concerned: Vec<&GroupRule> = rules
        .iter()
        .filter(|rule| concern.is_of(&rule.permission))
        .collect();
    let open = open_to_world(&concerned, &concern.traffic, width);
    let mut exposure = Exposure::default();
    for (position, rule) in concerned.into_iter().enumerate() {
        let permission = &rule.permission;
        if !open.contains(&position) {
            match &permission.peer {
                Peer::PrefixList(_) | Peer::Group { .. } | Peer::Unknown(_) => {
                    exposure.aside.push(permission.clone());
                }
                peer if is_wide(peer) => exposure.left.push(left(rule, LeftBecause::Wide)),
                Peer::Ipv4(_) | Peer::Ipv6(_) if concern.is_of_ranges(permission) => {
                    exposure.left.push(left(rule, LeftBecause::Elsewhere));
                }
                Peer::Ipv4(_) | Peer::Ipv6(_) => {}
            }
        } else if permission.traffic().within(&concern.traffic) || on_wider == OnWider::Remove {
            exposure.remove.push(rule.clone());
        } else if on_wider == OnWider::Narrow {
            exposure.narrow(rule, concern, rules);
        } else {
            exposure.left.push(left(rule, LeftBecause::Wider));
        }
    }
    exposure
}

fn left(rule: &GroupRule, why: LeftBecause) -> Left {
    Left {
        permission: rule.permission.clone(),
        id: rule.id.clone(),
        why,
    }
}

impl Exposure {
    /// From the group's rules about this traffic to the same without those that have to go, and with those that are made for them.
    pub fn change(&self, rules: &[GroupRule], about: &Traffic) -> (GroupRules, GroupRules) {
        let concerned = || {
            rules
                .iter()
                .filter(|rule| rule.permission.traffic().overlaps(about))
        };
        let of = |rules: Vec<GroupRule>| GroupRules {
            about: Some(about.clone()),
            rules,
        };
        let after = concerned()
            .filter(|rule| !self.remove.contains(rule))
            .chain(&self.make);
        (
            of(concerned().cloned().collect()),
            of(after.cloned().collect()),
        )
    }

    /// Takes a rule away and makes those that keep the rest of it, save those that are there already.
    fn narrow(&mut self, rule: &GroupRule, concern: &Concern, rules: &[GroupRule]) {
        let kept = rule.permission.traffic().without(&concern.traffic);
        if kept.others {
            self.lost.push(rule.permission.clone());
        }
        for permission in rule.permission.narrowed_to(&kept) {
            let known = rules
                .iter()
                .chain(&self.make)
                .any(|known| known.permission == permission);
            if !known {
                self.make.push(GroupRule {
                    permission,
                    id: None,
                    description: rule.description.clone(),
                    tags: rule.tags.clone(),
                });
            }
        }
        self.remove.push(rule.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(protocol: &str, range: (i32, i32), peer: &str) -> GroupRule {
        GroupRule {
            permission: Permission::new(
                protocol.to_owned().into(),
                Some(range.0),
                Some(range.1),
                peer.to_owned().into(),
            ),
            id: Some(format!("sgr-{protocol}-{}-{}-{peer}", range.0, range.1)),
            description: None,
            tags: std::collections::BTreeMap::new(),
        }
    }

    fn concern(parts: &[&str]) -> Concern {
        Concern {
            traffic: parts
                .iter()
                .map(|part| (*part).to_owned())
                .collect::<Vec<_>>()
                .try_into()
                .unwrap(),
            ranges_only: false,
        }
    }

    fn say(rules: &[GroupRule]) -> Vec<String> {
        rules
            .iter()
            .map(|rule| format!("{} {}", rule.permission, rule.permission.peer))
            .collect()
    }

    fn of(rules: &[GroupRule], concern: &Concern, on_wider: OnWider) -> Exposure {
        assess(rules, concern, on_wider, Width::default())
    }

    #[test]
    fn the_matrix_of_rules_for_ssh() {
        const REMOVED: Option<&[&str]> = Some(&[]);
        // Rule, whether it goes by itself, and what is left of it when it is narrowed; `None` where it is not touched.
        type Row = (
            &'static str,
            (i32, i32),
            &'static str,
            bool,
            Option<&'static [&'static str]>,
        );
        let table: [Row; 16] = [
            ("tcp", (22, 22), "0.0.0.0/0", true, REMOVED),
            ("tcp", (22, 22), "::/0", true, REMOVED),
            ("tcp", (22, 22), "2000::/3", true, REMOVED),
            ("tcp", (22, 22), "10.0.0.0/8", false, None),
            ("tcp", (22, 22), "203.0.113.7/32", false, None),
            ("tcp", (22, 22), "pl-0123456789abcdef0", false, None),
            ("tcp", (22, 22), "sg-0123456789abcdef0", false, None),
            ("tcp", (21, 21), "0.0.0.0/0", false, None),
            ("udp", (22, 22), "0.0.0.0/0", false, None),
            ("udp", (0, 65535), "0.0.0.0/0", false, None),
            ("icmp", (-1, -1), "0.0.0.0/0", false, None),
            ("50", (-1, -1), "0.0.0.0/0", false, None),
            (
                "tcp",
                (20, 25),
                "0.0.0.0/0",
                false,
                Some(&["tcp/20-21 0.0.0.0/0", "tcp/23-25 0.0.0.0/0"]),
            ),
            ("tcp", (22, 23), "::/0", false, Some(&["tcp/23 ::/0"])),
            (
                "tcp",
                (0, 65535),
                "0.0.0.0/0",
                false,
                Some(&["tcp/0-21 0.0.0.0/0", "tcp/23-65535 0.0.0.0/0"]),
            ),
            (
                "-1",
                (-1, -1),
                "0.0.0.0/0",
                false,
                Some(&[
                    "tcp/0-21 0.0.0.0/0",
                    "tcp/23-65535 0.0.0.0/0",
                    "udp/0-65535 0.0.0.0/0",
                    "icmp 0.0.0.0/0",
                ]),
            ),
        ];
        let ssh = concern(&["tcp/22"]);
        for (protocol, range, peer, goes, narrowed) in table {
            let it = rule(protocol, range, peer);
            let wider = narrowed.is_some() && !goes;
            let rules = [it.clone(), rule("tcp", (443, 443), "0.0.0.0/0")];

            let skip = of(&rules, &ssh, OnWider::Skip);
            assert_eq!(skip.remove == [it.clone()], goes, "skip {it:?}");
            assert_eq!(skip.left.len(), usize::from(wider), "skip {it:?}");
            assert!(skip.make.is_empty());

            let narrow = of(&rules, &ssh, OnWider::Narrow);
            assert_eq!(
                narrow.remove == [it.clone()],
                narrowed.is_some(),
                "narrow {it:?}"
            );
            assert_eq!(
                say(&narrow.make),
                narrowed.unwrap_or_default(),
                "narrow {it:?}"
            );
            assert_eq!(!narrow.lost.is_empty(), protocol == "-1", "{it:?}");

            let remove = of(&rules, &ssh, OnWider::Remove);
            assert_eq!(
                remove.remove == [it.clone()],
                narrowed.is_some(),
                "remove {it:?}"
            );
            assert!(remove.make.is_empty());
        }
    }

    #[test]
    fn halves_of_the_world_go_together_and_one_alone_is_reported() {
        let ssh = concern(&["tcp/22"]);
        let low = rule("tcp", (22, 22), "0.0.0.0/1");
        let high = rule("tcp", (22, 22), "128.0.0.0/1");
        let both = of(&[low.clone(), high], &ssh, OnWider::Skip);
        assert_eq!(both.remove.len(), 2);
        let one = of(std::slice::from_ref(&low), &ssh, OnWider::Skip);
        assert!(one.remove.is_empty());
        assert_eq!(one.left, [left(&low, LeftBecause::Wide)]);
    }

    #[test]
    fn halves_on_different_ports_are_no_world() {
        let ftp = concern(&["tcp/20-21"]);
        let rules = [
            rule("tcp", (20, 20), "0.0.0.0/1"),
            rule("tcp", (21, 21), "128.0.0.0/1"),
        ];
        assert!(of(&rules, &ftp, OnWider::Remove).remove.is_empty());
    }

    #[test]
    fn a_check_of_two_protocols_takes_both() {
        let cifs = concern(&["tcp/445", "udp/445"]);
        let rules = [
            rule("tcp", (445, 445), "0.0.0.0/0"),
            rule("udp", (445, 445), "::/0"),
            rule("udp", (444, 444), "::/0"),
        ];
        assert_eq!(of(&rules, &cifs, OnWider::Skip).remove, rules[..2]);
    }

    #[test]
    fn a_check_of_ranges_leaves_single_ports_and_reports_what_is_not_open_to_the_world() {
        let ranges = Concern {
            ranges_only: true,
            ..concern(&["tcp/0-65535", "udp/0-65535"])
        };
        let rules = [
            rule("tcp", (22, 22), "0.0.0.0/0"),
            rule("tcp", (8000, 8100), "10.0.0.0/8"),
            rule("tcp", (8000, 8100), "0.0.0.0/0"),
        ];
        let exposure = of(&rules, &ranges, OnWider::Skip);
        assert_eq!(exposure.remove, rules[2..]);
        assert_eq!(exposure.left, [left(&rules[1], LeftBecause::Elsewhere)]);
    }

    #[test]
    fn a_rule_that_is_there_already_is_not_made_again() {
        let rules = [
            rule("tcp", (22, 23), "0.0.0.0/0"),
            rule("tcp", (23, 23), "0.0.0.0/0"),
        ];
        let narrowed = of(&rules, &concern(&["tcp/22"]), OnWider::Narrow);
        assert_eq!(narrowed.remove, rules[..1]);
        assert!(narrowed.make.is_empty());
    }

    fn any_rule() -> impl Strategy<Value = GroupRule> {
        let protocol = prop::sample::select(vec!["tcp", "udp", "icmp", "-1", "50"]);
        let port = || prop_oneof![Just(0), Just(22), Just(65535), 18..28_i32];
        let peer = prop::sample::select(vec![
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "0.0.0.0/2",
            "64.0.0.0/2",
            "10.0.0.0/8",
            "203.0.113.0/24",
            "2001:db8::/32",
            "sg-0123456789abcdef0",
            "pl-0123456789abcdef0",
        ]);
        (protocol, port(), port(), peer).prop_map(|(protocol, a, b, peer)| match protocol {
            "tcp" | "udp" => rule(protocol, (a.min(b), a.max(b)), peer),
            _ => rule(protocol, (-1, -1), peer),
        })
    }

    /// A group's rules: no two alike.
    fn any_group() -> impl Strategy<Value = Vec<GroupRule>> {
        prop::collection::btree_map(
            any_rule().prop_map(|rule| rule.permission.clone()),
            any::<bool>(),
            0..10,
        )
        .prop_map(|permissions| {
            permissions
                .into_keys()
                .map(|permission| GroupRule {
                    id: Some(format!("{permission} {}", permission.peer)),
                    permission,
                    description: None,
                    tags: std::collections::BTreeMap::new(),
                })
                .collect()
        })
    }

    fn any_concern() -> impl Strategy<Value = Concern> {
        prop::sample::select(vec![
            (vec!["tcp/22"], false),
            (vec!["tcp/20-21"], false),
            (vec!["tcp/22", "udp/22"], false),
            (vec!["icmp"], false),
            (vec!["tcp/0-65535", "udp/0-65535"], true),
            (vec!["tcp/0-21", "tcp/24-65535", "udp/0-65535"], false),
            (
                vec!["tcp/0-65535", "udp/0-65535", "icmp", "other protocols"],
                false,
            ),
        ])
        .prop_map(|(parts, ranges_only)| Concern {
            ranges_only,
            ..concern(&parts)
        })
    }

    fn applied(rules: &[GroupRule], exposure: &Exposure) -> Vec<GroupRule> {
        rules
            .iter()
            .filter(|rule| !exposure.remove.contains(rule))
            .chain(&exposure.make)
            .cloned()
            .collect()
    }

    /// Who may send what: peer, protocol, port.
    fn reachable(rules: &[GroupRule], peer: &Peer, port: u16) -> (bool, bool, bool, bool) {
        let of_peer = |of: fn(&Traffic, u16) -> bool| {
            rules
                .iter()
                .any(|rule| rule.permission.peer == *peer && of(&rule.permission.traffic(), port))
        };
        (
            of_peer(|traffic, port| traffic.tcp.contains(port)),
            of_peer(|traffic, port| traffic.udp.contains(port)),
            of_peer(|traffic, _| traffic.icmp),
            of_peer(|traffic, _| traffic.others),
        )
    }

    proptest! {
        #[test]
        fn after_a_repair_nothing_is_left_to_repair(rules in any_group(), concern in any_concern(), narrow in any::<bool>()) {
            let on_wider = if narrow { OnWider::Narrow } else { OnWider::Remove };
            let exposure = of(&rules, &concern, on_wider);
            let after = applied(&rules, &exposure);
            let again = of(&after, &concern, on_wider);
            prop_assert_eq!(&again.remove, &[]);
            prop_assert_eq!(&again.make, &[]);
            let skipped = of(&rules, &concern, OnWider::Skip);
            prop_assert_eq!(of(&applied(&rules, &skipped), &concern, OnWider::Skip).remove, []);
        }

        #[test]
        fn a_repair_never_adds_access_and_narrowing_keeps_what_is_not_its_concern(
            rules in any_group(), concern in any_concern(), port in prop_oneof![18_u16..28, Just(0), Just(65535)],
        ) {
            for on_wider in [OnWider::Skip, OnWider::Narrow, OnWider::Remove] {
                let exposure = of(&rules, &concern, on_wider);
                let after = applied(&rules, &exposure);
                for rule in &rules {
                    let peer = &rule.permission.peer;
                    let before = reachable(&rules, peer, port);
                    let now = reachable(&after, peer, port);
                    prop_assert!(!now.0 || before.0, "tcp/{port} {peer}");
                    prop_assert!(!now.1 || before.1, "udp/{port} {peer}");
                    prop_assert!(!now.2 || before.2, "icmp {peer}");
                    prop_assert!(!now.3 || before.3, "others {peer}");
                    if on_wider == OnWider::Narrow && !concern.ranges_only {
                        prop_assert!(now.0 || !before.0 || concern.traffic.tcp.contains(port), "tcp/{port} {peer} lost");
                        prop_assert!(now.1 || !before.1 || concern.traffic.udp.contains(port), "udp/{port} {peer} lost");
                        prop_assert!(now.2 || !before.2 || concern.traffic.icmp, "icmp {peer} lost");
                    }
                }
            }
        }

        #[test]
        fn an_undo_brings_back_what_was_there_and_each_state_is_known_for_what_it_is(rules in any_group(), concern in any_concern()) {
            for on_wider in [OnWider::Skip, OnWider::Narrow, OnWider::Remove] {
                let exposure = of(&rules, &concern, on_wider);
                if exposure.remove.is_empty() {
                    continue;
                }
                let (from, to) = exposure.change(&rules, &concern.traffic);
                let written = |group: &GroupRules, from: &GroupRules, to: &GroupRules| GroupRules {
                    about: None,
                    rules: group
                        .rules
                        .iter()
                        .filter(|rule| !from.beyond(to).iter().any(|gone| gone.permission == rule.permission))
                        .chain(to.beyond(from))
                        .cloned()
                        .collect(),
                };
                let before = GroupRules { about: None, rules: rules.clone() };
                let after = written(&before, &from, &to);
                prop_assert!(before.are(&from) && !before.are(&to));
                prop_assert!(after.are(&to) && !after.are(&from));
                let back = written(&after, &to, &from);
                prop_assert!(back.are(&before) && before.are(&back));
            }
        }

        #[test]
        fn rules_that_are_not_its_concern_are_the_same_afterwards(rules in any_group(), concern in any_concern()) {
            for on_wider in [OnWider::Skip, OnWider::Narrow, OnWider::Remove] {
                let after = applied(&rules, &of(&rules, &concern, on_wider));
                for rule in rules.iter().filter(|rule| !concern.is_of(&rule.permission)) {
                    prop_assert!(after.contains(rule));
                }
                for rule in rules.iter().filter(|rule| matches!(rule.permission.peer, Peer::Group { .. } | Peer::PrefixList(_))) {
                    prop_assert!(after.contains(rule));
                }
            }
        }
    }
}
