//! Who else manages a resource: what is repaired by hand there, the next deployment may undo.

/// A tag of a resource.
pub type Tag = (String, String);

/// The tag with the name of the stack that a resource belongs to.
pub const STACK: &str = "aws:cloudformation:stack-name";

/// What has to be said about a resource that somebody's code deploys: that the next deployment may undo the repair, and where to
/// change the source. `what` names the resource.
pub fn note(tags: &[Tag]) -> Option<String> {
    let value = |name: &str| {
        tags.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    if let Some(stack) = value(STACK) {
        let element = value("aws:cloudformation:logical-id")
            .map(|id| format!(", resource {id}"))
            .unwrap_or_default();
        return Some(format!(
            "CloudFormation stack {stack} deploys it: its next update may undo the repair; change the template too (stack {stack}{element})"
        ));
    }
    let terraform = tags.iter().find(|(key, value)| {
        let (key, value) = (key.to_lowercase(), value.to_lowercase());
        key.contains("terraform")
            || (matches!(
                key.as_str(),
                "managed-by"
                    | "managedby"
                    | "managed_by"
                    | "provisioner"
                    | "createdby"
                    | "created-by"
            ) && (value.contains("terraform") || value.contains("opentofu")))
    });
    terraform.map(|(key, value)| {
        format!(
            "Terraform deploys it (tag {key} = {value}): the next apply may undo the repair; change the source too"
        )
    })
}

/// Whether the resource belongs to this installation itself, which it never touches. `stack` is the name of our own stack.
pub fn is_ours(tags: &[Tag], stack: Option<&str>) -> bool {
    stack.is_some_and(|stack| {
        tags.iter()
            .any(|(key, value)| key == STACK && value == stack)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_deployed_by_code_is_said() {
        let stack = tags(&[
            ("aws:cloudformation:stack-name", "web"),
            ("aws:cloudformation:logical-id", "Bucket"),
        ]);
        assert!(note(&stack).unwrap().contains("stack web, resource Bucket"));
        for terraform in [
            ("terraform", "true"),
            ("ManagedBy", "Terraform"),
            ("managed-by", "opentofu"),
        ] {
            assert!(note(&tags(&[terraform])).is_some(), "{terraform:?}");
        }
        assert_eq!(
            note(&tags(&[("Name", "web"), ("managed-by", "alice")])),
            None
        );
    }

    #[test]
    fn our_own_stack_is_known_by_its_tag() {
        let ours = tags(&[("aws:cloudformation:stack-name", "auto-remediate")]);
        assert!(is_ours(&ours, Some("auto-remediate")));
        assert!(!is_ours(&ours, Some("another")));
        assert!(!is_ours(&ours, None));
    }
}
