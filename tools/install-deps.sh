#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# install-deps.sh LIST...: installs what is missing of the packages in tools/packages.LIST, and says what.
# When nothing is missing it runs no apt-get. No service is started. Plain sh: python may be missing still.
set -eu
PATH=$PATH:/usr/sbin:/sbin
export PATH
here=$(cd "$(dirname "$0")" && pwd)

wanted() {
        for list; do
                sed 's/#.*//' "$here/packages.$list"
        done | tr -s ' \t' '\n' | sed '/^$/d' | sort -u
}

missing() {
        wanted "$@" | while read -r package; do
                status=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | sort -u) || :
                [ "$status" = installed ] || printf '%s ' "$package"
        done
}

install() {
        log=$(mktemp)
        policy=/usr/sbin/policy-rc.d
        made=
        trap 'rm -f "$log"; [ -z "$made" ] || rm -f "$policy"' EXIT
        trap 'exit 1' INT TERM HUP
        if [ ! -e $policy ]; then
                printf '#!/bin/sh\nexit 101\n' >$policy
                chmod 755 $policy
                made=yes
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q update >"$log" 2>&1 || echo 'install-deps: apt-get update reported errors, going on' >&2
        # shellcheck disable=SC2086 # a list of package names
        if ! apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends $1 >>"$log" 2>&1; then
                tail -n 30 "$log" >&2
                echo "install-deps: apt-get could not install: $1" >&2
                exit 1
        fi
        echo "installed: $1"
}

if [ "${1-}" = --install ]; then
        install "$2"
        exit 0
fi
if ! command -v dpkg-query >/dev/null; then
        echo "install-deps: this is not Debian; the build needs the equivalents of: $(wanted "$@" | tr '\n' ' ')" >&2
        exit 0
fi
packages=$(missing "$@")
[ -n "$packages" ] || exit 0
echo "installing with apt-get: $packages"
case " $packages" in
*' auditd '* | *' openssh-server '*)
        echo 'auditd and sshd are not started now; where systemd runs they are enabled for the next boot.'
        ;;
esac
if [ "$(id -u)" = 0 ]; then
        exec sh "$here/install-deps.sh" --install "$packages"
elif command -v sudo >/dev/null; then
        exec sudo sh "$here/install-deps.sh" --install "$packages"
fi
echo "install-deps: not root and no sudo; as root, run: apt-get install --no-install-recommends $packages" >&2
exit 1
