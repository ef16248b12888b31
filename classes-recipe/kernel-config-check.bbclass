# SPDX-License-Identifier: MIT OR Apache-2.0
# Fails a kernel's build when an option of a .cfg fragment in SRC_URI is not in the result: Kconfig drops an option
# whose dependencies aren't met without a word.

python kernel_config_check() {
    import mypoll.kernel_config

    fetch = bb.fetch2.Fetch([], d)
    fragments = [fetch.localpath(uri) for uri in fetch.urls if fetch.ud[uri].path.endswith('.cfg')]
    lost = mypoll.kernel_config.lost(fragments, d.expand('${B}/.config'))
    if lost:
        bb.fatal(mypoll.kernel_config.report(lost))
}
do_configure[postfuncs] += "kernel_config_check"
