// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client that sends arbitrary requests, valid or not.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use super::agent::{Agent, DEADLINE};

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error message.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

impl Agent {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// A request: its first line without the version, more header lines, and the body.
    pub fn request(&self, request: &str, headers: &[&str], body: &str) -> Response {
        let host = format!("Host: 127.0.0.1:{}", self.port);
        let has_host = headers.iter().any(|header| header.starts_with("Host:"));
        let mut lines = vec![
            format!("{request} HTTP/1.1"),
            "Connection: close".to_owned(),
        ];
        lines.extend((!has_host).then_some(host));
        lines.extend(headers.iter().map(|header| (*header).to_owned()));
        if !body.is_empty() {
            lines.push(format!("Content-Length: {}", body.len()));
        }
        self.raw(&format!("{}\r\n\r\n{body}", lines.join("\r\n")))
    }

    pub fn get(&self, path: &str) -> Response {
        self.request(&format!("GET {path}"), &[], "")
    }

    pub fn post(&self, path: &str, body: &str) -> Response {
        let headers = ["Content-Type: application/json"];
        self.request(&format!("POST {path}"), &headers, body)
    }

    /// Sends arbitrary bytes; returns the response until the agent closes the connection.
    pub fn raw(&self, request: &str) -> Response {
        let mut stream = self.connect();
        // The agent may answer and close before it has read all.
        let _ = stream.write_all(request.as_bytes());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{text:?}"));
        Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Server-sent events of `/events` with this query.
    pub fn events(&self, query: &str, last: Option<&str>) -> Events {
        let mut stream = self.connect();
        // HTTP 1.0: the body is not chunked.
        let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /events{query} HTTP/1.0\r\nHost: localhost\r\n{last}\r\n"
        )
        .unwrap();
        let mut events = Events(BufReader::new(stream));
        let head = events.block().unwrap();
        assert!(head[0].contains(" 200 "), "{head:?}");
        assert!(
            head.iter()
                .any(|line| line == "content-type: text/event-stream"),
            "{head:?}"
        );
        events
    }
}

/// A stream of events.
pub struct Events(BufReader<TcpStream>);

/// An event of the stream.
#[derive(Debug)]
pub struct Message {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl Events {
    /// Lines until an empty one; `None` at the end.
    fn block(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                assert!(lines.is_empty(), "cut off: {lines:?}");
                return None;
            }
            match line.trim_end() {
                "" => return Some(lines),
                text => lines.push(text.to_owned()),
            }
        }
    }

    /// The next message; `None` at the end.
    pub fn next(&mut self) -> Option<Message> {
        let lines = self.block()?;
        let field = |name: &str| {
            let prefix = format!("{name}: ");
            let value = lines.iter().find_map(|line| line.strip_prefix(&prefix));
            value.map(str::to_owned)
        };
        Some(Message {
            name: field("event").unwrap_or_else(|| "message".to_owned()),
            id: field("id").unwrap_or_default(),
            data: serde_json::from_str(&field("data").unwrap()).unwrap(),
        })
    }

    /// The next message, which has this name.
    pub fn expect(&mut self, name: &str) -> Message {
        let message = self.next().expect("the agent closed the connection");
        assert_eq!(message.name, name, "{message:?}");
        message
    }

    /// The number of the next event.
    pub fn number(&mut self) -> u64 {
        self.expect("message").data["event"].as_u64().unwrap()
    }
}
