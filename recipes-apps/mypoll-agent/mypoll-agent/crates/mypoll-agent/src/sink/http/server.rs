// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers requests.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Body,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue,
        RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    },
    http::request::Parts,
};
use mypoll_protocol::Message;
use tokio::time;

use super::{
    answer::{Answer, Problem, stream, whole},
    events::{Events, Reader, Text},
    guard::Guard,
    metrics, orders, page,
    query::{Query, position},
    route::Route,
    state,
};
use crate::{
    command::Control,
    context::Context,
    filter::Filter,
    journal::Start,
    net::{Denied, Gate, Role},
    quote::quote,
    status::Counter,
};

/// Maximum size of a request's body, in bytes.
const BODY: usize = 4096;

/// Time limit for the body.
const BODY_TIME: Duration = Duration::from_secs(10);

/// How long a client of `/events` waits before it reconnects.
const RETRY_MS: u32 = 1000;

/// Answers the requests of all connections of a section.
pub(super) struct Server {
    pub(super) context: Context,
    pub(super) guard: Guard,
    /// The orders that a POST may give.
    pub(super) orders: Vec<Control>,
    /// Counts requests.
    pub(super) requests: Counter,
    /// Counts sent events.
    pub(super) events: Counter,
    /// Counts events that clients missed.
    pub(super) missed: Counter,
}

impl Server {
    /// Answers a request.
    pub(super) async fn answer<B>(&self, request: Request<B>, gate: &Gate) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.requests.add(1);
        let (request, body) = request.into_parts();
        let origin = match self.guard.check(&request) {
            Ok(origin) => origin,
            Err(problem) => return problem.into(),
        };
        let mut answer = self
            .dispatch(&request, body, gate)
            .await
            .unwrap_or_else(Answer::from);
        if let Some(origin) = origin {
            let headers = answer.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(VARY, HeaderValue::from_static("Origin"));
        }
        answer
    }

    async fn dispatch<B>(&self, request: &Parts, body: B, gate: &Gate) -> Result<Answer, Problem>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let route = Route::find(request.uri.path())?;
        match (&request.method, route.is_post()) {
            (&Method::OPTIONS, _) => return Ok(options(&route)),
            (&Method::POST, true) | (&Method::GET | &Method::HEAD, false) => {}
            (method, _) => {
                let allow = route.methods();
                let (path, method) = (quote(request.uri.path()), quote(method.as_str()));
                let sentence = format!("{path} supports {allow}, not {method}");
                return Err(
                    Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence).with(ALLOW, allow)
                );
            }
        }
        let role = match secret(&request.headers) {
            // A page that is being opened has no token yet: don't log it.
            None if gate.needs_token() => Err(Denied::NoToken),
            secret => gate.authorize(secret),
        };
        if let Err(full @ Denied::Full(_)) = role {
            return Err(denied(full));
        }
        match (route, role) {
            // These reveal nothing about events.
            (Route::Page, _) => Ok(page::page()),
            (Route::Icon, _) => Ok(page::icon()),
            (Route::Health, role) => Ok(state::health(&self.context, role.is_ok())),
            (_, Err(reason)) => Err(denied(reason)),
            (Route::Events, Ok(_)) => self.events(request),
            (Route::Lines, Ok(_)) => Ok(state::lines(&self.context)),
            (Route::Stats, Ok(role)) => Ok(state::stats(&self.context, self.allowed(role))),
            (Route::Metrics, Ok(_)) => {
                Ok(whole(metrics::CONTENT_TYPE, metrics::render(&self.context)))
            }
            (Route::Order(target), Ok(role)) => {
                self.allow(target.control(), role)?;
                is_json(&request.headers)?;
                let action = orders::action(target, &read(body).await?)?;
                orders::carry_out(&self.context.commands, action).await
            }
        }
    }

    fn events(&self, request: &Parts) -> Result<Answer, Problem> {
        let query = Query::parse(request.uri.query().unwrap_or_default())?;
        let filter = Filter::new(query.filter)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error))?;
        // A browser that reconnects sends this header with the query of the first request.
        let after = match request.headers.get("last-event-id") {
            Some(id) => Some(position(&String::from_utf8_lossy(id.as_bytes()))?),
            None => query.after,
        };
        let journal = &self.context.journal;
        let session = journal.era().session;
        let snapshot = journal.snapshot();
        // After this snapshot, so that no event is missing or repeated between the two.
        let (session, event) = after.unwrap_or((session, snapshot.after));
        let cursor = journal.cursor(Start::After(session, event));
        let mut first = Text::default();
        first.retry(RETRY_MS);
        first.message("hello", &cursor.hello());
        if query.levels {
            let levels = Message::Levels(snapshot.to_protocol());
            first.message("levels", &levels);
        }
        Ok(stream(Events::new(Reader {
            cursor,
            session,
            filter,
            first,
            sent: self.events.clone(),
            missed: self.missed.clone(),
        })))
    }

    /// The orders that a client with this role may give.
    fn allowed(&self, role: Role) -> &[Control] {
        match role {
            Role::Control => &self.orders,
            Role::Read => &[],
        }
    }

    fn allow(&self, control: Control, role: Role) -> Result<(), Problem> {
        let sentence = if !self.orders.contains(&control) {
            format!(
                "the configuration does not allow this; `orders = [\"{control}\"]` in the section [[http]] would"
            )
        } else if role != Role::Control {
            "this needs the role `control`, by a token or by `control = true` in the section [[http]]".to_owned()
        } else {
            return Ok(());
        };
        Err(Problem::new(StatusCode::FORBIDDEN, sentence))
    }
}

/// The secret in `Authorization: Bearer SECRET`.
fn secret(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn denied(denied: Denied) -> Problem {
    match denied {
        Denied::Full(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, denied.to_string()).with(RETRY_AFTER, "5")
        }
        Denied::NoToken | Denied::UnknownToken => {
            let sentence = format!("{denied}: `Authorization: Bearer SECRET`");
            Problem::new(StatusCode::UNAUTHORIZED, sentence).with(WWW_AUTHENTICATE, "Bearer")
        }
    }
}

/// Forms, which any page can send to any host, can't have this type.
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap_or_default());
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let sentence = format!(
        "the body must be JSON, with the header `Content-Type: application/json`, not {:?}",
        quote(content_type)
    );
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence))
}

async fn read<B>(body: B) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = Box::pin(Limited::new(body, BODY).collect());
    match time::timeout(BODY_TIME, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let sentence = format!("the body of a request must have at most {BODY} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, sentence))
        }
        Ok(Err(error)) => {
            let sentence = format!("cannot read the body: {error}");
            Err(Problem::new(StatusCode::BAD_REQUEST, sentence))
        }
        Err(_) => {
            let sentence = format!("the body did not arrive within {} s", BODY_TIME.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, sentence))
        }
    }
}

/// Answers a browser's preflight request for a page of another site.
fn options(route: &Route) -> Answer {
    let mut answer = whole("text/plain", "");
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers: [(HeaderName, &'static str); 4] = [
        (ALLOW, route.methods()),
        (ACCESS_CONTROL_ALLOW_METHODS, route.methods()),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, last-event-id",
        ),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    answer.headers_mut().remove(CONTENT_TYPE);
    answer
        .headers_mut()
        .extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}
