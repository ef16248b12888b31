// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders from sinks to their executors: the only path against the flow of events.

mod body;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mypoll_protocol::{Action, Output};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::quote::quote;

pub use body::{Control, Target};

/// Maximum number of waiting orders per executor.
const QUEUE: usize = 64;

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// No output has this name.
    #[error("no output `{name}`; there are: {there_are}")]
    NoOutput {
        /// The requested name.
        name: String,
        /// The existing names.
        there_are: String,
    },
    /// The source supports neither triggers nor a timer.
    #[error("this source supports neither triggers nor a timer")]
    NoDriver,
    /// Too many orders are waiting.
    #[error("too many orders are waiting; try again later")]
    Busy,
    /// Carrying it out failed.
    #[error("{0}")]
    Failed(String),
    /// The agent is shutting down.
    #[error("the agent is shutting down")]
    Ending,
}

/// An order, and where to send its result.
#[derive(Debug)]
pub struct Order {
    /// The action to carry out.
    pub action: Action,
    /// Receives the result.
    pub reply: oneshot::Sender<Result<(), Refused>>,
}

/// Carries out orders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Executor {
    /// The driver: triggers and the timer.
    Driver,
    /// The output with this name.
    Output(String),
}

/// Sends orders to their executors. Clones share the same executors.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    executors: Arc<Mutex<HashMap<Executor, mpsc::Sender<Order>>>>,
    shown: watch::Sender<Shown>,
}

/// Whether outputs are active, by name; `None` if unknown.
pub type Shown = BTreeMap<String, Option<bool>>;

impl Commands {
    /// Registers an executor, in place of one with the same name, and returns its orders.
    pub fn register(&self, executor: Executor) -> mpsc::Receiver<Order> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        if let Executor::Output(name) = &executor {
            self.show(name, None);
        }
        self.executors().insert(executor, sender);
        receiver
    }

    /// Sends an order and waits for its result.
    ///
    /// # Errors
    ///
    /// The order failed.
    pub async fn order(&self, action: Action) -> Result<(), Refused> {
        self.give(action)?.await.unwrap_or(Err(Refused::Ending))
    }

    /// Sends an order; the result arrives through the channel. Each executor carries out its orders in the order in which
    /// they were given.
    ///
    /// # Errors
    ///
    /// No executor takes the order.
    pub fn give(&self, action: Action) -> Result<oneshot::Receiver<Result<(), Refused>>, Refused> {
        let executor = match &action {
            Action::Trigger | Action::StartTimer { .. } | Action::StopTimer => Executor::Driver,
            Action::Output(
                Output::Set { name, .. } | Output::Toggle { name } | Output::Pulse { name, .. },
            ) => Executor::Output(name.clone()),
        };
        let sender = self.executors().get(&executor).cloned();
        // The channel of an executor that was removed from the configuration is closed.
        let Some(sender) = sender.filter(|sender| !sender.is_closed()) else {
            return Err(match executor {
                Executor::Driver => Refused::NoDriver,
                Executor::Output(name) => {
                    let there_are = self.outputs();
                    let there_are = if there_are.is_empty() {
                        "none".to_owned()
                    } else {
                        there_are.join(", ")
                    };
                    Refused::NoOutput {
                        name: quote(&name),
                        there_are,
                    }
                }
            });
        };
        let (reply, done) = oneshot::channel();
        sender
            .try_send(Order { action, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refused::Busy,
                mpsc::error::TrySendError::Closed(_) => Refused::Ending,
            })?;
        Ok(done)
    }

    /// Publishes whether an output is active.
    pub fn show(&self, name: &str, active: Option<bool>) {
        self.shown
            .send_if_modified(|shown| shown.insert(name.to_owned(), active) != Some(active));
    }

    /// Removes an output.
    pub fn forget(&self, name: &str) {
        self.shown
            .send_if_modified(|shown| shown.remove(name).is_some());
    }

    /// Whether the outputs are active, with changes.
    pub fn shown(&self) -> watch::Receiver<Shown> {
        self.shown.subscribe()
    }

    /// The names of the outputs, sorted.
    pub fn outputs(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .executors()
            .iter()
            .filter(|(_, sender)| !sender.is_closed())
            .filter_map(|(executor, _)| match executor {
                Executor::Output(name) => Some(name.clone()),
                Executor::Driver => None,
            })
            .collect();
        names.sort_unstable();
        names
    }

    fn executors(&self) -> MutexGuard<'_, HashMap<Executor, mpsc::Sender<Order>>> {
        self.executors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toggle(name: &str) -> Action {
        Action::Output(Output::Toggle {
            name: name.to_owned(),
        })
    }

    #[tokio::test]
    async fn an_order_reaches_its_executor_and_the_reply_comes_back() {
        let commands = Commands::default();
        let mut led = commands.register(Executor::Output("led".to_owned()));
        let outcome = tokio::spawn({
            let commands = commands.clone();
            async move { commands.order(toggle("led")).await }
        });
        let order = led.recv().await.unwrap();
        assert_eq!(order.action, toggle("led"));
        order
            .reply
            .send(Err(Refused::Failed("stuck".to_owned())))
            .unwrap();
        assert_eq!(
            outcome.await.unwrap(),
            Err(Refused::Failed("stuck".to_owned()))
        );
    }

    #[tokio::test]
    async fn orders_without_an_executor_are_refused() {
        let commands = Commands::default();
        assert_eq!(
            commands.order(Action::Trigger).await,
            Err(Refused::NoDriver)
        );
        let led = commands.register(Executor::Output("led".to_owned()));
        let refused = commands.order(toggle("lamp")).await.unwrap_err();
        assert_eq!(refused.to_string(), "no output `lamp`; there are: led");
        drop(led);
        let refused = commands.order(toggle("led")).await.unwrap_err();
        assert_eq!(refused.to_string(), "no output `led`; there are: none");
        assert!(commands.outputs().is_empty());
    }
}
