// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole, partial, oversized and invalid packets.

use super::*;

/// Decodes all packets of `bytes`, which arrive `step` at a time.
fn decode(version: Version, bytes: &[u8], step: usize) -> Result<Vec<Incoming>, Malformed> {
    let (mut received, mut skip, mut packets) = (BytesMut::new(), 0, Vec::new());
    for part in bytes.chunks(step) {
        received.extend_from_slice(part);
        while let Some(packet) = next(version, &mut received, &mut skip)? {
            packets.push(packet);
        }
        assert!(received.len() < LONGEST + step);
    }
    assert!(received.is_empty() && skip == 0, "{received:?} {skip}");
    Ok(packets)
}

/// The broker's side of a session.
fn session(version: Version) -> (Vec<u8>, Vec<Incoming>) {
    let mut bytes = BytesMut::new();
    let message = |payload: &'static str, retain| Message {
        topic: "a/set".into(),
        payload: Bytes::from_static(payload.as_bytes()),
        retain,
        id: None,
    };
    let incoming = |payload: &'static str, retained| Incoming::Message {
        topic: "a/set".into(),
        payload: Bytes::from_static(payload.as_bytes()),
        retained,
    };
    let mut expected = vec![
        Incoming::Accepted(Limits::default()),
        Incoming::Subscribed(vec![true, false]),
        Incoming::Acknowledged(258, None),
        incoming("on", false),
        incoming("", true),
        Incoming::Other,
    ];
    match version {
        Version::V311 => {
            bytes.extend_from_slice(&[0x20, 2, 0, 0]);
            bytes.extend_from_slice(&[0x90, 4, 0, 1, 0, 0x80]);
            bytes.extend_from_slice(&[0x40, 2, 1, 2]);
        }
        Version::V5 => {
            bytes.extend_from_slice(&[0x20, 3, 0, 0, 0]);
            bytes.extend_from_slice(&[0x90, 5, 0, 1, 0, 0, 0x87]);
            bytes.extend_from_slice(&[0x40, 2, 1, 2]);
        }
    }
    assert!(version.publish(message("on", false), &mut bytes));
    assert!(version.publish(message("", true), &mut bytes));
    bytes.extend_from_slice(&[0xd0, 0]);
    if version == Version::V5 {
        bytes.extend_from_slice(&[0x40, 3, 0, 7, 0x87]);
        bytes.extend_from_slice(&[0xe0, 1, 0x8e]);
        let refused = Some("NotAuthorized".to_owned());
        expected.push(Incoming::Acknowledged(7, refused));
        expected.push(Incoming::Disconnect("SessionTakenOver".to_owned()));
    }
    (bytes.to_vec(), expected)
}

#[test]
fn packets_may_arrive_in_pieces() {
    for version in [Version::V311, Version::V5] {
        let (bytes, expected) = session(version);
        for step in [1, 2, 7, bytes.len()] {
            assert_eq!(decode(version, &bytes, step).unwrap(), expected);
        }
    }
}

#[test]
fn oversized_packets_are_skipped() {
    for version in [Version::V311, Version::V5] {
        for length in [LONGEST - 100, LONGEST, 3 * LONGEST] {
            let mut bytes = BytesMut::new();
            let message = Message {
                topic: "a/set".into(),
                payload: vec![b'x'; length].into(),
                retain: false,
                id: None,
            };
            assert!(version.publish(message, &mut bytes));
            version.ping(&mut bytes);
            let packets = decode(version, &bytes, 1000).unwrap();
            assert_eq!(packets.len(), 2);
            let is_short = matches!(packets[0], Incoming::Message { .. });
            assert_eq!(is_short, length < LONGEST, "{length}");
        }
    }
}

#[test]
fn limits_of_mqtt_5_are_parsed() {
    // Receive maximum 10, maximum QoS 0, no retained messages, packets of 4096 bytes, keep-alive 30 s.
    let packet = [
        0x20, 20, 0, 0, 17, 0x21, 0, 10, 0x24, 0, 0x25, 0, 0x27, 0, 0, 0x10, 0, 0x13, 0, 30, 0x28,
        1,
    ];
    let limits = Limits {
        unacknowledged: 10,
        packet: 4096,
        retains: false,
        acknowledges: false,
        keep_alive: Some(30),
    };
    assert_eq!(
        decode(Version::V5, &packet, 1).unwrap(),
        [Incoming::Accepted(limits)]
    );
}

#[test]
fn refusals_are_distinguished() {
    let refused = |version, packet: &[u8]| decode(version, packet, 1).unwrap().remove(0);
    for (version, packet, refusal) in [
        (Version::V311, &[0x20, 2, 0, 1][..], Refusal::Version),
        (Version::V311, &[0x20, 2, 0, 2], Refusal::ClientId),
        (Version::V311, &[0x20, 2, 0, 4], Refusal::Login),
        (Version::V311, &[0x20, 2, 0, 5], Refusal::Login),
        (Version::V5, &[0x20, 3, 0, 0x84, 0], Refusal::Version),
        (Version::V5, &[0x20, 3, 0, 0x85, 0], Refusal::ClientId),
        (Version::V5, &[0x20, 3, 0, 0x86, 0], Refusal::Login),
        (
            Version::V5,
            &[0x20, 9, 0, 0x97, 6, 0x1f, 0, 3, b'b', b'u', b's'],
            Refusal::Other("QuotaExceeded: bus".to_owned()),
        ),
    ] {
        assert_eq!(refused(version, packet), Incoming::Refused(refusal));
    }
}

#[test]
fn invalid_packets_are_errors() {
    for (version, bytes) in [
        (Version::V311, &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        (Version::V311, &[0x20, 0xff, 0xff, 0xff, 0xff, 1]),
        (Version::V311, &[0x20, 1, 0]),
        (Version::V311, &[0x40, 2, 0, 0]),
        (Version::V311, &[0x30, 3, 0, 9, b'a']),
        (Version::V5, &[0x20, 3, 0, 0x42, 0]),
        (Version::V5, &[0x20, 4, 0, 0, 9, 0]),
        (Version::V5, &[0x90, 2, 0, 0]),
    ] {
        let error = decode(version, bytes, bytes.len()).unwrap_err().to_string();
        assert!(error.starts_with("it sends invalid MQTT"), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>, step in 1_usize..9) {
        for version in [Version::V311, Version::V5] {
            let (mut received, mut skip) = (BytesMut::new(), 0);
            'bytes: for part in bytes.chunks(step) {
                received.extend_from_slice(part);
                loop {
                    match next(version, &mut received, &mut skip) {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'bytes,
                    }
                }
            }
        }
    }
}

#[test]
fn only_valid_topics_are_published_to() {
    for topic in ["", "a/+", "a/#", "a\0b", &"x".repeat(65536)] {
        let message = Message {
            topic: topic.into(),
            payload: Bytes::new(),
            retain: false,
            id: Some(1),
        };
        let mut bytes = BytesMut::new();
        assert!(!Version::V311.publish(message, &mut bytes), "{topic}");
        assert!(bytes.is_empty());
    }
}
