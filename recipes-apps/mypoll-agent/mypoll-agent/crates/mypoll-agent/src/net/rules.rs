// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valid combinations of keys, and protection of remote access.

use super::{Address, Endpoint};

impl Endpoint {
    /// Rejects conflicting keys, and unprotected access from other machines.
    pub(crate) fn checked(self) -> Result<Self, String> {
        if self.tls.is_some() && cfg!(not(feature = "tls")) {
            return Err(
                "this build of the agent lacks `tls`: build it with the feature `tls`, or remove the key".to_owned(),
            );
        }
        let unix = self
            .listen
            .iter()
            .any(|address| matches!(address, Address::Unix(_)));
        for (key, is_set) in [
            ("mode", self.mode.is_some()),
            ("group", self.group.is_some()),
        ] {
            if is_set && !unix {
                return Err(format!(
                    "`{key}` applies to Unix sockets, and `listen` has none: remove it, or listen on \"unix:/…\""
                ));
            }
        }
        if self.control.is_some() && self.tokens.is_some() {
            return Err(
                "`control` and `tokens` exclude each other: each token has a role, `read` or `control`"
                    .to_owned(),
            );
        }
        if let Some(address) = self.listen.iter().find(|address| !address.is_local()) {
            self.protects(&address.to_string())?;
        }
        Ok(self)
    }

    /// Whether other machines may be able to connect.
    pub(super) fn protects(&self, address: &str) -> Result<(), String> {
        let has_certificates = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let problem = match (&self.tls, &self.tokens) {
            _ if self.insecure || has_certificates => return Ok(()),
            (Some(_), Some(_)) => return Ok(()),
            (Some(_), None) => {
                "and `tls` alone does not authenticate them: add `tokens` or `tls.client-ca`"
            }
            (None, Some(_)) => "and tokens would be sent unencrypted: add `tls`",
            (None, None) => {
                "and nothing authenticates them: add `tls` and `tokens`, or `tls` with `client-ca`"
            }
        };
        Err(format!(
            "other machines can connect to {address}, {problem}; or listen on 127.0.0.1 or a Unix socket; or, in a trusted network, set `insecure = true`"
        ))
    }
}
