//! Where a body is cut into pieces makes no difference.

use std::io::Write;

use enforce_ip_list::sources::{Kind, Reading, Snapshot, SourceConfig, Unusable};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::recorder::{Recorder, config, fixture, now, read_with};

const SAMPLES: [(Kind, &str); 17] = [
    (Kind::Collector, "collector.json"),
    (Kind::Collector, "collector_bare.json"),
    (Kind::Collector, "hostile/nan.json"),
    (Kind::Collector, "hostile/nested_nulls.json"),
    (Kind::Collector, "hostile/byte_order_mark.json"),
    (Kind::Collector, "hostile/truncated.json"),
    (Kind::Collector, "hostile/login_page.html"),
    (Kind::Ipsum, "ipsum.txt"),
    (Kind::Ipsum, "hostile/byte_order_mark_crlf.txt"),
    (Kind::Ipsum, "hostile/not_utf8.txt"),
    (Kind::Firehol, "firehol_level1.netset"),
    (Kind::Plain, "plain.txt"),
    (Kind::SpamhausDrop, "spamhaus_drop_v4.json"),
    (Kind::Abuseipdb, "abuseipdb_blacklist.json"),
    (Kind::Crowdsec, "crowdsec_stream.json"),
    (Kind::Stix, "stix_bundle.json"),
    (Kind::Misp, "misp_attributes.json"),
];

/// All that is to be the same.
type Seen = Result<(Recorder, u64, u64, u64, Option<String>), Unusable>;

fn seen(result: Result<Snapshot<Recorder>, Unusable>) -> Seen {
    result.map(|s| (s.sink, s.accepted, s.rejected, s.ignored, s.id))
}

fn cut(config: &SourceConfig, bytes: &[u8], cuts: &[usize]) -> Seen {
    let mut reading = Reading::new("feed", config, now(), Recorder::default());
    let mut from = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        let cut = cut.clamp(from, bytes.len());
        reading.push(&bytes[from..cut])?;
        from = cut;
    }
    seen(reading.finish())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn given_one_cut_at_any_byte_then_the_same_comes_out() {
    for (kind, name) in SAMPLES {
        let (config, bytes) = (config(kind), fixture(name));
        let whole = seen(read_with(&config, &bytes));
        // Of the longest every fourth byte, for the time it takes; the cuts below are at random.
        for at in (0..=bytes.len()).step_by(bytes.len() / 2000 + 1) {
            assert_eq!(cut(&config, &bytes, &[at]), whole, "{name} cut at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn given_any_cuts_packed_or_not_then_the_same_comes_out(
        sample in 0..SAMPLES.len(),
        packed in any::<bool>(),
        mut cuts in vec(0_usize..8_192, 0..40),
    ) {
        let (kind, name) = SAMPLES[sample];
        let (config, plain) = (config(kind), fixture(name));
        let whole = seen(read_with(&config, &plain));
        let bytes = if packed { gzip(&plain) } else { plain };
        cuts.sort_unstable();
        prop_assert_eq!(cut(&config, &bytes, &cuts), whole, "{}", name);
    }

    #[test]
    fn given_any_bytes_then_there_is_an_answer_and_no_panic(
        kind in 0_usize..9,
        bytes in vec(any::<u8>(), 0..400),
    ) {
        let kinds = [
            Kind::Collector, Kind::Ipsum, Kind::Firehol, Kind::Plain, Kind::SpamhausDrop,
            Kind::Abuseipdb, Kind::Crowdsec, Kind::Stix, Kind::Misp,
        ];
        if let Ok(snapshot) = read_with(&config(kinds[kind]), &bytes) {
            prop_assert!(snapshot.accepted > 0);
        }
    }

    #[test]
    fn given_a_sample_with_bytes_changed_then_there_is_an_answer_and_no_panic(
        sample in 0..SAMPLES.len(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (kind, name) = SAMPLES[sample];
        let mut bytes = fixture(name);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let config = config(kind);
        let whole = seen(read_with(&config, &bytes));
        prop_assert_eq!(cut(&config, &bytes, &[bytes.len() / 2]), whole);
    }
}
