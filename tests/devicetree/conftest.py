# SPDX-License-Identifier: MIT OR Apache-2.0
import os

import pytest
from schema import BINDING, dtschema


@pytest.fixture(scope="session", autouse=True)
def schemas(tmp_path_factory):
    """Compiles all schemas, including the driver's binding, into one file, and sets MYPOLL_SCHEMAS to its path."""
    path = tmp_path_factory.mktemp("schemas") / "schemas.json"
    path.write_text(dtschema("dt-mk-schema", "-j", BINDING).stdout)
    os.environ["MYPOLL_SCHEMAS"] = str(path)
