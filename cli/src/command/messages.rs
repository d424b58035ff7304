//! Messages in a file: one JSON value after another, or arrays of them. What is broken is named by its line, and costs only itself.

use orchestrator::intake::envelope::{self, EnvelopeError, Notification};
use serde_json::{Deserializer, Value};

/// What stands at one place of the file.
#[derive(Debug)]
pub struct Message {
    /// `line 3`, or in an array `line 1, item 2`.
    pub place: String,
    pub content: Result<Vec<Notification>, String>,
}

/// How many values are tried for the first that can be read. A broken one at the head must not hide what the others are.
const FIRST_VALUES: usize = 20;

/// Whether the file holds messages: its first JSON value, or the first of its array, has the shape of an envelope or a check.
pub fn begin(head: &[u8]) -> bool {
    let mut rest = Rest::of(head);
    for _ in 0..FIRST_VALUES {
        let first = rest.text.strip_prefix(b"[").unwrap_or(rest.text);
        match Deserializer::from_slice(first).into_iter::<Value>().next() {
            Some(Ok(value)) => return is_message(&value),
            Some(Err(_)) => rest = rest.after_broken(),
            None => return false,
        }
    }
    false
}

fn is_message(value: &Value) -> bool {
    envelope::open(value)
        .iter()
        .any(|record| match &record.content {
            // Of a shape that is known, however wrong the rest.
            Ok(_)
            | Err(EnvelopeError::Check(_) | EnvelopeError::NotJson(_) | EnvelopeError::TooDeep) => {
                true
            }
            Err(EnvelopeError::UnknownShape(_) | EnvelopeError::Lacks { .. }) => false,
        })
}

/// Reads all of them.
pub fn read(text: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    // An array that does not end well; its elements are read one by one.
    let mut torn: Option<Message> = None;
    let mut in_pieces = false;
    let mut rest = Rest::of(text);
    while !rest.text.is_empty() {
        let mut values = Deserializer::from_slice(rest.text).into_iter::<Value>();
        let (value, read) = (values.next(), values.byte_offset());
        match value {
            Some(Ok(value)) => {
                messages.extend(opened(&value, rest.line));
                rest = rest.skip(read);
            }
            Some(Err(error)) if rest.text.starts_with(b"[") => {
                torn = Some(rest.broken(&error));
                in_pieces = true;
                rest = rest.skip(1);
            }
            Some(Err(error)) => {
                messages.push(rest.broken(&error));
                torn = None;
                rest = rest.after_broken();
            }
            None => break,
        }
        rest = rest.trimmed();
        if in_pieces {
            rest = rest.without_remains();
        }
    }
    messages.extend(torn);
    messages
}

/// The messages of a value: one, of a batch each record's, of an array each element's.
fn opened(value: &Value, line: usize) -> Vec<Message> {
    let message = |place: String, value| {
        envelope::open(value)
            .into_iter()
            .map(move |record| Message {
                place: place.clone(),
                content: record.content.map_err(|error| error.to_string()),
            })
    };
    match value {
        Value::Array(items) => (1..)
            .zip(items)
            .flat_map(|(number, item)| message(format!("line {line}, item {number}"), item))
            .collect(),
        value => message(format!("line {line}"), value).collect(),
    }
}

/// What is still to be read, and where it begins.
#[derive(Clone, Copy)]
struct Rest<'a> {
    text: &'a [u8],
    /// Counted from 1.
    line: usize,
    /// How far the line is indented.
    indent: usize,
}

impl<'a> Rest<'a> {
    fn of(text: &'a [u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let whole = Self {
            text,
            line: 1,
            indent: 0,
        };
        whole.trimmed()
    }

    fn skip(self, bytes: usize) -> Self {
        let (passed, text) = self.text.split_at(bytes.min(self.text.len()));
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        let indent = match passed.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => passed.len() - end - 1,
            None => self.indent + passed.len(),
        };
        Self {
            text,
            line: self.line + lines,
            indent,
        }
    }

    fn trimmed(self) -> Self {
        self.skip(self.text.len() - self.text.trim_ascii_start().len())
    }

    /// Past what is left over of an array that was taken apart.
    fn without_remains(self) -> Self {
        let remains = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']');
        self.skip(self.text.iter().take_while(|byte| remains(byte)).count())
    }

    fn next_line(self) -> Self {
        let end = self.text.iter().position(|byte| *byte == b'\n');
        self.skip(end.map_or(self.text.len(), |end| end + 1))
    }

    /// The next line that can begin a value of the same depth.
    fn after_broken(self) -> Self {
        let mut rest = self.next_line().trimmed();
        while !(rest.text.is_empty() || rest.begins_beside(self)) {
            rest = rest.next_line().trimmed();
        }
        rest
    }

    /// Whether an object or an array begins here, no deeper than that of `other`.
    fn begins_beside(self, other: Self) -> bool {
        (self.text.starts_with(b"{") || self.text.starts_with(b"[")) && self.indent <= other.indent
    }

    /// What is wrong with the value that begins here.
    fn broken(self, error: &serde_json::Error) -> Message {
        let after = self.next_line().trimmed();
        let first = &self.text[..self.text.len() - self.next_line().text.len()];
        // An object followed by another is a line that was cut off: what is wrong is not the next one.
        let cut = after.begins_beside(self) && !self.text.starts_with(b"[");
        let own = cut.then(|| serde_json::from_slice::<Value>(first).err());
        let error = own.flatten().map_or_else(
            || (self.line + error.line() - 1, told(error)),
            |own| (self.line, told(&own)),
        );
        Message {
            place: format!("line {}", error.0),
            content: Err(format!("is no JSON: {}", error.1)),
        }
    }
}

/// The error without its position, which counts from where the value began.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resource: &str) -> String {
        format!(r#"{{"ruleId":"S3-001","status":"FAILURE","resource":"{resource}"}}"#)
    }

    /// The places, with what is wrong there.
    fn outline(text: &str) -> Vec<(String, Option<String>)> {
        let messages = read(text.as_bytes()).into_iter();
        messages
            .map(|message| (message.place, message.content.err()))
            .collect()
    }

    fn places(text: &str) -> Vec<(String, bool)> {
        let outline = outline(text).into_iter();
        outline
            .map(|(place, wrong)| (place, wrong.is_none()))
            .collect()
    }

    fn expected(places: &[(&str, bool)]) -> Vec<(String, bool)> {
        let places = places.iter();
        places
            .map(|(place, fine)| ((*place).to_owned(), *fine))
            .collect()
    }

    #[test]
    fn a_broken_line_costs_only_itself_and_is_named() {
        let (one, two) = (check("one"), check("two"));
        for broken in ["{broken", "not JSON at all", "{\"ruleId\":\"S3-001\",", "]"] {
            let text = format!("{one}\n{broken}\n{two}\n");
            assert_eq!(
                places(&text),
                expected(&[("line 1", true), ("line 2", false), ("line 3", true)]),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_broken_value_of_many_lines_is_one_error_at_the_line_where_it_breaks() {
        let broken = "{\n  \"ruleId\": \"S3-001\"\n  \"status\": \"FAILURE\",\n  \"tags\": [\n    {\"a\": 1}\n  ]\n}";
        let text = format!("{broken}\n{}\n", check("two"));
        assert_eq!(
            outline(&text),
            [
                (
                    "line 3".to_owned(),
                    Some("is no JSON: expected `,` or `}`".to_owned())
                ),
                ("line 8".to_owned(), None)
            ]
        );
    }

    #[test]
    fn an_array_with_a_broken_element_gives_the_others() {
        let text = format!(
            "[\n  {},\n  {{broken}},\n  {}\n]\n",
            check("one"),
            check("two")
        );
        assert_eq!(
            places(&text),
            expected(&[("line 2", true), ("line 3", false), ("line 4", true)])
        );
    }

    #[test]
    fn an_array_that_does_not_end_is_an_error_after_what_it_holds() {
        let text = format!("[{},\n{}", check("one"), check("two"));
        assert_eq!(
            places(&text),
            expected(&[("line 1", true), ("line 2", true), ("line 2", false)])
        );
    }

    #[test]
    fn elements_of_an_array_are_named_by_their_number() {
        let text = format!("[{},{{\"hello\":1}}]", check("one"));
        assert_eq!(
            places(&text),
            expected(&[("line 1, item 1", true), ("line 1, item 2", false)])
        );
    }

    #[test]
    fn messages_are_told_from_logs_by_the_first_value_that_can_be_read() {
        let check = check("one");
        for messages in [
            check.clone(),
            format!("[{check}]"),
            format!("{{broken\n{check}"),
            r#"{"ruleId":"S3-001","status":"PERHAPS"}"#.to_owned(),
            r#"{"Type":"Notification","Message":"neither"}"#.to_owned(),
        ] {
            assert!(begin(messages.as_bytes()), "{messages}");
        }
        for log in [
            r#"[{"email":"a@example.com","passed":false}]"#,
            "{broken\n{\"email\":\"a@example.com\",\"passed\":false}",
            "hello",
            "",
        ] {
            assert!(!begin(log.as_bytes()), "{log}");
        }
    }
}
