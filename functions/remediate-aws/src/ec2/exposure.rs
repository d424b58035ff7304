//! What has to go so that the world no longer reaches a kind of traffic. Pure.

use serde::Deserialize;

use super::group_rule::{GroupRule, Peer, Permission, Protocol};
use super::group_rules::{GroupRules, by_tags};
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
        match (open.get(&position), on_wider) {
            (None, _) => exposure.leave(rule, concern),
            (Some(open), _) if rule.permission.traffic().within(open) => {
                exposure.remove.push(rule.clone());
            }
            (Some(_), OnWider::Remove) => exposure.remove.push(rule.clone()),
            (Some(open), OnWider::Narrow) => exposure.narrow(rule, open),
            (Some(_), OnWider::Skip) => exposure.left.push(left(rule, LeftBecause::Wider)),
        }
    }
    exposure.make_no_more_than_needed(rules);
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
    /// What is done to the group, in this order: first the rules are made that stay of others, then those go that have to.
    ///
    /// Each is one call, of which AWS does all or nothing. Whatever ends a repair between two of them, what is done by then is in
    /// the ledger as a change of its own, and can be taken back.
    pub fn changes(&self, rules: &[GroupRule], about: &Traffic) -> Vec<(GroupRules, GroupRules)> {
        let made = by_tags(&self.make).map(|made| self.making(&made));
        made.chain([self.taking_away(rules, about)]).collect()
    }

    /// Taken back only while the rules are there in whose place these were made: else nothing would be let through any more.
    fn making(&self, made: &[&GroupRule]) -> (GroupRules, GroupRules) {
        let made: Vec<GroupRule> = made.iter().copied().cloned().collect();
        let in_place_of = self.remove.iter().filter(|wider| {
            made.iter()
                .any(|rule| wider.permission.covers(&rule.permission))
        });
        let before = GroupRules {
            about: Some(Traffic::default()),
            rules: in_place_of.cloned().collect(),
            without: made.clone(),
        };
        let after = GroupRules {
            rules: before.rules.iter().cloned().chain(made).collect(),
            without: Vec::new(),
            ..before.clone()
        };
        (before, after)
    }

    fn taking_away(&self, rules: &[GroupRule], about: &Traffic) -> (GroupRules, GroupRules) {
        let concerned = rules
            .iter()
            .chain(&self.make)
            .filter(|rule| rule.permission.traffic().overlaps(about));
        let before = GroupRules {
            about: Some(about.clone()),
            rules: concerned.cloned().collect(),
            ..GroupRules::default()
        };
        let mut after = before.clone();
        after.rules.retain(|rule| !self.remove.contains(rule));
        (before, after)
    }

    /// A rule through which the world has nothing.
    fn leave(&mut self, rule: &GroupRule, concern: &Concern) {
        match &rule.permission.peer {
            Peer::PrefixList(_) | Peer::Group { .. } | Peer::Unknown(_) => {
                self.aside.push(rule.permission.clone());
            }
            peer if is_wide(peer) => self.left.push(left(rule, LeftBecause::Wide)),
            Peer::Ipv4(_) | Peer::Ipv6(_) if concern.is_of_ranges(&rule.permission) => {
                self.left.push(left(rule, LeftBecause::Elsewhere));
            }
            Peer::Ipv4(_) | Peer::Ipv6(_) => {}
        }
    }

    /// Takes a rule away and makes those that keep the rest of it: what of it is open is not all that the check is about where others
    /// make up the world with it.
    fn narrow(&mut self, rule: &GroupRule, open: &Traffic) {
        let kept = rule.permission.traffic().without(open);
        if kept.others {
            self.lost.push(rule.permission.clone());
        }
        let narrowed = rule.permission.narrowed_to(&kept);
        self.make
            .extend(narrowed.into_iter().map(|permission| GroupRule {
                permission,
                id: None,
                description: rule.description.clone(),
                tags: rule.tags.clone(),
            }));
        self.remove.push(rule.clone());
    }

    /// Leaves out what another rule lets through, one that stays or one that is made: a group holds only so many.
    fn make_no_more_than_needed(&mut self, rules: &[GroupRule]) {
        let stays = |rule: &&GroupRule| !self.remove.contains(rule);
        let mut needed: Vec<GroupRule> = Vec::new();
        for rule in &self.make {
            let covers = |other: &GroupRule| other.permission.covers(&rule.permission);
            if needed.iter().chain(rules.iter().filter(stays)).any(covers) {
                continue;
            }
            needed.retain(|known| !rule.permission.covers(&known.permission));
            needed.push(rule.clone());
        }
        self.make = needed;
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
    fn halves_on_ranges_that_overlap_lose_only_what_is_open_of_both() {
        let uncommon = concern(&["tcp/0-79", "tcp/81-65535", "udp/0-65535"]);
        let ranges = Concern {
            ranges_only: true,
            ..concern(&["tcp/0-65535", "udp/0-65535"])
        };
        let rules = [
            rule("tcp", (8000, 8010), "0.0.0.0/1"),
            rule("tcp", (8005, 8020), "128.0.0.0/1"),
        ];
        for concern in [uncommon, ranges] {
            let skip = of(&rules, &concern, OnWider::Skip);
            assert!(skip.remove.is_empty());
            let wider = |rule| left(rule, LeftBecause::Wider);
            assert_eq!(skip.left, [wider(&rules[0]), wider(&rules[1])]);

            let narrow = of(&rules, &concern, OnWider::Narrow);
            assert_eq!(narrow.remove, rules);
            assert_eq!(
                say(&narrow.make),
                ["tcp/8000-8004 0.0.0.0/1", "tcp/8011-8020 128.0.0.0/1"]
            );
            assert_eq!(of(&rules, &concern, OnWider::Remove).remove, rules);
        }
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

    #[test]
    fn what_another_rule_lets_through_is_not_made_beside_it() {
        let dns = concern(&["tcp/53"]);
        let rules = [
            rule("tcp", (50, 60), "0.0.0.0/0"),
            rule("tcp", (0, 60), "0.0.0.0/0"),
            rule("tcp", (53, 54), "0.0.0.0/0"),
            rule("tcp", (54, 100), "0.0.0.0/0"),
            rule("tcp", (50, 60), "::/0"),
        ];
        assert_eq!(
            say(&of(&rules, &dns, OnWider::Narrow).make),
            ["tcp/0-52 0.0.0.0/0", "tcp/50-52 ::/0", "tcp/54-60 ::/0"]
        );
    }

    #[test]
    fn what_is_made_is_a_change_of_its_own_for_each_set_of_tags_before_anything_goes() {
        let tagged = |mut rule: GroupRule| {
            rule.tags.insert("team".to_owned(), "web".to_owned());
            rule
        };
        let rules = [
            rule("tcp", (20, 25), "0.0.0.0/0"),
            tagged(rule("tcp", (22, 23), "::/0")),
        ];
        let ssh = concern(&["tcp/22"]);
        let changes = of(&rules, &ssh, OnWider::Narrow).changes(&rules, &ssh.traffic);
        let say = |rules: Vec<&GroupRule>| say(&rules.into_iter().cloned().collect::<Vec<_>>());
        let said: Vec<_> = changes
            .iter()
            .map(|(from, to)| (say(to.beyond(from)), say(from.beyond(to))))
            .collect();
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(
            said,
            [
                (
                    texts(&["tcp/20-21 0.0.0.0/0", "tcp/23-25 0.0.0.0/0"]),
                    texts(&[])
                ),
                (texts(&["tcp/23 ::/0"]), texts(&[])),
                (
                    texts(&[]),
                    texts(&["tcp/20-25 0.0.0.0/0", "tcp/22-23 ::/0"])
                ),
            ]
        );
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
                let written = |group: &GroupRules, from: &GroupRules, to: &GroupRules| GroupRules {
                    rules: group
                        .rules
                        .iter()
                        .filter(|rule| !from.beyond(to).iter().any(|gone| gone.permission == rule.permission))
                        .chain(to.beyond(from))
                        .cloned()
                        .collect(),
                    ..GroupRules::default()
                };
                let before = GroupRules { rules: rules.clone(), ..GroupRules::default() };
                let changes = exposure.changes(&rules, &concern.traffic);
                let mut group = before.clone();
                for (from, to) in &changes {
                    prop_assert!(group.are(from) && !group.are(to));
                    group = written(&group, from, to);
                    prop_assert!(group.are(to) && !group.are(from));
                }
                for (from, to) in changes.iter().rev() {
                    prop_assert!(group.are(to) && !group.are(from));
                    group = written(&group, to, from);
                    prop_assert!(group.are(from) && !group.are(to));
                }
                prop_assert!(group.are(&before) && before.are(&group));
            }
        }

        #[test]
        fn only_what_the_world_had_is_taken_away_when_it_is_narrowed(
            rules in any_group(), concern in any_concern(), port in prop_oneof![18_u16..28, Just(0), Just(65535)],
        ) {
            let after = applied(&rules, &of(&rules, &concern, OnWider::Narrow));
            let has = |rules: &[GroupRule], peer: &str| reachable(rules, &peer.to_owned().into(), port).0;
            let low = has(&rules, "0.0.0.0/1") || (has(&rules, "0.0.0.0/2") && has(&rules, "64.0.0.0/2"));
            let open = has(&rules, "0.0.0.0/0") || (low && has(&rules, "128.0.0.0/1"));
            for peer in ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/2", "64.0.0.0/2", "10.0.0.0/8"] {
                prop_assert!(open || has(&rules, peer) == has(&after, peer), "tcp/{port} {peer} lost");
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
