//! Records out of a JSON document that arrives in pieces.
//!
//! All the documents that sources send are alike in outline: some members, and a list of records somewhere near the top. An
//! [`Outline`] follows that outline byte by byte, hands each record on as the bytes it stands in, and never looks into a record
//! further than to see where it ends. That is why
//!
//! * memory is bounded by one record: one that lies within a piece of the body is not even copied;
//! * a record that is no JSON (`"score": NaN`) or of the wrong type costs itself and not the records around it, which a
//!   deserialiser that is driven through the whole document could not promise;
//! * it needs neither a thread nor a channel to turn the stream of a body into a [`Read`](std::io::Read), and where the pieces
//!   are cut makes no difference.
//!
//! What stands where no record and no wanted member is expected is passed over without being kept.

use std::borrow::Cow;

use memchr::memchr2;

use super::outcome::Unusable;

/// The longest record that is kept. A STIX pattern with thousands of addresses is within it.
const LONGEST_RECORD: usize = 1 << 20;
/// The longest member beside the records that is kept.
const LONGEST_MEMBER: usize = 64 << 10;
/// The longest name of a member that can be one of those looked for.
const LONGEST_NAME: usize = 256;

/// A way from the top of a document, name by name.
pub(super) type Path = &'static [&'static str];

/// Where in a document what is looked for stands.
pub(super) struct Shape {
    /// Lists of records; the empty path is a list at the top.
    pub(super) lists: &'static [Path],
    /// Further members to hand on.
    pub(super) members: &'static [Path],
}

/// Something that was looked for; the number is its place in the [`Shape`].
pub(super) enum Piece<'a> {
    /// A list begins; its records follow.
    List(usize),
    Record(usize, &'a [u8]),
    /// A record longer than any can be; it was not kept.
    Overlong,
    /// A member, or something that is no list where one was looked for (see [`Piece::NoList`]).
    Member(usize, &'a [u8]),
    /// Where a list was looked for there is something else; it is given if it is short.
    NoList(usize, &'a [u8]),
}

/// Follows the outline of one document.
pub(super) struct Outline {
    shape: &'static Shape,
    state: State,
    /// What is open around the current place.
    frames: Vec<Frame>,
    /// The names that lead to the current place.
    path: Vec<&'static str>,
    /// What has come of a name or a value that was not complete at the end of a piece.
    held: Vec<u8>,
    /// It has outgrown its limit, and `held` does not have it.
    overlong: bool,
    /// Bytes before the current piece.
    before: u64,
}

#[derive(Clone, Copy)]
enum Frame {
    Object,
    List(usize),
}

#[derive(Clone, Copy)]
enum State {
    /// A value must come. `first` if the list may also end here.
    Value {
        target: Target,
        first: bool,
    },
    Inside {
        value: Value,
        target: Target,
    },
    /// A name must come. `first` if the object may also end here.
    Name {
        first: bool,
    },
    InName {
        escaped: bool,
    },
    Colon(Target),
    /// A comma, or the end of what is open.
    After,
    /// The document is complete.
    Done,
}

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    /// At the top, before anything is known.
    Top,
    List(usize),
    Record(usize),
    Member(usize),
    /// An object on the way to something that is looked for.
    Way(&'static str),
    Skip,
}

/// How far a value has come.
#[derive(Clone, Copy)]
enum Value {
    /// A number or a word; it ends where something else begins.
    Word,
    /// A text, or a list or an object with `depth` still open.
    Nested {
        depth: u32,
        text: bool,
        escaped: bool,
    },
}

type Each<'e> = dyn FnMut(Piece<'_>) -> Result<(), Unusable> + 'e;

impl Outline {
    pub(super) fn new(shape: &'static Shape) -> Self {
        Self {
            shape,
            state: State::Value {
                target: Target::Top,
                first: false,
            },
            frames: Vec::new(),
            path: Vec::new(),
            held: Vec::new(),
            overlong: false,
            before: 0,
        }
    }

    /// Takes the next bytes and hands on whatever they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], each: &mut Each<'_>) -> Result<(), Unusable> {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.state {
                State::Inside { value, target } => self.inside(bytes, at, value, target, each)?,
                State::InName { escaped } => self.in_name(bytes, at, escaped)?,
                _ if bytes[at].is_ascii_whitespace() => at + 1,
                State::Value { target, first } => self.value(bytes, at, target, first, each)?,
                State::Name { first } => self.name(bytes, at, first)?,
                State::Colon(target) if bytes[at] == b':' => {
                    self.state = State::Value {
                        target,
                        first: false,
                    };
                    at + 1
                }
                State::Colon(_) => return Err(self.wrong(at, "expected `:`")),
                State::After => self.after(bytes, at)?,
                State::Done => {
                    return Err(self.wrong(at, "something follows the end of the document"));
                }
            };
        }
        self.before += bytes.len() as u64;
        Ok(())
    }

    /// There are no more bytes.
    pub(super) fn finish(&mut self) -> Result<(), Unusable> {
        match self.state {
            State::Done => Ok(()),
            _ => Err(Unusable::CutOff(format!(
                "the JSON is not complete at its end, byte {}",
                self.before
            ))),
        }
    }

    fn wrong(&self, at: usize, reason: &str) -> Unusable {
        Unusable::Malformed {
            at: self.before + at as u64,
            reason: reason.to_owned(),
        }
    }

    /// The first byte of a value.
    fn value(
        &mut self,
        bytes: &[u8],
        at: usize,
        target: Target,
        first: bool,
        each: &mut Each<'_>,
    ) -> Result<usize, Unusable> {
        let byte = bytes[at];
        if byte == b']' && first {
            return self.close(at, Frame::List(0));
        }
        match (byte, target) {
            (b'{', Target::Top) => self.open(Frame::Object),
            (b'{', Target::Way(name)) => {
                self.path.push(name);
                self.open(Frame::Object);
            }
            (b'[', Target::Top) => match self.shape.lists.iter().position(|path| path.is_empty()) {
                Some(list) => {
                    self.open(Frame::List(list));
                    each(Piece::List(list))?;
                }
                None => {
                    return Err(Unusable::Shape(
                        "a list, where an object was expected".to_owned(),
                    ));
                }
            },
            (b'[', Target::List(list)) => {
                // The name of the list is not on the path, since no names stand in it.
                self.open(Frame::List(list));
                each(Piece::List(list))?;
            }
            (_, Target::Top) => {
                return Err(self.wrong(at, "expected a JSON object or list"));
            }
            (b',' | b':' | b']' | b'}', _) => return Err(self.wrong(at, "expected a value")),
            _ => {
                self.state = State::Inside {
                    value: Value::starting(byte),
                    target,
                };
                // A list or object counts its own first bracket when it is read again inside.
                return Ok(at);
            }
        }
        Ok(at + 1)
    }

    fn open(&mut self, frame: Frame) {
        self.frames.push(frame);
        self.state = match frame {
            Frame::Object => State::Name { first: true },
            Frame::List(list) => State::Value {
                target: Target::Record(list),
                first: true,
            },
        };
    }

    /// Ends what is open, which must be of the kind of `frame`.
    fn close(&mut self, at: usize, frame: Frame) -> Result<usize, Unusable> {
        match (self.frames.pop(), frame) {
            (Some(Frame::Object), Frame::Object) => {
                self.path.pop();
            }
            (Some(Frame::List(_)), Frame::List(_)) => {}
            _ => return Err(self.wrong(at, "what is closed here was not opened")),
        }
        self.state = if self.frames.is_empty() {
            State::Done
        } else {
            State::After
        };
        Ok(at + 1)
    }

    fn after(&mut self, bytes: &[u8], at: usize) -> Result<usize, Unusable> {
        match (bytes[at], self.frames.last()) {
            (b',', Some(Frame::Object)) => {
                self.state = State::Name { first: false };
                Ok(at + 1)
            }
            (b',', Some(Frame::List(list))) => {
                self.state = State::Value {
                    target: Target::Record(*list),
                    first: false,
                };
                Ok(at + 1)
            }
            (b'}', _) => self.close(at, Frame::Object),
            (b']', _) => self.close(at, Frame::List(0)),
            _ => Err(self.wrong(at, "expected `,` or the end of the list or object")),
        }
    }

    fn name(&mut self, bytes: &[u8], at: usize, first: bool) -> Result<usize, Unusable> {
        match bytes[at] {
            b'"' => {
                self.held.clear();
                self.overlong = false;
                self.state = State::InName { escaped: false };
                Ok(at + 1)
            }
            b'}' if first => self.close(at, Frame::Object),
            _ => Err(self.wrong(at, "expected the name of a member")),
        }
    }

    fn in_name(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        mut escaped: bool,
    ) -> Result<usize, Unusable> {
        let from = at;
        while at < bytes.len() {
            match bytes[at] {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.hold(&bytes[from..at], LONGEST_NAME);
                    let target = self.target();
                    self.held.clear();
                    self.overlong = false;
                    self.state = State::Colon(target);
                    return Ok(at + 1);
                }
                _ => {}
            }
            at += 1;
        }
        self.hold(&bytes[from..at], LONGEST_NAME);
        self.state = State::InName { escaped };
        Ok(at)
    }

    /// What is to become of the member whose name is held.
    fn target(&self) -> Target {
        if self.overlong {
            return Target::Skip;
        }
        let name = unescaped(&self.held);
        let depth = self.path.len();
        let here = |path: &Path| {
            path.len() > depth && path[..depth] == self.path[..] && path[depth].as_bytes() == &*name
        };
        let ends = |path: &Path| here(path) && path.len() == depth + 1;
        let (lists, members) = (self.shape.lists, self.shape.members);
        // Something may be both a list and on the way: which of them it is, its first bracket says.
        if let Some(list) = lists.iter().position(ends) {
            return Target::List(list);
        }
        if let Some(member) = members.iter().position(ends) {
            return Target::Member(member);
        }
        lists
            .iter()
            .chain(members)
            .find(|path| here(path))
            .map_or(Target::Skip, |path| Target::Way(path[depth]))
    }

    /// Reads on in a value until it or the piece ends.
    fn inside(
        &mut self,
        bytes: &[u8],
        from: usize,
        value: Value,
        target: Target,
        each: &mut Each<'_>,
    ) -> Result<usize, Unusable> {
        if let (Target::List(list), Value::Nested { depth: 0, .. }) = (target, value)
            && bytes[from] == b'{'
            && self.held.is_empty()
            && !self.overlong
            && let Some(way) = self.way(list)
        {
            self.path.push(way);
            self.open(Frame::Object);
            return Ok(from + 1);
        }
        match value.read(&bytes[from..]) {
            Progress::Ends(length) => {
                let end = from + length;
                self.state = State::After;
                self.hand_on(&bytes[from..end], target, each)?;
                Ok(end)
            }
            Progress::Goes(value) => {
                if target != Target::Skip {
                    self.hold(&bytes[from..], target.limit());
                }
                self.state = State::Inside { value, target };
                Ok(bytes.len())
            }
        }
    }

    /// The name of a list that, as an object, is on the way to another.
    fn way(&self, list: usize) -> Option<&'static str> {
        let path = self.shape.lists[list];
        self.shape
            .lists
            .iter()
            .any(|other| other.len() > path.len() && other.starts_with(path))
            .then(|| path.last().copied())
            .flatten()
    }

    fn hold(&mut self, bytes: &[u8], limit: usize) {
        if self.overlong || self.held.len() + bytes.len() > limit {
            self.overlong = true;
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    /// A value is complete with `rest`.
    fn hand_on(
        &mut self,
        rest: &[u8],
        target: Target,
        each: &mut Each<'_>,
    ) -> Result<(), Unusable> {
        let whole = if self.held.is_empty() && !self.overlong && rest.len() <= target.limit() {
            Some(rest)
        } else {
            self.hold(rest, target.limit());
            (!self.overlong).then_some(&self.held[..])
        };
        let done = match (target, whole) {
            (Target::Record(list), Some(bytes)) => each(Piece::Record(list, bytes)),
            (Target::Record(_), None) => each(Piece::Overlong),
            (Target::Member(member), Some(bytes)) => each(Piece::Member(member, bytes)),
            (Target::List(list), bytes) => each(Piece::NoList(list, bytes.unwrap_or_default())),
            _ => Ok(()),
        };
        self.held.clear();
        self.overlong = false;
        done
    }
}

impl Target {
    fn limit(self) -> usize {
        match self {
            Self::Record(_) => LONGEST_RECORD,
            Self::Member(_) | Self::List(_) => LONGEST_MEMBER,
            Self::Top | Self::Way(_) | Self::Skip => 0,
        }
    }
}

enum Progress {
    /// With the byte before this one.
    Ends(usize),
    Goes(Value),
}

impl Value {
    fn starting(byte: u8) -> Self {
        match byte {
            b'{' | b'[' | b'"' => Self::Nested {
                depth: 0,
                text: false,
                escaped: false,
            },
            _ => Self::Word,
        }
    }

    fn read(self, bytes: &[u8]) -> Progress {
        match self {
            Self::Word => bytes
                .iter()
                .position(|byte| {
                    matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"' | b':')
                        || byte.is_ascii_whitespace()
                })
                .map_or(Progress::Goes(self), Progress::Ends),
            Self::Nested {
                depth,
                text,
                escaped,
            } => nested(bytes, depth, text, escaped),
        }
    }
}

fn nested(bytes: &[u8], mut depth: u32, mut text: bool, mut escaped: bool) -> Progress {
    let mut at = 0;
    while at < bytes.len() {
        if text {
            if escaped {
                escaped = false;
                at += 1;
                continue;
            }
            let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) else {
                break;
            };
            at += found + 1;
            if bytes[at - 1] == b'\\' {
                escaped = true;
                continue;
            }
            text = false;
            if depth == 0 {
                return Progress::Ends(at);
            }
            continue;
        }
        match bytes[at] {
            b'"' => text = true,
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Progress::Ends(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    Progress::Goes(Value::Nested {
        depth,
        text,
        escaped,
    })
}

/// A name as it is meant; names are rarely written with escapes.
fn unescaped(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted)
        .map_or(Cow::Borrowed(raw), |name| Cow::Owned(name.into_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    static SHAPE: Shape = Shape {
        lists: &[&[], &["threats"], &["response", "Attribute"], &["response"]],
        members: &[&["total"], &["meta", "at"]],
    };

    fn pieces(text: &str, cut: usize) -> Result<Vec<String>, Unusable> {
        let mut seen = Vec::new();
        let mut each = |piece: Piece<'_>| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            seen.push(match piece {
                Piece::List(list) => format!("list {list}"),
                Piece::Record(list, bytes) => format!("{list}: {}", text(bytes)),
                Piece::Overlong => "overlong".to_owned(),
                Piece::Member(member, bytes) => format!("member {member}: {}", text(bytes)),
                Piece::NoList(list, bytes) => format!("no list {list}: {}", text(bytes)),
            });
            Ok(())
        };
        let mut outline = Outline::new(&SHAPE);
        for piece in text.as_bytes().chunks(cut) {
            outline.feed(piece, &mut each)?;
        }
        outline.finish().map(|()| seen)
    }

    fn everywhere(text: &str) -> Result<Vec<String>, Unusable> {
        let whole = pieces(text, usize::MAX);
        for cut in 1..text.len().min(64) {
            assert_eq!(pieces(text, cut), whole, "cut every {cut} bytes");
        }
        whole
    }

    #[test]
    fn given_records_among_other_members_then_they_and_the_wanted_members_come() {
        let text = r#" { "x":[{"a":"}]"}], "threats" : [ {"ip":"a\"]","n":[1,{}]} , 7 ,"t", null ] ,
            "meta":{"by":{"at":0},"at":"now"},"total":12} "#;
        assert_eq!(
            everywhere(text).unwrap(),
            [
                "list 1",
                r#"1: {"ip":"a\"]","n":[1,{}]}"#,
                "1: 7",
                r#"1: "t""#,
                "1: null",
                r#"member 1: "now""#,
                "member 0: 12",
            ]
        );
    }

    /// Any JSON value, with texts that look like structure.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f32>().prop_map(|number| json!(number)),
            r#"[a-z\\"\[\]{},: é\n]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(r#"[a-z\\"]{0,4}"#, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn given_any_document_then_its_records_are_those_that_a_parser_finds(
            records in vec(any_json(), 0..6),
            before in any_json(),
            after in any_json(),
            is_pretty in any::<bool>(),
            cut in 1_usize..200,
        ) {
            let document = json!({"a": before, "threats": records, "z": after});
            let text = if is_pretty {
                serde_json::to_string_pretty(&document)
            } else {
                serde_json::to_string(&document)
            }
            .unwrap();
            let mut found = Vec::new();
            let mut each = |piece: Piece<'_>| {
                if let Piece::Record(1, bytes) = piece {
                    found.push(serde_json::from_slice::<Value>(bytes).unwrap());
                }
                Ok(())
            };
            let mut outline = Outline::new(&SHAPE);
            for piece in text.as_bytes().chunks(cut) {
                outline.feed(piece, &mut each).unwrap();
            }
            outline.finish().unwrap();
            let parsed: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&Value::from(found), &parsed["threats"]);
        }
    }

    #[test]
    fn given_a_list_at_the_top_then_it_is_the_records() {
        assert_eq!(
            everywhere("[{},[1]]").unwrap(),
            ["list 0", "0: {}", "0: [1]"]
        );
        assert_eq!(everywhere("[ ]").unwrap(), ["list 0"]);
    }

    #[test]
    fn given_a_name_that_may_be_a_list_or_lead_to_one_then_both_are_followed() {
        assert_eq!(
            everywhere(r#"{"response":{"Attribute":[1]},"total":2}"#).unwrap(),
            ["list 2", "2: 1", "member 0: 2"]
        );
        assert_eq!(
            everywhere(r#"{"response":[1],"total":2}"#).unwrap(),
            ["list 3", "3: 1", "member 0: 2"]
        );
    }

    #[test]
    fn given_something_else_where_a_list_was_looked_for_then_it_is_said() {
        assert_eq!(
            everywhere(r#"{"threats":null}"#).unwrap(),
            ["no list 1: null"]
        );
        assert_eq!(
            everywhere(r#"{"threats":{"a":[1]}}"#).unwrap(),
            [r#"no list 1: {"a":[1]}"#]
        );
    }

    #[test]
    fn given_a_name_with_escapes_then_it_is_the_same_name() {
        assert_eq!(
            everywhere(r#"{"\u0074hreats":[1]}"#).unwrap(),
            ["list 1", "1: 1"]
        );
    }

    #[test]
    fn given_a_record_that_is_no_json_then_the_others_still_come() {
        assert_eq!(
            everywhere(r#"[{"s":NaN},{"s":-Infinity},{"s":}, {"s":1}]"#)
                .unwrap()
                .len(),
            5
        );
    }

    #[test]
    fn given_a_record_of_two_megabytes_then_it_is_passed_over() {
        let text = format!(
            r#"[{{"a":"{}"}},{{"b":1}}]"#,
            "x".repeat(2 * LONGEST_RECORD)
        );
        let expected = ["list 0", "overlong", r#"0: {"b":1}"#];
        for cut in [1000, usize::MAX] {
            assert_eq!(pieces(&text, cut).unwrap(), expected, "{cut}");
        }
    }

    #[test]
    fn given_a_document_cut_off_anywhere_then_it_is_not_complete() {
        let text = r#"{"threats":[{"ip":"1"},{"ip":"2"}],"total":2}"#;
        for end in 1..text.len() {
            assert!(
                matches!(pieces(&text[..end], 5), Err(Unusable::CutOff(_))),
                "cut off at {end}"
            );
        }
    }

    #[test]
    fn given_broken_structure_then_the_place_is_named() {
        for (text, place) in [
            ("[1 2]", 3),
            (r#"{"a" 1}"#, 5),
            ("[1}", 2),
            ("[] []", 3),
            (r#"{"threats":[]]"#, 13),
            (r#"{"a":}"#, 5),
            ("[1,]", 3),
            (r#"{"a":1,}"#, 7),
            ("7", 0),
            ("error", 0),
        ] {
            match everywhere(text) {
                Err(Unusable::Malformed { at, .. }) => assert_eq!(at, place, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
