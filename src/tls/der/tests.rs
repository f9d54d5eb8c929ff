//! Tests of the reader: rows of bytes, and what is read of them.

use super::*;

#[test]
fn times_are_seconds_since_1970() {
    let rows: [(&[u8], Option<i64>); 11] = [
        (b"\x17\x0d700101000000Z", Some(0)),
        (b"\x17\x0d000229000000Z", Some(951_782_400)),
        (b"\x17\x0d261121235959Z", Some(1_795_305_599)),
        (b"\x18\x0f21000301000000Z", Some(4_107_542_400)),
        (b"\x18\x0f99991231235959Z", Some(253_402_300_799)),
        (b"\x18\x0f00000301000000Z", Some(-62_162_035_200)),
        (b"\x17\x0d691231235959Z", Some(-1)),
        (b"\x17\x0d991331000000Z", None),
        (b"\x17\x0d991231240000Z", None),
        (b"\x17\x0d7001010000001", None),
        (b"\x17\x0bx00101000000Z", None),
    ];
    for (given, wanted) in rows {
        assert_eq!(time(given).map(|(time, _)| time.0), wanted, "{given:?}");
    }
}

type Row = (&'static [u8], Option<(&'static [u8], &'static [u8])>);

#[test]
fn values_are_split_off_and_nothing_is_read_past_the_end() {
    let rows: [Row; 8] = [
        (&[0x30, 1, 7, 8], Some((&[7], &[8]))),
        (&[0x30, 0], Some((&[], &[]))),
        (&[0x30, 0x81, 1, 7], Some((&[7], &[]))),
        (&[0x30, 0x82, 0, 1, 7], Some((&[7], &[]))),
        (&[0x30, 2, 7], None),
        (&[0x30, 0x83, 255, 255], None),
        (&[0x30, 0x80, 0, 0], None),
        (&[0x02, 0], None),
    ];
    for (given, wanted) in rows {
        assert_eq!(value(given, SEQUENCE), wanted, "{given:?}");
    }
    assert_eq!(value(&[], SEQUENCE), None);
}

#[test]
fn identifiers_have_names_or_numbers() {
    let rows: [(&[u8], &str); 6] = [
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], "ECDSA with SHA-512"),
        (&[0x55, 0x1d, 32], "certificatePolicies"),
        (&[0x2b, 6, 1, 5, 5, 7, 1, 25], "1.3.6.1.5.5.7.1.25"),
        (&[0x88, 0x37, 0x83, 0x84, 0x85, 0x06], "2.999.6357638"),
        (&[0x2a, 0x80], "1.2"),
        (&[], ""),
    ];
    for (given, wanted) in rows {
        assert_eq!(object_name(given), wanted, "{given:?}");
    }
}

#[test]
fn basic_constraints_are_read_as_der() {
    let rows: [(&[u8], _); 7] = [
        (&[0x30, 0], Some((false, None))),
        (&[0x30, 3, 1, 1, 0xff], Some((true, None))),
        (&[0x30, 6, 1, 1, 0xff, 2, 1, 3], Some((true, Some(3)))),
        (&[0x30, 3, 2, 1, 0], Some((false, Some(0)))),
        (&[0x30, 3, 1, 1, 1], Some((false, None))),
        (&[0x30, 6, 1, 1, 0xff, 2, 1, 0x80], None),
        (&[1, 1, 0xff], None),
    ];
    for (given, wanted) in rows {
        assert_eq!(basic_constraints(given), wanted, "{given:?}");
    }
}
