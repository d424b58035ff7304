//! The deployed template.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::{Capability, Parameter, Stack as Description, StackStatus};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use serde_json::{Map, Value, json};

use crate::aws::Aws;
use crate::resolve::Resolver;
use crate::{REGION, binaries, template};

/// Its name, which queues and functions begin with.
pub const NAME: &str = "remediate-e2e";

/// Where the functions' zips lie, as `sam deploy --s3-bucket` would put them.
const ARTIFACTS: &str = "remediate-e2e-artifacts";

/// A stack whose creation is complete.
#[derive(Clone, Debug)]
pub struct Stack {
    template: Value,
    parameters: Vec<Parameter>,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Uploads the functions and creates a stack of the template, the way `sam deploy` does, with nothing taken from any
    /// queue yet: S3 greets a new bucket's queue at once, and a function that it wakes keeps the configuration that it
    /// finds then for a minute.
    ///
    /// # Panics
    /// When it is not created; the message says which resource failed and why.
    pub async fn create(aws: &Aws, template: Value, parameters: &[(&str, &str)]) -> Self {
        upload(aws, &packages(&template, parameters)).await;
        let template = packaged(template);
        let parameter = |(key, value): &(&str, &str)| {
            let parameter = Parameter::builder().parameter_key(*key);
            parameter.parameter_value(*value).build()
        };
        let parameters: Vec<Parameter> = parameters.iter().map(parameter).collect();
        let request = aws.cloudformation.create_stack().stack_name(NAME);
        let answer = request
            .template_url(put_template(aws, &taking(template.clone(), false)).await)
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityAutoExpand)
            .set_parameters(Some(parameters.clone()))
            .send()
            .await;
        answer.unwrap_or_else(|error| panic!("the stack is refused: {error:?}"));
        let description = complete(aws, &StackStatus::CreateComplete).await;
        let outputs = description.outputs().iter().filter_map(|output| {
            Some((
                output.output_key()?.to_owned(),
                output.output_value()?.to_owned(),
            ))
        });
        let outputs = outputs.collect();
        Self {
            template,
            parameters,
            outputs,
        }
    }

    /// Updates the stack to the template as it is: from now on messages are taken.
    ///
    /// # Panics
    /// When it is not updated.
    pub async fn start(&self, aws: &Aws) {
        let request = aws.cloudformation.update_stack().stack_name(NAME);
        let answer = request
            .template_url(put_template(aws, &taking(self.template.clone(), true)).await)
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityAutoExpand)
            .set_parameters(Some(self.parameters.clone()))
            .send()
            .await;
        answer.unwrap_or_else(|error| panic!("the update is refused: {error:?}"));
        complete(aws, &StackStatus::UpdateComplete).await;
    }

    /// An output of the template.
    ///
    /// # Panics
    /// When it has none of that name.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| {
            panic!(
                "the template has no output {name}: {:?}",
                self.outputs.keys()
            )
        })
    }
}

/// Puts a template where CloudFormation reads it: one of more than 51,200 bytes does not fit into a request.
async fn put_template(aws: &Aws, template: &Value) -> String {
    let body = ByteStream::from(template.to_string().into_bytes());
    aws.s3
        .put_object()
        .bucket(ARTIFACTS)
        .key("template.json")
        .body(body)
        .send()
        .await
        .expect("a template can be put");
    format!("https://s3.{REGION}.amazonaws.com/{ARTIFACTS}/template.json")
}

/// The packages whose functions are made with these parameters.
fn packages(template: &Value, parameters: &[(&str, &str)]) -> BTreeSet<String> {
    let made = Resolver::new(template, parameters).resources();
    template::resources(template, "AWS::Serverless::Function")
        .filter(|(id, _)| made.contains_key(*id))
        .map(|(_, resource)| template::package_of(resource).to_owned())
        .collect()
}

async fn upload(aws: &Aws, packages: &BTreeSet<String>) {
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    aws.s3
        .create_bucket()
        .bucket(ARTIFACTS)
        .create_bucket_configuration(place)
        .send()
        .await
        .expect("a bucket can be created");
    for package in packages {
        let wanted = package.clone();
        let zip = tokio::task::spawn_blocking(move || binaries::zip(&wanted))
            .await
            .expect("a function can be built and zipped");
        let body = ByteStream::from_static(zip);
        aws.s3
            .put_object()
            .bucket(ARTIFACTS)
            .key(format!("{package}.zip"))
            .body(body)
            .send()
            .await
            .expect("an object can be put");
    }
}

/// With the functions' folders replaced by where their zips lie.
fn packaged(mut template: Value) -> Value {
    for resource in template["Resources"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        if resource["Type"] == "AWS::Serverless::Function" {
            let package = template::package_of(resource).to_owned();
            resource["Properties"]["CodeUri"] = json!(format!("s3://{ARTIFACTS}/{package}.zip"));
        }
    }
    template
}

/// With the messages of all queues taken, or of none.
fn taking(mut template: Value, enabled: bool) -> Value {
    for resource in template["Resources"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        let events = resource
            .pointer_mut("/Properties/Events")
            .and_then(Value::as_object_mut);
        for event in events.into_iter().flat_map(Map::values_mut) {
            event["Properties"]["Enabled"] = json!(enabled);
        }
    }
    template
}

async fn complete(aws: &Aws, wanted: &StackStatus) -> Description {
    let patience = Instant::now() + Duration::from_secs(120);
    loop {
        let answer = aws
            .cloudformation
            .describe_stacks()
            .stack_name(NAME)
            .send()
            .await;
        let answer = answer.expect("a stack can be described");
        let stack = answer
            .stacks()
            .first()
            .expect("the stack that was created is there")
            .clone();
        let status = stack
            .stack_status()
            .map(StackStatus::as_str)
            .unwrap_or_default();
        if status == wanted.as_str() {
            return stack;
        }
        let goes_on = status.ends_with("_IN_PROGRESS") && !status.contains("ROLLBACK");
        assert!(
            goes_on && Instant::now() < patience,
            "the stack is {status}: {}",
            failures(aws).await
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn failures(aws: &Aws) -> String {
    let answer = aws
        .cloudformation
        .describe_stack_events()
        .stack_name(NAME)
        .send()
        .await
        .expect("a stack has events");
    let failed = answer.stack_events().iter().filter(|event| {
        event
            .resource_status()
            .is_some_and(|status| status.as_str().ends_with("FAILED"))
    });
    let lines = failed.map(|event| {
        format!(
            "{}: {}",
            event.logical_resource_id().unwrap_or("?"),
            event.resource_status_reason().unwrap_or("?")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
