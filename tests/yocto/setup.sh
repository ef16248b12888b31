#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# setup.sh REPOSITORY LAYERS: creates a build folder without kas, from existing layers, in two ways: with bitbake-setup, and with
# oe-init-build-env and this layer's templates. In both, bitbake must find distro, machine and layers.
set -eu

repository=$(readlink -f "$1")
layers=$(readlink -f "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Set by kas, which is not tested here.
unset BBPATH BUILDDIR MACHINE DISTRO

check() {
	# The test must work offline.
	echo 'CONNECTIVITY_CHECK_URIS = ""' >conf/site.conf
	for expected in DISTRO=mypoll MACHINE=qemuarm64 PREFERRED_PROVIDER_virtual/kernel=linux-mypoll; do
		name=${expected%%=*}
		found=$name=$(bitbake-getvar --quiet --value "$name")
		[ "$found" = "$expected" ] || { echo "error: $found, expected $expected" >&2 && exit 1; }
	done
}

sources=
for name in bitbake openembedded-core meta-rust-bin meta-raspberrypi; do
	sources="$sources -L $name $layers/$name"
done
# shellcheck disable=SC2086
bitbake-setup --setting default top-dir-prefix "$folder" init --non-interactive $sources \
	"$repository/conf/bitbake-setup/mypoll-wrynose.conf.json" mypoll machine/qemuarm64
(
	set +u
	# shellcheck disable=SC1091
	. "$folder"/bitbake-builds/mypoll-qemuarm64/build/init-build-env
	check
)
echo "bitbake-setup: ok"

(
	set +u
	export TEMPLATECONF="$repository/conf/templates/default" BITBAKEDIR="$layers/bitbake"
	cd "$layers/openembedded-core"
	# A script that sh sources has no arguments but the caller's.
	set -- "$folder/templates"
	# shellcheck disable=SC1091
	. ./oe-init-build-env
	sed -i "s,[^ ]*/meta-mypoll,$repository," conf/bblayers.conf
	check
)
echo "templates: ok"
