# SPDX-License-Identifier: MIT OR Apache-2.0
# OpenSSH is not built here.
RRECOMMENDS:${PN}:remove = "openssh-sftp-server"
