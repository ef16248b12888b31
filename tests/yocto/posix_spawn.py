# SPDX-License-Identifier: MIT OR Apache-2.0
"""Run under pseudo: it must also follow programs that are started by posix_spawn without its environment variables."""

import os
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    file = f"{folder}/file"
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", f": >{file}"], {}), 0)
    owner = os.stat(file).st_uid
if owner != 0:
    sys.exit(f"The file belongs to {owner}: pseudo did not see its creation.")
