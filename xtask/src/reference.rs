//! `docs/RULES.md`: the rule reference.

use std::fmt::Write as _;

use remediate_aws::rule::Rule;

use crate::registry;

const INTRODUCTION: &str = "# AWS rules

<!-- Written by `cargo xtask generate` from functions/remediate-aws; change the entries there. -->

Every rule ships off. `remediate rules enable S3-001` turns one on; what a repair does, what it can cut off and how it is taken back is said
beside each. Calls are those to AWS on the plain case, beside one `sts:GetCallerIdentity` per process; the ledger's are not counted.

A repair is planned, made, and read back; it is not reported as made otherwise. It is refused when the finding's account is not that of the
credentials or of the resource's ARN, and when the resource belongs to this installation (to the stack that `STACK_NAME` names, which the template sets). The third repair of the same rule on the same resource within a
day is the last: then it is proposed, since somebody is reverting it. `remediate undo <change>` takes one back as long as nobody has changed the
resource since.

| rule | title | risk | ships as | calls: nothing wrong / repair |
|---|---|---|---|---|
";

pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let rules = registry::sorted();
    for rule in &rules {
        let _ = writeln!(
            page,
            "| [{id}](#{anchor}) | {} | {} | {} | {} / {} |",
            rule.title,
            rule.tier,
            rule.mode,
            rule.calls.compliant,
            rule.calls.repair,
            id = rule.id,
            anchor = rule.id.to_lowercase(),
        );
    }
    for rule in &rules {
        section(&mut page, rule);
    }
    page
}

fn section(page: &mut String, rule: &Rule) {
    let _ = write!(
        page,
        "\n## {}\n\n**{}** · risk: {} · ships as `{}` · resource: {}\n\n{}\n\nUndo: {}\n",
        rule.id,
        rule.title,
        rule.tier,
        rule.mode,
        rule.resource.expected(),
        sentence(rule.effect),
        sentence(rule.undo),
    );
    if !rule.parameters.is_empty() {
        page.push_str("\n| parameter | default | what |\n|---|---|---|\n");
        for parameter in rule.parameters {
            let _ = writeln!(
                page,
                "| `{}` | `{}` | {} ({}) |",
                parameter.name,
                parameter.default,
                parameter.what.trim_end_matches('.').replace('|', "\\|"),
                parameter.kind.expected(),
            );
        }
    }
    page.push_str("\n| IAM actions | on |\n|---|---|\n");
    for grant in rule.grants {
        let list = |items: &[&str]| {
            items
                .iter()
                .map(|item| format!("`{item}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let _ = writeln!(
            page,
            "| {} | {} |",
            list(grant.actions),
            list(grant.resources)
        );
    }
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.trim().trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
