# SPDX-License-Identifier: MIT OR Apache-2.0
# Inspects the host before anything is parsed. Facts that recipes need become variables, whose values are part of task
# signatures: another compiler, C library or Rust on the host is another build.

python host_toolchain_inspect() {
    missing = host_toolchain.host.missing(d)
    if missing:
        bb.fatal(missing)
    for name, value in host_toolchain.host.facts(d).items():
        d.setVar(name, value)
    if 'rpi' in d.getVar('MACHINEOVERRIDES').split(':') and bb.utils.to_boolean(d.getVar('HOST_TOOLCHAIN_WARNS')):
        bb.warnonce(f'The image for {d.getVar("MACHINE")} gets the C library and tools of this host, and nobody mends their faults: '
                    'for a product build without kas/host-toolchain.yml.')
}
host_toolchain_inspect[eventmask] = "bb.event.ConfigParsed"
addhandler host_toolchain_inspect
