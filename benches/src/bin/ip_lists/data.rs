//! Lists, a snapshot and an allow list, from a seed: the same arguments give the same bytes.
//!
//! A folder with `block`, `challenge` and `rate-limit`, each a page of Cloudflare's API a line (500 items); `collector`, a page of
//! the collector's a line (5,000 records); `allow`, a network a line. Only hosts, so that a peer that knows nothing of networks
//! comes to the same result.

use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

pub(crate) const LISTS: [&str; 3] = ["block", "challenge", "rate-limit"];
/// 2026-01-01T12:00:00Z.
pub(crate) const NOW: u32 = 1_767_268_800;
const PAGE: usize = 500;
const COLLECTOR_PAGE: usize = 5_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Set {
    pub(crate) entries: u64,
    pub(crate) churn: f64,
    pub(crate) allow: u64,
    pub(crate) seed: u64,
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// One hostile host.
struct Host {
    address: String,
    score: u8,
}

impl Host {
    /// One in fifty is IPv6. IPv4 comes from 20/8 to 99/8, of which nothing is special.
    fn roll(dice: &mut Dice) -> Self {
        let roll = dice.next();
        let address = if roll.is_multiple_of(50) {
            let bits = 0x2a01_u128 << 112 | u128::from(dice.next()) << 32 | u128::from(roll as u32);
            Ipv6Addr::from(bits).to_string()
        } else {
            let first = 20 + (roll >> 32) as u32 % 80;
            let rest = dice.next() as u32 & 0xff_ffff;
            Ipv4Addr::from(first << 24 | rest).to_string()
        };
        // As IPsum has them: one in 25 is blocked, one in 5 challenged.
        let score = match roll >> 40 & 0xff {
            0..4 => 5,
            4..10 => 4,
            10..30 => 3,
            30..61 => 2,
            _ => 1,
        };
        Self { address, score }
    }

    fn list(&self) -> usize {
        match self.score {
            4.. => 0,
            2 | 3 => 1,
            _ => 2,
        }
    }
}

impl Set {
    /// The folder, written unless a run before has.
    pub(crate) fn written(&self, data: &Path) -> Result<PathBuf, Box<dyn Error>> {
        let Self {
            entries,
            churn,
            allow,
            seed,
        } = self;
        let path = data.join(format!("ip-lists-{entries}-{churn}-{allow}-{seed}"));
        if path.exists() {
            return Ok(path);
        }
        let unfinished = path.with_extension("unfinished");
        fs::create_dir_all(&unfinished)?;
        self.write(&unfinished)?;
        fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let mut dice = Dice(self.seed);
        let entries = usize::try_from(self.entries)?;
        let leaving = (self.entries as f64 * self.churn) as usize;
        let mut known = HashSet::new();
        let mut hosts = Vec::with_capacity(entries + leaving);
        while hosts.len() < entries + leaving {
            let host = Host::roll(&mut dice);
            if known.insert(host.address.clone()) {
                hosts.push(host);
            }
        }
        drop(known);
        // The first leave, the last come.
        self.write_lists(folder, &hosts[..entries])?;
        write_collector(folder, &hosts[leaving..], &mut dice)?;
        self.write_allow(folder, &hosts[leaving..], &mut dice)
    }

    fn write_lists(&self, folder: &Path, hosts: &[Host]) -> Result<(), Box<dyn Error>> {
        let mut id = Dice(self.seed ^ 0xffff);
        for (at, name) in LISTS.iter().enumerate() {
            let mut file = BufWriter::new(File::create(folder.join(name))?);
            let mut list: Vec<&Host> = hosts.iter().filter(|host| host.list() == at).collect();
            list.sort_by_key(|host| host.address.parse::<std::net::IpAddr>().ok());
            for page in list.chunks(PAGE) {
                file.write_all(b"{\"result\":[")?;
                for (at, host) in page.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(
                        file,
                        "{comma}{{\"id\":\"{:016x}{:016x}\",\"ip\":\"{}\",\"comment\":\"eil1:prod s={} e=1767916800 src=ipsum,et\",\"created_on\":\"2025-12-30T08:00:01Z\",\"modified_on\":\"2025-12-30T08:00:01Z\"}}",
                        id.next(),
                        id.next(),
                        host.address,
                        host.score,
                    )?;
                }
                file.write_all(b"],\"success\":true,\"errors\":[],\"messages\":[],\"result_info\":{\"cursors\":{\"after\":\"zzz\"}}}\n")?;
            }
            file.flush()?;
        }
        Ok(())
    }

    /// Every second network lies around a host.
    fn write_allow(
        &self,
        folder: &Path,
        hosts: &[Host],
        dice: &mut Dice,
    ) -> Result<(), Box<dyn Error>> {
        let mut file = BufWriter::new(File::create(folder.join("allow"))?);
        for at in 0..self.allow {
            let roll = dice.next();
            let around = &hosts[roll as usize % hosts.len()].address;
            let address = match around.parse() {
                Ok(address) if at % 2 == 0 => u32::from_be_bytes(Ipv4Addr::octets(&address)),
                _ => (20 + (roll >> 8) as u32 % 80) << 24 | dice.next() as u32 & 0xff_ffff,
            };
            let prefix = 26 + (roll >> 32) as u32 % 7;
            let first = address & u32::MAX << (32 - prefix);
            writeln!(file, "{}/{prefix}", Ipv4Addr::from(first))?;
        }
        file.flush()?;
        Ok(())
    }
}

fn write_collector(folder: &Path, hosts: &[Host], dice: &mut Dice) -> Result<(), Box<dyn Error>> {
    let mut order: Vec<&Host> = hosts.iter().collect();
    // A collector's order is none that helps.
    for at in (1..order.len()).rev() {
        order.swap(at, dice.next() as usize % (at + 1));
    }
    let mut file = BufWriter::new(File::create(folder.join("collector"))?);
    for page in order.chunks(COLLECTOR_PAGE) {
        file.write_all(b"{\"schema\":1,\"threats\":[")?;
        for (at, host) in page.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(
                file,
                "{comma}{{\"ip\":\"{}\",\"score\":{},\"sources\":[\"ipsum\",\"et\"],\"is_whitelisted\":false,\"last_seen\":\"2026-01-01T08:00:00Z\"}}",
                host.address, host.score,
            )?;
        }
        file.write_all(b"],\"next_cursor\":\"zzz\"}\n")?;
    }
    file.flush()?;
    Ok(())
}
