// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions over connections in memory.

use std::sync::Arc;

use mypoll_protocol::Action;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, DuplexStream, duplex},
    task::JoinHandle,
};

use super::*;
use crate::{
    command::{Executor, Refused},
    context::Context,
    event::{Kind, Reading, Source},
    identity::Identity,
    journal::{Journal, Update, Writer},
    lines::{Line, Settings},
};

const HEARTBEAT: Duration = Duration::from_secs(30);

/// Serves clients, and produces events.
struct Sink {
    shared: Arc<Shared>,
    writer: Option<Writer>,
    stop: CancellationToken,
    role: Role,
    token: Option<&'static str>,
}

/// The other end of a connection.
struct Client {
    connection: BufReader<DuplexStream>,
    task: JoinHandle<Result<(), Left>>,
}

impl Sink {
    fn new(memory: usize) -> Self {
        let identity = Identity {
            machine: "board".to_owned(),
            boot: "boot".to_owned(),
        };
        let (journal, writer) = Journal::in_memory(identity, memory);
        let context = Context::new(journal);
        let reporter = context.status.reporter("stream");
        let shared = Shared::new(&context, Some(HEARTBEAT), reporter);
        Self {
            shared: Arc::new(shared),
            writer: Some(writer),
            stop: CancellationToken::new(),
            role: Role::Read,
            token: None,
        }
    }

    /// A client over a connection that holds `size` bytes each way.
    fn connect(&self, size: usize) -> Client {
        let (here, there) = duplex(size);
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        let cursor = shared.journal.cursor(Start::Now);
        let (role, needed) = (self.role, self.token);
        let task = tokio::spawn(async move {
            let authorize = move |token: Option<&str>| match token {
                _ if needed.is_none() || token == needed => Ok(role),
                None => Err(Denied::NoToken),
                Some(_) => Err(Denied::UnknownToken),
            };
            let access = Access {
                needs_token: needed.is_some(),
                authorize: &authorize,
            };
            serve(there, cursor, &shared, access, &stop).await
        });
        Client {
            connection: BufReader::new(here),
            task,
        }
    }

    /// A client that sends a line first, and the answer to it.
    async fn request(&self, line: &str) -> (Client, Value) {
        let mut client = self.connect(1 << 16);
        client.send(line).await;
        let answer = client.json().await;
        (client, answer)
    }

    async fn append(&mut self, readings: Vec<Reading>, lines: Option<Vec<Line>>) {
        let writer = self.writer.as_mut().unwrap();
        writer.append(Update { readings, lines }).await;
    }

    async fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.append(vec![reading(Source::TIMER, Kind::TICK, 0)], None)
                .await;
        }
    }
}

impl Client {
    async fn send(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.connection.write_all(line.as_bytes()).await.unwrap();
    }

    async fn json(&mut self) -> Value {
        let mut line = String::new();
        self.connection.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    async fn event(&mut self) -> u64 {
        let line = self.json().await;
        line["event"].as_u64().unwrap_or_else(|| panic!("{line}"))
    }

    /// Everything sent until the agent closes.
    async fn rest(&mut self) -> String {
        let mut text = String::new();
        self.connection.read_to_string(&mut text).await.unwrap();
        text
    }

    /// The error in the last line.
    async fn error(&mut self) -> String {
        let rest = self.rest().await;
        let line: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
        line["error"].as_str().unwrap().to_owned()
    }
}

fn reading(source: Source, kind: Kind, line: u32) -> Reading {
    Reading {
        timestamp_ns: 0,
        source,
        kind,
        line,
        value: 1,
        lost: 0,
    }
}

fn door(active: bool) -> Line {
    Line {
        number: 1,
        label: Some("door".into()),
        active: Some(active),
        settings: Settings::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_request_events_start_at_the_connection() {
    let mut sink = Sink::new(1 << 20);
    sink.ticks(1).await;
    let start = Instant::now();
    let mut client = sink.connect(1 << 16);
    task::yield_now().await;
    sink.ticks(1).await;
    assert_eq!(client.event().await, 2);
    assert!(start.elapsed() < FIRST_BYTE * 2, "{:?}", start.elapsed());
    sink.ticks(1).await;
    assert_eq!(client.event().await, 3);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_input_only_ends_the_wait_for_a_request() {
    let mut sink = Sink::new(1 << 20);
    let mut client = sink.connect(1 << 16);
    client.connection.shutdown().await.unwrap();
    task::yield_now().await;
    let start = Instant::now();
    sink.ticks(1).await;
    assert_eq!(client.event().await, 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
    // The client is probed once more soon, and then like any other.
    assert_eq!(client.json().await, json!({"heartbeat": 2}));
    assert_eq!(start.elapsed(), PROBE);
    assert_eq!(client.json().await, json!({"heartbeat": 2}));
    assert_eq!(start.elapsed(), PROBE + HEARTBEAT);
}

#[tokio::test(start_paused = true)]
async fn a_closed_client_is_detected() {
    let mut sink = Sink::new(1 << 20);
    let client = sink.connect(1 << 16);
    drop(client.connection);
    let left = client.task.await.unwrap();
    assert!(matches!(left, Err(Left::Failed(_))), "{left:?}");
    sink.ticks(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_gets_hello_levels_and_later_events() {
    let mut sink = Sink::new(1 << 20);
    sink.append(vec![], Some(vec![door(true)])).await;
    let (mut client, hello) = sink.request(r#"{"levels":true}"#).await;
    let session = sink.shared.journal.era().session.to_string();
    assert_eq!(
        hello,
        json!({"hello": {
            "protocol": 1, "agent": env!("CARGO_PKG_VERSION"), "machine": "board", "boot": "boot",
            "session": session, "next": 2,
        }})
    );
    assert_eq!(
        client.json().await,
        json!({"levels": [{"line": 1, "label": "door", "active": true}], "after": 1})
    );
    sink.ticks(1).await;
    assert_eq!(client.event().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_resumes_where_it_was() {
    let mut sink = Sink::new(1 << 20);
    sink.ticks(5).await;
    let session = sink.shared.journal.era().session;
    let request = format!(r#"{{"resume":{{"session":"{session}","event":2}},"levels":true}}"#);
    let (mut client, hello) = sink.request(&request).await;
    assert_eq!(hello["hello"]["next"], 3);
    assert_eq!(client.json().await["after"], 5);
    for event in 3..=5 {
        assert_eq!(client.event().await, event);
    }
    // Another session is unknown: the client gets all stored events, with their session.
    let (mut client, _) = sink
        .request(r#"{"resume":{"session":"0123456789abcdef","event":2}}"#)
        .await;
    assert_eq!(
        client.json().await,
        json!({"session": session.to_string(), "boot": "boot", "next": 1})
    );
    assert_eq!(client.event().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_is_accepted() {
    let mut sink = Sink::new(1 << 20);
    let mut client = sink.connect(1 << 16);
    time::sleep(FIRST_BYTE * 10).await;
    sink.ticks(1).await;
    assert_eq!(client.event().await, 1);
    client.send(r#"{"filter":{"kind":["tick"]}}"#).await;
    assert_eq!(client.json().await["hello"]["next"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_filter_matches_all_its_keys() {
    let mut sink = Sink::new(1 << 20);
    sink.append(vec![], Some(vec![door(false)])).await;
    let filters = [
        (r#"{"source":["timer","source-77"]}"#, vec![4, 6]),
        (r#"{"kind":["rising"]}"#, vec![2, 5]),
        (r#"{"line":[1]}"#, vec![2, 3]),
        // Line 0 of a tick does not match.
        (r#"{"line":[0]}"#, vec![5]),
        (r#"{"label":["door"],"kind":["falling","tick"]}"#, vec![3]),
    ];
    let mut clients = Vec::new();
    for (filter, expected) in filters {
        let (client, _) = sink.request(&format!(r#"{{"filter":{filter}}}"#)).await;
        clients.push((client, expected));
    }
    let readings = vec![
        reading(Source::GPIO, Kind::RISING, 1),
        reading(Source::GPIO, Kind::FALLING, 1),
        reading(Source::TIMER, Kind::TICK, 0),
        reading(Source::GPIO, Kind::RISING, 0),
        reading(Source(77), Kind(99), 7),
    ];
    sink.append(readings, None).await;
    sink.writer = None;
    for (mut client, expected) in clients {
        for event in expected {
            assert_eq!(client.event().await, event);
        }
        assert_eq!(client.rest().await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn gaps_are_reported_in_sequence() {
    let mut sink = Sink::new(4096);
    // Every byte is a partial send.
    let mut all = sink.connect(1);
    let (mut filtered, _) = sink.request(r#"{"filter":{"kind":["rising"]}}"#).await;
    time::sleep(FIRST_BYTE).await;
    sink.ticks(1).await;
    assert_eq!(all.connection.fill_buf().await.unwrap(), b"{");
    sink.ticks(500).await;
    assert_eq!(all.event().await, 1);
    let missed = all.json().await["missed"].as_u64().unwrap();
    assert_eq!(all.event().await, 2 + missed);
    // All missed events are counted, regardless of the filter.
    assert!(filtered.json().await["missed"].as_u64().unwrap() > 400);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_sent_after_silence() {
    let mut sink = Sink::new(1 << 20);
    let (mut client, _) = sink.request("{}").await;
    let mut start = Instant::now();
    for event in 1..=3 {
        time::sleep(HEARTBEAT * 9 / 10).await;
        sink.ticks(1).await;
        assert_eq!(client.event().await, event);
        start = Instant::now();
    }
    for _ in 0..3 {
        assert_eq!(client.json().await, json!({"heartbeat": 4}));
        assert_eq!(start.elapsed(), HEARTBEAT);
        start = Instant::now();
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_first_line_gets_a_short_error() {
    let sink = Sink::new(1 << 20);
    let long = "x".repeat(10_000);
    for (line, expected) in [
        ("GET / HTTP/1.1".to_owned(), "JSON object"),
        ("\u{16}\u{3}\u{1}".to_owned(), "TLS"),
        ("[1]".to_owned(), "JSON object"),
        (r#"{"protocol":2}"#.to_owned(), "version 1, not 2"),
        (r#"{"filter":{"kind":["rise"]}}"#.to_owned(), "kind `rise`"),
        (
            r#"{"filter":{"source":["kind-1"]}}"#.to_owned(),
            "source `kind-1`",
        ),
        (
            r#"{"filter":{"lines":[1]}}"#.to_owned(),
            "unknown field `lines`",
        ),
        (
            r#"{"resume":{"session":"x","event":1}}"#.to_owned(),
            "16 hexadecimal",
        ),
        (
            r#"{"resume":{"session":"x"}}"#.to_owned(),
            "missing field `event`",
        ),
        (
            format!(r#"{{"filter":{{"kind":["{long}"]}}}}"#),
            "there are: trigger",
        ),
        (format!(r#"{{"filter":{{"{long}":1}}}}"#), "unknown field"),
        (format!(r#"{{"levels":"{long}"}}"#), "invalid type"),
        (
            r#"{"token":"x","order":"trigger"}"#.to_owned(),
            "send `token` in a line before it",
        ),
        (long.clone(), "JSON object"),
        (long.repeat(2), "JSON object"),
        (
            format!(r#"{{"token":"{}"}}"#, long.repeat(2)),
            "longer than 16384",
        ),
    ] {
        let mut client = sink.connect(1 << 20);
        client.send(&line).await;
        let error = client.error().await;
        assert!(error.contains(expected), "{error}");
        assert!(error.len() < 400, "{error}");
        drop(client.connection);
        assert!(matches!(client.task.await.unwrap(), Err(Left::Refused(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_later_versions_are_ignored() {
    let sink = Sink::new(1 << 20);
    let (_, hello) = sink.request(r#"{"protocol":1,"later":{"x":1}}"#).await;
    assert!(hello["hello"].is_object());
}

#[tokio::test(start_paused = true)]
async fn an_endless_request_line_times_out() {
    let sink = Sink::new(1 << 20);
    let mut client = sink.connect(1 << 16);
    let start = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client.connection);
    let slow = tokio::spawn(async move {
        while writer.write_all(b"{").await.is_ok() {
            time::sleep(REQUEST / 20).await;
        }
    });
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("within 10s"), "{text}");
    assert_eq!(start.elapsed(), REQUEST);
    assert!(matches!(
        (&mut client.task).await.unwrap(),
        Err(Left::Refused(_))
    ));
    assert!(start.elapsed() <= REQUEST + LINGER);
    slow.abort();
}

#[tokio::test(start_paused = true)]
async fn clients_without_a_required_token_get_nothing() {
    let mut sink = Sink::new(1 << 20);
    sink.token = Some("secret");
    let mut silent = sink.connect(1 << 16);
    sink.ticks(1).await;
    assert!(silent.rest().await.contains("a line with a token"));
    for (line, expected) in [
        ("{}", "a token is needed"),
        (r#"{"token":"wrong"}"#, "unknown token"),
    ] {
        let (_, answer) = sink.request(line).await;
        assert!(
            answer["error"].as_str().unwrap().contains(expected),
            "{answer}"
        );
    }
    let mut closed = sink.connect(1 << 16);
    closed.connection.shutdown().await.unwrap();
    assert!(closed.error().await.contains("a token is needed"));
    let (_, hello) = sink.request(r#"{"token":"secret"}"#).await;
    assert!(hello["hello"].is_object());
}

#[tokio::test(start_paused = true)]
async fn orders_run_in_sequence_and_each_is_answered() {
    let mut sink = Sink::new(1 << 20);
    sink.role = Role::Control;
    let mut driver = sink.shared.commands.register(Executor::Driver);
    // The first line may be an order.
    let mut client = sink.connect(1 << 16);
    client.send(r#"{"order":"trigger"}"#).await;
    client
        .send(r#"{"order":{"start-timer":{"period_ms":5}}}"#)
        .await;
    client.send("nonsense").await;
    client
        .send(r#"{"order":{"output":{"toggle":{"name":"led"}}}}"#)
        .await;
    let order = driver.recv().await.unwrap();
    assert_eq!(order.action, Action::Trigger);
    // Events continue meanwhile.
    sink.ticks(1).await;
    assert_eq!(client.event().await, 1);
    assert!(driver.try_recv().is_err());
    order.reply.send(Ok(())).unwrap();
    assert_eq!(client.json().await, json!({"done": "trigger"}));
    let order = driver.recv().await.unwrap();
    order
        .reply
        .send(Err(Refused::Failed("no".to_owned())))
        .unwrap();
    assert_eq!(client.json().await, json!({"error": "no"}));
    for expected in ["not an order", "no output `led`"] {
        let error = client.json().await;
        assert!(
            error["error"].as_str().unwrap().contains(expected),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_not_give_orders() {
    let mut sink = Sink::new(1 << 20);
    let mut driver = sink.shared.commands.register(Executor::Driver);
    let (mut client, _) = sink.request("{}").await;
    client.send(r#"{"order":"trigger"}"#).await;
    assert!(
        client.json().await["error"]
            .as_str()
            .unwrap()
            .contains("control")
    );
    assert!(driver.try_recv().is_err());
    sink.ticks(1).await;
    assert_eq!(client.event().await, 1);
}

#[tokio::test(start_paused = true)]
async fn remaining_events_are_delivered_before_the_end() {
    let mut sink = Sink::new(1 << 20);
    let mut client = sink.connect(1);
    let (mut orders_only, _) = sink.request(r#"{"events":false}"#).await;
    let mut waiting = sink.connect(1);
    task::yield_now().await;
    sink.ticks(3).await;
    sink.writer = None;
    for event in 1..=3 {
        assert_eq!(client.event().await, event);
    }
    assert_eq!(client.rest().await, "");
    assert_eq!(orders_only.rest().await, "");
    assert_eq!(waiting.event().await, 1);
    task::yield_now().await;
    assert!(!client.task.is_finished(), "it did not wait for the client");
    drop(client.connection);
    client.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_session_at_once() {
    let mut sink = Sink::new(1 << 20);
    let client = sink.connect(1);
    sink.ticks(1).await;
    sink.stop.cancel();
    assert!(matches!(client.task.await.unwrap(), Err(Left::Stopped)));
}
