//! Rules of EC2, EBS and VPC.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::modify_snapshot_attribute::builders::ModifySnapshotAttributeFluentBuilder;
use aws_sdk_ec2::types::{
    Filter, FlowLogsResourceType, ImageAttributeName, IpPermission, IpRange, Ipv6Range,
    LaunchPermission, LaunchPermissionModifications, OperationType, PermissionGroup, PrefixListId,
    ResourceType, SnapshotAttributeName, Tag, TagSpecification, TrafficType, UserIdGroupPair,
};
use remediate_core::change::Outcome;
use remediate_core::rule::Mode;
use remediate_core::runner::UndoError;
use serde_json::{Value, json};

use crate::support::contract::contract;
use crate::support::{Bench, Ran, Scene};

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn tagged(kind: ResourceType, tags: &[(&str, &str)]) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags))
        .build()
}

/// A group of the default VPC, with the egress rule that AWS gives to each. Its id.
async fn group(bench: &Bench) -> String {
    let answer = client(bench)
        .create_security_group()
        .group_name("web")
        .description("of a test")
        .tag_specifications(tagged(ResourceType::SecurityGroup, &[("team", "web")]))
        .send();
    answer.await.unwrap().group_id.unwrap()
}

/// `tcp/22`, `tcp/20-25`, `icmp`, `-1` or `50`, with this peer.
fn permission(traffic: &str, peer: &str, description: Option<&str>) -> IpPermission {
    let (protocol, ports) = traffic.split_once('/').unwrap_or((traffic, "-1"));
    let port = |text: &str| text.parse::<i32>().unwrap();
    let (from, to) = match ports.split_once('-') {
        Some((from, to)) if !from.is_empty() => (port(from), port(to)),
        _ => (port(ports), port(ports)),
    };
    let description = description.map(str::to_owned);
    let permission = IpPermission::builder()
        .ip_protocol(protocol)
        .from_port(from)
        .to_port(to);
    let permission = if peer.starts_with("sg-") {
        let pair = UserIdGroupPair::builder().group_id(peer);
        permission.user_id_group_pairs(pair.set_description(description).build())
    } else if peer.starts_with("pl-") {
        let list = PrefixListId::builder().prefix_list_id(peer);
        permission.prefix_list_ids(list.set_description(description).build())
    } else if peer.contains(':') {
        let range = Ipv6Range::builder().cidr_ipv6(peer);
        permission.ipv6_ranges(range.set_description(description).build())
    } else {
        let range = IpRange::builder().cidr_ip(peer);
        permission.ip_ranges(range.set_description(description).build())
    };
    permission.build()
}

async fn let_in(bench: &Bench, group: &str, rules: &[(&str, &str)]) {
    for (traffic, peer) in rules {
        let request = client(bench)
            .authorize_security_group_ingress()
            .group_id(group)
            .ip_permissions(permission(traffic, peer, None));
        request.send().await.unwrap();
    }
}

/// With a description and a tag.
async fn let_in_described(bench: &Bench, group: &str, traffic: &str, peer: &str) {
    let request = client(bench)
        .authorize_security_group_ingress()
        .group_id(group)
        .ip_permissions(permission(traffic, peer, Some("until the VPN is there")))
        .tag_specifications(tagged(
            ResourceType::SecurityGroupRule,
            &[("ticket", "NET-7")],
        ));
    request.send().await.unwrap();
}

async fn let_out(bench: &Bench, group: &str, rules: &[(&str, &str)]) {
    for (traffic, peer) in rules {
        let request = client(bench)
            .authorize_security_group_egress()
            .group_id(group)
            .ip_permissions(permission(traffic, peer, None));
        request.send().await.unwrap();
    }
}

/// Takes the egress rule away that every group begins with.
async fn let_nothing_out(bench: &Bench, group: &str) {
    let request = client(bench)
        .revoke_security_group_egress()
        .group_id(group)
        .ip_permissions(permission("-1", "0.0.0.0/0", None));
    request.send().await.unwrap();
}

/// Every rule of the group, one a line, in order: `in tcp/22-22 0.0.0.0/0 (description) key=value`. Ids are left out.
async fn rules(bench: &Bench, group: &str) -> Vec<String> {
    let request = client(bench)
        .describe_security_group_rules()
        .filters(Filter::builder().name("group-id").values(group).build());
    let answer = request.send().await.unwrap();
    let mut lines: Vec<_> = answer
        .security_group_rules
        .unwrap()
        .into_iter()
        .map(|rule| {
            let way = if rule.is_egress.unwrap() { "out" } else { "in" };
            let peer = rule
                .cidr_ipv4
                .or(rule.cidr_ipv6)
                .or(rule.prefix_list_id)
                .or(rule.referenced_group_info.and_then(|info| info.group_id))
                .unwrap();
            let ports = match (rule.from_port, rule.to_port) {
                (Some(from), Some(to)) if from >= 0 => format!("/{from}-{to}"),
                _ => String::new(),
            };
            let mut line = format!("{way} {}{ports} {peer}", rule.ip_protocol.unwrap());
            if let Some(description) = rule.description.filter(|text| !text.is_empty()) {
                line.push_str(&format!(" ({description})"));
            }
            for tag in rule.tags.unwrap_or_default() {
                line.push_str(&format!(" {}={}", tag.key.unwrap(), tag.value.unwrap()));
            }
            line
        })
        .collect();
    lines.sort();
    lines
}

/// The ingress rules that the world is in.
async fn from_the_world(bench: &Bench, group: &str) -> Vec<String> {
    let all = rules(bench, group).await;
    let world = |line: &String| {
        let peer = line.split(' ').nth(2).unwrap();
        line.starts_with("in ") && (peer == "0.0.0.0/0" || peer == "::/0")
    };
    all.into_iter().filter(world).collect()
}

/// A rule about ports: what it objects to.
struct Open {
    rule: &'static str,
    traffic: &'static str,
    peer: &'static str,
    /// What others are let in with, who stay.
    beside: &'static str,
    parameters: Value,
}

impl Open {
    fn new(rule: &'static str, traffic: &'static str, peer: &'static str) -> Self {
        Self {
            rule,
            traffic,
            peer,
            beside: traffic,
            parameters: Value::Null,
        }
    }

    fn beside(mut self, traffic: &'static str) -> Self {
        self.beside = traffic;
        self
    }

    fn with(mut self, parameters: Value) -> Self {
        self.parameters = parameters;
        self
    }
}

/// Rules that no rule about ports may touch, whatever it is about.
async fn bystanders(bench: &Bench, group: &str, traffic: &str) {
    let mut rules = vec![
        (traffic, "10.0.0.0/8"),
        (traffic, "203.0.113.7/32"),
        (traffic, group),
        ("50", "198.51.100.0/24"),
    ];
    if !traffic.contains(':') {
        rules.push((traffic, "2001:db8::/32"));
    }
    let_in(bench, group, &rules).await;
}

#[async_trait]
impl Scene for Open {
    fn rule(&self) -> &'static str {
        self.rule
    }

    fn parameters(&self) -> Value {
        self.parameters.clone()
    }

    async fn broken(&self, bench: &Bench) -> String {
        let group = self.sound(bench).await;
        let_in_described(bench, &group, self.traffic, self.peer).await;
        group
    }

    async fn sound(&self, bench: &Bench) -> String {
        let group = group(bench).await;
        bystanders(bench, &group, self.beside).await;
        group
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("sg-0123456789abcdef0".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(rules(bench, resource).await)
    }
}

contract!(
    ec2_001,
    Open::new("EC2-001", "tcp/8000-8100", "0.0.0.0/0").beside("tcp/8080")
);
contract!(ec2_002, Open::new("EC2-002", "tcp/22", "0.0.0.0/0"));
contract!(ec2_034, Open::new("EC2-034", "udp/9999", "::/0"));
contract!(ec2_044, Open::new("EC2-044", "icmp", "0.0.0.0/0"));
contract!(ec2_033, OpenEgress);

/// Narrowing is two writes: whatever happens between them, it ends well.
mod narrowing {
    use super::*;
    use crate::support::contract::promise;

    fn scene() -> Open {
        Open::new("EC2-002", "tcp/20-25", "::/0").with(json!({"on_wider": "narrow"}))
    }

    #[tokio::test]
    async fn a_write_whose_answer_is_lost_is_found_out_about() {
        promise::lost(&scene()).await;
    }

    #[tokio::test]
    async fn any_denied_call_fails_loudly_and_for_good() {
        promise::denied(&scene()).await;
    }

    #[tokio::test]
    async fn a_call_that_stays_throttled_fails_and_comes_back() {
        promise::throttled(&scene()).await;
    }

    #[tokio::test]
    async fn an_undo_restores_and_is_not_done_twice() {
        promise::undone(&scene()).await;
    }
}

struct OpenEgress;

#[async_trait]
impl Scene for OpenEgress {
    fn rule(&self) -> &'static str {
        "EC2-033"
    }

    async fn broken(&self, bench: &Bench) -> String {
        let group = group(bench).await;
        let_in(bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
        let_out(bench, &group, &[("tcp/443", "10.0.0.0/8")]).await;
        group
    }

    async fn sound(&self, bench: &Bench) -> String {
        let group = self.broken(bench).await;
        let_nothing_out(bench, &group).await;
        group
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("sg-0123456789abcdef0".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(rules(bench, resource).await)
    }
}

#[tokio::test]
async fn each_rule_takes_its_own_ports_from_the_world_and_from_nobody_else() {
    let table: &[(&str, &[&str])] = &[
        ("EC2-002", &["tcp/22"]),
        ("EC2-003", &["tcp/3389", "udp/3389"]),
        ("EC2-004", &["tcp/1521"]),
        ("EC2-005", &["tcp/3306"]),
        ("EC2-006", &["tcp/5432"]),
        ("EC2-007", &["tcp/53", "udp/53"]),
        ("EC2-008", &["tcp/1433"]),
        ("EC2-038", &["tcp/23"]),
        ("EC2-039", &["tcp/25"]),
        ("EC2-040", &["tcp/135"]),
        ("EC2-041", &["tcp/139", "udp/137", "udp/138", "udp/137-138"]),
        ("EC2-042", &["tcp/20", "tcp/21", "tcp/20-21"]),
        ("EC2-043", &["tcp/445", "udp/445"]),
        ("EC2-044", &["icmp"]),
        ("EC2-045", &["tcp/27017"]),
        ("EC2-063", &["tcp/9200"]),
        ("EC2-064", &["tcp/80"]),
        ("EC2-065", &["tcp/443"]),
        ("EC2-074", &["tcp/6379"]),
        ("EC2-075", &["tcp/11211", "udp/11211"]),
    ];
    for (rule, traffic) in table {
        let bench = Bench::new().await;
        let group = group(&bench).await;
        let_in(
            &bench,
            &group,
            &[("tcp/7777", "0.0.0.0/0"), ("udp/22", "::/0")],
        )
        .await;
        for traffic in *traffic {
            let_in(&bench, &group, &[(traffic, "10.0.0.0/8")]).await;
        }
        let kept = rules(&bench, &group).await;
        for traffic in *traffic {
            let_in(&bench, &group, &[(traffic, "0.0.0.0/0"), (traffic, "::/0")]).await;
        }
        bench.repair(rule, &group).await.assert_repaired();
        assert_eq!(rules(&bench, &group).await, kept, "{rule}");
        bench.repair(rule, &group).await.assert_left_alone();
    }
}

#[tokio::test]
async fn the_matrix_of_rules_for_ssh() {
    // The rule; what is left of it when wider ones are skipped, narrowed, removed.
    const GONE: &[&str] = &[];
    type Row = (
        &'static [(&'static str, &'static str)],
        [Option<&'static [&'static str]>; 3],
    );
    let table: &[Row] = &[
        (&[("tcp/22", "0.0.0.0/0")], [Some(GONE); 3]),
        (&[("tcp/22", "::/0")], [Some(GONE); 3]),
        (&[("tcp/22", "10.0.0.0/8")], [None; 3]),
        (
            &[("tcp/20-25", "0.0.0.0/0")],
            [
                None,
                Some(&["in tcp/20-21 0.0.0.0/0", "in tcp/23-25 0.0.0.0/0"]),
                Some(GONE),
            ],
        ),
        (
            &[("tcp/0-65535", "::/0")],
            [
                None,
                Some(&["in tcp/0-21 ::/0", "in tcp/23-65535 ::/0"]),
                Some(GONE),
            ],
        ),
        (
            &[("-1", "0.0.0.0/0")],
            [
                None,
                Some(&[
                    "in icmp 0.0.0.0/0",
                    "in tcp/0-21 0.0.0.0/0",
                    "in tcp/23-65535 0.0.0.0/0",
                    "in udp/0-65535 0.0.0.0/0",
                ]),
                Some(GONE),
            ],
        ),
        (
            &[("tcp/22", "0.0.0.0/1"), ("tcp/22", "128.0.0.0/1")],
            [Some(GONE); 3],
        ),
        (&[("udp/22", "0.0.0.0/0")], [None; 3]),
        (&[("tcp/23", "0.0.0.0/0")], [None; 3]),
    ];
    for (given, expected) in table {
        for (on_wider, left) in ["skip", "narrow", "remove"].into_iter().zip(expected) {
            let bench = Bench::told("EC2-002", &json!({"on_wider": on_wider})).await;
            let group = group(&bench).await;
            let none = rules(&bench, &group).await;
            let_in(&bench, &group, given).await;
            let before = rules(&bench, &group).await;
            let ran = bench.repair("EC2-002", &group).await;
            let Some(left) = left else {
                assert_eq!(rules(&bench, &group).await, before, "{on_wider} {given:?}");
                assert!(ran.writes().is_empty(), "{on_wider} {given:?}");
                continue;
            };
            ran.assert_repaired();
            let mut wanted: Vec<_> = left.iter().map(|line| (*line).to_owned()).collect();
            wanted.extend(none);
            wanted.sort();
            assert_eq!(rules(&bench, &group).await, wanted, "{on_wider} {given:?}");
            bench.repair("EC2-002", &group).await.assert_left_alone();
        }
    }
}

#[tokio::test]
async fn a_wider_rule_is_reported_with_what_to_do_and_not_taken_for_repaired() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/0-65535", "0.0.0.0/0")]).await;
    let ran = bench.repair("EC2-002", &group).await;
    let because = ran.unsupported();
    for part in [group.as_str(), "tcp/0-65535 from 0.0.0.0/0", "on_wider"] {
        assert!(because.contains(part), "{because}");
    }
    // Beside a rule that can go, the wider one is what is left: that one is made and the other said.
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    let ran = bench.repair("EC2-002", &group).await;
    assert_eq!(ran.report().changes.len(), 1);
    match ran.outcome() {
        Outcome::Unsupported { because: left } | Outcome::Unverified { left, .. } => {
            assert!(left.contains("tcp/0-65535"), "{left}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(
        from_the_world(&bench, &group).await,
        ["in tcp/0-65535 0.0.0.0/0"]
    );
}

#[tokio::test]
async fn half_of_the_world_alone_is_reported_and_goes_if_it_is_said_to_be_too_wide() {
    let bench = Bench::told("EC2-002", &json!({"too_wide_ipv4": 1})).await;
    let group_one = group(&bench).await;
    let_in(&bench, &group_one, &[("tcp/22", "128.0.0.0/1")]).await;
    bench.repair("EC2-002", &group_one).await.assert_repaired();

    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "128.0.0.0/1")]).await;
    let ran = bench.repair("EC2-002", &group).await;
    assert!(
        ran.unsupported().contains("too_wide_ipv4"),
        "{}",
        ran.outcome()
    );
}

#[tokio::test]
async fn what_stays_allowed_is_made_before_the_wide_rule_goes_and_all_of_it_comes_back() {
    let bench = Bench::told("EC2-002", &json!({"on_wider": "narrow"})).await;
    let group = group(&bench).await;
    let_in_described(&bench, &group, "tcp/20-25", "0.0.0.0/0").await;
    // There already: neither made, nor taken away by an undo.
    let_in(&bench, &group, &[("tcp/23-25", "0.0.0.0/0")]).await;
    let before = rules(&bench, &group).await;
    let ran = bench.repair("EC2-002", &group).await;
    ran.assert_repaired();
    assert_eq!(
        ran.writes(),
        [
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupIngress"
        ]
    );
    assert_eq!(
        from_the_world(&bench, &group).await,
        [
            "in tcp/20-21 0.0.0.0/0 (until the VPN is there) ticket=NET-7",
            "in tcp/23-25 0.0.0.0/0"
        ]
    );
    let [made, taken_away] = ran.report().changes.as_slice() else {
        panic!("{:?}", ran.report().changes);
    };
    // In the wrong order nothing would be left of it: that is refused.
    let refused = bench.undo(&made.id).await;
    assert!(
        matches!(refused, Err(UndoError::MovedOn { .. })),
        "{refused:?}"
    );
    bench.undo(&taken_away.id).await.unwrap();
    bench.undo(&made.id).await.unwrap();
    assert_eq!(rules(&bench, &group).await, before);
}

/// What the ledger holds as made, newest first, is all of it that has to be taken back.
async fn undo_everything(bench: &Bench) {
    let mut made = bench.made().await;
    made.sort_by(|a, b| b.id.as_str().cmp(a.id.as_str()));
    for change in made {
        bench.undo(&change.id).await.unwrap();
    }
}

#[tokio::test]
async fn given_narrower_rules_made_without_an_answer_then_history_has_them_and_undo_takes_them_away()
 {
    let bench = Bench::trying_once("EC2-002", &json!({"on_wider": "narrow"})).await;
    let group = group(&bench).await;
    let_in_described(&bench, &group, "tcp/20-25", "0.0.0.0/0").await;
    let before = rules(&bench, &group).await;
    let call = "ec2:AuthorizeSecurityGroupIngress";
    bench.wire.on(call).answer_lost();
    bench.repair("EC2-002", &group).await.error();
    assert_eq!(from_the_world(&bench, &group).await.len(), 3);
    bench.repair("EC2-002", &group).await.assert_repaired();
    assert_eq!(from_the_world(&bench, &group).await.len(), 2);
    undo_everything(&bench).await;
    assert_eq!(rules(&bench, &group).await, before);
}

#[tokio::test]
async fn given_a_wide_rule_that_may_not_go_yet_then_undo_takes_away_what_was_made_for_it() {
    let bench = Bench::told("EC2-002", &json!({"on_wider": "narrow"})).await;
    let group = group(&bench).await;
    let_in_described(&bench, &group, "tcp/20-25", "0.0.0.0/0").await;
    let before = rules(&bench, &group).await;
    bench.wire.on("ec2:RevokeSecurityGroupIngress").denied();
    bench.repair("EC2-002", &group).await.error();
    let made = bench.made().await;
    assert!(
        made[0].summary.contains("make tcp/20-21 from 0.0.0.0/0"),
        "{}",
        made[0].summary
    );
    // Taken back as it is, and then done once more and brought to its end.
    undo_everything(&bench).await;
    assert_eq!(rules(&bench, &group).await, before);
    bench.wire.on("ec2:RevokeSecurityGroupIngress").denied();
    bench.repair("EC2-002", &group).await.error();
    let again = bench.repair("EC2-002", &group).await;
    again.assert_repaired();
    bench.undo(&again.change().id).await.unwrap();
    let newest = bench.made().await.into_iter();
    let newest = newest
        .filter(|change| change.summary.contains(": make"))
        .max_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    bench.undo(&newest.unwrap().id).await.unwrap();
    assert_eq!(rules(&bench, &group).await, before);
}

#[tokio::test]
async fn private_ranges_stay_however_wide_the_world_is_said_to_be() {
    let parameters = json!({"too_wide_ipv4": 16, "too_wide_ipv6": 12});
    let bench = Bench::told("EC2-002", &parameters).await;
    let group = group(&bench).await;
    let private = [
        ("tcp/22", "10.0.0.0/8"),
        ("tcp/22", "10.0.0.0/9"),
        ("tcp/22", "10.128.0.0/9"),
        ("tcp/22", "172.16.0.0/12"),
        ("tcp/22", "192.168.0.0/16"),
        ("tcp/22", "fc00::/7"),
    ];
    let_in(&bench, &group, &private).await;
    bench.repair("EC2-002", &group).await.assert_left_alone();
    let kept = rules(&bench, &group).await;
    let_in(&bench, &group, &[("tcp/22", "52.0.0.0/8")]).await;
    bench.repair("EC2-002", &group).await.assert_repaired();
    assert_eq!(rules(&bench, &group).await, kept);
}

#[tokio::test]
async fn halves_of_the_world_on_different_ranges_keep_what_only_one_half_has() {
    let halves = [
        ("tcp/8000-8010", "0.0.0.0/1"),
        ("tcp/8005-8020", "128.0.0.0/1"),
    ];
    for rule in ["EC2-001", "EC2-034"] {
        let bench = Bench::new().await;
        let group_one = group(&bench).await;
        let_in(&bench, &group_one, &halves).await;
        let ran = bench.repair(rule, &group_one).await;
        for part in ["tcp/8000-8010", "tcp/8005-8020", "on_wider"] {
            assert!(ran.unsupported().contains(part), "{rule} {}", ran.outcome());
        }

        let bench = Bench::told(rule, &json!({"on_wider": "narrow"})).await;
        let group = group(&bench).await;
        let_nothing_out(&bench, &group).await;
        let_in(&bench, &group, &halves).await;
        bench.repair(rule, &group).await;
        assert_eq!(
            rules(&bench, &group).await,
            ["in tcp/8000-8004 0.0.0.0/1", "in tcp/8011-8020 128.0.0.0/1"],
            "{rule}"
        );
    }
}

#[tokio::test]
async fn all_traffic_to_the_world_is_narrowed_to_what_is_allowed() {
    let parameters = json!({"on_wider": "narrow", "allowed_traffic": ["tcp/443", "udp/123"]});
    let bench = Bench::told("EC2-033", &parameters).await;
    let group = group(&bench).await;
    bench.repair("EC2-033", &group).await.assert_repaired();
    assert_eq!(
        rules(&bench, &group).await,
        ["out tcp/443-443 0.0.0.0/0", "out udp/123-123 0.0.0.0/0"]
    );
}

#[tokio::test]
async fn an_uncommon_port_goes_and_the_common_ones_stay() {
    let bench = Bench::told("EC2-034", &json!({"on_wider": "narrow"})).await;
    let group = group(&bench).await;
    let_in(
        &bench,
        &group,
        &[
            ("tcp/443", "0.0.0.0/0"),
            ("tcp/20-30", "::/0"),
            ("tcp/4444", "0.0.0.0/0"),
        ],
    )
    .await;
    bench.repair("EC2-034", &group).await.assert_repaired();
    assert_eq!(
        from_the_world(&bench, &group).await,
        [
            "in tcp/20-23 ::/0",
            "in tcp/25-25 ::/0",
            "in tcp/443-443 0.0.0.0/0"
        ]
    );
}

#[tokio::test]
async fn a_range_of_ports_that_the_world_does_not_reach_is_left_to_a_person() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(
        &bench,
        &group,
        &[("tcp/8000-8100", "10.0.0.0/8"), ("-1", group.as_str())],
    )
    .await;
    let ran = bench.repair("EC2-001", &group).await;
    let because = ran.unsupported();
    assert!(
        because.contains("tcp/8000-8100 from 10.0.0.0/8"),
        "{because}"
    );
}

#[tokio::test]
async fn a_group_without_any_rule_is_as_it_should_be() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_nothing_out(&bench, &group).await;
    bench.repair("EC2-002", &group).await.assert_left_alone();
}

#[tokio::test]
async fn prefix_lists_and_groups_are_not_looked_into_and_stay() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let list = client(&bench)
        .create_managed_prefix_list()
        .prefix_list_name("partners")
        .address_family("IPv4")
        .max_entries(5)
        .send();
    let list = list
        .await
        .unwrap()
        .prefix_list
        .unwrap()
        .prefix_list_id
        .unwrap();
    let_in(
        &bench,
        &group,
        &[("tcp/22", list.as_str()), ("tcp/22", group.as_str())],
    )
    .await;
    bench.repair("EC2-002", &group).await.assert_left_alone();
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    let ran = bench.repair("EC2-002", &group).await;
    ran.assert_repaired();
    assert!(
        ran.change().notes.iter().any(|note| note.contains(&list)),
        "{:?}",
        ran.change().notes
    );
    assert_eq!(rules(&bench, &group).await.len(), 3);
}

/// A subnet of the default VPC's and an interface in it that the group is attached to. Its id.
async fn attach(bench: &Bench, group: &str) -> String {
    let subnets = client(bench).describe_subnets().send().await.unwrap();
    let subnet = subnets.subnets.unwrap().remove(0).subnet_id.unwrap();
    let made = client(bench)
        .create_network_interface()
        .subnet_id(subnet)
        .groups(group)
        .send();
    let interface = made.await.unwrap().network_interface.unwrap();
    interface.network_interface_id.unwrap()
}

#[tokio::test]
async fn what_a_group_is_attached_to_is_said_and_holds_the_repair_back_if_asked() {
    let bench = Bench::told("EC2-002", &json!({"act_if": "unattached"})).await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    let interface = attach(&bench, &group).await;
    let ran = bench.repair("EC2-002", &group).await;
    assert!(ran.held().contains(&interface), "{}", ran.outcome());

    // A person says so.
    let mut sent = bench.finding("EC2-002", &group);
    sent.sent_by = Some("alice".to_owned());
    let ran = bench.run(&sent, Mode::Act).await;
    ran.assert_repaired();
    assert!(
        ran.change()
            .notes
            .iter()
            .any(|note| note.contains("1 network interface")),
        "{:?}",
        ran.change().notes
    );
}

#[tokio::test]
async fn a_group_that_is_attached_to_nothing_is_repaired_although_attached_ones_are_held() {
    let bench = Bench::told("EC2-002", &json!({"act_if": "unattached"})).await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    bench.repair("EC2-002", &group).await.assert_repaired();
}

#[tokio::test]
async fn what_may_go_out_of_a_group_in_use_is_taken_away_only_if_a_person_says_so() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    attach(&bench, &group).await;
    bench.repair("EC2-033", &group).await.held();
}

/// EC2-002's change of a group with SSH from everywhere.
async fn repaired(bench: &Bench) -> (String, Ran) {
    let group = group(bench).await;
    let_in(
        bench,
        &group,
        &[("tcp/22", "0.0.0.0/0"), ("tcp/3389", "0.0.0.0/0")],
    )
    .await;
    let ran = bench.repair("EC2-002", &group).await;
    ran.assert_repaired();
    (group, ran)
}

#[tokio::test]
async fn an_undo_is_refused_once_somebody_has_changed_who_may_use_the_port() {
    let bench = Bench::new().await;
    let (group, ran) = repaired(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "198.51.100.0/24")]).await;
    let before = rules(&bench, &group).await;
    let refused = bench.undo(&ran.change().id).await;
    assert!(
        matches!(refused, Err(UndoError::MovedOn { .. })),
        "{refused:?}"
    );
    assert_eq!(rules(&bench, &group).await, before);
}

#[tokio::test]
async fn what_happened_to_other_ports_since_is_no_obstacle_to_an_undo() {
    let bench = Bench::new().await;
    let (group, ran) = repaired(&bench).await;
    bench.repair("EC2-003", &group).await.assert_repaired();
    let_in(&bench, &group, &[("tcp/443", "0.0.0.0/0")]).await;
    bench.undo(&ran.change().id).await.unwrap();
    assert_eq!(
        from_the_world(&bench, &group).await,
        ["in tcp/22-22 0.0.0.0/0", "in tcp/443-443 0.0.0.0/0"]
    );
}

#[tokio::test]
async fn a_rule_that_somebody_else_takes_away_meanwhile_is_no_failure() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(
        &bench,
        &group,
        &[("tcp/22", "0.0.0.0/0"), ("tcp/22", "::/0")],
    )
    .await;
    let somebody = client(&bench)
        .revoke_security_group_ingress()
        .group_id(&group)
        .ip_permissions(permission("tcp/22", "::/0", None));
    bench
        .wire
        .on("ec2:RevokeSecurityGroupIngress")
        .after(async move {
            somebody.send().await.unwrap();
        });
    bench.repair("EC2-002", &group).await.assert_repaired();
    assert!(from_the_world(&bench, &group).await.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_lost_once_is_no_failure() {
    for (rule, call, traffic) in [
        ("EC2-002", "ec2:RevokeSecurityGroupIngress", "tcp/22"),
        ("EC2-002", "ec2:AuthorizeSecurityGroupIngress", "tcp/20-25"),
    ] {
        let bench = Bench::told(rule, &json!({"on_wider": "narrow"})).await;
        let group = group(&bench).await;
        let_in(&bench, &group, &[(traffic, "0.0.0.0/0")]).await;
        bench.wire.on(call).answer_lost();
        // The SDK asks again, and is told that it is done already.
        bench.repair(rule, &group).await.assert_repaired();
    }
}

const UNKNOWN: &str = r#"<?xml version="1.0"?><RevokeSecurityGroupIngressResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>test</requestId><return>false</return><unknownIpPermissionSet><item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item></unknownIpPermissionSet></RevokeSecurityGroupIngressResponse>"#;

#[tokio::test]
async fn an_answer_that_lists_rules_it_did_not_know_is_read() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    // As a default VPC does it: no error, and nothing taken away.
    bench
        .wire
        .on("ec2:RevokeSecurityGroupIngress")
        .answers(200, UNKNOWN);
    let ran = bench.repair("EC2-002", &group).await;
    ran.assert_repaired();
    assert_eq!(ran.writes().len(), 2);
    assert!(from_the_world(&bench, &group).await.is_empty());
}

#[tokio::test]
async fn rules_that_aws_never_knows_are_a_failure_that_says_so() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    bench
        .wire
        .on("ec2:RevokeSecurityGroupIngress")
        .always()
        .answers(200, UNKNOWN);
    let ran = bench.repair("EC2-002", &group).await;
    assert!(
        ran.error().to_string().contains("UnknownIpPermissions"),
        "{}",
        ran.error()
    );
}

#[tokio::test]
async fn rules_are_read_to_the_last_page() {
    let page = |items: &str, token: &str| {
        format!(
            r#"<?xml version="1.0"?><DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>test</requestId><securityGroupRuleSet>{items}</securityGroupRuleSet>{token}</DescribeSecurityGroupRulesResponse>"#
        )
    };
    let item = |id: &str, port: u16| {
        format!(
            "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>sg-0123456789abcdef0</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4></item>"
        )
    };
    let first = page(&item("sgr-1", 443), "<nextToken>more</nextToken>");
    let last = page(&item("sgr-2", 22), "");
    let bench = Bench::new().await;
    let group = group(&bench).await;
    bench
        .wire
        .on("ec2:DescribeSecurityGroupRules")
        .played_by(move |call| {
            let more = call.body.contains("NextToken=more");
            (200, if more { last.clone() } else { first.clone() })
        });
    let finding = bench.finding("EC2-002", &group);
    let ran = bench.run(&finding, Mode::Observe).await;
    assert!(
        matches!(ran.outcome(), Outcome::Planned { changes: 1 }),
        "{}",
        ran.outcome()
    );
    let summary = &ran.report().changes[0].summary;
    assert!(summary.contains("tcp/22 from 0.0.0.0/0"), "{summary}");
    assert!(!summary.contains("443"), "{summary}");
}

#[tokio::test]
async fn a_group_that_another_account_shares_is_left_to_it() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    let answer = format!(
        r#"<?xml version="1.0"?><DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>test</requestId><securityGroupInfo><item><ownerId>999999999999</ownerId><groupId>{group}</groupId></item></securityGroupInfo></DescribeSecurityGroupsResponse>"#
    );
    bench
        .wire
        .on("ec2:DescribeSecurityGroups")
        .always()
        .answers(200, &answer);
    let ran = bench.repair("EC2-002", &group).await;
    assert!(
        ran.unsupported().contains("999999999999"),
        "{}",
        ran.outcome()
    );
}

/// Lets a CloudFormation stack of this name be whose the group is.
async fn give_to_stack(bench: &Bench, group: &str, stack: &str) {
    let request = client(bench)
        .create_tags()
        .resources(group)
        .tags(tag("aws:cloudformation:stack-name", stack));
    request.send().await.unwrap();
}

#[tokio::test]
async fn a_group_of_a_stack_is_repaired_and_the_stack_is_named() {
    let bench = Bench::new().await;
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    give_to_stack(&bench, &group, "shop").await;
    let ran = bench.repair("EC2-002", &group).await;
    ran.assert_repaired();
    assert!(
        ran.change()
            .notes
            .iter()
            .any(|note| note.contains("stack shop")),
        "{:?}",
        ran.change().notes
    );
}

#[tokio::test]
async fn a_group_of_this_installation_is_left_alone() {
    let bench = Bench::new().await.in_stack("auto-remediate");
    let group = group(&bench).await;
    let_in(&bench, &group, &[("tcp/22", "0.0.0.0/0")]).await;
    give_to_stack(&bench, &group, "auto-remediate").await;
    let ran = bench.repair("EC2-002", &group).await;
    assert!(
        ran.unsupported().contains("this installation"),
        "{}",
        ran.outcome()
    );
}

#[tokio::test]
async fn ids_that_are_none_of_a_group_reach_no_call() {
    let bench = Bench::new().await;
    for id in [
        "sg-",
        "sg-xyz12345",
        "web",
        "sg-0a1b2c3d&Action=DeleteVpc",
        "vpc-0a1b2c3d",
    ] {
        let ran = bench.repair("EC2-002", id).await;
        ran.unsupported();
        assert!(ran.names().is_empty(), "{id}: {:?}", ran.names());
    }
}

/// A snapshot, shared with two accounts by name, and with everybody or not. Its id.
async fn snapshot(bench: &Bench, public: bool) -> String {
    let client = client(bench);
    let volume = client
        .create_volume()
        .size(1)
        .availability_zone("us-east-1a")
        .send();
    let volume = volume.await.unwrap().volume_id.unwrap();
    let snapshot = client
        .create_snapshot()
        .volume_id(volume)
        .tag_specifications(tagged(ResourceType::Snapshot, &[("team", "data")]))
        .send();
    let snapshot = snapshot.await.unwrap().snapshot_id.unwrap();
    let share = |request: ModifySnapshotAttributeFluentBuilder| {
        request
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .operation_type(OperationType::Add)
            .snapshot_id(&snapshot)
            .send()
    };
    let by_name = client.modify_snapshot_attribute();
    let by_name = by_name.user_ids("111111111111").user_ids("222222222222");
    share(by_name).await.unwrap();
    if public {
        let everybody = client.modify_snapshot_attribute().group_names("all");
        share(everybody).await.unwrap();
    }
    snapshot
}

struct PublicSnapshot;

#[async_trait]
impl Scene for PublicSnapshot {
    fn rule(&self) -> &'static str {
        "EBS-009"
    }

    async fn broken(&self, bench: &Bench) -> String {
        snapshot(bench, true).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        snapshot(bench, false).await
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("snap-0123456789abcdef0".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        let answer = client(bench)
            .describe_snapshot_attribute()
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .snapshot_id(resource)
            .send();
        let permissions = answer.await.unwrap().create_volume_permissions.unwrap();
        let mut whom: Vec<_> = permissions
            .into_iter()
            .map(|permission| {
                let group = permission.group.map(|group| group.as_str().to_owned());
                group.or(permission.user_id).unwrap()
            })
            .collect();
        whom.sort();
        json!(whom)
    }
}

contract!(ebs_009, PublicSnapshot);

/// An image, shared with an account by name, and with everybody or not. Its id.
async fn image(bench: &Bench, public: bool) -> String {
    let client = client(bench);
    let image = client.register_image().name("golden").send().await.unwrap();
    let image = image.image_id.unwrap();
    let account = LaunchPermission::builder().user_id("111111111111").build();
    let mut change = LaunchPermissionModifications::builder().add(account);
    if public {
        change = change.add(
            LaunchPermission::builder()
                .group(PermissionGroup::All)
                .build(),
        );
    }
    let request = client
        .modify_image_attribute()
        .image_id(&image)
        .launch_permission(change.build());
    request.send().await.unwrap();
    image
}

struct PublicImage;

#[async_trait]
impl Scene for PublicImage {
    fn rule(&self) -> &'static str {
        "EC2-019"
    }

    async fn broken(&self, bench: &Bench) -> String {
        image(bench, true).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        image(bench, false).await
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        // moto fails at an image that is not there.
        bench
            .wire
            .on("ec2:DescribeImageAttribute")
            .always()
            .refused(
                400,
                "InvalidAMIID.NotFound",
                "The image id '[ami-0123456789abcdef0]' does not exist",
            );
        Some("ami-0123456789abcdef0".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        let answer = client(bench)
            .describe_image_attribute()
            .attribute(ImageAttributeName::LaunchPermission)
            .image_id(resource)
            .send();
        let permissions = answer.await.unwrap().launch_permissions.unwrap();
        let mut whom: Vec<_> = permissions
            .into_iter()
            .map(|permission| {
                let group = permission.group.map(|group| group.as_str().to_owned());
                group.or(permission.user_id).unwrap()
            })
            .collect();
        whom.sort();
        json!(whom)
    }
}

contract!(ec2_019, PublicImage);

#[tokio::test]
async fn what_is_shared_by_name_as_well_is_held_back_if_asked() {
    for rule in ["EBS-009", "EC2-019"] {
        let parameters = json!({"act_if": "shared_with_nobody_else"});
        let bench = Bench::told(rule, &parameters).await;
        let resource = if rule == "EBS-009" {
            snapshot(&bench, true).await
        } else {
            image(&bench, true).await
        };
        let ran = bench.repair(rule, &resource).await;
        assert!(ran.held().contains("111111111111"), "{}", ran.outcome());
    }
}

#[tokio::test]
async fn an_image_of_another_account_is_a_denial_and_no_matter_of_credentials() {
    let bench = Bench::new().await;
    bench
        .wire
        .on("ec2:DescribeImageAttribute")
        .always()
        .refused(
            403,
            "AuthFailure",
            "Not authorized for image:ami-0123456789abcdef0",
        );
    let ran = bench.repair("EC2-019", "ami-0123456789abcdef0").await;
    let error = ran.error().to_string();
    assert!(error.contains("is not allowed"), "{error}");
}

#[tokio::test]
async fn an_image_that_was_deregistered_does_not_exist() {
    let bench = Bench::new().await;
    bench.wire.on("ec2:DescribeImageAttribute").refused(
        400,
        "InvalidAMIID.Unavailable",
        "The image ID 'ami-0123456789abcdef0' is no longer available",
    );
    let ran = bench.repair("EC2-019", "ami-0123456789abcdef0").await;
    assert!(
        ran.unsupported().contains("does not exist"),
        "{}",
        ran.outcome()
    );
}

fn role(bench: &Bench) -> String {
    format!("arn:aws:iam::{}:role/AutoRemediateFlowLogs", bench.account)
}

async fn bench_with_role() -> Bench {
    Bench::told("VPC-001", &json!({"role": "AutoRemediateFlowLogs"})).await
}

async fn vpc(bench: &Bench) -> String {
    let made = client(bench)
        .create_vpc()
        .cidr_block("10.9.0.0/16")
        .tag_specifications(tagged(ResourceType::Vpc, &[("team", "net")]))
        .send();
    made.await.unwrap().vpc.unwrap().vpc_id.unwrap()
}

async fn make_flow_log(bench: &Bench, vpc: &str, traffic: TrafficType, group: &str) {
    let request = client(bench)
        .create_flow_logs()
        .resource_type(FlowLogsResourceType::Vpc)
        .resource_ids(vpc)
        .traffic_type(traffic)
        .log_group_name(group)
        .deliver_logs_permission_arn(role(bench));
    let made = request.send().await.unwrap();
    assert!(made.unsuccessful.unwrap_or_default().is_empty());
}

/// `ALL vpc-flow-logs`
async fn flow_logs(bench: &Bench, vpc: &str) -> Vec<String> {
    let request = client(bench)
        .describe_flow_logs()
        .filter(Filter::builder().name("resource-id").values(vpc).build());
    let logs = request.send().await.unwrap().flow_logs.unwrap_or_default();
    let mut lines: Vec<_> = logs
        .into_iter()
        .map(|log| {
            format!(
                "{} {}",
                log.traffic_type.unwrap().as_str(),
                log.log_group_name.unwrap()
            )
        })
        .collect();
    lines.sort();
    lines
}

fn logs(bench: &Bench) -> aws_sdk_cloudwatchlogs::Client {
    aws_sdk_cloudwatchlogs::Client::new(&bench.world)
}

async fn make_log_group(bench: &Bench, name: &str) {
    let made = logs(bench).create_log_group().log_group_name(name).send();
    made.await.unwrap();
}

/// The log groups whose names begin so, and how long they keep logs.
async fn log_groups(bench: &Bench, prefix: &str) -> Vec<(String, Option<i32>)> {
    let answer = logs(bench)
        .describe_log_groups()
        .log_group_name_prefix(prefix)
        .send();
    let groups = answer.await.unwrap().log_groups.unwrap();
    groups
        .into_iter()
        .map(|group| (group.log_group_name.unwrap(), group.retention_in_days))
        .collect()
}

struct NoFlowLogs;

#[async_trait]
impl Scene for NoFlowLogs {
    fn rule(&self) -> &'static str {
        "VPC-001"
    }

    fn parameters(&self) -> Value {
        json!({"role": "AutoRemediateFlowLogs"})
    }

    async fn broken(&self, bench: &Bench) -> String {
        make_log_group(bench, "vpc-flow-logs").await;
        // Records rejected traffic alone: not enough, and not touched.
        let vpc = vpc(bench).await;
        make_flow_log(bench, &vpc, TrafficType::Reject, "rejected").await;
        vpc
    }

    async fn sound(&self, bench: &Bench) -> String {
        // Without its group, moto has the log as one that is not delivered.
        make_log_group(bench, "elsewhere").await;
        let vpc = vpc(bench).await;
        make_flow_log(bench, &vpc, TrafficType::All, "elsewhere").await;
        vpc
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("vpc-0123456789abcdef0".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(flow_logs(bench, resource).await)
    }
}

contract!(vpc_001, NoFlowLogs);

#[tokio::test]
async fn a_log_group_is_made_with_a_retention_if_there_is_none() {
    let bench = bench_with_role().await;
    // Its name begins alike, and it is another one.
    make_log_group(&bench, "vpc-flow-logs-old").await;
    let vpc = vpc(&bench).await;
    let ran = bench.repair("VPC-001", &vpc).await;
    ran.assert_repaired();
    assert_eq!(ran.report().changes.len(), 2);
    assert_eq!(flow_logs(&bench, &vpc).await, ["ALL vpc-flow-logs"]);
    assert_eq!(
        log_groups(&bench, "vpc-flow-logs").await,
        [
            ("vpc-flow-logs".to_owned(), Some(365)),
            ("vpc-flow-logs-old".to_owned(), None)
        ]
    );
    let group = &ran.report().changes[0];
    let refused = bench.undo(&group.id).await;
    assert!(
        matches!(refused, Err(UndoError::Irreversible { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_log_group_that_is_there_keeps_its_retention() {
    let bench = bench_with_role().await;
    make_log_group(&bench, "vpc-flow-logs").await;
    let set = logs(&bench)
        .put_retention_policy()
        .log_group_name("vpc-flow-logs")
        .retention_in_days(3653);
    set.send().await.unwrap();
    let vpc = vpc(&bench).await;
    bench.repair("VPC-001", &vpc).await.assert_repaired();
    assert_eq!(
        log_groups(&bench, "vpc-flow-logs").await,
        [("vpc-flow-logs".to_owned(), Some(3653))]
    );
}

#[tokio::test]
async fn without_a_role_a_person_is_told_which_parameter_is_missing() {
    let bench = Bench::new().await;
    let vpc = vpc(&bench).await;
    let ran = bench.repair("VPC-001", &vpc).await;
    assert!(ran.unsupported().contains("role"), "{}", ran.outcome());
    assert!(flow_logs(&bench, &vpc).await.is_empty());
}

#[tokio::test]
async fn a_flow_log_that_is_not_delivered_is_reported_and_left() {
    let bench = bench_with_role().await;
    let vpc = vpc(&bench).await;
    let answer = format!(
        r#"<?xml version="1.0"?><DescribeFlowLogsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>test</requestId><flowLogSet><item><flowLogId>fl-1</flowLogId><resourceId>{vpc}</resourceId><trafficType>ALL</trafficType><flowLogStatus>ACTIVE</flowLogStatus><deliverLogsStatus>FAILED</deliverLogsStatus><deliverLogsErrorMessage>Access error</deliverLogsErrorMessage><logGroupName>vpc-flow-logs</logGroupName></item></flowLogSet></DescribeFlowLogsResponse>"#
    );
    bench
        .wire
        .on("ec2:DescribeFlowLogs")
        .always()
        .answers(200, &answer);
    let ran = bench.repair("VPC-001", &vpc).await;
    let because = ran.unsupported();
    assert!(
        because.contains("fl-1") && because.contains("Access error"),
        "{because}"
    );
}

#[tokio::test]
async fn an_answer_that_names_the_vpc_among_the_unsuccessful_is_a_failure() {
    let bench = bench_with_role().await;
    make_log_group(&bench, "vpc-flow-logs").await;
    let vpc = vpc(&bench).await;
    let answer = format!(
        r#"<?xml version="1.0"?><CreateFlowLogsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>test</requestId><unsuccessful><item><resourceId>{vpc}</resourceId><error><code>UnauthorizedOperation</code><message>may not pass the role</message></error></item></unsuccessful></CreateFlowLogsResponse>"#
    );
    bench
        .wire
        .on("ec2:CreateFlowLogs")
        .always()
        .answers(200, &answer);
    let ran = bench.repair("VPC-001", &vpc).await;
    let error = ran.error();
    assert!(
        error.to_string().contains("may not pass the role"),
        "{error}"
    );
    assert!(!error.class().is_retryable());
}
