use super::*;
use crate::finding::{Evidence, Finding, Severity, Source, Subject, Verdict};
use crate::id::Person;
use crate::rule::{Mode, registry};

fn nothing(_: &str) -> Option<String> {
    None
}

fn with_rules(change: impl FnOnce(String) -> String) -> Result<Config, ConfigError> {
    let mut files = ConfigFiles::packaged();
    let text = change(files.files["rules.toml"].clone());
    files.replace("rules.toml", text, "test");
    Config::load(&files, &nothing)
}

fn packaged() -> Config {
    Config::load(&ConfigFiles::packaged(), &nothing).unwrap()
}

#[test]
fn the_shipped_configuration_is_sound_and_everything_in_it_is_off() {
    let config = packaged();
    assert!(config.rules.iter().all(|(_, rule)| !rule.config.enabled));
}

#[test]
fn the_shipped_rules_are_those_of_the_registry_with_its_modes_and_functions() {
    let config = packaged();
    let shipped: Vec<_> = config
        .rules
        .iter()
        .map(|(id, rule)| (id.to_string(), rule.config.mode))
        .collect();
    let mut registry: Vec<_> = registry()
        .map(|spec| (spec.id.to_owned(), spec.mode))
        .collect();
    registry.sort();
    assert_eq!(shipped, registry);
}

#[test]
fn checks_find_their_rule_by_type_then_name_then_not_at_all() {
    let config = packaged();
    let table = [
        ("disk_encryption_check", "", "posture.disk-encryption"),
        ("BitLocker", "disk_encryption", "posture.disk-encryption"),
        ("FileVault", "", "posture.disk-encryption"),
        ("Firewall on every Mac", "", "posture.firewall"),
        ("our antivirus", "", "posture.antivirus"),
        ("firewall", "os_version", "posture.os-updates"),
        ("os_update_check", "", "posture.os-updates"),
        ("screen lock", "", "posture.screen-lock"),
        (
            "Corporate certificate",
            "client_certificate",
            "posture.other",
        ),
    ];
    for (name, check_type, rule) in table {
        assert_eq!(
            config.rules.for_check(name, check_type).unwrap().as_str(),
            rule,
            "{name} ({check_type})"
        );
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = with_rules(|text| text.replacen("[storm]", "[storm]\nshare = 1", 1))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unknown field `share`") && error.contains("line "),
        "{error}"
    );
}

#[test]
fn every_problem_is_named_with_file_line_and_key() {
    let error = with_rules(|text| {
        let text = text.replace("max_share = 0.3", "max_share = 3.0");
        text.replacen(
            "functions = [\"notify-telegram\", \"open-jira\"]",
            "functions = [\"notify-pigeon\"]",
            1,
        )
    });
    let ConfigError::Invalid { problems } = error.unwrap_err() else {
        panic!("expected problems")
    };
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        problems[0].starts_with("test/rules.toml:")
            && problems[0].contains("storm.max_share: 3 is no share"),
        "{problems:#?}"
    );
    assert!(
        problems[1].contains(".functions: `notify-pigeon` does not serve this rule"),
        "{problems:#?}"
    );
}

#[test]
fn a_rule_without_a_mode_is_refused() {
    let error = with_rules(|text| text.replacen("mode = \"act\"\n", "", 1))
        .unwrap_err()
        .to_string();
    assert!(error.contains("missing field `mode`"), "{error}");
}

#[test]
fn services_are_overridden_by_the_environment() {
    let env = |name: &str| match name {
        "REMEDIATE_JIRA_BASE_URL" => Some("http://127.0.0.1:4010".to_owned()),
        "REMEDIATE_JIRA_LABELS" => Some("[\"a\", \"b\"]".to_owned()),
        "REMEDIATE_INTAKE_BUCKETS" => Some("one, two".to_owned()),
        "TELEGRAM_CHAT_ID" => Some("-1001234567890".to_owned()),
        _ => None,
    };
    let config = Config::load(&ConfigFiles::packaged(), &env).unwrap();
    assert_eq!(
        config.services.jira.base_url.unwrap().as_str(),
        "http://127.0.0.1:4010/"
    );
    assert_eq!(config.services.jira.labels, ["a", "b"]);
    assert_eq!(config.services.telegram.team_chat, Some(-1_001_234_567_890));
    assert_eq!(config.rules.intake.buckets, ["one", "two"]);
}

#[test]
fn a_pasted_token_is_refused_without_being_shown() {
    let mut files = ConfigFiles::packaged();
    let text = files.files["services.toml"].replace(
        "env:TELEGRAM_BOT_TOKEN",
        "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    );
    files.replace("services.toml", text, "test");
    let error = Config::load(&files, &nothing).unwrap_err().to_string();
    assert!(
        !error.contains("AAHdq") && error.contains("reference to a secret"),
        "{error}"
    );
}

#[test]
fn scope_and_exemptions_hold_for_people() {
    let config = with_rules(|text| {
        text.replacen(
            "[rules.\"posture.firewall\"]",
            "[[rules.\"posture.firewall\".exemptions]]\nsubject = \"bob@*\"\nowner = \"CISO\"\nreason = \"lab machine\"\nuntil = \"2026-12-31\"\n\n[rules.\"posture.firewall\".except]\npeople = [\"*@contractor.example\"]\n\n[rules.\"posture.firewall\"]",
            1,
        )
    })
    .unwrap();
    let rule = config.rules.get(&"posture.firewall".into()).unwrap();
    let finding = |email: &str| Finding {
        rule: "posture.firewall".into(),
        subject: Subject::Device {
            person: Person::new(email),
            device: "DEV-1".into(),
            check: "firewall".into(),
        },
        verdict: Verdict::Failed,
        observed_at: jiff::Timestamp::UNIX_EPOCH,
        severity: Severity::Medium,
        evidence: Evidence::default(),
        source: Source::default(),
        sent_by: None,
    };
    assert_eq!(
        rule.out_of_scope(&finding("eve@contractor.example"))
            .as_deref(),
        Some("except.people")
    );
    assert_eq!(rule.out_of_scope(&finding("bob@example.com")), None);
    let in_time = "2026-12-31T23:00:00Z".parse().unwrap();
    let too_late = "2027-01-01T00:00:00Z".parse().unwrap();
    assert!(
        rule.exemption(&finding("bob@example.com"), in_time)
            .is_some()
    );
    assert!(
        rule.exemption(&finding("bob@example.com"), too_late)
            .is_none()
    );
    assert!(
        rule.exemption(&finding("alice@example.com"), in_time)
            .is_none()
    );
}

/// The shipped rules with this added to EC2-002.
fn ec2_002_with(table: &str) -> Result<Config, ConfigError> {
    with_rules(|text| {
        text.replacen(
            "[rules.\"posture.firewall\"]",
            &format!("{table}\n\n[rules.\"posture.firewall\"]"),
            1,
        )
    })
}

fn confined_to(pattern: &str) -> Result<Config, ConfigError> {
    ec2_002_with(&format!(
        "[rules.\"EC2-002\".only]\nresources = [{pattern:?}]"
    ))
}

fn about(resource: &str) -> Finding {
    Finding {
        rule: "EC2-002".into(),
        subject: Subject::Resource {
            account: Some("123456789012".into()),
            region: Some("eu-central-1".to_owned()),
            resource: resource.to_owned(),
        },
        verdict: Verdict::Failed,
        observed_at: jiff::Timestamp::UNIX_EPOCH,
        severity: Severity::Medium,
        evidence: Evidence::default(),
        source: Source::default(),
        sent_by: None,
    }
}

#[test]
fn globs_stand_for_any_character_whatever_its_case() {
    let table = [
        ("sg-0123", "sg-0123", true),
        ("sg-0123", "SG-0123", true),
        ("sg-0123", "sg-01234", false),
        ("*", "", true),
        ("*", "arn:aws:sqs:eu-central-1:123456789012:jobs", true),
        (
            "arn:*/prod/*",
            "arn:aws:iam::123456789012:role/prod/app",
            true,
        ),
        (
            "arn:*/prod/*",
            "arn:aws:iam::123456789012:role/test/app",
            false,
        ),
        ("logs-?", "logs-7", true),
        ("logs-?", "logs-", false),
        ("a?b", "a/b", true),
        ("logs-[0-9]*", "logs-7-old", true),
        ("logs-[!0-9]", "logs-7", false),
        ("*.hidden", ".hidden", true),
        ("a**b", "a/x/b", true),
        ("**", "logs", true),
        ("[*]", "*", true),
        ("[**]", "*", true),
        ("[*]", "x", false),
        ("x[{]y}", "x{y}", true),
        ("größe-*", "größe-1", true),
        (r"corp\pc-*", r"CORP\pc-1", true),
    ];
    for (pattern, resource, matches) in table {
        let config = confined_to(pattern).unwrap();
        let rule = config.rules.get(&"EC2-002".into()).unwrap();
        assert_eq!(
            rule.out_of_scope(&about(resource)).is_none(),
            matches,
            "{pattern} {resource}"
        );
    }
}

#[test]
fn what_is_left_out_stays_left_out_however_it_is_written() {
    let table = [
        ("reports", "reports", true),
        ("reports", " reports ", true),
        ("reports", "arn:aws:s3:::reports", true),
        ("reports", "arn:aws:s3:::reports-old", false),
        ("arn:aws:s3:::reports", "reports", true),
        ("arn:aws:s3:::reports", "arn:aws:s3:::reports", true),
        (
            "1234-*",
            "arn:aws:kms:eu-central-1:123456789012:key/1234-ab",
            true,
        ),
        ("arn:aws:kms:*:*:key/1234-*", "1234-ab", true),
        (
            "arn:aws:kms:eu-central-1:123456789012:key/*",
            "1234-ab",
            true,
        ),
        ("arn:aws:kms:us-east-1:123456789012:key/*", "1234-ab", false),
        (
            "arn:aws:kms:eu-central-1:999999999999:key/*",
            "1234-ab",
            false,
        ),
        (
            "prod",
            "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod/0199",
            true,
        ),
        (
            "stack",
            "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod/0199",
            false,
        ),
        (
            "jobs",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs",
            true,
        ),
        (
            "jobs",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/other",
            false,
        ),
        (
            "web",
            "arn:aws:lambda:eu-central-1:123456789012:function:web:live",
            true,
        ),
    ];
    let later = "2026-12-01T00:00:00Z".parse().unwrap();
    for (pattern, resource, left_out) in table {
        let excepted = format!("[rules.\"EC2-002\".except]\nresources = [{pattern:?}]");
        let exempted = format!(
            "[[rules.\"EC2-002\".exemptions]]\nsubject = {pattern:?}\nowner = \"CISO\"\nreason = \"known\"\nuntil = \"2026-12-31\""
        );
        let rule_of = |table: &str| ec2_002_with(table).unwrap();
        let (excepted, exempted) = (rule_of(&excepted), rule_of(&exempted));
        let finding = about(resource);
        let of = |config: &Config| {
            let rule = config.rules.get(&"EC2-002".into()).unwrap();
            (
                rule.out_of_scope(&finding).is_some(),
                rule.exemption(&finding, later).is_some(),
            )
        };
        assert_eq!(of(&excepted), (left_out, false), "{pattern} {resource}");
        assert_eq!(of(&exempted), (false, left_out), "{pattern} {resource}");
        let only = confined_to(pattern).unwrap();
        assert_eq!(of(&only), (!left_out, false), "{pattern} {resource}");
    }
}

#[test]
fn what_is_no_glob_is_refused_with_its_place_and_a_remedy() {
    let table = [
        ("logs-[0-9", "invalid range pattern"),
        ("logs-{a,b}", "`{` at character 6: write one entry for each"),
        ("logs-[^0-9]", "`^` at character 7: write `[!`"),
    ];
    for (pattern, told) in table {
        let error = confined_to(pattern).unwrap_err().to_string();
        assert!(
            error.contains("test/rules.toml:")
                && error.contains("EC2-002.only.resources: ")
                && error.contains(&format!("`{pattern}` is no glob"))
                && error.contains(told),
            "{error}"
        );
    }
}

#[test]
fn a_scope_that_could_match_nothing_is_refused() {
    let table = [
        ("accounts", "1234", "is no account: expected 12 digits"),
        ("regions", "eu_central_1", "is no region"),
        ("regions", "EU (Frankfurt)", "is no region"),
        ("regions", "eu-central-1b", "is no region"),
        ("tags", "env", "is no tag: expected key=value"),
        ("resources", " ", "is empty"),
    ];
    for (list, entry, told) in table {
        let error = ec2_002_with(&format!("[rules.\"EC2-002\".except]\n{list} = [{entry:?}]"));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains(&format!("EC2-002.except.{list}: `{entry}` {told}")),
            "{error}"
        );
    }
    for (list, entry) in [
        ("accounts", "123456789012"),
        ("accounts", "1234*"),
        ("regions", "us-gov-west-1"),
        ("regions", "eu-*"),
        ("regions", "global"),
        ("tags", "env=prod"),
        ("tags", "env*"),
    ] {
        ec2_002_with(&format!("[rules.\"EC2-002\".except]\n{list} = [{entry:?}]")).unwrap();
    }
}

#[test]
fn tags_are_taken_as_scanners_write_them() {
    for entry in ["env=prod", "env::prod", "ENV::pr*"] {
        let config =
            ec2_002_with(&format!("[rules.\"EC2-002\".except]\ntags = [{entry:?}]")).unwrap();
        let rule = config.rules.get(&"EC2-002".into()).unwrap();
        let mut finding = about("sg-1");
        let tags = serde_json::json!(["team::web", "env::prod"]);
        finding.evidence.extra.insert("tags".to_owned(), tags);
        assert_eq!(rule.out_of_scope(&finding).as_deref(), Some("except.tags"));
        let live = |value: &str| [("env".to_owned(), value.to_owned())];
        assert!(rule.excepts_tags(&live("prod")) && !rule.excepts_tags(&live("test")));
    }
}

#[test]
fn editing_keeps_every_comment() {
    let before = ConfigFiles::packaged().files["rules.toml"].clone();
    let mut edit = RulesEdit::new(&before).unwrap();
    edit.set_enabled("posture.firewall", true).unwrap();
    edit.set_mode("posture.firewall", Mode::Observe).unwrap();
    let after = edit.text();
    let changed: Vec<_> = before
        .lines()
        .zip(after.lines())
        .filter(|(before, after)| before != after)
        .collect();
    assert_eq!(changed.len(), 2, "{changed:#?}");
    assert_eq!(before.lines().count(), after.lines().count());
    assert!(matches!(
        edit.set_enabled("S3-999", true),
        Err(EditError::UnknownRule(_))
    ));
}

#[test]
fn the_schemas_describe_the_shipped_files() {
    for (file, schema) in schemas() {
        assert!(schema.get("properties").is_some(), "{file}");
    }
    assert!(service_keys("jira").contains(&"base_url".to_owned()));
}

fn with_networks(change: impl FnOnce(String) -> String) -> Result<Config, ConfigError> {
    let mut files = ConfigFiles::packaged();
    let text = change(files.files["networks.toml"].clone());
    files.replace("networks.toml", text, "test");
    Config::load(&files, &nothing)
}

#[test]
fn networks_are_read_in_every_spelling_and_a_mistyped_one_is_refused() {
    for (text, shown) in [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7/32", "198.51.100.7"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
    ] {
        assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
    }
    for text in [
        "",
        "198.51.100",
        "198.51.100.7/33",
        "2001:db8::/129",
        "a/24",
    ] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
    let error = "203.0.113.7/24".parse::<Network>().unwrap_err();
    assert!(error.contains("`203.0.113.0/24`"), "{error}");
}

#[test]
fn an_allow_list_holds_until_its_last_day_and_says_why() {
    let config = with_networks(|text| {
        format!("{text}\n[[allow]]\nnetwork = \"203.0.113.7\"\nreason = \"payments\"\nuntil = \"2026-12-31\"\n")
    })
    .unwrap();
    let allowed = &config.networks.allow[0];
    assert!(allowed.holds("2026-12-31T23:59:59Z".parse().unwrap()));
    assert!(!allowed.holds("2027-01-01T00:00:00Z".parse().unwrap()));
    let error = with_networks(|text| {
        format!("{text}\n[[allow]]\nnetwork = \"203.0.113.7\"\nreason = \"\"\n")
    });
    assert!(error.unwrap_err().to_string().contains("has no reason"));
}

#[test]
fn limits_that_cloudflare_does_not_have_are_refused_with_their_line() {
    for (from, to, key) in [
        ("shortest_ipv4 = 16", "shortest_ipv4 = 7", "shortest_ipv4"),
        ("shortest_ipv6 = 32", "shortest_ipv6 = 11", "shortest_ipv6"),
        (
            "ipv6_granularity = 64",
            "ipv6_granularity = 56",
            "ipv6_granularity",
        ),
        ("max_stale = \"24h\"", "max_stale = \"0s\"", "max_stale"),
        (
            "coverage_factor = 2",
            "coverage_factor = 0",
            "coverage_factor",
        ),
    ] {
        let error = with_networks(|text| text.replacen(from, to, 1))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("test/networks.toml:") && error.contains(key),
            "{error}"
        );
    }
}

#[test]
fn a_configuration_without_networks_has_the_packaged_ones() {
    let mut files = ConfigFiles::packaged();
    files.files.remove("networks.toml");
    let config = Config::load(&files, &nothing).unwrap();
    assert_eq!(config.networks.entries.shortest_ipv4, 16);
}

#[test]
fn cloudflares_settings_are_checked() {
    let with = |from: &str, to: &str| {
        let mut files = ConfigFiles::packaged();
        let text = files.files["services.toml"].replacen(from, to, 1);
        files.replace("services.toml", text, "test");
        Config::load(&files, &nothing).map_err(|error| error.to_string())
    };
    let shipped = with("", "").unwrap();
    assert_eq!(shipped.services.cloudflare.account_id, None);
    assert_eq!(shipped.services.cloudflare.plan, CloudflarePlan::Free);
    let table = [
        (
            "\"env:CLOUDFLARE_ACCOUNT_ID\"",
            "\"acme\"",
            "is no account id",
        ),
        ("\"eil_challenge\"", "\"eil_block\"", "they must differ"),
        ("\"eil_block\"", "\"EIL-block\"", "is no name of a list"),
        (
            "instance = \"main\"",
            "instance = \"a b\"",
            "is no name of an installation",
        ),
        (
            "\"env:CLOUDFLARE_API_TOKEN\"",
            "\"v1.0-deadbeef\"",
            "reference to a secret",
        ),
    ];
    for (from, to, problem) in table {
        let error = with(from, to).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn what_a_rule_cannot_be_told_is_refused_and_the_right_place_is_named() {
    let after = |rule: &str, line: &'static str| {
        let head = format!("[rules.\"{rule}\"]\n");
        move |text: String| text.replacen(&head, &format!("{head}{line}\n"), 1)
    };
    let table = [
        (
            "threat.block",
            "only = { resources = [\"198.51.100.*\"] }",
            "networks.toml",
        ),
        (
            "threat.rate-limit",
            "except = { resources = [\"198.51.100.7\"] }",
            "networks.toml",
        ),
        (
            "threat.block",
            "exemptions = [{ subject = \"198.51.100.7\", owner = \"noc\", reason = \"ours\", until = \"2027-01-31\" }]",
            "networks.toml",
        ),
        ("S3-001", "match = { names = [\"disk\"] }", "device checks"),
    ];
    for (rule, line, remedy) in table {
        let error = with_rules(after(rule, line)).unwrap_err().to_string();
        assert!(error.contains(rule) && error.contains(remedy), "{error}");
    }
}
