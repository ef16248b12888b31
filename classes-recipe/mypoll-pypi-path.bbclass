# SPDX-License-Identifier: MIT OR Apache-2.0
# A file of PyPI by its path there, PYPI_PATH: a wheel; or a source archive, where a mirror has none of the paths that oe-core's
# class makes of names.
inherit pypi

PYPI_SRC_URI = "${@pypi_src_uri(d).split('source/')[0]}${PYPI_PATH}"
