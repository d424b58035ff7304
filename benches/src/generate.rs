//! Posture logs that look like the real ones, from a seed: the same arguments give the same bytes.

use std::io::{self, Write};

/// Which preset the rows follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// `{timestamp,email,name,passed,details{expected,actual,device_id}}`, about 180 bytes a row.
    Workshop,
    /// Cloudflare Logpush `device_posture_results` with every field, about 780 bytes a row.
    Cloudflare,
}

impl Preset {
    /// The name as it is written on the command line and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workshop => "workshop",
            Self::Cloudflare => "cloudflare",
        }
    }
}

/// What is generated.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The fields and their order.
    pub preset: Preset,
    /// How many rows, each on a line of its own.
    pub rows: u64,
    /// How many people there are; every second one has two devices, each device runs five checks.
    pub people: u32,
    /// Share of the rows that fail, 0 to 1.
    pub failing: f64,
    /// Seed of every choice.
    pub seed: u64,
}

/// `SplitMix64` (Steele, Lea, Flood 2014): small, fast and good enough to choose people.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

const FIRST: [&str; 16] = [
    "ada", "grace", "alan", "edsger", "barbara", "donald", "radia", "ken", "frances", "dennis",
    "margaret", "leslie", "shafi", "tony", "hedy", "john",
];
const LAST: [&str; 16] = [
    "lovelace",
    "hopper",
    "turing",
    "dijkstra",
    "liskov",
    "knuth",
    "perlman",
    "thompson",
    "allen",
    "ritchie",
    "hamilton",
    "lamport",
    "goldwasser",
    "hoare",
    "lamarr",
    "backus",
];
/// Check name, Cloudflare's type of it, the expected and the failing value.
const CHECKS: [(&str, &str, &str, &str); 5] = [
    (
        "disk_encryption_check",
        "disk_encryption",
        "enabled",
        "disabled",
    ),
    (
        "antivirus_check",
        "antivirus",
        "up_to_date",
        "definitions 14 days old",
    ),
    ("os_updates_check", "os_version", "14.6", "14.2"),
    ("firewall_check", "firewall", "enabled", "disabled"),
    ("screen_lock_check", "application", "<= 300 s", "900 s"),
];
const SYSTEMS: [(&str, &str, &str, &str); 4] = [
    ("windows", "10.0.22631", "Lenovo", "ThinkPad X1"),
    ("mac", "14.6.1", "Apple Inc.", "MacBookPro18,3"),
    ("linux", "6.8.0", "Dell Inc.", "XPS 13 9320"),
    ("ios", "17.5.1", "Apple Inc.", "iPhone15,2"),
];

/// 2024-07-25T00:00:00Z, the day of the sample entry.
const FIRST_SECOND: u64 = 1_721_865_600;

/// Writes the rows to `out`.
///
/// # Errors
/// What `out` refuses.
pub fn write(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let mut dice = Dice(plan.seed);
    // A fixed-point share, so that the choice does not hang on how a machine rounds.
    let failing = (plan.failing.clamp(0.0, 1.0) * 1_000_000.0) as u64;
    for number in 0..plan.rows {
        let person = dice.below(u64::from(plan.people));
        let device = person * 2 + u64::from(person.is_multiple_of(2) && dice.below(2) == 0);
        let row = Row {
            number,
            person,
            device,
            check: dice.below(CHECKS.len() as u64) as usize,
            passed: dice.below(1_000_000) >= failing,
            second: FIRST_SECOND + number * 86_400 / plan.rows.max(1),
            nanos: dice.below(1_000_000_000),
        };
        match plan.preset {
            Preset::Workshop => row.workshop(out)?,
            Preset::Cloudflare => row.cloudflare(out)?,
        }
    }
    Ok(())
}

struct Row {
    number: u64,
    person: u64,
    device: u64,
    check: usize,
    passed: bool,
    second: u64,
    nanos: u64,
}

impl Row {
    fn email(&self) -> String {
        let first = FIRST[(self.person % 16) as usize];
        let last = LAST[(self.person / 16 % 16) as usize];
        format!("{first}.{last}.{}@company.com", self.person)
    }

    fn clock(&self) -> String {
        let day = self.second % 86_400;
        let date = 25 + (self.second - FIRST_SECOND) / 86_400;
        format!(
            "2024-07-{date:02}T{:02}:{:02}:{:02}",
            day / 3600,
            day / 60 % 60,
            day % 60
        )
    }

    fn workshop(&self, out: &mut impl Write) -> io::Result<()> {
        let (name, _, expected, wrong) = CHECKS[self.check];
        let actual = if self.passed { expected } else { wrong };
        writeln!(
            out,
            r#"{{"timestamp":"{}Z","email":"{}","name":"{name}","passed":{},"details":{{"expected":"{expected}","actual":"{actual}","device_id":"DEV-{:06}"}}}}"#,
            self.clock(),
            self.email(),
            self.passed,
            self.device,
        )
    }

    fn cloudflare(&self, out: &mut impl Write) -> io::Result<()> {
        let (name, kind, expected, wrong) = CHECKS[self.check];
        let actual = if self.passed { expected } else { wrong };
        let (system, version, maker, model) = SYSTEMS[(self.device % 4) as usize];
        let id = |salt: u64| identifier(self.device ^ (salt << 40));
        write!(
            out,
            r#"{{"ClientVersion":"2024.6.415","DeviceID":"{}","DeviceManufacturer":"{maker}","DeviceModel":"{model}","DeviceName":"host-{:06}","DeviceSerialNumber":"C02{:07X}","DeviceType":"{system}","Email":"{}","OSVersion":"{version}","PolicyID":"{}","#,
            id(1),
            self.device,
            self.device * 7919,
            self.email(),
            id(2),
        )?;
        writeln!(
            out,
            r#""PostureCheckName":"{name}","PostureCheckType":"{kind}","PostureEvaluatedResult":{},"PostureExpectedJSON":{{"operator":"==","value":"{expected}","os":"{system}"}},"PostureReceivedJSON":{{"value":"{actual}","run":"{}","success":{}}},"RegistrationID":"{}","Timestamp":"{}.{:09}Z","UserUID":"{}"}}"#,
            self.passed,
            identifier(self.number.wrapping_mul(0x9e37_79b9)),
            self.passed,
            id(3),
            self.clock(),
            self.nanos,
            identifier(self.person | (5 << 40)),
        )
    }
}

/// A stable identifier in the shape of a UUID.
fn identifier(from: u64) -> String {
    let (high, low) = (Dice(from).next(), Dice(!from).next());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
