// SPDX-License-Identifier: MIT OR Apache-2.0
//! A full disk under the journal: the broker still gets the events. Events in memory only are lost if the agent is
//! killed, or if it ends and the broker does not return in time.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    broker::Broker,
    common::{Agent, Client, DEADLINE},
    process::{SmallDisk, with_mounts},
    relay::Relay,
    subscriber::Subscriber,
};

/// The session and the number of an event.
type Id = (String, u64);

/// The disk under the journal.
enum Disk {
    Small(SmallDisk),
    /// No file system can be mounted here: the agent's writes to files are refused instead.
    Refused,
}

impl Disk {
    fn at(folder: &Path) -> Self {
        SmallDisk::mount(folder).map_or(Self::Refused, Self::Small)
    }

    /// Changes the command of an agent that starts on this disk, which is `full` or not.
    fn prepare(&self, full: bool) -> impl FnOnce(&mut Command) {
        let refused = matches!(self, Self::Refused);
        move |command| {
            if refused {
                // With this signal ignored, a refused write is an error.
                let mut wrapped = Command::new("env");
                wrapped.arg("--ignore-signal=XFSZ");
                if full {
                    wrapped.args(["prlimit", "--fsize=0:"]);
                }
                wrapped.arg(command.get_program());
                *command = wrapped;
            }
        }
    }

    /// Fills the disk, or makes room again.
    fn fill(&self, agent: &Agent, full: bool) {
        match self {
            Self::Small(disk) if full => disk.fill(0),
            Self::Small(disk) => disk.clear(),
            Self::Refused => {
                let limit = if full { "0" } else { "unlimited" };
                let status = Command::new("prlimit")
                    .args([
                        format!("--pid={}", agent.pid()),
                        format!("--fsize={limit}:"),
                    ])
                    .status();
                assert!(status.unwrap().success());
            }
        }
    }
}

/// The configuration ends with the section `[[mqtt]]`: keys of it may be appended.
fn configuration(folder: &Path, port: u16, more: &str) -> String {
    format!(
        "agent.machine = 'board'\njournal.path = '{}/journal'\n{more}\n\
         [[mqtt]]\nbroker = '127.0.0.1:{port}'\n",
        folder.display()
    )
}

/// Produces `count` presses of two events each.
fn presses(agent: &mut Agent, count: usize) {
    for _ in 0..count {
        agent.events("rising 0\nfalling 0");
    }
}

/// More events than fit into the rest of a file's last page.
const MANY: usize = 100;

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// All events that the subscriber gets until the event `last`, once each. `missed` is a failure.
fn ids(subscriber: &mut Subscriber, last: u64) -> Vec<Id> {
    let mut ids: Vec<Id> = Vec::new();
    loop {
        let message = subscriber.next();
        assert!(!message.topic.ends_with("/missed"), "{message:?}");
        if message.topic.contains("/event/") {
            let event = message.json();
            let number = event["event"].as_u64().unwrap();
            let id = (event["session"].as_str().unwrap().to_owned(), number);
            if !ids.contains(&id) {
                ids.push(id);
            }
            if number == last {
                return ids;
            }
        }
    }
}

/// The sessions, each with the numbers of its first and its last event. Within one the numbers have no gap.
fn sessions(ids: &[Id]) -> Vec<(String, u64, u64)> {
    let chunks = ids.chunk_by(|(session, _), (next, _)| session == next);
    let session = |chunk: &[Id]| {
        let (session, first) = chunk[0].clone();
        let last = first + chunk.len() as u64 - 1;
        let numbers = chunk.iter().map(|(_, number)| *number);
        assert!(numbers.eq(first..=last), "{chunk:?}");
        (session, first, last)
    };
    chunks.map(session).collect()
}

/// The value of a metric.
fn metric(port: u16, name: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
}

#[test]
fn events_reach_the_broker_while_the_disk_is_full() {
    let test = "full_disk::events_reach_the_broker_while_the_disk_is_full";
    let Some(folder) = with_mounts(test) else {
        return;
    };
    let disk = Disk::at(&folder);
    let broker = Broker::start();
    let relay = Relay::new();
    relay.open(broker.port);
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
    let page = "stream = []\n[[http]]\nlisten = '127.0.0.1:0'";
    let configuration = configuration(&folder, relay.port, page);
    let mut agent = Agent::start_with(&configuration, disk.prepare(false));
    let port = http_port(&mut agent);
    let work = || {
        ["journal", "mqtt broker"].map(|part| {
            metric(
                port,
                &format!("mypoll_agent_part_working{{part=\"{part}\"}}"),
            )
        })
    };
    let journal = folder.join("journal");
    let saved = |last: u64| {
        let place = fs::read_to_string(journal.join("cursors/mqtt-broker"));
        place.is_ok_and(|place| place.contains(&format!(" {last} ")))
    };
    presses(&mut agent, 50);
    let mut got = ids(&mut subscriber, 102);
    wait_until("the position is saved", || saved(102));
    assert_eq!(work(), ["1", "1"]);

    let changed = || fs::metadata(&journal).unwrap().modified().unwrap();
    let before = changed();
    disk.fill(&agent, true);
    presses(&mut agent, MANY);
    got.extend(ids(&mut subscriber, 302));
    let said = agent.wait_for_log("journal: cannot write");
    let reason = ": events are in memory only until it can be written again";
    assert!(said.ends_with(reason), "{said}");
    assert_eq!(work(), ["0", "1"]);
    // It tries to create another file, which is not logged again.
    wait_until("another attempt to write", || changed() != before);
    presses(&mut agent, MANY);
    got.extend(ids(&mut subscriber, 502));
    assert_eq!(work(), ["0", "1"]);
    let log = agent.rest_of_log();
    let again = log.iter().find(|line| line.contains("cannot write"));
    assert_eq!(again, None);

    disk.fill(&agent, false);
    let said = agent.wait_for_log("events are not in it");
    wait_until("the journal works", || work() == ["1", "1"]);
    presses(&mut agent, 50);
    got.extend(ids(&mut subscriber, 602));
    let [(first, 1, end), (second, hole, 602)] = &sessions(&got)[..] else {
        panic!("{:?}", sessions(&got));
    };
    assert!(first != second && end + 1 == *hole);
    let missing = 503 - hole;
    assert!(said.contains(&format!("; {missing} events")), "{said}");

    // New events survive the agent, which continues after the acknowledged ones.
    wait_until("the position is saved", || saved(602));
    relay.close();
    agent.wait_for_log("retrying");
    presses(&mut agent, 50);
    let events = || metric(port, "mypoll_agent_events_total");
    wait_until("the events are written", || events() == "702");
    agent.kill_and_restart_with(&configuration, disk.prepare(false));
    relay.open(broker.port);
    let after = sessions(&ids(&mut subscriber, 702));
    assert_eq!(after, [(second.clone(), 603, 702)]);
}

/// The port of its page.
fn http_port(agent: &mut Agent) -> u16 {
    let line = agent.wait_for_log("listening on ");
    line.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn an_agent_killed_with_a_full_disk_delivers_the_events_on_it() {
    let test = "full_disk::an_agent_killed_with_a_full_disk_delivers_the_events_on_it";
    if let Some(folder) = with_mounts(test) {
        end_with(Signal::SIGKILL, &folder, true);
    }
}

#[test]
fn an_agent_killed_with_a_full_disk_continues_the_session_on_it_once_there_is_room() {
    let test = "full_disk::an_agent_killed_with_a_full_disk_continues_the_session_on_it_once_there_is_room";
    if let Some(folder) = with_mounts(test) {
        end_with(Signal::SIGKILL, &folder, false);
    }
}

#[test]
fn an_agent_stopped_with_a_full_disk_and_without_its_broker_delivers_the_events_on_it() {
    let test = "full_disk::an_agent_stopped_with_a_full_disk_and_without_its_broker_delivers_the_events_on_it";
    if let Some(folder) = with_mounts(test) {
        end_with(Signal::SIGTERM, &folder, true);
    }
}

#[test]
fn an_agent_stopped_with_a_full_disk_waits_for_its_broker() {
    let test = "full_disk::an_agent_stopped_with_a_full_disk_waits_for_its_broker";
    let Some(folder) = with_mounts(test) else {
        return;
    };
    let Board {
        broker,
        relay,
        mut subscriber,
        mut agent,
        mut client,
        first,
        second,
        hole,
        ..
    } = Board::with_full_disk(&folder, "agent.drain-timeout = '1h'");
    agent.signal(Signal::SIGTERM);
    // The journal has ended, and the broker is still away.
    assert!(client.rest().is_empty());
    drop(client);
    let refused = relay.refused();
    wait_until("further attempts to connect", || {
        relay.refused() >= refused + 3
    });
    relay.open(broker.port);
    let got = sessions(&ids(&mut subscriber, 402));
    let [(of_disk, _, end), rest] = &got[..] else {
        panic!("{got:?}");
    };
    assert_eq!((of_disk, end + 1), (&first, hole), "{got:?}");
    assert_eq!(*rest, (second, hole, 402));
    assert!(agent.status().success());
}

/// An agent that has some events on disk and others in memory only, none of which a broker has.
struct Board {
    disk: Disk,
    broker: Broker,
    relay: Relay,
    configuration: String,
    subscriber: Subscriber,
    agent: Agent,
    /// A client of the stream. It has all events.
    client: Client,
    /// The session of those on disk.
    first: String,
    /// The session of those in memory only, and the number of the first of them. The last is 402.
    second: String,
    hole: u64,
}

impl Board {
    fn with_full_disk(folder: &Path, more: &str) -> Self {
        let disk = Disk::at(folder);
        let broker = Broker::start();
        let relay = Relay::new();
        relay.open(broker.port);
        let configuration = configuration(folder, relay.port, more);
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
        let mut agent = Agent::start_with(&configuration, disk.prepare(false));
        let (mut client, hello) = agent.request("{}");
        let first = hello["session"].as_str().unwrap().to_owned();
        presses(&mut agent, 50);
        assert_eq!(
            sessions(&ids(&mut subscriber, 102)),
            [(first.clone(), 1, 102)]
        );
        relay.close();
        agent.wait_for_log("retrying");
        presses(&mut agent, 50);
        until(&mut client, 202);
        disk.fill(&agent, true);
        presses(&mut agent, MANY);
        agent.wait_for_log("journal: cannot write");
        let (second, hole) = until(&mut client, 402).unwrap();
        assert_ne!(second, first);
        assert!(hole > 202);
        Self {
            disk,
            broker,
            relay,
            configuration,
            subscriber,
            agent,
            client,
            first,
            second,
            hole,
        }
    }
}

/// Ends such an agent while the broker is away. `full`: the disk is still full when it starts again.
fn end_with(signal: Signal, folder: &Path, full: bool) {
    let Board {
        disk,
        broker,
        relay,
        configuration,
        mut subscriber,
        mut agent,
        first,
        second,
        hole,
        ..
    } = Board::with_full_disk(folder, "");
    agent.signal(signal);
    agent.status();
    if signal == Signal::SIGTERM {
        agent.wait_for_log("cut off after 2s (agent.drain-timeout): mqtt broker");
    }
    if let (Disk::Small(disk), false) = (&disk, full) {
        disk.clear();
    }
    agent.kill_and_restart_with(&configuration, disk.prepare(full));
    relay.open(broker.port);
    presses(&mut agent, MANY);
    // Before them are the levels of both lines.
    let mut last = hole + 201;
    let mut got = ids(&mut subscriber, last);
    if full {
        agent.wait_for_log("journal: cannot write");
        disk.fill(&agent, false);
        agent.wait_for_log("events are not in it");
        presses(&mut agent, MANY);
        last += 200;
        got.extend(ids(&mut subscriber, last));
    }
    // Events in memory only are lost without a report. The new events have their numbers, but not their session.
    assert!(got.iter().all(|(session, _)| *session != second));
    let got = sessions(&got);
    let (old, from, end) = &got[0];
    assert!(*old == first && *from <= 103, "{got:?}");
    match &got[1..] {
        [] => assert!(!full && *end == last, "{got:?}"),
        [(third, start, end_of_all)] => {
            assert!(full && *third != first, "{got:?}");
            assert!(*end >= hole - 1 && *start == end + 1, "{got:?}");
            assert_eq!(*end_of_all, last);
        }
        _ => panic!("{got:?}"),
    }
}

/// Reads to the event `last`. Returns the last session that began before it, and the number of its first event.
fn until(client: &mut Client, last: u64) -> Option<Id> {
    let mut session = None;
    loop {
        let line = client.json();
        if line["event"] == last {
            return session;
        }
        if let Some(began) = line["session"].as_str() {
            session = Some((began.to_owned(), line["next"].as_u64().unwrap()));
        }
    }
}
