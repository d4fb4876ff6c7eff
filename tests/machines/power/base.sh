#!/bin/bash
# The base of a disk: base.sh NAME, of a kernel of kernels.list, whose suite it is. Result: $B/machines/power/NAME/base, which is kept. Status
# 2: it can't be had, and standard output says why in a line.
set -u
cd "$(dirname "$0")/../../.." || exit 2
B=${B:-build}
name=$1
. tests/machines/common.sh
known "$name" || exit 2
top=$(machines_folder) || { echo "$top"; exit 2; }
dir=$top/power/$name
root=$dir/base
suite=$(kernel_field "$name" 2)
give_up() { echo "disk $name: $1"; exit 2; }
[ ! -e "$dir/base.made" ] || exit 0
# What the order of a start hangs on, each switched off, and what the driver needs (run.py).
packages=systemd,systemd-sysv,dbus,udev,kmod,iproute2,procps,nftables,ifupdown,python3-minimal
case $suite in
bookworm) packages=$packages,isc-dhcp-client ;;
*) packages=$packages,dhcpcd-base ;;
esac
mkdir -p "$dir" && rm -rf "$root" || exit 2
mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' "$top/apt/$suite/sources.list")
timeout -k 10 1500 debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" >"$dir/debootstrap.log" 2>&1 ||
    give_up "debootstrap: $(tail -1 "$dir/debootstrap.log")"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d" # nothing starts here
# Configured by dbus, which debootstrap has not yet.
chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin apt-get install -y --no-install-recommends network-manager firewalld polkitd \
    >"$dir/inside.log" 2>&1 || give_up "apt-get: $(tail -1 "$dir/inside.log")"
touch "$dir/base.made"
