// SPDX-License-Identifier: MIT OR Apache-2.0
//! Posts events over a persistent connection, if the server supports it.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header::{HOST, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    task::{self, AbortHandle},
    time,
};

use super::{Config, Occurrence, Rule, message::Message};
use crate::{
    quote::quote_bytes,
    sink::rule::delivery::{Deliver, Failure},
};

/// How much of a response's body is read, in bytes, to reuse the connection.
const ANSWER: usize = 64 * 1024;

/// The user agent.
const AGENT: &str = concat!("mypoll-agent/", env!("CARGO_PKG_VERSION"));

pub(super) struct Client {
    config: Config,
    connection: Option<Connection>,
}

/// A connection, with the secret from when it was opened.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    secret: Option<(HeaderName, HeaderValue)>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Deliver for Client {
    async fn deliver(&mut self, rule: &Rule, occurrence: &Occurrence) -> Result<(), Failure> {
        let message = Message::new(self.config.format, rule, occurrence);
        let timeout = self.config.timeout;
        let outcome = match time::timeout(timeout, self.post(&message)).await {
            Ok(Ok(response)) => judge(&response),
            Ok(Err(error)) => Err(later(format!("{error:#}"))),
            Err(_) => Err(later(format!(
                "{} did not answer within {timeout:?}",
                self.config.authority
            ))),
        };
        if outcome.is_err() {
            // The next attempt may reach another server, or need another secret.
            self.connection = None;
        }
        outcome
    }
}

impl Client {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            connection: None,
        }
    }

    /// Posts, and reads the whole response.
    async fn post(&mut self, message: &Message) -> anyhow::Result<Response<()>> {
        if let Some(connection) = self.connection.take() {
            // The server may close an idle connection at this very moment.
            if let Ok(response) = self.post_over(connection, message).await {
                return Ok(response);
            }
        }
        let connection = self.connect().await?;
        self.post_over(connection, message).await
    }

    async fn post_over(
        &mut self,
        mut connection: Connection,
        message: &Message,
    ) -> anyhow::Result<Response<()>> {
        let authority = &self.config.authority;
        let mut request = Request::post(&self.config.path)
            .header(HOST, authority)
            .header(USER_AGENT, AGENT)
            .body(Full::new(Bytes::from(message.body.clone())))?;
        request.headers_mut().extend(message.headers.clone());
        request.headers_mut().extend(connection.secret.clone());
        let sent = async {
            connection.sender.ready().await?;
            connection.sender.send_request(request).await
        };
        let response = sent
            .await
            .with_context(|| format!("{authority} did not answer"))?;
        let (head, body) = response.into_parts();
        if drain(body).await {
            self.connection = Some(connection);
        }
        Ok(Response::from_parts(head, ()))
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let secret = match self.config.secret.clone() {
            Some(secret) => Some(task::spawn_blocking(move || secret.read()).await??),
            None => None,
        };
        let config = self.config.clone();
        let dialer = task::spawn_blocking(move || config.dialer()).await??;
        let stream = dialer.connect(self.config.timeout).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| anyhow!("{}: {error}", self.config.authority))?;
        // Its requests see how it ends.
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Connection {
            sender,
            secret,
            task: task.abort_handle(),
        })
    }
}

/// Reads the rest of a response; false if it is too long, or reading fails.
async fn drain(body: Incoming) -> bool {
    Limited::new(body, ANSWER).collect().await.is_ok()
}

fn later(reason: String) -> Failure {
    Failure::Later {
        reason,
        after: None,
    }
}

/// Classifies a response: delivered, rejected, or to be retried.
fn judge(response: &Response<()>) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let header = |name| response.headers().get(name);
    let mut reason = format!("the server answers {status}");
    match status {
        // The server will never accept this event.
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => return Err(Failure::Refused(reason)),
        _ if status.is_redirection() => {
            if let Some(location) = header(LOCATION) {
                let location = quote_bytes(location.as_bytes());
                reason =
                    format!("{reason} to {location:?}, which is not followed: set `url` to it");
            }
        }
        _ => {}
    }
    let seconds = header(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Err(Failure::Later {
        reason,
        after: seconds.map(Duration::from_secs),
    })
}
