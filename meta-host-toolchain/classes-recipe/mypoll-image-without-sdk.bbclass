# SPDX-License-Identifier: MIT OR Apache-2.0
# An SDK contains a toolchain built by oe-core, which does not exist here.
python () {
    # Here, because image.bbclass inherits the classes of these tasks after this one.
    for task in "do_populate_sdk", "do_populate_sdk_ext", "do_sdk_depends":
        bb.build.deltask(task, d)
}
