// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders of a client, one at a time.

use std::{future::Future, pin::Pin};

use mypoll_protocol::{self as protocol, Action, Message};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::{
    command::Refused,
    net::Role,
    quote::{quote, quote_bytes},
};

/// An order in progress.
pub(super) type Outcome = Pin<Box<dyn Future<Output = (Action, Result<(), Refused>)> + Send>>;

impl<S: AsyncRead + AsyncWrite> Session<'_, S> {
    /// Handles a line after the first. Each gets an answer.
    pub(super) fn order(&mut self, line: &[u8]) {
        match serde_json::from_slice::<protocol::Order>(line) {
            Ok(order) => self.give(order.order),
            Err(error) => self.say(&Message::Error {
                error: format!(
                    "not an order: {}: `{}`",
                    quote(&error.to_string()),
                    quote_bytes(line)
                ),
            }),
        }
    }

    /// Starts an order.
    pub(super) fn give(&mut self, action: Action) {
        if self.role < Some(Role::Control) {
            return self.say(&Message::Error {
                error: "orders need the role control".to_owned(),
            });
        }
        let commands = self.shared.commands.clone();
        self.order = Some(Box::pin(async move {
            let outcome = commands.order(action.clone()).await;
            (action, outcome)
        }));
    }

    pub(super) fn answer(&mut self, action: Action, outcome: Result<(), Refused>) {
        match outcome {
            Ok(()) => self.say(&Message::Done { done: action }),
            Err(refused) => self.say(&Message::Error {
                error: refused.to_string(),
            }),
        }
    }
}

/// The result of an order; pending forever if there is none.
pub(super) async fn outcome_of(order: &mut Option<Outcome>) -> (Action, Result<(), Refused>) {
    match order {
        Some(order) => order.await,
        None => std::future::pending().await,
    }
}
