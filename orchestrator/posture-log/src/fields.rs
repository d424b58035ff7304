//! Where a row keeps what we need: two presets, and maps that a user writes.

/// A user's description of one format: a JSON pointer (RFC 6901) for each field, such as `/user/mail`.
///
/// A row follows a map when both its `email` and its `check` pointer lead to something; maps are tried
/// in order, before the presets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldMap {
    /// The person's e-mail. Required.
    pub email: String,
    /// Name of the check. Required.
    pub check: String,
    /// The verdict; see [`FieldMaps::passed`] and [`FieldMaps::failed`]. Required.
    pub passed: String,
    /// When the check was evaluated. Required.
    pub timestamp: String,
    /// Type of the check, where the name is free text.
    pub check_type: Option<String>,
    /// Identifies the device.
    pub device: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// What should be.
    pub expected: Option<String>,
    /// What is.
    pub actual: Option<String>,
    /// The device's name.
    pub device_name: Option<String>,
    /// The device's model.
    pub device_model: Option<String>,
    /// The device's serial number.
    pub device_serial: Option<String>,
}

/// The user's maps and the words that stand for a verdict in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMaps {
    /// Tried in this order.
    pub maps: Vec<FieldMap>,
    /// Values that mean "passed", compared without regard to case; numbers as they are written.
    pub passed: Vec<String>,
    /// Values that mean "failed".
    pub failed: Vec<String>,
}

impl Default for FieldMaps {
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Self {
            maps: Vec::new(),
            passed: words(&[
                "true",
                "pass",
                "passed",
                "passing",
                "success",
                "compliant",
                "ok",
                "yes",
                "1",
            ]),
            failed: words(&[
                "false",
                "fail",
                "failed",
                "failing",
                "failure",
                "noncompliant",
                "non-compliant",
                "non_compliant",
                "not compliant",
                "notcompliant",
                "no",
                "0",
            ]),
        }
    }
}

/// A map that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldMapError {
    /// Not a JSON pointer.
    #[error(
        "field map {map}: `{field}` is `{pointer}`, which is no JSON pointer: write it as `/name` or `/outer/inner`"
    )]
    Pointer {
        /// Number of the map, from 1.
        map: usize,
        /// The field.
        field: &'static str,
        /// What was given.
        pointer: String,
    },
    /// More distinct pointers than a row is searched for.
    #[error(
        "the field maps use {found} distinct pointers, at most {limit} are possible: remove maps or fields"
    )]
    TooMany {
        /// Distinct pointers, those of the presets included.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A word stands for both verdicts.
    #[error("`{word}` means both passed and failed: remove it from one of the two lists")]
    BothVerdicts {
        /// The word.
        word: String,
    },
}

/// What a row can tell, in the order of [`Format::leaf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Email,
    Check,
    Passed,
    Timestamp,
    Device,
    CheckType,
    Expected,
    Actual,
    Os,
    OsVersion,
    DeviceName,
    DeviceModel,
    DeviceSerial,
}

/// How many of the fields identify a row; the others describe it.
const IDENTIFYING: usize = 5;
/// The fields that are kept as text beside the state.
pub(super) const DETAILS: [Field; 8] = [
    Field::CheckType,
    Field::Expected,
    Field::Actual,
    Field::Os,
    Field::OsVersion,
    Field::DeviceName,
    Field::DeviceModel,
    Field::DeviceSerial,
];
const FIELDS: usize = IDENTIFYING + DETAILS.len();

/// At most so many distinct pointers are looked for in a row.
pub(super) const MAX_LEAVES: usize = 96;
/// The presets have this many.
pub(super) const PRESET_LEAVES: usize = 20;

/// Whether the verdict must be a boolean or may be a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdicts {
    Boolean,
    Words,
}

/// One format with its pointers resolved to leaves of the tree.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) name: &'static str,
    pub(super) verdicts: Verdicts,
    pub(super) pointers: [Option<String>; FIELDS],
    leaves: [Option<u8>; FIELDS],
}

impl Format {
    /// Where the tree puts a field's value.
    pub(super) fn leaf(&self, field: Field) -> Option<usize> {
        self.leaves[field as usize].map(usize::from)
    }

    pub(super) fn pointer(&self, field: Field) -> &str {
        self.pointers[field as usize].as_deref().unwrap_or_default()
    }
}

/// A place in the document that some format looks at, or that leads to one.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) keys: Vec<(Box<str>, Node)>,
    pub(super) leaf: Option<u8>,
    /// The value may be an object or an array and is wanted as its JSON text.
    pub(super) raw: bool,
}

impl Node {
    fn child(&mut self, key: &str) -> &mut Self {
        let at = match self.keys.iter().position(|(name, _)| **name == *key) {
            Some(at) => at,
            None => {
                self.keys.push((key.into(), Self::default()));
                self.keys.len() - 1
            }
        };
        &mut self.keys[at].1
    }
}

/// All formats, compiled to one tree, so that a row is searched once for all of them.
#[derive(Debug)]
pub(super) struct Formats {
    pub(super) root: Node,
    pub(super) maps: Vec<Format>,
    pub(super) workshop: Format,
    pub(super) cloudflare: Format,
    pub(super) leaves: usize,
    pub(super) passed: Vec<String>,
    pub(super) failed: Vec<String>,
}

impl Formats {
    /// Compiles the presets and the user's maps.
    ///
    /// # Errors
    /// A pointer without its leading `/`, too many pointers, a word that means both verdicts.
    pub(super) fn compile(fields: &FieldMaps) -> Result<Self, FieldMapError> {
        let (mut tree, workshop, cloudflare) = Tree::of_presets();
        let mut maps = Vec::new();
        for (number, map) in fields.maps.iter().enumerate() {
            let pointers = user_pointers(map);
            check_pointers(number + 1, &pointers)?;
            maps.push(tree.add("field map", Verdicts::Words, pointers));
        }
        if tree.leaves > MAX_LEAVES {
            return Err(FieldMapError::TooMany {
                found: tree.leaves,
                limit: MAX_LEAVES,
            });
        }
        let lower = |words: &[String]| {
            words
                .iter()
                .map(|word| word.trim().to_lowercase())
                .collect::<Vec<_>>()
        };
        let (passed, failed) = (lower(&fields.passed), lower(&fields.failed));
        if let Some(word) = passed.iter().find(|word| failed.contains(word)) {
            return Err(FieldMapError::BothVerdicts { word: word.clone() });
        }
        Ok(Self {
            root: tree.root,
            maps,
            workshop,
            cloudflare,
            leaves: tree.leaves,
            passed,
            failed,
        })
    }
}

impl Default for Formats {
    /// The presets alone.
    fn default() -> Self {
        let (tree, workshop, cloudflare) = Tree::of_presets();
        Self {
            root: tree.root,
            maps: Vec::new(),
            workshop,
            cloudflare,
            leaves: tree.leaves,
            passed: Vec::new(),
            failed: Vec::new(),
        }
    }
}

#[derive(Default)]
struct Tree {
    root: Node,
    leaves: usize,
}

impl Tree {
    fn of_presets() -> (Self, Format, Format) {
        let mut tree = Self::default();
        let workshop = tree.add("workshop", Verdicts::Boolean, workshop());
        let cloudflare = tree.add("cloudflare", Verdicts::Boolean, cloudflare());
        (tree, workshop, cloudflare)
    }

    fn add(
        &mut self,
        name: &'static str,
        verdicts: Verdicts,
        pointers: [Option<String>; FIELDS],
    ) -> Format {
        let mut leaves = [None; FIELDS];
        let mut sorted: Vec<_> = pointers.iter().enumerate().collect();
        // The order in which Logpush writes its fields; where others differ, a search takes longer.
        sorted.sort_by_key(|(_, pointer)| *pointer);
        for (field, pointer) in sorted {
            let Some(pointer) = pointer else { continue };
            let mut node = &mut self.root;
            for key in pointer.split('/').skip(1) {
                node = node.child(&key.replace("~1", "/").replace("~0", "~"));
            }
            // Beyond the limit the number wraps; `compile` refuses such a tree before it is used.
            let leaf = *node.leaf.get_or_insert_with(|| {
                self.leaves += 1;
                (self.leaves - 1) as u8
            });
            node.raw |= field >= IDENTIFYING;
            leaves[field] = Some(leaf);
        }
        Format {
            name,
            verdicts,
            pointers,
            leaves,
        }
    }
}

fn pointers(list: [(Field, &str); FIELDS]) -> [Option<String>; FIELDS] {
    let mut pointers = [const { None }; FIELDS];
    for (field, pointer) in list {
        pointers[field as usize] = (!pointer.is_empty()).then(|| pointer.to_owned());
    }
    pointers
}

/// The device-posture workshop's entry.
fn workshop() -> [Option<String>; FIELDS] {
    pointers([
        (Field::Email, "/email"),
        (Field::Check, "/name"),
        (Field::Passed, "/passed"),
        (Field::Timestamp, "/timestamp"),
        (Field::Device, "/details/device_id"),
        (Field::CheckType, ""),
        (Field::Expected, "/details/expected"),
        (Field::Actual, "/details/actual"),
        (Field::Os, ""),
        (Field::OsVersion, ""),
        (Field::DeviceName, ""),
        (Field::DeviceModel, ""),
        (Field::DeviceSerial, ""),
    ])
}

/// Cloudflare Logpush, dataset `device_posture_results`:
/// <https://developers.cloudflare.com/logs/reference/log-fields/account/device_posture_results/>.
fn cloudflare() -> [Option<String>; FIELDS] {
    pointers([
        (Field::Email, "/Email"),
        (Field::Check, "/PostureCheckName"),
        (Field::Passed, "/PostureEvaluatedResult"),
        (Field::Timestamp, "/Timestamp"),
        (Field::Device, "/DeviceID"),
        (Field::CheckType, "/PostureCheckType"),
        (Field::Expected, "/PostureExpectedJSON"),
        (Field::Actual, "/PostureReceivedJSON"),
        (Field::Os, "/DeviceType"),
        (Field::OsVersion, "/OSVersion"),
        (Field::DeviceName, "/DeviceName"),
        (Field::DeviceModel, "/DeviceModel"),
        (Field::DeviceSerial, "/DeviceSerialNumber"),
    ])
}

fn user_pointers(map: &FieldMap) -> [Option<String>; FIELDS] {
    let text = |pointer: &Option<String>| pointer.clone();
    let mut list = [const { None }; FIELDS];
    list[Field::Email as usize] = Some(map.email.clone());
    list[Field::Check as usize] = Some(map.check.clone());
    list[Field::Passed as usize] = Some(map.passed.clone());
    list[Field::Timestamp as usize] = Some(map.timestamp.clone());
    list[Field::Device as usize] = text(&map.device);
    list[Field::CheckType as usize] = text(&map.check_type);
    list[Field::Expected as usize] = text(&map.expected);
    list[Field::Actual as usize] = text(&map.actual);
    list[Field::Os as usize] = text(&map.os);
    list[Field::OsVersion as usize] = text(&map.os_version);
    list[Field::DeviceName as usize] = text(&map.device_name);
    list[Field::DeviceModel as usize] = text(&map.device_model);
    list[Field::DeviceSerial as usize] = text(&map.device_serial);
    list
}

fn check_pointers(map: usize, pointers: &[Option<String>; FIELDS]) -> Result<(), FieldMapError> {
    const NAMES: [&str; FIELDS] = [
        "email",
        "check",
        "passed",
        "timestamp",
        "device",
        "check_type",
        "expected",
        "actual",
        "os",
        "os_version",
        "device_name",
        "device_model",
        "device_serial",
    ];
    for (pointer, field) in pointers.iter().zip(NAMES) {
        if let Some(pointer) = pointer
            && !(pointer.starts_with('/') && pointer.len() > 1)
        {
            return Err(FieldMapError::Pointer {
                map,
                field,
                pointer: pointer.clone(),
            });
        }
    }
    Ok(())
}
