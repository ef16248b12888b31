# SPDX-License-Identifier: MIT OR Apache-2.0
# Fails a kernel's build if a CPU erratum workaround or mitigation that is on by default is off.

KERNEL_ERRATA_DIR = "${WORKDIR}/errata"

# The same configuration, but with the defaults of these options.
kernel_errata_defaults() {
    oe_runmake_call -C ${S} O=${KERNEL_ERRATA_DIR} olddefconfig
}

python kernel_errata_check() {
    from pathlib import Path
    from mypoll import kernel_errata

    ours = Path(d.expand('${B}/.config')).read_text(encoding='utf-8')
    defaults = Path(d.getVar('KERNEL_ERRATA_DIR')) / '.config'
    defaults.parent.mkdir(exist_ok=True)
    defaults.write_text(kernel_errata.without(ours), encoding='utf-8')
    bb.build.exec_func('kernel_errata_defaults', d)
    if off := kernel_errata.off(ours, defaults.read_text(encoding='utf-8')):
        bb.fatal(kernel_errata.report(off))
}
do_configure[postfuncs] += "kernel_errata_check"
