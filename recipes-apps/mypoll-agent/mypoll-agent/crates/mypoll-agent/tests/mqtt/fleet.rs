// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fleet: many agents in this process, and one broker that restarts and forgets everything.
//!
//! `MYPOLL_BOARDS=1000 cargo test --release -p mypoll-agent --test mqtt fleet -- --nocapture` runs the large one, and
//! prints its measurements.

use std::{
    collections::{BTreeSet, HashMap},
    env, fs,
    fs::File,
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicU16, Ordering::SeqCst},
    sync::{Arc, mpsc as std_mpsc},
    thread,
    time::Instant,
};

use mypoll_agent::{
    config::Config,
    supervisor::{self, Request},
};
use nix::{
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        stat::Mode,
    },
    unistd::mkfifo,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
    task::LocalSet,
};

use crate::{broker::Broker, subscriber::Subscriber};

/// The default number of boards.
const BOARDS: usize = 40;

/// How often each line of each board changes.
const ROUNDS: u64 = 12;

/// The relay's way to the broker: the port `to`; closed if 0. Closing it breaks all connections.
#[derive(Default)]
struct Way {
    to: AtomicU16,
    closing: Notify,
}

impl Way {
    fn open(&self, to: u16) {
        self.to.store(to, SeqCst);
    }

    fn close(&self) {
        self.to.store(0, SeqCst);
        self.closing.notify_waiters();
    }
}

async fn relay(listener: TcpListener, way: Arc<Way>) {
    while let Ok((mut board, _)) = listener.accept().await {
        let to = way.to.load(SeqCst);
        if to == 0 {
            continue;
        }
        let way = Arc::clone(&way);
        tokio::spawn(async move {
            let closing = way.closing.notified();
            let Ok(mut broker) = TcpStream::connect(("127.0.0.1", to)).await else {
                return;
            };
            tokio::select! {
                () = closing => {}
                _ = copy_bidirectional(&mut board, &mut broker) => {}
            }
        });
    }
}

struct Board {
    fifo: File,
    requests: mpsc::Sender<Request>,
}

/// Starts an agent in the runtime of this thread.
fn start(number: usize, folder: &Path, port: u16, local: &LocalSet) -> Board {
    let path = folder.join(format!("{number}"));
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let fifo = File::options().read(true).write(true).open(&path).unwrap();
    let text = format!(
        "agent = {{ machine = 'board-{number}', drain-timeout = '60s' }}\njournal.memory = 65536\nstream = []\n\
         [simulated]\npath = '{}'\nlabels = ['button']\n[[mqtt]]\nbroker = '127.0.0.1:{port}'\n",
        path.display()
    );
    let config = Config::parse("fleet.toml".as_ref(), &text).unwrap();
    let (requests, receiver) = mpsc::channel(1);
    local.spawn_local(async move {
        let read = || -> anyhow::Result<Config> { anyhow::bail!("nothing is read again") };
        supervisor::run(config, read, |_| Ok(()), receiver)
            .await
            .unwrap();
    });
    Board { fifo, requests }
}

/// The numbers of the events that the subscriber has seen, by machine.
#[derive(Default)]
struct Seen {
    numbers: HashMap<String, BTreeSet<u64>>,
    events: u64,
    distinct: u64,
}

impl Seen {
    /// Takes messages until there are `distinct` different events, or the broker is gone.
    fn collect(&mut self, subscriber: &mut Subscriber, distinct: u64) {
        while self.distinct < distinct {
            let Some(message) = subscriber.try_next() else {
                return;
            };
            let event = message.json();
            let machine = event["machine"].as_str().unwrap();
            let number = event["event"].as_u64().unwrap();
            let numbers = match self.numbers.get_mut(machine) {
                Some(numbers) => numbers,
                None => self.numbers.entry(machine.to_owned()).or_default(),
            };
            self.events += 1;
            self.distinct += u64::from(numbers.insert(number));
        }
    }
}

/// A number of /proc/self/status, in KiB.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.unwrap().split_whitespace().next();
    number.unwrap().parse().unwrap()
}

#[test]
fn a_fleet_loses_nothing() {
    let count = env::var("MYPOLL_BOARDS").map_or(BOARDS, |text| text.parse().unwrap());
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = 6 * count as u64 + 1000;
    assert!(
        hard >= wanted,
        "{count} boards need {wanted} descriptors, {hard} are allowed"
    );
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();

    let mut broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let way = Arc::new(Way::default());
    let started = Instant::now();
    let before = status("VmRSS:");
    let (sender, boards) = std_mpsc::channel();
    let fleet = thread::spawn({
        let (folder, way) = (folder.path().to_owned(), Arc::clone(&way));
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let local = LocalSet::new();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let port = listener.local_addr().unwrap().port();
                let relay = tokio::spawn(relay(listener, way));
                let boards: Vec<_> = (0..count)
                    .map(|number| start(number, &folder, port, &local))
                    .collect();
                sender.send(boards).unwrap();
                local.await;
                relay.abort();
            });
        }
    });
    let mut boards = boards.recv().unwrap();
    let subscribe = |broker: &Broker| {
        let subscriber = Subscriber::new(broker.port, "mypoll/+/event/+");
        way.open(broker.port);
        subscriber
    };
    let press = |boards: &mut Vec<Board>, rounds: u64| {
        for _ in 0..rounds {
            for board in boards.iter_mut() {
                board.fifo.write_all(b"rising 0\nfalling 0\n").unwrap();
            }
        }
    };

    let total = count as u64;
    let mut seen = Seen::default();
    let mut subscriber = subscribe(&broker);
    // The level of the line, and two rounds.
    press(&mut boards, 2);
    seen.collect(&mut subscriber, total * 5);
    for forgets in [false, true] {
        // The broker stops in the middle of these events.
        press(&mut boards, 2);
        let some = seen.distinct + total;
        seen.collect(&mut subscriber, some);
        if forgets {
            broker.lose_everything();
        } else {
            broker.stop();
        }
        way.close();
        // It has forwarded what it acknowledged.
        seen.collect(&mut subscriber, u64::MAX);
        press(&mut boards, 3);
        broker.again();
        subscriber = subscribe(&broker);
    }
    let each = 1 + 2 * ROUNDS;
    seen.collect(&mut subscriber, total * each);
    let took = started.elapsed();
    let most = status("VmHWM:");

    assert_eq!(seen.numbers.len(), count);
    for (machine, numbers) in &seen.numbers {
        assert!(
            numbers.iter().copied().eq(1..=each),
            "{machine}: {numbers:?}"
        );
    }
    for board in &boards {
        board.requests.blocking_send(Request::End).unwrap();
    }
    fleet.join().unwrap();
    let per_board = (most - before) / total;
    println!(
        "{count} boards: {} events, none lost, {} more than once, in {took:.1?}; \
         at most {} MiB resident, {per_board} KiB for each board with its journal and its way to the broker",
        seen.distinct,
        seen.events - seen.distinct,
        most / 1024,
    );
    // The journal has 64 KiB, and a connection some buffers.
    assert!(per_board < 512, "{per_board} KiB for each board");
}
