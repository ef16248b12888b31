# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=sh
# Sourced by the scripts in the folder above: `lab VERB ARG…` finds or installs Rust, builds the crate and executes it.

# Version to install if no new enough Rust is found. Only this process uses it: rustup's default toolchain and other
# installations stay unchanged.
rust=1.95.0

say() { printf '%s\n' "$*" >&2; }

die() { say "error: $*"; exit "$failure"; }

usable_cargo() {
    minor=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge 85 ]
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# On a terminal, asks the user. Without one, root counts as consent (container, CI); other users need --yes.
consent() {
    case $install in
    always) ;;
    never) die "nothing was installed because of --no-install" ;;
    ask)
        if [ -t 0 ] && [ -t 2 ]; then
            printf 'Install it? [y/N] ' >&2
            read -r answer
            case $answer in [yY] | [yY][eE][sS]) ;; *) die "nothing was installed" ;; esac
        else
            is_root || die "nothing was installed; --yes installs it, with sudo if needed"
        fi
        ;;
    esac
}

apt_install() {
    say "Installing with apt: $*"
    if is_root; then sudo=; else sudo=sudo; fi
    $sudo apt-get -o DPkg::Lock::Timeout=600 update >&2 || die "apt could not read its sources"
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
        install --yes --no-install-recommends "$@" >&2 || die "apt could not install: $*"
}

install_c_compiler() {
    command -v apt-get >/dev/null || die "install a C compiler first"
    apt_install gcc libc6-dev
}

install_rust() {
    say "Installing Rust $rust (minimal profile) with rustup"
    # Debian 13 and Ubuntu 24.04 have a rustup package. It conflicts with their cargo and rustc packages.
    if ! command -v rustup >/dev/null && ! command -v cargo >/dev/null && ! command -v rustc >/dev/null &&
        apt-cache pkgnames rustup 2>/dev/null | grep -qx rustup; then
        apt_install rustup ca-certificates
    fi
    if command -v rustup >/dev/null; then
        rustup toolchain install "$rust" --profile minimal --no-self-update >&2
    else
        if ! command -v curl >/dev/null; then
            command -v apt-get >/dev/null || die "install curl first"
            apt_install curl ca-certificates
        fi
        installer=$(mktemp)
        curl --proto '=https' --tlsv1.2 --fail --silent --show-error --output "$installer" https://sh.rustup.rs &&
            RUSTUP_INIT_SKIP_PATH_CHECK=yes sh "$installer" -y --profile minimal --no-modify-path \
                --default-toolchain "$rust" >&2
        rm -f "$installer"
    fi
    pinned_rust || die "Rust could not be installed; see https://rustup.rs for a manual installation"
}

# Uses the toolchain that an earlier run installed.
pinned_rust() {
    (RUSTUP_TOOLCHAIN=$rust usable_cargo) || return
    export RUSTUP_TOOLCHAIN="$rust"
}

lab() {
    # "run" exits with its command's status: a failure here must be distinguishable from it.
    if [ "$1" = run ]; then failure=69; else failure=1; fi
    crate=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/lab" && pwd) || exit "$failure"
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/mypoll
    install=ask
    for arg; do
        case $arg in
        --) break ;;
        --no-install) install=never ;;
        --yes) install=always ;;
        esac
    done

    # rustup's installer changes PATH only for the next login.
    usable_cargo || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    missing=
    command -v cc >/dev/null || missing='a C compiler (packages gcc libc6-dev)'
    usable_cargo || pinned_rust || missing="$missing${missing:+, }Rust 1.85 or newer (https://rustup.rs)"
    if [ -n "$missing" ]; then
        say "Missing: $missing"
        consent
        command -v cc >/dev/null || install_c_compiler
        usable_cargo || install_rust
    fi

    # Checkouts share the cache. Without a wrapper whose path differs, cargo takes their crates for the same ones and
    # runs a program that another checkout built.
    export RUSTC_WORKSPACE_WRAPPER="$crate/rustc"
    [ -e "$cache/target/debug/lab" ] || say "lab: compiling for the first time"
    if [ -t 2 ]; then quiet=; else quiet=--quiet; fi
    cargo build $quiet --locked --manifest-path "$crate/Cargo.toml" --target-dir "$cache/target" --package lab >&2 ||
        die "could not compile the lab"
    exec "$cache/target/debug/lab" "$@"
}
