#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Boots mypoll-image in QEMU, and tests it over SSH, as a board: with testimage, then with the exported tests. Run it with
# `kas shell`.
log=$(mktemp)
# The deadline only ends a hang.
timeout --foreground 3600 runqemu qemuarm64 mypoll-image nographic slirp </dev/null >"$log" 2>&1 &
runqemu=$!
trap 'kill "$runqemu"; wait "$runqemu"; rm "$log"' EXIT
until grep -q ' login:' "$log"; do
    if ! kill -0 "$runqemu" 2>/dev/null; then
        cat "$log"
        echo "error: runqemu ended before the image booted"
        exit 1
    fi
    sleep 1
done
# runqemu takes another port if the usual one is in use.
port=$(sed -n 's/.*hostfwd=tcp:127\.0\.0\.1:\([0-9]*\)-:22.*/\1/p' "$log" | head -n 1)
export TEST_TARGET_IP="127.0.0.1:$port"
bitbake -c testimage mypoll-image && bitbake -c testexport mypoll-image || exit
cd "$(bitbake-getvar --quiet --value --recipe mypoll-image TEST_EXPORT_DIR)" || exit
# Nothing of bitbake's environment.
env -i HOME="$HOME" PATH=/usr/bin:/bin \
    ./oe-test runtime ./*/lib/oeqa/runtime/cases --target-ip "$TEST_TARGET_IP" --run-tests ping ssh mypoll_events
