//! Compressed streams that break off or lie: the good rows before are kept, and an error says what happened.

use super::super::{Cause, Kind};
use super::{Pieces, emails, failure, gzip, options, reading, row, zstd};

fn log() -> String {
    (0..5000)
        .map(|number| row(&format!("p{number}@x"), 1, number % 2 == 0) + "\n")
        .collect()
}

#[test]
fn a_truncated_stream_keeps_the_rows_before_and_says_so() {
    for (log, name) in [(gzip(log()), "gzip"), (zstd(log()), "zstd")] {
        for cut in [log.len() - 1, log.len() - 9, log.len() / 2] {
            let error = failure(&log[..cut]);
            assert!(
                matches!(error.cause, Cause::Truncated { encoding } if encoding == name),
                "{error}"
            );
            assert!(
                error.reading.len() > 1000 || name == "zstd",
                "{}",
                error.reading.len()
            );
            assert_eq!(error.reading.stats.bad, 0, "{cut}");
            assert_eq!(error.at.stored, cut as u64, "{cut}");
        }
    }
}

#[test]
fn a_header_alone_is_truncated() {
    for log in [
        &b"\x1f\x8b"[..],
        &b"\x1f\x8b\x08\0\0"[..],
        &b"\x28\xb5\x2f\xfd"[..],
    ] {
        assert!(
            matches!(failure(log).cause, Cause::Truncated { .. }),
            "{log:?}"
        );
    }
}

#[test]
fn a_header_may_have_all_its_optional_parts() {
    let mut encoder = flate2::GzBuilder::new()
        .extra(vec![7; 300])
        .filename("posture.log")
        .comment("made by hand")
        .write(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, row("a@x", 1, true).as_bytes()).unwrap();
    let mut log = encoder.finish().unwrap();
    assert_eq!(emails(&reading(&log)), ["a@x"]);
    // The header's own checksum, which nobody computes; it lies behind the comment.
    let behind = log
        .windows(13)
        .position(|window| window == b"made by hand\0")
        .unwrap()
        + 13;
    log[3] |= 2;
    log.splice(behind..behind, [1, 2]);
    assert_eq!(emails(&reading(&log)), ["a@x"]);
    for cut in 1..behind + 2 {
        let error = failure(&log[..cut]);
        assert!(
            cut == 1 || matches!(error.cause, Cause::Truncated { encoding: "gzip" }),
            "{cut}: {error}"
        );
    }
}

#[test]
fn a_wrong_checksum_is_damage_and_keeps_the_rows() {
    let mut log = gzip(log());
    let at = log.len() - 6;
    log[at] ^= 0xff;
    let error = failure(&log);
    assert!(
        matches!(
            error.cause,
            Cause::Damaged {
                encoding: "gzip",
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.reading.is_empty());
}

#[test]
fn a_second_member_that_is_damaged_keeps_the_rows_of_the_first() {
    let log = [
        gzip(row("a@x", 1, true) + "\n"),
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xff\xff\xff".to_vec(),
    ]
    .concat();
    let error = failure(&log);
    assert!(matches!(error.cause, Cause::Damaged { .. }), "{error}");
    assert_eq!(emails(&error.reading), ["a@x"]);
}

#[test]
fn bytes_behind_the_end_are_reported_and_cost_nothing() {
    for log in [gzip(log()), zstd(log())] {
        let reading = reading([log, b"\0\0trailing rubbish".to_vec()].concat());
        assert_eq!(reading.len(), 5000);
        assert_eq!(reading.problems.count(Kind::Stray), 1);
    }
}

#[test]
fn what_is_not_read_is_named() {
    let utf16: Vec<u8> = format!("\u{feff}{}", row("a@x", 1, true))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(&[u8], &str); 8] = [
        (&utf16, "UTF-16"),
        (&utf16[2..], "UTF-16"),
        (&gzip(&utf16), "UTF-16"),
        (&gzip(gzip(row("a@x", 1, true))), "twice"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"PAR1\x15\x04", "Parquet"),
    ];
    for (log, name) in cases {
        let error = failure(log);
        assert!(
            matches!(error.cause, Cause::Unsupported { .. }) && error.to_string().contains(name),
            "{error}"
        );
    }
}

#[test]
fn an_input_that_fails_keeps_the_rows_before_and_can_be_retried() {
    struct Fails<'p>(Pieces<'p>);
    impl std::io::Read for Fails<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(std::io::Error::other("connection reset")),
                count => Ok(count),
            }
        }
    }
    let log = gzip(log());
    let pieces = Pieces {
        bytes: &log[..log.len() / 2],
        sizes: &[1000],
        turn: 0,
    };
    let error = super::super::read(Fails(pieces), &options()).unwrap_err();
    assert!(matches!(error.cause, Cause::Input(_)) && error.cause.is_retryable());
    assert!(error.to_string().contains("connection reset"));
    assert!(!error.reading.is_empty());
}
