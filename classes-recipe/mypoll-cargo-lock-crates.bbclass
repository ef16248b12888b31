# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds a Cargo workspace without network access: adds the crates in its Cargo.lock, with checksums, to SRC_URI when the
# recipe is parsed. For recipes that inherit oe-core's cargo or meta-rust-bin's cargo_bin.
CARGO_LOCK_FILE ?= "${THISDIR}/${BPN}/Cargo.lock"

# cargo_bin does not configure cargo's source of crates; oe-core's class writes the same file.
cargo_lock_crates_configure() {
    cat > ${CARGO_HOME}/config.toml <<EOF
[source.crates-io]
replace-with = "bitbake"

[source.bitbake]
directory = "${UNPACKDIR}/cargo_home/bitbake"
EOF
}

python () {
    import mypoll.cargo_lock

    lock = d.getVar('CARGO_LOCK_FILE')
    bb.parse.mark_dependency(d, lock)
    try:
        crates = mypoll.cargo_lock.crates(lock)
    except mypoll.cargo_lock.Unusable as error:
        raise bb.parse.SkipRecipe(str(error))
    for crate in crates:
        d.appendVar('SRC_URI', f' {crate.uri}')
        d.setVarFlag('SRC_URI', crate.checksum_flag, crate.sha256)

    if bb.data.inherits_class('cargo_bin', d):
        d.appendVar('EXTRA_CARGO_FLAGS', ' --frozen')
        d.appendVarFlag('do_configure', 'postfuncs', ' cargo_lock_crates_configure')
}
