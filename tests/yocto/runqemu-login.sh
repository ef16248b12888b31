#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Boots an image until it asks who logs in: runqemu-login.sh MACHINE IMAGE [COMMAND], in the shell that kas gives.
# Root logs in without a password and runs COMMAND. The root is read-only: the image stays as it was built.
machine=$1
image=$2
command=$3

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
log=$folder/log
mkfifo "$folder/keyboard"

wait_for() {
    until grep -q "$1" "$log"; do
        if ! kill -0 "$runqemu" 2>/dev/null; then
            cat "$log"
            echo "error: runqemu ended before it said \"$1\""
            exit 1
        fi
        sleep 0.2
    done
}

# The deadline only ends a hang.
timeout --foreground 600 runqemu "$machine" "$image" nographic slirp <"$folder/keyboard" >"$log" 2>&1 &
runqemu=$!
exec 3>"$folder/keyboard"
wait_for ' login:'
failed=0
if [ -n "$command" ]; then
    echo root >&3
    wait_for 'root@[^ ]*# '
    # The console shows what is typed, too: that has quotes in it.
    echo "$command; echo status\"=\"\$?" >&3
    wait_for 'status=[0-9]'
    grep -q 'status=0' "$log" || failed=1
fi
kill "$runqemu"
wait "$runqemu"
cat "$log"
if grep -q 'Scheduling for restart' "$log"; then
    echo "error: what init starts ends at once"
    failed=1
fi
exit "$failed"
