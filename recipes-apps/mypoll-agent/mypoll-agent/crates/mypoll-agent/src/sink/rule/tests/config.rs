// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valid and invalid `[[rule]]` sections.

use super::*;
use crate::config as file;

const EXEC: &str = "exec.command = ['/bin/true']\n";

/// A rule `bell` with these keys.
pub(super) fn rule(keys: &str) -> Config {
    let output = "[[output]]\nname = 'lamp'\nchip = 'leds'\nline = 4\n";
    let text = format!("{output}[[rule]]\nname = 'bell'\n{keys}");
    let config = file::Config::parse("agent.toml".as_ref(), &text);
    config.unwrap().rule.remove(0)
}

fn rejection(text: &str) -> String {
    let rejected = file::Config::parse("agent.toml".as_ref(), text);
    rejected.unwrap_err().to_string()
}

/// The error for a rule `bell` with these keys, from the key on.
fn complaint(keys: &str) -> String {
    let text = rejection(&format!("[[rule]]\nname = 'bell'\n{keys}"));
    let (_, complaint) = text.split_once(": ").unwrap();
    complaint.to_owned()
}

#[test]
fn names_and_actions() {
    for (keys, expected) in [
        (
            "name = 'bell'",
            "1: rule[0]: no action is given, expected one of `output`, `mqtt`, `webhook`, `exec`",
        ),
        (EXEC, "1: rule[0]: missing field `name`"),
        (
            "name = 'front bell'\nexec.command = ['/bin/true']",
            "2: rule[0].name: invalid value: string \"front bell\", \
             expected a name of 1 to 64 letters, digits, `-` and `_`, such as \"bell\"",
        ),
        (
            "name = 'bell'\nexec.command = ['/bin/true']\nwebhook.url = 'http://a/'",
            "1: rule[0]: both `webhook` and `exec` are given, expected one: add a second rule for the other",
        ),
        (
            "name = 'bell'\ncommand = []",
            "3: rule[0].command: unknown field `command`, expected one of `name`, `when`, `output`, `mqtt`, `webhook`, `exec`",
        ),
    ] {
        let text = format!("[[rule]]\n{keys}");
        assert_eq!(rejection(&text), format!("agent.toml:{expected}"));
    }
    let twice = format!("[[rule]]\nname = 'bell'\n{EXEC}[[rule]]\nname = 'bell'\n{EXEC}");
    assert_eq!(
        rejection(&twice),
        "agent.toml:4: rule[1]: rule[0] already has the name `bell`, expected another `name`"
    );
    assert_eq!(
        rejection("[rule]\nname = 'bell'"),
        "agent.toml:1: rule: invalid type: single table, expected a table headed `[[rule]]` for each"
    );
}

#[test]
fn filters() {
    for (when, expected) in [
        (
            "{ kind = 'pressed' }",
            "rule[0].when.kind: invalid value: string \"pressed\", expected one of \"trigger\", \"tick\", \"rising\", ",
        ),
        (
            "{ kind = ['rising', 'pressed'] }",
            "rule[0].when.kind: invalid value: string \"pressed\", expected one of \"trigger\", ",
        ),
        (
            "{ kind = [] }",
            "rule[0].when.kind: invalid length 0, expected one of ",
        ),
        (
            "{ source = 'button' }",
            "rule[0].when.source: invalid value: string \"button\", expected one of \"manual\", \"timer\", \"gpio\"",
        ),
        (
            "{ line = 1024 }",
            "rule[0].when.line: invalid value: integer `1024`, expected a whole number from 0 to 1023, or an array of such",
        ),
        (
            "{ line = 'door' }",
            "rule[0].when.line: invalid type: string \"door\", expected a whole number from 0 to 1023, or an array of such",
        ),
        (
            "{ label = '' }",
            "rule[0].when.label: invalid value: string \"\", expected the label of a line, or an array of such",
        ),
        (
            "{ name = 'door' }",
            "rule[0].when.name: unknown field `name`, expected one of `source`, `kind`, `line`, `label`",
        ),
        (
            "{ source = 'timer', kind = 'rising' }",
            "rule[0].when: `kind` rising never has such a `source`, expected `source` gpio",
        ),
        (
            "{ kind = ['rising', 'tick'], label = 'door' }",
            "rule[0].when: events of `source` timer have no `line` or `label`: use a separate section for them",
        ),
        (
            "'rising'",
            "rule[0].when: invalid type: string \"rising\", expected a table such as { label = \"button\", kind = \"rising\" }",
        ),
    ] {
        let complaint = complaint(&format!("{EXEC}when = {when}"));
        assert!(complaint.starts_with(expected), "{complaint}\n{expected}");
    }
}

#[test]
fn programs() {
    let placeholders = "expected one of {event}, {source}, {kind}, {line}, {label}, {value}, {lost}, {time}, \
                        {clock}, {timestamp_ns}, {rule}, {machine}, {boot}, {session}, {json}";
    for (exec, expected) in [
        ("{}", "rule[0].exec: missing field `command`".to_owned()),
        (
            "{ command = [] }",
            "rule[0].exec.command: the array is empty, expected one such as [\"/usr/bin/logger\", \"{label}\"]".to_owned(),
        ),
        (
            "{ command = ['logger'] }",
            "rule[0].exec.command: `logger` is not an absolute path, expected one such as \"/usr/bin/logger\"".to_owned(),
        ),
        (
            "{ command = '/bin/true' }",
            "rule[0].exec.command: invalid type: string \"/bin/true\", expected a sequence".to_owned(),
        ),
        (
            "{ command = ['/bin/true', \"a\\u0000\"] }",
            "rule[0].exec.command: an argument can't contain a NUL character".to_owned(),
        ),
        (
            "{ command = ['/bin/true', '{lable}'] }",
            format!("rule[0].exec: unknown placeholder `{{lable}}`, {placeholders}"),
        ),
        (
            "{ command = ['/bin/true', 'at {time}'] }",
            "rule[0].exec: `at {time}` contains the placeholder {time}, but only whole arguments are replaced: \
             make it an argument of its own, or have the program read MYPOLL_TIME".to_owned(),
        ),
        (
            "{ command = ['/bin/true'], timeout = '0s' }",
            "rule[0].exec.timeout: invalid value: string \"0s\", \
             expected a duration above 0 such as \"100ms\", at most \"365days\"".to_owned(),
        ),
        (
            "{ command = ['/bin/true'], parallel = 33 }",
            "rule[0].exec.parallel: invalid value: integer `33`, expected a whole number from 1 to 32".to_owned(),
        ),
        (
            "{ command = ['/bin/true'], queue = 0 }",
            "rule[0].exec.queue: invalid value: integer `0`, expected a whole number from 1 to 10000".to_owned(),
        ),
        (
            "{ command = ['/bin/true'], shell = true }",
            "rule[0].exec.shell: unknown field `shell`, expected one of `command`, `timeout`, `parallel`, `queue`".to_owned(),
        ),
        (
            "['/bin/true']",
            "rule[0].exec: invalid type: array, expected a table such as { command = [\"/usr/bin/logger\", \"{label}\"] }".to_owned(),
        ),
    ] {
        assert_eq!(complaint(&format!("exec = {exec}")), expected);
    }
    let rule = |name, parallel| {
        format!(
            "[[rule]]\nname = '{name}'\nexec = {{ command = ['/bin/true'], parallel = {parallel} }}\n"
        )
    };
    assert_eq!(
        rejection(&(rule("a", 20) + &rule("b", 12) + &rule("c", 1))),
        "agent.toml:7: rule[2]: with this rule 33 programs may run at once, expected at most 32 for all rules: \
         reduce `exec.parallel`"
    );
}

#[test]
fn webhooks() {
    let url = "expected a URL such as \"https://hooks.example:8443/bell?room=1\", without user, password and `#`";
    for wrong in [
        "",
        "hooks.example/bell",
        "ftp://hooks.example/",
        "https://",
        "http:///bell",
        "http://user:secret@a/",
        "http://a/#b",
        "http://a:0/",
        "http://a:65536/",
        "http://a b/",
        "/bell",
    ] {
        let complaint = complaint(&format!("webhook.url = '{wrong}'"));
        assert!(
            complaint.starts_with("rule[0].webhook.url: invalid value: ")
                && complaint.ends_with(url),
            "{complaint}"
        );
    }
    for (webhook, expected) in [
        ("{}", "rule[0].webhook: missing field `url`"),
        (
            "{ url = 'http://a/', format = 'xml' }",
            "rule[0].webhook.format: invalid value: string \"xml\", expected \"json\", \"cloudevents\" or \"cloudevents-binary\"",
        ),
        (
            "{ url = 'http://a/', tls = { ca = '/ca.pem' } }",
            "rule[0].webhook: `tls` needs https: remove it, or use https in `url`",
        ),
        (
            "{ url = 'http://a/', longest-pause = '0s' }",
            "rule[0].webhook.longest-pause: invalid value: string \"0s\", \
             expected a duration above 0 such as \"100ms\", at most \"365days\"",
        ),
        (
            "{ url = 'http://a/', secret = {} }",
            "rule[0].webhook.secret: missing field `file`",
        ),
        (
            "{ url = 'http://a/', secret = { file = '/s', header = 'Host' } }",
            "rule[0].webhook.secret.header: invalid value: string \"Host\", \
             expected the name of a header such as \"Authorization\" or \"X-Api-Key\", and none that the agent sends",
        ),
        (
            "{ url = 'http://a/', method = 'PUT' }",
            "rule[0].webhook.method: unknown field `method`, \
             expected one of `url`, `format`, `timeout`, `longest-pause`, `secret`, `tls`",
        ),
    ] {
        assert_eq!(complaint(&format!("webhook = {webhook}")), expected);
    }
    for (url, address) in [
        ("http://hooks.example", "hooks.example:80"),
        ("https://hooks.example/a?b=c", "hooks.example:443"),
        ("http://192.0.2.1:8080/", "192.0.2.1:8080"),
        ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
    ] {
        let super::super::Action::Webhook(webhook) = rule(&format!("webhook.url = '{url}'")).action
        else {
            panic!("{url}");
        };
        assert_eq!(webhook.address.to_string(), address);
        assert_eq!(webhook.tls.is_some(), url.starts_with("https"), "{url}");
    }
}

#[test]
fn secrets_and_certificates_are_checked_before_the_start() {
    let (journal, _writer) = Journal::in_memory(Identity::of_this_machine(Some("test")), 65536);
    let context = Context::new(journal);
    let prepare = |keys: &str| match rule(&format!("webhook = {{ {keys} }}")).prepare(&context) {
        Ok(_) => "taken".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let shown = path.display();
    let secret = format!("url = 'http://a/', secret.file = '{shown}'");
    assert_eq!(
        prepare(&secret),
        format!("webhook.secret.file: cannot read {shown}: No such file or directory (os error 2)")
    );
    for (text, expected) in [
        (" Bearer 1\n", "taken".to_owned()),
        (
            "\n",
            format!("webhook.secret.file: {shown} is empty, expected the value of a header"),
        ),
        (
            "one\ntwo",
            format!(
                "webhook.secret.file: {shown} has more than one line of text, expected the value of a header: \
                 failed to parse header value"
            ),
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        assert_eq!(prepare(&secret), expected);
    }
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(
        prepare(&secret).contains("everybody can read"),
        "{}",
        prepare(&secret)
    );
    let tls = prepare(&format!("url = 'https://a/', tls.ca = '{shown}'"));
    assert!(tls.starts_with("webhook: tls.ca: "), "{tls}");
}

#[test]
fn outputs() {
    for (output, expected) in [
        (
            "{ name = 'lamp' }",
            "rule[0].output: expected one of `active = true`, `active = false`, `toggle = true` and `pulse = \"500ms\"`",
        ),
        (
            "{ name = 'lamp', toggle = true, active = true }",
            "rule[0].output: expected one of `active = true`, `active = false`, `toggle = true` and `pulse = \"500ms\"`",
        ),
        (
            "{ name = 'lamp', pulse = '2h' }",
            "rule[0].output.pulse: invalid value: string \"2h\", \
             expected a duration of whole milliseconds such as \"500ms\", from \"1ms\" to \"1h\"",
        ),
        (
            "{ name = 'bulb', toggle = true }",
            "rule[0].output.name: no [[output]] `bulb`; there are: lamp, led",
        ),
        (
            "{ name = 'led', toggle = true }",
            "rule[0].output.name: the output `led` follows a line, which alone controls it: remove its `follow`",
        ),
    ] {
        let text = format!(
            "[[output]]\nname = 'lamp'\nchip = 'leds'\nline = 4\n[[output]]\nname = 'led'\nchip = 'leds'\nline = 5\n\
             follow.line = 0\n[[rule]]\nname = 'bell'\noutput = {output}"
        );
        let line = if expected.contains("rule[0].output:") || expected.contains("pulse:") {
            12
        } else {
            10
        };
        assert_eq!(rejection(&text), format!("agent.toml:{line}: {expected}"));
    }
    let super::super::Action::Output(order) =
        rule("output = { name = 'lamp', pulse = '1h' }").action
    else {
        panic!("no output");
    };
    let name = "lamp".to_owned();
    assert_eq!(
        order.0,
        Output::Pulse {
            name,
            ms: 3_600_000
        }
    );
}

#[cfg(feature = "mqtt")]
#[test]
fn messages() {
    for (mqtt, expected) in [
        ("{}", "rule[0].mqtt: missing field `topic`"),
        (
            "{ topic = 'a', qos = 2 }",
            "rule[0].mqtt.qos: unknown field `qos`, expected one of `name`, `topic`, `retain`",
        ),
        (
            "{ topic = 'a' }",
            "rule[0].mqtt.name: no [[mqtt]] `broker`; there are: home",
        ),
        (
            "{ topic = 'a/#', name = 'home' }",
            "rule[0].mqtt.topic: the topic `a/#` has the wildcard `#`, \
             expected one without: messages are published to one topic",
        ),
    ] {
        let text = format!(
            "[[mqtt]]\nname = 'home'\nbroker = 'a:1'\n[[rule]]\nname = 'bell'\nmqtt = {mqtt}"
        );
        let rejected = rejection(&text);
        let (_, complaint) = rejected.split_once(": ").unwrap();
        assert_eq!(complaint, expected);
    }
}

#[test]
fn every_known_source_and_kind_is_a_filter() {
    for source in Source::names() {
        rule(&format!("{EXEC}when.source = '{source}'"));
    }
    for kind in Kind::names() {
        rule(&format!("{EXEC}when.kind = '{kind}'"));
    }
}
