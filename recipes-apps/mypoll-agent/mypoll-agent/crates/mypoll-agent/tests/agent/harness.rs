// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server on a free port, with events from a test in place of the device.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mypoll::{Event, Kind};
use mypoll_agent::{
    config::Tcp,
    fanout::Fanout,
    server,
    source::{EventSource, SourceError},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time,
};

/// Only so that a hang ends.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Events, or how the source fails.
pub type Sender = mpsc::UnboundedSender<Result<Event, SourceError>>;

struct FakeSource(mpsc::UnboundedReceiver<Result<Event, SourceError>>);

impl EventSource for FakeSource {
    async fn next(&mut self) -> Result<Event, SourceError> {
        self.0.recv().await.expect("the test holds a sender")
    }

    fn try_next(&mut self) -> Result<Option<Event>, SourceError> {
        self.0.try_recv().ok().transpose()
    }
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub events: Sender,
    pub task: JoinHandle<Result<(), SourceError>>,
    shutdown: oneshot::Sender<()>,
}

impl Server {
    pub async fn start(tcp: Tcp) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), tcp)
    }

    /// Sends as little as possible before a client has to read.
    pub fn start_with_small_buffers(tcp: Tcp) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Accepted connections have it from the listener.
        socket.set_send_buffer_size(1).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::start_on(socket.listen(16).unwrap(), tcp)
    }

    fn start_on(listener: TcpListener, tcp: Tcp) -> Self {
        let address = listener.local_addr().unwrap();
        let (events, source) = mpsc::unbounded_channel();
        let (shutdown, signal) = oneshot::channel();
        let lines = Arc::new("line=1 label=door".parse().unwrap());
        let task = tokio::spawn(async move {
            let fanout = Fanout::new(tcp.queue, lines);
            server::run(listener, FakeSource(source), fanout, &tcp, async {
                signal.await.unwrap();
            })
            .await
        });
        Self {
            address,
            events,
            task,
            shutdown,
        }
    }

    pub async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// A client whose system takes little before it reads.
    pub async fn connect_with_small_buffer(&self) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        Client(BufReader::new(socket.connect(self.address).await.unwrap()))
    }

    pub fn send(&self, sequence: u32) {
        self.events.send(Ok(event(sequence))).unwrap();
    }

    /// As SIGTERM does.
    pub fn shut_down(self) -> JoinHandle<Result<(), SourceError>> {
        self.shutdown.send(()).unwrap();
        self.task
    }
}

pub fn event(sequence: u32) -> Event {
    Event {
        sequence,
        source: Kind::Rising.source(),
        kind: Kind::Rising,
        line: 1,
        value: 1,
        lost: 0,
        timestamp_ns: u64::from(sequence) * 1000,
    }
}

/// What a client gets of [`event`].
pub fn json(sequence: u32) -> String {
    format!(
        "{{\"event\":{sequence},\"source\":\"gpio\",\"kind\":\"rising\",\"line\":1,\"label\":\"door\",\
         \"value\":1,\"lost\":0,\"timestamp_ns\":{}}}",
        u64::from(sequence) * 1000
    )
}

pub struct Client(pub BufReader<TcpStream>);

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// The next line, without its end; `None` at the end of the stream.
    pub async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        time::timeout(DEADLINE, self.0.read_line(&mut line))
            .await
            .expect("no line came")
            .unwrap();
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// All lines until the server closes.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut text = String::new();
        time::timeout(DEADLINE, self.0.read_to_string(&mut text))
            .await
            .expect("the stream did not end")
            .unwrap();
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "a cut line: {text}"
        );
        text.lines().map(str::to_owned).collect()
    }
}
