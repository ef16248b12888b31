#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# update-rc.d [-f] [-r ROOT] NAME remove
# update-rc.d [-r ROOT] NAME defaults [NN | SS KK]
# update-rc.d [-r ROOT] NAME start|stop NN LEVEL... . [start|stop NN LEVEL... .]...
set -eu

die() {
    echo "update-rc.d: $1" >&2
    exit 1
}

root=
force=
while getopts fr: option; do
    case $option in
    f) force=yes ;;
    r) root=$OPTARG ;;
    *) exit 1 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || die "NAME and what to do with it are missing"
name=$1
shift

# link S|K NN LEVEL...
link() {
    kind=$1 number=$2
    shift 2
    for level; do
        mkdir -p "$root/etc/rc$level.d"
        ln -sf "../init.d/$name" "$root/etc/rc$level.d/$kind$number$name"
    done
}

linked() {
    for found in "$root"/etc/rc?.d/[SK][0-9][0-9]"$name"; do
        [ -L "$found" ] && return 0
    done
    return 1
}

if [ "$1" = remove ]; then
    [ -n "$force" ] || [ ! -e "$root/etc/init.d/$name" ] || die "/etc/init.d/$name exists (-f removes its links all the same)"
    rm -f "$root"/etc/rc?.d/[SK][0-9][0-9]"$name"
    exit
fi

[ -e "$root/etc/init.d/$name" ] || die "there is no /etc/init.d/$name"
# What an administrator changed stays.
linked && exit

if [ "$1" = defaults ]; then
    link S "${2:-20}" 2 3 4 5
    link K "${3:-${2:-20}}" 0 1 6
    exit
fi

while [ $# -gt 0 ]; do
    case $1 in
    start) kind=S ;;
    stop) kind=K ;;
    *) die "$1: neither start nor stop" ;;
    esac
    number=${2:?}
    shift 2
    while [ $# -gt 0 ] && [ "$1" != . ]; do
        link "$kind" "$number" "$1"
        shift
    done
    [ $# -eq 0 ] || shift
done
