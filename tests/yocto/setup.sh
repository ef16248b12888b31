#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# setup.sh REPOSITORY LAYERS: the two ways to a build folder without kas, with layers that are there already: bitbake-setup, and
# oe-init-build-env with this layer's templates. In both bitbake has to find distro, machine and layers.
set -eu

repository=$(readlink -f "$1")
layers=$(readlink -f "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What kas set is not what is tested.
unset BBPATH BUILDDIR MACHINE DISTRO

check() {
	# The network is not what is tested.
	echo 'CONNECTIVITY_CHECK_URIS = ""' >conf/site.conf
	for expected in DISTRO=mypoll MACHINE=qemuarm64 PREFERRED_PROVIDER_virtual/kernel=linux-mypoll; do
		name=${expected%%=*}
		found=$name=$(bitbake-getvar --quiet --value "$name")
		[ "$found" = "$expected" ] || { echo "seen $found, expected $expected" >&2 && exit 1; }
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
echo "bitbake-setup: fine"

(
	set +u
	export TEMPLATECONF="$repository/conf/templates/default" BITBAKEDIR="$layers/bitbake"
	cd "$layers/openembedded-core"
	# sh hands nothing else to a script that it sources.
	set -- "$folder/templates"
	# shellcheck disable=SC1091
	. ./oe-init-build-env
	sed -i "s,[^ ]*/meta-mypoll,$repository," conf/bblayers.conf
	check
)
echo "templates: fine"
