// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client, whatever it is connected by.

use std::{io, time::Duration};

use bytes::{Buf as _, Bytes};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::Instant,
};

use crate::{
    deadline,
    fanout::{Delivery, Missed, Subscription},
};

/// Why a client was left before the agent ended.
#[derive(Debug, Error)]
pub(crate) enum Left {
    #[error("it closed the connection")]
    Closed,
    #[error("no byte went either way for {0:?}")]
    Idle(Duration),
    #[error("the connection failed: {0}")]
    Failed(#[from] io::Error),
}

/// Sends each event as it comes, until the queue ends, and then waits for the client to close.
///
/// What the client sends is thrown away; it only keeps the connection from being idle.
pub(crate) async fn serve(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    mut events: Subscription,
    idle_timeout: Option<Duration>,
) -> Result<(), Left> {
    let mut received = [0; 256];
    // What is left of the line being sent, or of two: an account of missed events goes before the next event.
    let mut line = Bytes::new();
    let mut last_byte = Instant::now();
    loop {
        tokio::select! {
            read = reader.read(&mut received) => {
                if read? == 0 {
                    return Err(Left::Closed);
                }
                last_byte = Instant::now();
            }
            written = writer.write(&line), if line.has_remaining() => {
                line.advance(written?);
                last_byte = Instant::now();
            }
            delivery = events.next(), if !line.has_remaining() => match delivery {
                Some(Delivery { missed: None, notice }) => line = notice.json,
                Some(Delivery { missed: Some(Missed { events, lost }), notice }) => {
                    let mut lines = format!("{{\"missed\":{events},\"lost\":{lost}}}\n").into_bytes();
                    lines.extend_from_slice(&notice.json);
                    line = lines.into();
                }
                None => break,
            },
            () = deadline::reached(idle_timeout.map(|timeout| last_byte + timeout)) => {
                return Err(Left::Idle(idle_timeout.unwrap_or_default()));
            }
        }
    }
    // Closing with unread input resets the connection, and the client may then lose what it had not read yet.
    writer.shutdown().await?;
    while reader.read(&mut received).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncBufReadExt as _, BufReader, DuplexStream, duplex, split},
        task::{self, JoinHandle},
        time,
    };

    use super::*;
    use crate::fanout::{self, Fanout};

    const IDLE: Duration = Duration::from_secs(600);

    /// The other end of a connection that holds `size` bytes each way, with a queue of four events.
    fn client(
        size: usize,
    ) -> (
        Fanout,
        BufReader<DuplexStream>,
        JoinHandle<Result<(), Left>>,
    ) {
        let fanout = Fanout::new(4, Arc::default());
        let (here, there) = duplex(size);
        let (reader, writer) = split(there);
        let task = tokio::spawn(serve(reader, writer, fanout.subscribe(), Some(IDLE)));
        (fanout, BufReader::new(here), task)
    }

    /// An event before which the driver lost as many as its sequence number says.
    fn publish(fanout: &mut Fanout, sequence: u32) {
        fanout::tests::publish(fanout, sequence, sequence);
    }

    /// The next line: of an event only its beginning, the sequence number.
    async fn line(connection: &mut BufReader<DuplexStream>) -> String {
        let mut line = String::new();
        connection.read_line(&mut line).await.unwrap();
        line.split(r#","source""#).next().unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn a_full_queue_loses_the_oldest_and_says_so_in_their_place() {
        // Every byte is a partial send.
        let (mut fanout, mut connection, _task) = client(1);
        publish(&mut fanout, 1);
        // The first byte is on its way, so this event has left the queue.
        assert_eq!(connection.fill_buf().await.unwrap(), b"{");
        for sequence in 2..=10 {
            publish(&mut fanout, sequence);
        }
        assert_eq!(line(&mut connection).await, r#"{"event":1"#);
        assert_eq!(
            line(&mut connection).await,
            format!(r#"{{"missed":5,"lost":{}}}"#, 2 + 3 + 4 + 5 + 6)
        );
        for sequence in 7..=10 {
            assert_eq!(
                line(&mut connection).await,
                format!(r#"{{"event":{sequence}"#)
            );
        }

        // The account starts anew with each.
        for sequence in 11..=20 {
            publish(&mut fanout, sequence);
        }
        assert_eq!(
            line(&mut connection).await,
            format!(r#"{{"missed":6,"lost":{}}}"#, 11 + 12 + 13 + 14 + 15 + 16)
        );
    }

    #[tokio::test]
    async fn what_is_queued_is_sent_before_the_end() {
        let (mut fanout, mut connection, task) = client(1);
        for sequence in 1..=4 {
            publish(&mut fanout, sequence);
        }
        drop(fanout);
        for sequence in 1..=4 {
            assert_eq!(
                line(&mut connection).await,
                format!(r#"{{"event":{sequence}"#)
            );
        }
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
        assert!(!task.is_finished(), "it did not wait for the client");
        drop(connection);
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_client_that_closes_is_left() {
        let (_fanout, connection, task) = client(64);
        drop(connection);
        assert!(matches!(task.await.unwrap(), Err(Left::Closed)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_byte_either_way_the_client_is_left() {
        let start = Instant::now();
        let (_fanout, _connection, task) = client(64);
        assert!(matches!(task.await.unwrap(), Err(Left::Idle(IDLE))));
        assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_idle() {
        let start = Instant::now();
        let (mut fanout, _connection, task) = client(8);
        publish(&mut fanout, 1);
        time::sleep(IDLE / 2).await;
        publish(&mut fanout, 2);
        assert!(matches!(task.await.unwrap(), Err(Left::Idle(IDLE))));
        assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_either_way_keeps_the_connection() {
        let (mut fanout, mut connection, task) = client(256);
        for sequence in 1..=3 {
            time::sleep(IDLE * 9 / 10).await;
            connection.write_all(b"\n").await.unwrap();
            time::sleep(IDLE * 9 / 10).await;
            publish(&mut fanout, sequence);
            assert_eq!(
                line(&mut connection).await,
                format!(r#"{{"event":{sequence}"#)
            );
        }
        task::yield_now().await;
        assert!(!task.is_finished());
    }
}
