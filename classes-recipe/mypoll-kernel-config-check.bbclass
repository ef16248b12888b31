# SPDX-License-Identifier: MIT OR Apache-2.0
# Fails a kernel's build if an option in one of this layer's .cfg fragments is missing in the result: Kconfig silently drops options
# with unmet dependencies. For fragments of other layers it only warns.

# How to report lost options of other layers' fragments: "warn", "error" or "ignore".
KERNEL_CONFIG_CHECK_OTHERS ?= "warn"

python kernel_config_check() {
    from pathlib import Path
    from mypoll import kernel_config

    tell = {'warn': bb.warn, 'error': bb.error, 'ignore': bb.note}.get(d.getVar('KERNEL_CONFIG_CHECK_OTHERS'))
    if not tell:
        bb.fatal('KERNEL_CONFIG_CHECK_OTHERS is "%s": set it to "warn", "error" or "ignore"' % d.getVar('KERNEL_CONFIG_CHECK_OTHERS'))
    fetch = bb.fetch2.Fetch([], d)
    fragments = [fetch.localpath(uri) for uri in fetch.urls if fetch.ud[uri].path.endswith('.cfg')]
    layer = Path(kernel_config.__file__).parents[2]
    ours, others = kernel_config.split(kernel_config.lost(fragments, d.expand('${B}/.config')), layer / 'recipes-kernel')
    if others:
        tell(kernel_config.report(others))
    if ours:
        bb.fatal(kernel_config.report(ours))
}
do_configure[postfuncs] += "kernel_config_check"
