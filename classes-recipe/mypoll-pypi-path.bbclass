# SPDX-License-Identifier: MIT OR Apache-2.0
# Fetches a file from PyPI by its path PYPI_PATH: a wheel, or a source archive for mirrors without the paths that oe-core's class
# derives from names.
inherit pypi

PYPI_SRC_URI = "${@pypi_src_uri(d).split('source/')[0]}${PYPI_PATH}"
