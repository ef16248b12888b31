# SPDX-License-Identifier: MIT OR Apache-2.0
"""Run by pseudo: a program that was started by posix_spawn, with none of pseudo's variables, works for it, too."""

import os
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    file = f"{folder}/file"
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", f": >{file}"], {}), 0)
    owner = os.stat(file).st_uid
if owner != 0:
    sys.exit(f"The file belongs to {owner}: pseudo did not see how it was created.")
