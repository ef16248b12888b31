// SPDX-License-Identifier: MIT OR Apache-2.0
//! A relay to the broker that can be closed, or lose data.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

#[derive(Default)]
struct State {
    /// The broker's port; 0 while the relay is closed.
    to: AtomicU16,
    /// Whether data from the broker is lost.
    loses_answers: AtomicBool,
    /// How many bytes went to the broker.
    passed: AtomicUsize,
    /// How many connections found the relay closed.
    refused: AtomicUsize,
    connections: Mutex<Vec<TcpStream>>,
}

/// Forwards connections at `port` to the broker while it is open.
pub struct Relay {
    pub port: u16,
    state: Arc<State>,
}

impl Relay {
    /// A closed relay: it drops connections at once.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let state = Arc::clone(&relay.state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let to = state.to.load(SeqCst);
                if let (true, Ok(broker)) = (to != 0, TcpStream::connect(("127.0.0.1", to))) {
                    carry(&state, &client, &broker);
                } else {
                    state.refused.fetch_add(1, SeqCst);
                }
            }
        });
        relay
    }

    /// Opens the relay to a broker.
    pub fn open(&self, to: u16) {
        self.state.loses_answers.store(false, SeqCst);
        self.state.to.store(to, SeqCst);
    }

    /// Loses all data from the broker from now on.
    pub fn lose_answers(&self) {
        self.state.loses_answers.store(true, SeqCst);
    }

    /// How many bytes went to the broker so far.
    pub fn passed(&self) -> usize {
        self.state.passed.load(SeqCst)
    }

    /// How many connections found the relay closed so far.
    pub fn refused(&self) -> usize {
        self.state.refused.load(SeqCst)
    }

    /// Breaks all connections, and accepts no more.
    pub fn close(&self) {
        self.state.to.store(0, SeqCst);
        for connection in self.state.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn carry(state: &Arc<State>, client: &TcpStream, broker: &TcpStream) {
    let clone = |stream: &TcpStream| stream.try_clone().unwrap();
    let mut connections = state.connections.lock().unwrap();
    connections.extend([clone(client), clone(broker)]);
    for (mut from, mut to, up) in [
        (clone(client), clone(broker), true),
        (clone(broker), clone(client), false),
    ] {
        let state = Arc::clone(state);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                if !up && state.loses_answers.load(SeqCst) {
                    continue;
                }
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
                if up {
                    state.passed.fetch_add(count, SeqCst);
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}
