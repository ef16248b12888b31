// SPDX-License-Identifier: MIT OR Apache-2.0
//! mosquitto under the same load: one publisher, QoS 0.
//!
//! Contains its own encoder for the few required packets of MQTT 3.1.1: a library's client for each of hundreds of
//! subscribers would cost more than what is measured.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use anyhow::{Result, ensure};

use crate::{
    Load,
    process::{Server, free_port},
    receivers::Receivers,
    report::Report,
    sender,
};

const TOPIC: &[u8] = b"mypoll/board/timer/tick";

/// Measures the broker.
pub fn measure(program: &Path, load: Load) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let config = folder.path().join("mosquitto.conf");
    fs::write(
        &config,
        format!("listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"),
    )?;
    let server = Server::start(program, &["-c".as_ref(), config.as_os_str()], port)?;

    let silent: Result<Vec<_>> = (0..load.silent)
        .map(|number| subscribe(port, number))
        .collect();
    let silent = silent?;
    let clients: Result<Vec<_>> = (0..load.clients)
        .map(|number| subscribe(port, load.silent + number))
        .collect();
    let receivers = Receivers::start(clients?, load.events());

    let mut publisher = connect(port, u32::MAX)?;
    let before = server.cpu_time()?;
    let mut number = 0;
    let sending = sender::send(load, &mut publisher, |stamp, bytes| {
        number += 1;
        // The same content as the agent's.
        let payload = format!(
            "{{\"event\":{number},\"source\":\"timer\",\"kind\":\"tick\",\"line\":0,\"value\":1,\"lost\":0,\
             \"time\":\"2026-11-28T13:39:10.123456Z\",\"clock\":\"unsynchronized\",\"timestamp_ns\":\"{stamp}\"}}\n"
        );
        packet(bytes, 0x30, &[&string(TOPIC), payload.as_bytes()]);
    })?;
    let received = receivers.finish()?;
    drop(silent);
    Report::new("broker", load, &server, before, sending, received)
}

fn connect(port: u16, number: u32) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    // Protocol level 4, a clean session, no keep-alive.
    let header = [&string(b"MQTT")[..], &[4, 2, 0, 0]].concat();
    let mut bytes = Vec::new();
    packet(
        &mut bytes,
        0x10,
        &[&header, &string(format!("load-{number}").as_bytes())],
    );
    stream.write_all(&bytes)?;
    expect(&mut stream, [0x20, 2, 0, 0])?;
    Ok(stream)
}

fn subscribe(port: u16, number: u32) -> Result<TcpStream> {
    let mut stream = connect(port, number)?;
    let mut bytes = Vec::new();
    packet(&mut bytes, 0x82, &[&[0, 1], &string(TOPIC), &[0]]);
    stream.write_all(&bytes)?;
    expect(&mut stream, [0x90, 3, 0, 1, 0])?;
    Ok(stream)
}

fn expect<const N: usize>(stream: &mut TcpStream, answer: [u8; N]) -> Result<()> {
    let mut received = [0; N];
    stream.read_exact(&mut received)?;
    ensure!(
        received == answer,
        "the broker answered {received:x?}, not {answer:x?}"
    );
    Ok(())
}

/// A packet: its type, the length of the rest in groups of seven bits, the rest.
fn packet(bytes: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    bytes.push(kind);
    loop {
        let group = (length % 128) as u8;
        length /= 128;
        if length == 0 {
            bytes.push(group);
            break;
        }
        bytes.push(group | 0x80);
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
}

/// A string with its length before it.
fn string(text: &[u8]) -> Vec<u8> {
    let length = text.len() as u16;
    [&length.to_be_bytes(), text].concat()
}
