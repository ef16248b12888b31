# SPDX-License-Identifier: MIT OR Apache-2.0
# "make prepare" compiles the kernel's Rust crates if CONFIG_RUST is set.
inherit_defer ${@bb.utils.contains('DISTRO_FEATURES', 'mypoll', 'mypoll-kernel-rust-toolchain', '', d)}
