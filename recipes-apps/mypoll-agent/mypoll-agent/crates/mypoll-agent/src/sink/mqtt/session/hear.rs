// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the broker sends.

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
                    publisher
                        .complain(format!("the broker refuses to send what comes to {filter}"));
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
                return Err(format!("{} accepts a second time", self.address));
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
            // The rule may have gone.
            let _ = reply.send(
                refused
                    .clone()
                    .map_or(Ok(()), |reason| Err(Unpublished::Failed(reason))),
            );
        }
        match (refused, sent) {
            (None, _) | (_, Sent::Rule) => {}
            // Without it the sink is still of use.
            (Some(reason), Sent::Retained(topic)) => {
                publisher.complain(format!("the broker refuses what is for {topic}: {reason}"));
            }
            (Some(reason), Sent::Event(..) | Sent::Gap) => {
                return Err(format!("{} refuses events: {reason}", self.address));
            }
        }
        for sent in self.window.acknowledge(id) {
            publisher.is_acknowledged(&sent);
        }
        publisher.acknowledged(self.window.len());
        Ok(())
    }

    /// Takes a message: an order, or that Home Assistant has started.
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
                "{topic}: an order that the broker had retained is not carried out, publish it without `retain`"
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
