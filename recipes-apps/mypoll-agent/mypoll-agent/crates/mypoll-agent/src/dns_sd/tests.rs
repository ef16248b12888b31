// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which listeners are announced, and in which files.

use std::{collections::BTreeMap, fs, path::Path};

use super::*;

fn services(text: &str) -> Vec<Service> {
    let text = format!("agent.machine = 'R&D \"1\" <é>'\n{text}");
    Service::of(&Config::parse("agent.toml".as_ref(), &text).unwrap())
}

fn found(text: &str) -> Vec<(&'static str, u16)> {
    services(text)
        .iter()
        .map(|service| (service.kind, service.port))
        .collect()
}

#[test]
fn only_listeners_for_other_machines_are_announced() {
    assert_eq!(found(""), []);
    assert_eq!(
        found(
            "[[stream]]\nlisten = ['127.0.0.1:1', '[::1]:2', 'localhost:3', 'unix:/run/x', 'systemd:y']"
        ),
        []
    );
    let open = "insecure = true\nlisten = ['0.0.0.0:7070', '[::]:7070', '192.0.2.1:7071', 'board:7072', '0.0.0.0:0']\n";
    let stream = ["7070", "7071", "7072"].map(|port| ("_mypoll._tcp", port.parse().unwrap()));
    assert_eq!(found(&format!("[[stream]]\n{open}")), stream);
    assert_eq!(
        found(&format!("agent.announce = false\n[[stream]]\n{open}")),
        []
    );
}

#[cfg(all(feature = "http", feature = "tls"))]
#[test]
fn services_have_names_and_txt_records() {
    let tls = "tls = { certificate = '/c', key = '/k' }\ntokens = '/t'\n";
    let found = services(&format!(
        "[[http]]\ninsecure = true\nlisten = '0.0.0.0:80'\n[[http]]\nlisten = '0.0.0.0:443'\n{tls}\
         [[stream]]\nlisten = '[::]:7071'\n{tls}[[stream]]\nlisten = '[::]:7070'\ninsecure = true"
    ));
    let text = |service: &Service| -> Vec<String> {
        service
            .text
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    };
    let machine = "machine=R&D \"1\" <é>";
    let found: Vec<_> = found
        .iter()
        .map(|service| (service.kind, service.port, service.name("x"), text(service)))
        .collect();
    let expected = [
        (
            "_http._tcp",
            80,
            "mypoll on x",
            vec!["txtvers=1", "path=/", machine],
        ),
        (
            "_https._tcp",
            443,
            "mypoll on x",
            vec!["txtvers=1", "path=/", machine],
        ),
        (
            "_mypoll._tcp",
            7070,
            "mypoll on x",
            vec!["txtvers=1", "protocol=1", "tls=0", "token=0", machine],
        ),
        (
            "_mypoll._tcp",
            7071,
            "mypoll on x port 7071",
            vec!["txtvers=1", "protocol=1", "tls=1", "token=1", machine],
        ),
    ];
    let expected = expected.map(|(kind, port, name, text)| {
        (
            kind,
            port,
            name.to_owned(),
            text.into_iter().map(str::to_owned).collect(),
        )
    });
    assert_eq!(found, expected);
}

const ONE: &str = "[[stream]]\nlisten = '0.0.0.0:7070'\ninsecure = true";

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(Result::unwrap);
    entries
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect()
}

fn folders(root: &Path) -> Folders {
    Folders {
        avahi: root.join("avahi"),
        resolved: root.join("dnssd"),
        resolved_runs: root.join("resolve"),
    }
}

#[test]
fn only_one_daemon_announces() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    let announce = |services: &[Service]| folders.announce(services).unwrap();
    assert_eq!(announce(&services(ONE)), Outcome::Nobody);
    assert!(files(root.path()).is_empty());

    fs::create_dir(&folders.resolved_runs).unwrap();
    assert_eq!(
        announce(&services(ONE)),
        Outcome::Resolved { changed: true }
    );
    assert_eq!(
        announce(&services(ONE)),
        Outcome::Resolved { changed: false }
    );
    let dnssd = files(&folders.resolved);
    assert_eq!(
        dnssd["mypoll-agent-mypoll-tcp-7070.dnssd"],
        "# Written by mypoll-agent announce.\n[Service]\nName=mypoll on %H\nType=_mypoll._tcp\nPort=7070\n\
         TxtText=\"txtvers=1\" \"protocol=1\" \"tls=0\" \"token=0\" \"machine=R&D \\\"1\\\" <é>\"\n"
    );
    assert_eq!(dnssd.len(), 1);
    let other = services(&ONE.replace("7070", "7071"));
    assert_eq!(announce(&other), Outcome::Resolved { changed: true });
    assert!(
        files(&folders.resolved)
            .keys()
            .eq(["mypoll-agent-mypoll-tcp-7071.dnssd"])
    );

    // avahi was installed.
    fs::create_dir(&folders.avahi).unwrap();
    fs::write(folders.avahi.join("ssh.service"), "of others").unwrap();
    assert_eq!(announce(&other), Outcome::Avahi);
    assert!(files(&folders.resolved).is_empty());
    let avahi = files(&folders.avahi);
    let text = &avahi["mypoll-agent-mypoll-tcp-7071.service"];
    assert!(
        text.contains("<txt-record>machine=R&amp;D \"1\" &lt;é></txt-record>"),
        "{text}"
    );
    assert_eq!(announce(&[]), Outcome::Avahi);
    assert!(files(&folders.avahi).keys().eq(["ssh.service"]));
}

#[test]
fn an_error_names_the_file() {
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path());
    fs::create_dir_all(folders.avahi.join("mypoll-agent-mypoll-tcp-7070.service")).unwrap();
    let error = folders.announce(&services(ONE)).unwrap_err().to_string();
    assert!(
        error.contains("mypoll-agent-mypoll-tcp-7070.service: "),
        "{error}"
    );
}
