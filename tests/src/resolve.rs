//! The template with its parameters put in: what CloudFormation would make of it.
//!
//! Conditions, mappings and functions are worked out; what only exists after a deployment stays a name in `${…}`:
//! `${IntakeQueue}` for a `Ref`, `${IntakeQueue.Arn}` for an attribute, `${AWS::Region}` for a pseudo parameter.

use serde_json::{Map, Value, json};

/// A template and values for its parameters.
#[derive(Clone, Debug)]
pub struct Resolver<'a> {
    template: &'a Value,
    parameters: Map<String, Value>,
}

impl<'a> Resolver<'a> {
    /// With the parameters' defaults, save those that are given.
    ///
    /// # Panics
    /// When the template has no such parameter.
    pub fn new(template: &'a Value, given: &[(&str, &str)]) -> Self {
        let declared = template["Parameters"]
            .as_object()
            .expect("the template has parameters");
        let defaults = declared.iter().map(|(name, parameter)| {
            (
                name.clone(),
                value_of(parameter, &text(&parameter["Default"])),
            )
        });
        let mut parameters: Map<String, Value> = defaults.collect();
        for (name, value) in given {
            let parameter = declared
                .get(*name)
                .unwrap_or_else(|| panic!("the template has no parameter {name}"));
            parameters.insert((*name).to_owned(), value_of(parameter, value));
        }
        Self {
            template,
            parameters,
        }
    }

    /// The resources that are made, by logical id.
    pub fn resources(&self) -> Map<String, Value> {
        let all = self.template["Resources"]
            .as_object()
            .expect("the template has resources");
        let made = all.iter().filter(|(_, resource)| {
            resource["Condition"]
                .as_str()
                .is_none_or(|name| self.condition(name))
        });
        made.map(|(id, resource)| (id.clone(), self.resolve(resource).unwrap_or_default()))
            .collect()
    }

    /// A value with everything in it worked out; nothing for `AWS::NoValue`.
    ///
    /// # Panics
    /// On a function that this template does not use.
    pub fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => {
                Some(items.iter().filter_map(|item| self.resolve(item)).collect())
            }
            Value::Object(entries) => match single(entries) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.call(name, argument)
                }
                _ => Some(Value::Object(
                    entries
                        .iter()
                        .filter_map(|(key, value)| Some((key.clone(), self.resolve(value)?)))
                        .collect(),
                )),
            },
            plain => Some(plain.clone()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Option<Value> {
        if name == "Fn::If" {
            let branch = if self.condition(argument[0].as_str().expect("Fn::If names a condition"))
            {
                1
            } else {
                2
            };
            return self.resolve(&argument[branch]);
        }
        let argument = if name == "Fn::Sub" {
            argument.clone()
        } else {
            self.resolve(argument)?
        };
        Some(match name {
            "Ref" if argument == "AWS::NoValue" => return None,
            "Ref" => self
                .parameters
                .get(&text(&argument))
                .cloned()
                .unwrap_or_else(|| json!(format!("${{{}}}", text(&argument)))),
            "Fn::GetAtt" => json!(format!(
                "${{{}.{}}}",
                text(&argument[0]),
                text(&argument[1])
            )),
            "Fn::FindInMap" => self.template["Mappings"][text(&argument[0])][text(&argument[1])]
                [text(&argument[2])]
            .clone(),
            "Fn::Select" => argument[1][text(&argument[0])
                .parse::<usize>()
                .expect("Fn::Select takes a number")]
            .clone(),
            "Fn::Split" => text(&argument[1]).split(&text(&argument[0])).collect(),
            "Fn::Sub" => json!(self.substitute(&argument)),
            "Fn::Equals" => json!(text(&argument[0]) == text(&argument[1])),
            "Fn::Not" => json!(argument[0] != true),
            other => panic!("{other}: the resolver knows no such function"),
        })
    }

    fn condition(&self, name: &str) -> bool {
        self.resolve(&self.template["Conditions"][name]) == Some(Value::Bool(true))
    }

    fn substitute(&self, argument: &Value) -> String {
        let (pattern, own) = match argument {
            Value::Array(parts) => (
                text(&parts[0]),
                parts[1].as_object().cloned().unwrap_or_default(),
            ),
            pattern => (text(pattern), Map::new()),
        };
        let mut result = String::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .expect("every `${` of Fn::Sub is closed");
            let value = own
                .get(name)
                .and_then(|value| self.resolve(value))
                .or_else(|| self.parameters.get(name).cloned());
            result += before;
            result += &value.map_or_else(|| format!("${{{name}}}"), |value| text(&value));
            rest = after;
        }
        result + rest
    }
}

fn value_of(parameter: &Value, text: &str) -> Value {
    if parameter["Type"] == "CommaDelimitedList" {
        text.split(',').collect()
    } else {
        json!(text)
    }
}

fn single(entries: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = entries.iter().next()?;
    (entries.len() == 1).then_some((name.as_str(), argument))
}

/// A value as CloudFormation writes it where text is wanted.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
