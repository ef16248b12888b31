#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# merge_config.sh -m CONFIG FRAGMENT...: .config is CONFIG, but for the options that a later fragment sets.
set -eu

[ "${1-}" = -m ] || {
    echo "merge_config.sh: only -m, merging, is known here" >&2
    exit 1
}
shift

awk '
    function option(line) {
        if (match(line, /^CONFIG_[A-Za-z0-9_]+=/)) return substr(line, 1, RLENGTH - 1)
        if (match(line, /^# CONFIG_[A-Za-z0-9_]+ is not set/)) return substr(line, 3, RLENGTH - 13)
    }
    {
        name = option($0)
        if (name == "") next
        if (!(name in line)) order[++count] = name
        line[name] = $0
    }
    END { for (i = 1; i <= count; i++) print line[order[i]] }
' "$@" > .config.merged
mv .config.merged .config
