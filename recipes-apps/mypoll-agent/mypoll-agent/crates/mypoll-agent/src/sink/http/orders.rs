// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders in POST requests.

use std::time::Duration;

use hyper::{StatusCode, header::RETRY_AFTER};
use mypoll_protocol::{Action, Message};
use tokio::time;

use super::answer::{Answer, Problem, json};
use crate::command::{Commands, Refused, Target};

/// Time limit for an order.
const LIMIT: Duration = Duration::from_secs(10);

/// Parses the order in the body of a request.
pub(super) fn action(target: Target, body: &[u8]) -> Result<Action, Problem> {
    target.action(body).map_err(|sentence| {
        let sentence = format!("invalid body: {sentence}");
        Problem::new(StatusCode::BAD_REQUEST, sentence)
    })
}

/// Carries out an order.
pub(super) async fn carry_out(commands: &Commands, action: Action) -> Result<Answer, Problem> {
    match time::timeout(LIMIT, commands.order(action.clone())).await {
        Ok(Ok(())) => Ok(json(StatusCode::OK, &Message::Done { done: action })),
        Ok(Err(refused)) => Err(problem(&refused)),
        Err(_) => {
            let sentence = format!(
                "not completed within {} s; it may still complete",
                LIMIT.as_secs()
            );
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, sentence))
        }
    }
}

fn problem(refused: &Refused) -> Problem {
    let of = |status| Problem::new(status, refused.to_string());
    match refused {
        Refused::NoOutput { .. } => of(StatusCode::NOT_FOUND),
        Refused::NoDriver => of(StatusCode::NOT_IMPLEMENTED),
        Refused::Failed(_) => of(StatusCode::INTERNAL_SERVER_ERROR),
        Refused::Busy | Refused::Ending => {
            of(StatusCode::SERVICE_UNAVAILABLE).with(RETRY_AFTER, "1")
        }
    }
}
