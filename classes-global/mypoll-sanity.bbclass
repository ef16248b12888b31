# SPDX-License-Identifier: MIT OR Apache-2.0
# Reports missing layers and wrong settings for mypoll in one sentence, before anything is parsed.

python mypoll_sanity() {
    layers = d.getVar('BBFILE_COLLECTIONS').split()
    machine = d.getVar('MACHINE')

    if machine.startswith('raspberrypi') and 'raspberrypi' not in layers:
        bb.fatal(f'MACHINE is "{machine}", but meta-raspberrypi is not in BBLAYERS: add it with "bitbake-layers add-layer".')
    if d.getVar('MYPOLL_RUST') == 'prebuilt' and 'rust-bin-layer' not in layers:
        bb.fatal('MYPOLL_RUST is "prebuilt", but meta-rust-bin is not in BBLAYERS: add it with "bitbake-layers add-layer", '
                 'or set MYPOLL_RUST = "oe-core".')
    if d.getVar('PREFERRED_PROVIDER_virtual/kernel') == 'linux-mypoll':
        known = d.getVar('LINUX_MYPOLL_MACHINES').split()
        overrides = set(d.getVar('MACHINEOVERRIDES').split(':'))
        if not overrides & set(known) or overrides & set(d.getVar('LINUX_MYPOLL_NOT_MACHINES').split()):
            bb.fatal(f'linux-mypoll has no configuration for MACHINE "{machine}": choose one of {", ".join(known)}, '
                     'or set MYPOLL_KERNEL to the recipe of the machine\'s own kernel.')
}
mypoll_sanity[eventmask] = "bb.event.ConfigParsed"
addhandler mypoll_sanity
