// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent beside other people's programs on the network: CloudEvents' own SDK, Home Assistant and avahi.

use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::geteuid;

use super::case::Case;
use super::{Lab, Phase, page, pytest};
use crate::deps::host::packages::{Need, tool};
use crate::deps::python;
use crate::deps::unpacked::Unpacked;
use crate::store::unavailable::Unavailable;

pub(super) fn phases() -> Vec<Phase> {
    vec![
        Phase::new("agent: webhooks", webhooks),
        Phase::new("agent: Home Assistant", home_assistant),
        Phase::new("agent: DNS-SD", dns_sd),
    ]
}

fn webhooks(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let requirements = include_str!("../../../../../tests/webhook/requirements.txt");
    let environment = python::Environment::new("cloudevents", "cloudevents", requirements)?;
    let needs = [tool("openssl", "openssl")];
    judged(lab, &needs, &environment, "tests/webhook")
}

fn home_assistant(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let requirements = include_str!("../../../../../tests/home_assistant/requirements.txt");
    let environment = python::Environment::new("homeassistant", "homeassistant", requirements)?;
    let needs = [tool("mosquitto", "mosquitto")];
    judged(lab, &needs, &environment, "tests/home_assistant")
}

/// The tests of a folder with the programs of an environment, where these are available.
fn judged(
    lab: &Lab<'_>,
    needs: &[Need],
    environment: &python::Environment,
    folder: &'static str,
) -> Result<Vec<Case>> {
    lab.needs(needs)?;
    let environment = environment.ensure(lab.cache())?;
    let mut python = Command::new(environment.join("bin/python3"));
    python.env("MYPOLL_AGENT", page::agent(lab)?);
    pytest::run(lab, &mut python, folder, folder)
}

/// In namespaces of its own, which only root may enter with all that avahi asks for.
fn dns_sd(lab: &Lab<'_>) -> Result<Vec<Case>> {
    const NEEDS: [Need; 2] = [tool("dbus-daemon", "dbus-daemon"), tool("ip", "iproute2")];
    ensure!(
        geteuid().is_root(),
        Unavailable::because("avahi needs root, here in namespaces")
    );
    lab.needs(&NEEDS)?;
    let avahi = Unavailable::unless(Unpacked::avahi().ensure(lab.cache()))?;
    let mut python = Command::new("unshare");
    python
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .arg("python3")
        .env("MYPOLL_AGENT", page::agent(lab)?)
        .env("MYPOLL_AVAHI", avahi);
    pytest::run(lab, &mut python, "tests/dns_sd", "tests/dns_sd")
}
