// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs bitbake as an ordinary user, since it refuses to run as root.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::deps::host::{output, succeeds};
use crate::store::unavailable::Unavailable;

/// A user namespace that maps root to an ordinary user: files of root stay accessible.
const UNSHARE: [&str; 4] = ["unshare", "--user", "--map-user=1000", "--map-group=1000"];

/// How bitbake isolates a task.
const ISOLATED: [&str; 5] = ["unshare", "--user", "--map-current-user", "--net", "true"];

pub(super) fn check() -> Result<()> {
    let mut user = Command::new(UNSHARE[0]);
    user.args(&UNSHARE[1..]).arg("true");
    ensure!(
        !rustix::process::geteuid().is_root() || succeeds(&mut user),
        Unavailable::because(
            "bitbake refuses to run as root, and this machine permits no user namespaces (unshare --user): run this as an ordinary user"
        )
    );
    let mut isolated = Command::new(ISOLATED[0]);
    check_isolation(&mut unprivileged(isolated.args(&ISOLATED[1..])))
}

/// Bitbake works without user namespaces, but fails if they exist and the user can't be mapped.
fn check_isolation(unshare: &mut Command) -> Result<()> {
    let refused = output(unshare).is_err_and(|error| error.to_string().contains("uid_map"));
    ensure!(
        !refused,
        Unavailable::because(
            "bitbake isolates tasks from the network in user namespaces, which AppArmor restricts: 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0' permits them until the next boot, or give bitbake an AppArmor profile with 'userns'"
        )
    );
    Ok(())
}

/// Wraps `command` to run as bitbake's user.
pub(super) fn unprivileged(command: &Command) -> Command {
    let mut words: Vec<_> = if rustix::process::geteuid().is_root() {
        UNSHARE.map(OsStr::new).to_vec()
    } else {
        Vec::new()
    };
    words.push(command.get_program());
    words.extend(command.get_args());
    let mut wrapped = Command::new(words[0]);
    wrapped.args(&words[1..]);
    wrapped
}

/// Variables with paths in the home folder, which kas hides from its commands.
pub(super) fn in_home() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    [
        ("GITCONFIG_FILE", ".gitconfig"),
        ("CARGO_HOME", ".cargo"),
        ("RUSTUP_HOME", ".rustup"),
    ]
    .into_iter()
    .map(move |(name, file)| (name, home.join(file)))
    .filter(|(name, path)| env::var_os(name).is_none() && path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_keeps_its_arguments() {
        let mut command = Command::new("kas");
        command.args(["shell", "a b"]);
        let all = unprivileged(&command);
        let words: Vec<_> = std::iter::once(all.get_program())
            .chain(all.get_args())
            .collect();
        assert!(words.ends_with(&["kas".as_ref(), "shell".as_ref(), "a b".as_ref()]));
    }

    #[test]
    fn missing_and_restricted_namespaces_are_distinguished() {
        // On Ubuntu 24.04, where AppArmor restricts namespaces.
        let message = "unshare: write failed /proc/self/uid_map: Operation not permitted";
        let script = format!("echo '{message}' >&2; exit 1");
        let error = check_isolation(Command::new("sh").args(["-c", &script])).unwrap_err();
        assert!(error.downcast_ref::<Unavailable>().is_some(), "{error}");
        let remedy = "sysctl kernel.apparmor_restrict_unprivileged_userns=0";
        assert!(error.to_string().contains(remedy), "{error}");

        let script = "echo 0 >/proc/sys/user/max_user_namespaces; exec \"$@\"";
        let mut none = Command::new("unshare");
        none.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
        check_isolation(none.args(ISOLATED)).unwrap();
    }
}
