// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the source of events to the TCP clients.

use std::{future::Future, io, io::Write as _, mem, net::SocketAddr, pin::pin, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{self, JoinSet},
    time::{self, Instant},
};
use tracing::{debug, info, warn};

use crate::{
    client,
    config::Tcp,
    fanout::Fanout,
    listener::Listener,
    source::{EventSource, SourceError},
};

/// When the system starts to ask a silent peer whether it still lives, so that dead ones don't use up the limit.
const KEEPALIVE: Duration = Duration::from_secs(300);

/// Serves events to the clients of `listener` until `shutdown` ends.
///
/// Then it stops accepting, takes what the source still has, and lets the clients take what is queued for them, all within
/// `tcp.drain_timeout`.
///
/// # Errors
///
/// The source failed. The clients got what was queued all the same.
pub async fn run(
    listener: TcpListener,
    mut source: impl EventSource,
    mut fanout: Fanout,
    tcp: &Tcp,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SourceError> {
    let mut listener = Listener::new(listener);
    let mut clients = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut refusing = false;

    let mut outcome = loop {
        tokio::select! {
            // A client that connected before an event happened gets it, so connections come before events.
            biased;
            () = &mut shutdown => break Ok(()),
            Some(_) = clients.join_next() => {
                if mem::take(&mut refusing) {
                    info!("there is room for clients again");
                }
            }
            (stream, peer) = listener.accept() => {
                if clients.len() < tcp.max_clients {
                    clients.spawn(serve(stream, peer, &fanout, tcp));
                } else {
                    // Who is refused may try again at once.
                    if refusing {
                        debug!(%peer, "refused");
                    } else {
                        warn!(%peer, "refused: {} clients are connected (tcp.max-clients)", clients.len());
                        refusing = true;
                    }
                    if let Err(error) = refuse(stream, tcp.max_clients) {
                        debug!(%peer, %error, "could not say why");
                    }
                }
            }
            event = source.next() => match event {
                Ok(event) => {
                    fanout.publish(event);
                    // A burst of the source must not overrun the queue of a client that keeps up.
                    task::yield_now().await;
                }
                Err(error) => break Err(error),
            },
        }
    };

    drop(listener);
    let end = Instant::now() + tcp.drain_timeout;
    if outcome.is_ok() {
        outcome = match time::timeout_at(end, drain(&mut source, &mut fanout)).await {
            Ok(drained) => drained,
            Err(_) => {
                warn!("after {:?} the device still has events", tcp.drain_timeout);
                Ok(())
            }
        };
    }
    // Ends every client's queue, behind what is in it.
    drop(fanout);
    let all_done = async { while clients.join_next().await.is_some() {} };
    if time::timeout_at(end, all_done).await.is_err() {
        warn!(
            clients = clients.len(),
            "cut off: still connected after {:?}", tcp.drain_timeout
        );
    }
    outcome
}

/// Publishes what the source still has.
async fn drain(source: &mut impl EventSource, fanout: &mut Fanout) -> Result<(), SourceError> {
    while let Some(event) = source.try_next()? {
        fanout.publish(event);
        task::yield_now().await;
    }
    Ok(())
}

/// A client from now to its end.
fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    fanout: &Fanout,
    tcp: &Tcp,
) -> impl Future<Output = ()> + use<> {
    info!(%peer, "connected");
    let socket = SockRef::from(&stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    if let Err(error) = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
    {
        debug!(%peer, %error, "cannot set socket options");
    }
    let (reader, writer) = stream.into_split();
    let client = client::serve(reader, writer, fanout.subscribe(), tcp.idle_timeout);
    async move {
        match client.await {
            Ok(()) => info!(%peer, "took everything"),
            Err(reason) => info!(%peer, %reason, "left"),
        }
    }
}

/// Says why and closes. The socket is new, so the line fits into its buffer.
fn refuse(stream: TcpStream, max_clients: usize) -> io::Result<()> {
    stream.into_std()?.write_all(
        format!("{{\"error\":\"{max_clients} clients are connected, which is the limit (max-clients)\"}}\n").as_bytes(),
    )
}
