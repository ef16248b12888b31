// SPDX-License-Identifier: MIT OR Apache-2.0
//! One TCP client.

use std::{io, time::Duration};

use bytes::{Buf as _, Bytes};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};

use crate::{deadline, fanout::Notice};

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
    mut stream: TcpStream,
    mut events: Receiver<Notice>,
    idle_timeout: Option<Duration>,
) -> Result<(), Left> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.split();
    let mut received = [0; 256];
    // What is left of the line being sent.
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
            event = events.recv(), if !line.has_remaining() => line = match event {
                Ok(notice) => notice.json,
                Err(RecvError::Lagged(events)) => format!("{{\"missed\":{events}}}\n").into(),
                Err(RecvError::Closed) => break,
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
