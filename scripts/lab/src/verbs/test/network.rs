// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent beside other people's programs on the network: CloudEvents' own SDK, Home Assistant and avahi.

use std::process::Command;

use anyhow::Result;
use rustix::process::geteuid;

use super::case::Case;
use super::{Lab, Phase, page, unittest};
use crate::host::packages::{Need, tool};
use crate::host::provide;
use crate::python::{self, NotInstalled};
use crate::unpacked::Unpacked;

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

/// The tests of a folder with the programs of an environment, where these can be had.
fn judged(
    lab: &Lab<'_>,
    needs: &[Need],
    environment: &python::Environment,
    folder: &'static str,
) -> Result<Vec<Case>> {
    if let Err(error) = provide(lab.paths, lab.progress, needs) {
        return Ok(vec![Case::skipped("all of it", format!("{error:#}"))]);
    }
    let environment = match environment.ensure(lab.cache()) {
        Ok(environment) => environment,
        Err(error) => match error.downcast_ref::<NotInstalled>() {
            Some(reason) => return Ok(vec![Case::skipped("all of it", reason.to_string())]),
            None => return Err(error),
        },
    };
    let mut python = Command::new(environment.join("bin/python3"));
    python.env("MYPOLL_AGENT", page::agent(lab)?);
    unittest::run(lab, &mut python, folder, folder)
}

/// In namespaces of its own, which only root may enter with all that avahi asks for.
fn dns_sd(lab: &Lab<'_>) -> Result<Vec<Case>> {
    const NEEDS: [Need; 2] = [tool("dbus-daemon", "dbus-daemon"), tool("ip", "iproute2")];
    let skipped = |reason: String| Ok(vec![Case::skipped("all of it", reason)]);
    if !geteuid().is_root() {
        return skipped("avahi needs root, here in namespaces".to_owned());
    }
    if let Err(error) = provide(lab.paths, lab.progress, &NEEDS) {
        return skipped(format!("{error:#}"));
    }
    let avahi = match Unpacked::avahi().ensure(lab.cache()) {
        Ok(avahi) => avahi,
        Err(error) => return skipped(format!("{error:#}")),
    };
    let mut python = Command::new("unshare");
    python
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .arg("python3")
        .env("MYPOLL_AGENT", page::agent(lab)?)
        .env("MYPOLL_AVAHI", avahi);
    unittest::run(lab, &mut python, "tests/dns_sd", "tests/dns_sd")
}
