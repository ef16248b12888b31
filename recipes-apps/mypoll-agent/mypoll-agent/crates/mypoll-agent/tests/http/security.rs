// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that a browser makes for other sites.

use std::io::Write as _;
use std::{fs, os::unix::fs::OpenOptionsExt as _};

use mypoll_agent::net::{Role, token::new_token};

use crate::agent::Agent;

#[test]
fn rebound_host_names_get_nothing() {
    let agent = Agent::start("hosts = ['board.example']");
    for path in ["/", "/events", "/stats", "/healthz", "/nothing"] {
        let got = agent.request(&format!("GET {path}"), &["Host: evil.example"], "");
        assert_eq!(got.status, 421, "{path}");
        assert!(got.error().contains("`hosts`"), "{got:?}");
    }
    let got = agent.request("GET http://evil.example/stats", &[], "");
    assert_eq!(got.status, 421, "{got:?}");
    for host in ["Host: board.example", "Host: localhost:80", "Host: [::1]"] {
        assert_eq!(agent.request("GET /stats", &[host], "").status, 200);
    }
}

#[test]
fn pages_of_other_sites_can_neither_read_nor_order() {
    let agent = Agent::start("control = true\norigins = ['https://panel.example']");
    let json = "Content-Type: application/json";
    let own = format!("Origin: http://127.0.0.1:{}", agent.port);
    let refused = [
        &["Origin: https://evil.example"][..],
        &["Origin: null"],
        &["Origin: http://127.0.0.1"],
        &["Sec-Fetch-Site: cross-site"],
        &["Sec-Fetch-Site: same-site", &own],
    ];
    for headers in refused {
        let headers = [headers, &[json]].concat();
        assert_eq!(agent.request("POST /trigger", &headers, "{}").status, 403);
        let got = agent.request("GET /lines", &headers, "");
        assert_eq!(got.status, 403);
        assert_eq!(got.header("access-control-allow-origin"), None);
        assert_eq!(agent.request("OPTIONS /trigger", &headers, "").status, 403);
    }
    // The simulated source supports no triggers: the order got that far.
    for headers in [
        &[json][..],
        &[json, &own],
        &[json, &own, "Sec-Fetch-Site: same-origin"],
    ] {
        assert_eq!(agent.request("POST /trigger", headers, "{}").status, 501);
    }
    let panel = "Origin: https://panel.example";
    let asked = agent.request("OPTIONS /trigger", &[panel], "");
    assert_eq!(asked.status, 204);
    let allows = |name| {
        asked
            .header(&format!("access-control-allow-{name}"))
            .unwrap()
    };
    assert_eq!(allows("origin"), "https://panel.example");
    assert!(allows("methods").contains("POST"));
    assert!(allows("headers").contains("authorization"));
    let got = agent.request(
        "POST /trigger",
        &[panel, json, "Sec-Fetch-Site: cross-site"],
        "{}",
    );
    assert_eq!(got.status, 501);
    assert_eq!(
        got.header("access-control-allow-origin"),
        Some("https://panel.example")
    );
}

#[test]
fn a_token_determines_the_clients_role() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let read = new_token(Role::Read, "read").unwrap();
    let control = new_token(Role::Control, "control").unwrap();
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    writeln!(file, "{}\n{}", read.line, control.line).unwrap();
    let agent = Agent::start(&format!("tokens = '{}'", path.display()));
    // The page that a browser opens, and the health check.
    for path in ["/", "/icon.svg", "/healthz"] {
        assert_eq!(agent.get(path).status, 200, "{path}");
    }
    assert_eq!(agent.get("/healthz").json().get("reasons"), None);
    for path in ["/events", "/lines", "/stats", "/metrics"] {
        let got = agent.get(path);
        assert_eq!(got.status, 401, "{path}");
        assert_eq!(got.header("www-authenticate"), Some("Bearer"));
        assert!(got.error().contains("Authorization: Bearer"), "{got:?}");
    }
    let with = |request: &str, secret: &str, body: &str| {
        let token = format!("Authorization: Bearer {secret}");
        let headers = [&*token, "Content-Type: application/json"];
        agent.request(request, &headers, body)
    };
    assert_eq!(with("GET /lines", "nonsense", "").status, 401);
    assert_eq!(with("POST /trigger", "nonsense", "{}").status, 401);
    assert_eq!(with("GET /lines", &read.secret, "").status, 200);
    let got = with("POST /trigger", &read.secret, "{}");
    assert_eq!(got.status, 403);
    assert!(got.error().contains("the role `control`"), "{got:?}");
    // The simulated source supports no triggers.
    assert_eq!(with("POST /trigger", &control.secret, "{}").status, 501);
    let health = with("GET /healthz", &read.secret, "").json();
    assert_eq!(health["reasons"], serde_json::json!([]));
}
