// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of rules to MQTT brokers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Maximum number of waiting messages per broker.
const QUEUE: usize = 64;

/// Why a message was not published. Publishing may be retried.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unpublished {
    /// No connection has this name.
    #[error("no [[mqtt]] `{0}`")]
    NoBroker(String),
    /// Too many messages are waiting.
    #[error("too many messages are waiting for the broker")]
    Busy,
    /// The broker may not have received it.
    #[error("{0}")]
    Failed(String),
    /// The connection was removed from the configuration, or the agent is shutting down.
    #[error("the connection to the broker is closing")]
    Ending,
}

/// A message for a broker.
#[derive(Debug)]
pub struct Publish {
    /// Its topic, with placeholders filled in.
    pub topic: String,
    /// Its bytes.
    pub payload: Bytes,
    /// Whether the broker retains it for future subscribers.
    pub retain: bool,
    /// Receives the broker's acknowledgement (PUBACK), or why it is unknown.
    pub reply: oneshot::Sender<Result<(), Unpublished>>,
}

/// Sends messages to the connections with brokers. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Publishers(Arc<Mutex<HashMap<String, mpsc::Sender<Publish>>>>);

impl Publishers {
    /// Registers a connection, in place of one with the same name, and returns its messages.
    pub fn register(&self, name: &str) -> mpsc::Receiver<Publish> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.senders().insert(name.to_owned(), sender);
        receiver
    }

    /// Publishes, and waits for the broker's acknowledgement.
    ///
    /// # Errors
    ///
    /// The broker did not acknowledge it.
    pub async fn publish(
        &self,
        name: &str,
        topic: String,
        payload: Bytes,
        retain: bool,
    ) -> Result<(), Unpublished> {
        let sender = self.senders().get(name).cloned();
        let Some(sender) = sender.filter(|sender| !sender.is_closed()) else {
            return Err(Unpublished::NoBroker(name.to_owned()));
        };
        let (reply, done) = oneshot::channel();
        let publish = Publish {
            topic,
            payload,
            retain,
            reply,
        };
        sender.try_send(publish).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unpublished::Busy,
            mpsc::error::TrySendError::Closed(_) => Unpublished::Ending,
        })?;
        done.await.unwrap_or(Err(Unpublished::Ending))
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Publish>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_reaches_its_broker_and_the_reply_comes_back() {
        let publishers = Publishers::default();
        let mut home = publishers.register("home");
        let outcome = tokio::spawn({
            let publishers = publishers.clone();
            async move {
                let payload = Bytes::from_static(b"on");
                publishers
                    .publish("home", "lamp".to_owned(), payload, true)
                    .await
            }
        });
        let publish = home.recv().await.unwrap();
        assert_eq!(
            (publish.topic.as_str(), &publish.payload[..], publish.retain),
            ("lamp", &b"on"[..], true)
        );
        publish.reply.send(Ok(())).unwrap();
        assert_eq!(outcome.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn messages_without_a_publisher_are_refused() {
        let publishers = Publishers::default();
        let publish = || publishers.publish("home", "lamp".to_owned(), Bytes::new(), false);
        let none = Err(Unpublished::NoBroker("home".to_owned()));
        assert_eq!(publish().await, none);
        let home = publishers.register("home");
        drop(home);
        assert_eq!(publish().await, none);
    }
}
