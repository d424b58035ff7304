//! `template.yaml`: a function and a role per rule, between two marks.

use std::fmt::Write as _;

use remediate_aws::rule::Rule;

use crate::registry;

const BEGIN: &str = "  # ── rules: written by `cargo xtask generate` ──";
const END: &str = "  # ── end of what is generated ──";

/// The template with what stands between the marks made anew.
///
/// # Errors
/// When it lacks a mark.
pub fn with_rules(present: &str) -> Result<String, String> {
    let lacks = |mark: &str| format!("template.yaml: lacks the line `{}`", mark.trim());
    let (before, rest) = present.split_once(BEGIN).ok_or_else(|| lacks(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| lacks(END))?;
    let mut text = format!("{before}{BEGIN}\n");
    let rules = registry::sorted();
    for rule in &rules {
        resources(&mut text, rule);
    }
    invocation(&mut text, &rules);
    text.push('\n');
    text.push_str(END);
    text.push_str(after);
    Ok(text)
}

/// `S3-001` → `RuleS3001`
fn logical_id(rule: &Rule) -> String {
    format!("Rule{}", rule.id.replace(['-', '.'], ""))
}

fn resources(text: &mut String, rule: &Rule) {
    let name = logical_id(rule);
    let _ = write!(
        text,
        r#"
  {name}Function:
    Type: AWS::Serverless::Function
    Condition: DeploysAwsRules
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: {{ Binary: remediate-aws }}
    Properties:
      FunctionName: !Sub "${{RuleFunctionPrefix}}{id}"
      Description: {description}
      CodeUri: functions/remediate-aws/
      MemorySize: !Ref FunctionMemory
      Timeout: !Ref FunctionTimeout
      Role: !GetAtt {name}Role.Arn
      LoggingConfig: {{ LogGroup: !Ref RuleFunctionsLogs }}
      Environment:
        Variables:
          LEDGER_TABLE: !Ref LedgerTable
          REMEDIATE_CONFIG: !Sub "s3://${{ConfigBucket}}"
          STACK_NAME: !Ref AWS::StackName
          RULE: {id}
          RUST_LOG: !If [HasLogLevel, !Ref LogLevel, !Ref AWS::NoValue]
      EventInvokeConfig:
        MaximumRetryAttempts: 2
        MaximumEventAgeInSeconds: 3600
        DestinationConfig:
          OnFailure: {{ Type: SQS, Destination: !GetAtt RuleFunctionsDeadLetters.Arn }}

  {name}Role:
    Type: AWS::IAM::Role
    Condition: DeploysAwsRules
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {{ Service: lambda.amazonaws.com }}
            Action: sts:AssumeRole
      ManagedPolicyArns: [!Ref LedgerAndConfigAccess, !Ref RuleFunctionsAccess]
      Policies:
        - PolicyName: {id}
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
"#,
        id = rule.id,
        description = quoted(&format!("{}: {}", rule.id, rule.title)),
    );
    for grant in rule.grants {
        let _ = write!(
            text,
            "              - Effect: Allow\n                Action: [{}]\n                Resource: [{}]\n",
            grant.actions.join(", "),
            grant
                .resources
                .iter()
                .map(|resource| sub(resource))
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
}

/// The orchestrator may invoke exactly these.
fn invocation(text: &mut String, rules: &[&Rule]) {
    text.push_str(
        r#"
  InvokeRuleFunctions:
    Type: AWS::IAM::Policy
    Condition: DeploysAwsRules
    Properties:
      PolicyName: invoke-rule-functions
      Roles: [!Ref OrchestratorRole]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: lambda:InvokeFunction
            Resource:
"#,
    );
    for rule in rules {
        let _ = writeln!(
            text,
            "              - !GetAtt {}Function.Arn",
            logical_id(rule)
        );
    }
}

fn sub(resource: &str) -> String {
    if resource.contains("${") {
        format!("!Sub {}", quoted(resource))
    } else {
        quoted(resource)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
