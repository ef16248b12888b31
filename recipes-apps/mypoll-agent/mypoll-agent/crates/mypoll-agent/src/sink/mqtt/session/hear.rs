// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handles packets from the broker.

use tokio::time::Instant;

use super::Session;
use crate::{
    command::Refused,
    publish::Unpublished,
    sink::mqtt::{packet::Incoming, publisher::Publisher, topics::ONLINE, window::Sent},
};

impl Session {
    pub(super) fn hear(
        &mut self,
        incoming: Incoming,
        publisher: &mut Publisher<'_>,
    ) -> Result<(), String> {
        match incoming {
            Incoming::Acknowledged(id, refused) => self.acknowledged(id, refused, publisher)?,
            Incoming::Subscribed(taken) => {
                let filters = std::mem::take(&mut self.subscribing);
                for (filter, _) in filters.iter().zip(taken).filter(|(_, taken)| !taken) {
                    publisher.complain(format!("the broker rejects the subscription to {filter}"));
                }
            }
            Incoming::Message {
                topic,
                payload,
                retained,
            } => self.message(&topic, &payload, retained, publisher),
            Incoming::Disconnect(reason) => {
                return Err(format!("{} closed the connection: {reason}", self.address));
            }
            Incoming::Other => self.pinged = false,
            Incoming::Accepted(_) | Incoming::Refused(_) => {
                return Err(format!("{} accepts the connection twice", self.address));
            }
        }
        let owes = !self.window.is_empty() || self.pinged || !self.subscribing.is_empty();
        self.owed = owes.then(Instant::now);
        Ok(())
    }

    fn acknowledged(
        &mut self,
        id: u16,
        refused: Option<String>,
        publisher: &mut Publisher<'_>,
    ) -> Result<(), String> {
        let Some(sent) = self.window.get(id) else {
            return Ok(());
        };
        if let Some(reply) = self.replies.remove(&id) {
            // The rule may be gone.
            let _ = reply.send(
                refused
                    .clone()
                    .map_or(Ok(()), |reason| Err(Unpublished::Failed(reason))),
            );
        }
        match (refused, sent) {
            (None, _) | (_, Sent::Rule) => {}
            // The sink is still useful without it.
            (Some(reason), Sent::Retained(topic)) => {
                publisher.complain(format!("the broker rejects messages to {topic}: {reason}"));
            }
            (Some(reason), Sent::Event(..) | Sent::Gap) => {
                return Err(format!("{} rejects events: {reason}", self.address));
            }
        }
        for sent in self.window.acknowledge(id) {
            publisher.is_acknowledged(&sent);
        }
        publisher.acknowledged(self.window.len());
        Ok(())
    }

    /// Handles a message: an order, or the start of Home Assistant.
    fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        publisher: &mut Publisher<'_>,
    ) {
        if publisher.status_topic().as_deref() == Some(topic) {
            if payload == ONLINE.as_bytes() && !retained {
                publisher.retained.renew();
            }
            return;
        }
        match publisher.orders.parse(topic, payload) {
            None => {}
            Some(_) if retained => publisher.complain(format!(
                "{topic}: ignoring a retained order; publish it without `retain`"
            )),
            Some(Err(sentence)) => publisher.complain(sentence),
            Some(Ok(action)) => match publisher.commands.give(action) {
                Ok(outcome) => {
                    self.ordered
                        .spawn(async { outcome.await.unwrap_or(Err(Refused::Ending)) });
                }
                Err(refused) => publisher.complain(refused.to_string()),
            },
        }
    }
}
