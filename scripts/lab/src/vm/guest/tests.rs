// SPDX-License-Identifier: MIT OR Apache-2.0

use std::path::Path;
use std::process::Command;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A guest that sends `greeting` and then runs `serve` with its ends of control, stdout and stderr.
fn guest(
    greeting: &'static str,
    serve: impl FnOnce(UnixStream, UnixStream, UnixStream) + Send + 'static,
) -> Result<Guest, GuestError> {
    let (ports, [mut control, _stdin, stdout, stderr, _terminal]) = Ports::new().unwrap();
    thread::spawn(move || {
        control.write_all(greeting.as_bytes()).unwrap();
        serve(control, stdout, stderr);
    });
    Guest::ready(ports, TIMEOUT)
}

/// Receives a request. Returns it without the marker, and the marker.
fn request(control: &UnixStream) -> (String, String) {
    let mut request = String::new();
    BufReader::new(control).read_line(&mut request).unwrap();
    let marker = request.split(' ').nth(1).unwrap().to_owned();
    (request.replace(&format!(" {marker}"), ""), marker)
}

/// Serves one request: writes to both streams, ends them with the marker, and sends `answer`.
fn serve_one(answer: &'static str) -> impl FnOnce(UnixStream, UnixStream, UnixStream) {
    move |mut control, mut stdout, mut stderr| {
        let (request, marker) = request(&control);
        write!(stdout, "{request}{marker}").unwrap();
        write!(stderr, "err{marker}").unwrap();
        control.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn output_and_status_are_returned() {
    let guest = guest("ready\n", serve_one("137\n")).unwrap();
    let output = guest.output(["echo", "it's"]).unwrap();
    assert_eq!(output.status, 137);
    assert_eq!(output.stderr, b"err");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "on_pipes /dev/null $'echo' $'it\\047s'\n"
    );
}

#[test]
fn markers_are_unique() {
    assert_ne!(marker(), marker());
}

#[test]
fn a_guest_that_goes_down_before_it_is_ready_is_gone() {
    let gone = guest("", |_, _, _| {}).unwrap_err();
    assert!(matches!(gone, GuestError::Gone), "{gone}");
    let garbled = guest("Kernel panic\n", |_, _, _| {}).unwrap_err();
    assert!(matches!(garbled, GuestError::Garbled(_)), "{garbled}");
}

#[test]
fn waiting_for_a_silent_guest_times_out() {
    let (ports, _ends) = Ports::new().unwrap();
    let error = Guest::ready(ports, Duration::from_millis(10)).unwrap_err();
    assert!(matches!(error, GuestError::Timeout), "{error}");
}

#[test]
fn a_guest_that_goes_down_during_a_command_is_gone() {
    let guest = guest("ready\n", |control, mut stdout, _| {
        request(&control);
        stdout.write_all(b"last words").unwrap();
    })
    .unwrap();
    let mut stdout = Vec::new();
    let result = guest.run(["true"], None, &mut stdout, &mut io::sink());
    assert!(matches!(result, Err(GuestError::Gone)), "{result:?}");
    assert_eq!(stdout, b"last words");
}

#[test]
fn an_invalid_status_is_an_error() {
    let guest = guest("ready\n", serve_one("256\n")).unwrap();
    let result = guest.output(["true"]);
    assert!(matches!(result, Err(GuestError::Garbled(_))), "{result:?}");
}

#[test]
fn a_hanging_command_times_out_and_later_ones_fail() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let guest = guest("ready\n", move |_control, _stdout, _stderr| {
        let _ = held.recv();
    })
    .unwrap();
    guest.give_up_after(Duration::from_millis(10)).unwrap();
    let result = guest.output(["sleep", "infinity"]);
    assert!(matches!(result, Err(GuestError::Timeout)), "{result:?}");
    let result = guest.output(["true"]);
    assert!(matches!(result, Err(GuestError::Gone)), "{result:?}");
    drop(hold);
}

#[test]
fn closed_output_ends_the_wait() {
    let guest = guest("ready\n", |control, mut stdout, _stderr| {
        stdout.write_all(b"y\n").unwrap();
        // The command runs until the host closes its end of the connection.
        let _ = (&control).read_to_end(&mut Vec::new());
    })
    .unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    let result = guest.run(["yes"], None, &mut &ours, &mut io::sink());
    let Err(GuestError::Output(error)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn the_guests_scripts_have_valid_syntax() {
    for script in ["init", "usr/bin/serve-lab"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("rootfs")
            .join(script);
        let status = Command::new("sh").arg("-n").arg(path).status().unwrap();
        assert!(status.success(), "{script}");
    }
}
