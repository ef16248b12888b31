// SPDX-License-Identifier: MIT OR Apache-2.0
//! Resources, and errors in requests.

use std::time::Instant;

use crate::agent::{Agent, DEADLINE};

#[test]
fn the_page_has_a_strict_policy_and_is_not_cached() {
    let agent = Agent::start("");
    let page = agent.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none';",
        "script-src 'sha256-",
        "connect-src 'self';",
        "base-uri 'none';",
        "form-action 'none';",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for path in ["/", "/icon.svg", "/lines", "/stats", "/metrics", "/healthz"] {
        let got = agent.get(path);
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(got.header("cache-control"), Some("no-store"));
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(got.header("referrer-policy"), Some("no-referrer"));
        let head = agent.request(&format!("HEAD {path}"), &[], "");
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
}

#[test]
fn lines_and_statistics_are_available() {
    let mut agent = Agent::start("");
    let mut events = agent.events("?levels=true", None);
    agent.send("rising 0");
    let after = loop {
        let message = events.next().unwrap();
        if message.data["kind"] == "rising" {
            break message.data["event"].as_u64().unwrap();
        }
    };
    let lines = agent.get("/lines").json();
    assert_eq!(lines["after"], after);
    assert_eq!(lines["lines"][0]["label"], "button");
    assert_eq!(lines["lines"][0]["active"], true);
    assert_eq!(lines["lines"][1]["settings"]["offset"], 1);
    let stats = agent.get("/stats").json();
    assert_eq!(stats["machine"], "test");
    assert_eq!(stats["session"], lines["session"]);
    assert_eq!(stats["journal"]["next"], after + 1);
    assert_eq!(stats["control"], serde_json::json!([]));
    assert_eq!(agent.get("/healthz").json()["healthy"], true);
}

#[test]
fn metrics_are_in_prometheus_format() {
    let agent = Agent::start("");
    // The levels at the start are events.
    agent
        .events("?after=0000000000000000-0", None)
        .expect("hello");
    let metrics = agent.get("/metrics");
    let content_type = metrics.header("content-type").unwrap();
    assert!(content_type.starts_with("text/plain; version=0.0.4"));
    let has = |line: &str| metrics.body.lines().any(|found| found.starts_with(line));
    for line in [
        "mypoll_agent_info{version=\"",
        "# TYPE mypoll_agent_events_total counter",
        "mypoll_agent_events_total ",
        "mypoll_agent_line_active{line=\"0\",label=\"button\"} 0",
        "mypoll_agent_line_active{line=\"1\",label=\"door\"} 0",
        "mypoll_agent_part_working{part=\"http 127.0.0.1:0\"} 1",
        "mypoll_agent_part_requests_total{part=\"http 127.0.0.1:0\"} 2",
        "# TYPE mypoll_agent_part_clients gauge",
    ] {
        assert!(has(line), "{line} in\n{}", metrics.body);
    }
}

#[test]
fn pulses_are_shown_if_they_are_counted() {
    let mut agent = Agent::with("", "[counters]");
    let mut events = agent.events("?kind=rising", None);
    events.next().expect("hello");
    agent.send("rising 1 @1000000000\nfalling 1 @1500000000\nrising 1 @2000000000");
    for _ in 0..2 {
        events.next().expect("a pulse");
    }
    let lines = agent.get("/lines").json();
    assert_eq!(lines["lines"][0]["pulses"], 0);
    assert_eq!(lines["lines"][1]["pulses"], 2);
    assert!(lines["lines"][1]["rate"].as_f64().unwrap() > 0.0);
    let metrics = agent.get("/metrics").body;
    for line in [
        "# TYPE mypoll_agent_line_pulses_total counter",
        "mypoll_agent_line_pulses_total{line=\"0\",label=\"button\"} 0\n",
        "mypoll_agent_line_pulses_total{line=\"1\",label=\"door\"} 2\n",
        "# TYPE mypoll_agent_line_pulses_per_second gauge",
        "mypoll_agent_line_pulses_per_second{line=\"1\",label=\"door\"} 0.",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[test]
fn invalid_requests_get_an_explanation() {
    let agent = Agent::start("control = true");
    let json = "Content-Type: application/json";
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(4096));
    for (request, headers, body, status, said) in [
        (
            "GET /nothing",
            &[][..],
            "",
            404,
            "not found; the paths are: /",
        ),
        ("GET /events?lin=3", &[], "", 400, "unknown parameter `lin`"),
        ("GET /events?kind=rise", &[], "", 400, "no kind `rise`"),
        (
            "GET /events?after=1",
            &[],
            "",
            400,
            "such as 0123456789abcdef-26",
        ),
        (
            "GET /events",
            &["Last-Event-ID: \u{e9}"],
            "",
            400,
            "expected the `id` of the last event",
        ),
        (
            "GET /trigger",
            &[],
            "",
            405,
            "/trigger supports POST, OPTIONS, not GET",
        ),
        (
            "POST /events",
            &[json],
            "{}",
            405,
            "supports GET, HEAD, OPTIONS, not POST",
        ),
        ("DELETE /lines", &[], "", 405, "not DELETE"),
        (
            "POST /trigger",
            &[],
            "{}",
            415,
            "Content-Type: application/json",
        ),
        (
            "POST /trigger",
            &["Content-Type: text/plain"],
            "{}",
            415,
            "not \"text/plain\"",
        ),
        ("POST /trigger", &[json], "", 400, "expected {}"),
        (
            "POST /timer",
            &[json],
            "{\"period_ms\":0}",
            400,
            "must be 1 to 3600000",
        ),
        ("POST /trigger", &[json], &large, 413, "at most 4096 bytes"),
        (
            "POST /trigger",
            &[json],
            "{}",
            501,
            "this source supports neither triggers",
        ),
        (
            "POST /outputs/lamp",
            &[json],
            "{\"set\":true}",
            404,
            "no output `lamp`",
        ),
    ] {
        let got = agent.request(request, headers, body);
        assert_eq!(got.status, status, "{request} {got:?}");
        assert!(got.error().contains(said), "{request} {got:?}");
        assert_eq!(got.header("allow").is_some(), status == 405, "{got:?}");
    }
    let got = agent.raw("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(got.status, 400);
    assert!(got.error().contains("`Host`"), "{got:?}");
    let long = format!("X: {}", "x".repeat(20_000));
    assert_eq!(agent.request("GET /", &[&long], "").status, 431);
}

#[test]
fn an_unavailable_output_is_reported() {
    let lamp = "[[output]]\nname = 'a lamp'\nchip = '/dev/nowhere'\nline = 0";
    let agent = Agent::with("control = true", lamp);
    let begin = Instant::now();
    while agent.get("/healthz").status != 503 {
        assert!(begin.elapsed() < DEADLINE, "healthy without its chip");
    }
    let health = agent.get("/healthz").json();
    let reason = health["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("output a lamp: cannot open the chip /dev/nowhere"),
        "{reason}"
    );
    assert_eq!(agent.get("/stats").json()["outputs"][0], "a lamp");
    for body in [
        r#"{"set":true}"#,
        r#"{"toggle":true}"#,
        r#"{"pulse_ms":100}"#,
    ] {
        let got = agent.post("/outputs/a%20lamp", body);
        assert_eq!(got.status, 500);
        assert!(got.error().contains("/dev/nowhere"), "{got:?}");
    }
    assert!(
        agent
            .get("/metrics")
            .body
            .contains("mypoll_agent_part_working{part=\"output a lamp\"} 0")
    );
}

#[test]
fn orders_require_permission() {
    let agent = Agent::start("");
    let got = agent.post("/trigger", "{}");
    assert_eq!(got.status, 403);
    assert!(got.error().contains("`control = true`"), "{got:?}");
    let agent = Agent::start("control = true\norders = ['output']");
    let got = agent.post("/trigger", "{}");
    assert_eq!(got.status, 403);
    assert!(got.error().contains(r#"`orders = ["trigger"]`"#), "{got:?}");
    assert_eq!(
        agent.post("/outputs/lamp", r#"{"toggle":true}"#).status,
        404
    );
    let control = &agent.get("/stats").json()["control"];
    assert_eq!(*control, serde_json::json!(["output"]));
}
