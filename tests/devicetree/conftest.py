# SPDX-License-Identifier: MIT OR Apache-2.0
import os

import pytest
from schema import BINDING, dtschema


@pytest.fixture(scope="session", autouse=True)
def schemas(tmp_path_factory):
    """All schemas there are, the driver's binding among them, in one file: MYPOLL_SCHEMAS."""
    path = tmp_path_factory.mktemp("schemas") / "schemas.json"
    path.write_text(dtschema("dt-mk-schema", "-j", BINDING).stdout)
    os.environ["MYPOLL_SCHEMAS"] = str(path)
