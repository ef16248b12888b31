#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Boots the image of MACHINE until it asks who logs in: runqemu-login.sh MACHINE, in the shell that kas gives.
# The root is read-only: the image stays as it was built.

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The deadline only ends a hang.
timeout --foreground 600 runqemu "$1" nographic slirp </dev/null >"$log" 2>&1 &
runqemu=$!
until grep -q ' login:' "$log"; do
    if ! kill -0 "$runqemu" 2>/dev/null; then
        cat "$log"
        echo "error: runqemu ended before anybody could log in"
        exit 1
    fi
    sleep 0.2
done
kill "$runqemu"
wait "$runqemu"
grep ' login:' "$log"
