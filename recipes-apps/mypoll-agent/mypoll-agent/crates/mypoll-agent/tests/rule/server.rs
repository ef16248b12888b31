// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server that answers as a test requests, or not at all.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use super::wait_for;

/// The reaction to a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers with this status, and more lines of the head.
    Status(u16, &'static str),
    /// Reads it, and does not answer.
    Hang,
    /// Reads it, and closes the connection.
    Close,
}

/// A complete request.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: Vec<String>,
    pub body: Value,
    /// Whether it was answered with 200.
    pub taken: bool,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn event(&self) -> u64 {
        self.body["event"].as_u64().unwrap()
    }
}

#[derive(Default)]
struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    /// The reply once no more are listed.
    otherwise: Mutex<Option<Reply>>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<TcpStream>>,
    stopped: Mutex<bool>,
}

pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    pub fn at(address: SocketAddr) -> Self {
        let listener = wait_for("the port is not free", || TcpListener::bind(address).ok());
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for connection in listener.incoming().map_while(Result::ok) {
                    if *shared.stopped.lock().unwrap() {
                        return;
                    }
                    let mut connections = shared.connections.lock().unwrap();
                    connections.push(connection.try_clone().unwrap());
                    drop(connections);
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || serve(connection, &shared));
                }
            }
        });
        Self { address, shared }
    }

    /// Sets the replies to the next requests; later ones get 200.
    pub fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    /// Sets the reply to all further requests, instead of 200.
    pub fn otherwise(&self, reply: Option<Reply>) {
        *self.shared.otherwise.lock().unwrap() = reply;
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The numbers of the events that were answered with 200, in order.
    pub fn taken(&self) -> Vec<u64> {
        let requests = self.requests();
        let taken = requests.iter().filter(|request| request.taken);
        taken.map(Request::event).collect()
    }

    /// Waits until it has answered 200 to the event with this number.
    pub fn wait_for(&self, event: u64) {
        wait_for(&format!("event {event}"), || {
            self.taken().contains(&event).then_some(())
        });
    }
}

impl Drop for Server {
    /// Breaks all connections, like a killed server.
    fn drop(&mut self) {
        *self.shared.stopped.lock().unwrap() = true;
        let _ = TcpStream::connect(self.address);
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn serve(connection: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let mut request = Request {
            head,
            body: Value::Null,
            taken: false,
        };
        let length = request.header("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        request.body = serde_json::from_slice(&body)?;
        let reply = shared.replies.lock().unwrap().pop_front();
        let reply = reply.or_else(|| shared.otherwise.lock().unwrap().clone());
        let reply = reply.unwrap_or(Reply::Status(200, ""));
        request.taken = matches!(reply, Reply::Status(200, _));
        shared.requests.lock().unwrap().push(request);
        match reply {
            Reply::Status(status, head) => write!(
                writer,
                "HTTP/1.1 {status} X\r\n{head}Content-Length: 2\r\n\r\nok"
            )?,
            Reply::Hang => {
                // Until the peer closes the connection.
                let _ = reader.read(&mut [0]);
                return Ok(());
            }
            Reply::Close => return writer.shutdown(Shutdown::Both),
        }
    }
}
