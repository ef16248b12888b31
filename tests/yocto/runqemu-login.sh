#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# runqemu-login.sh MACHINE IMAGE [COMMAND]: boots an image to its login prompt. Run it with `kas shell`.
# With COMMAND, logs in as root without a password and runs it. The root file system is read-only: the image does not change.
machine=$1
image=$2
command=$3

folder=$(mktemp -d)
log=$folder/log
mkfifo "$folder/keyboard"

wait_for() {
    until grep -q "$1" "$log"; do
        if ! kill -0 "$runqemu" 2>/dev/null; then
            cat "$log"
            echo "error: runqemu ended before it printed \"$1\""
            exit 1
        fi
        sleep 0.2
    done
}

# The deadline only ends a hang.
timeout --foreground 600 runqemu "$machine" "$image" nographic slirp <"$folder/keyboard" >"$log" 2>&1 &
runqemu=$!
trap 'kill "$runqemu"; wait "$runqemu"; rm -rf "$folder"' EXIT
exec 3>"$folder/keyboard"
wait_for ' login:'
failed=0
if [ -n "$command" ]; then
    echo root >&3
    wait_for 'root@[^ ]*# '
    # Unlike the command's own output. The console echoes the input: the quotes keep the echo from matching.
    mark=status$$
    echo "$command; echo $mark\"=\"\$?" >&3
    wait_for "$mark=[0-9]"
    grep -q "$mark=0" "$log" || failed=1
fi
cat "$log"
if grep -q 'Scheduling for restart' "$log"; then
    echo "error: a process started by init exits at once"
    failed=1
fi
exit "$failed"
