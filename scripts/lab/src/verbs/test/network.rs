// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent beside other people's programs on the network: CloudEvents' own SDK.

use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::{Lab, Phase, page, unittest};
use crate::host::packages::{Need, tool};
use crate::host::provide;
use crate::python::{self, NotInstalled};

pub(super) fn phases() -> Vec<Phase> {
    vec![Phase::new("agent: webhooks", webhooks)]
}

fn webhooks(lab: &Lab<'_>) -> Result<Vec<Case>> {
    const NEEDS: [Need; 1] = [tool("openssl", "openssl")];
    if let Err(error) = provide(lab.paths, lab.progress, &NEEDS, !lab.args.no_install) {
        return Ok(vec![Case::skipped("all of it", format!("{error:#}"))]);
    }
    let requirements = include_str!("../../../../../tests/webhook/requirements.txt");
    let environment = python::Environment::new("cloudevents", "cloudevents", requirements)?;
    let environment = match environment.ensure(lab.cache(), !lab.args.no_install) {
        Ok(environment) => environment,
        Err(error) => match error.downcast_ref::<NotInstalled>() {
            Some(reason) => return Ok(vec![Case::skipped("all of it", reason.to_string())]),
            None => return Err(error),
        },
    };
    let mut python = Command::new(environment.join("bin/python3"));
    python.env("MYPOLL_AGENT", page::agent(lab)?);
    unittest::run(lab, &mut python, "tests/webhook", "tests/webhook")
}
