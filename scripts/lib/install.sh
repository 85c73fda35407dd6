# Sourced, not run: installs the Debian packages that a script needs, as root or through sudo.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "Needs root for: $* (run as root, or install sudo)" >&2
        return 1
    fi
}

# install_packages NAME…
install_packages() {
    echo "==> installing $*" >&2
    if ! command -v apt-get >/dev/null; then
        echo "No apt-get here: install by hand what provides $*" >&2
        return 1
    fi
    # stdout belongs to the caller's own output, so apt's goes to stderr. Configuration files already there stay as they are.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >&2
}

# install_quietly NAME…: the same for packages that would start a server of their own, which nobody asked for: they are
# told not to meanwhile.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d ours= status=0
    if [ ! -e "$policy" ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
    fi
    install_packages "$@" || status=$?
    [ -z "$ours" ] || as_root rm -f "$policy"
    return "$status"
}

# need COMMAND PACKAGE: installs PACKAGE if COMMAND is not there.
need() {
    command -v "$1" >/dev/null || install_packages "$2"
}

need_rust() {
    if ! command -v cargo >/dev/null; then
        echo "cargo is missing: install Rust (https://rustup.rs), version $1 or later" >&2
        return 1
    fi
    need cc gcc
    # A C compiler without the C library's headers cannot build SQLite.
    if [ "$(uname)" = Linux ] && ! echo '#include <stdio.h>' | cc -E -x c - >/dev/null 2>&1; then
        install_packages libc6-dev
    fi
}
