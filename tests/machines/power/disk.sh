#!/bin/bash
# Makes a disk with Debian's own systemd and the packages of `make deb`: disk.sh NAME. NAME is a kernel of kernels.list, which fetch.sh
# has put in place; its suite is what is installed. Result: $B/machines/power/NAME/{disk,initrd,image}, and `upgrade`, packages
# of a greater version, on the disk. The base of Debian is kept; prey is installed anew each time. Status 2: it can't be had, and
# standard output says why in a line.
set -u
cd "$(dirname "$0")/../../.." || exit 2
B=${B:-build}
name=$1
. tests/machines/common.sh
known "$name" || exit 2
top=$(machines_folder) || { echo "$top"; exit 2; }
kernel=$top/kernels/$name dir=$top/power/$name here=tests/machines/power/disk
version=$(cat "$kernel/version")
give_up() { echo "disk $name: $1"; exit 2; }
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >"$dir/inside.log" 2>&1 || give_up "$*: $(tail -1 "$dir/inside.log")"; }
debs=$(ls "$B"/deb/prey_*.deb "$B"/deb/prey-compiler_*.deb 2>/dev/null) || give_up 'make deb has left no packages'
space "$top" 6000 || exit 2
mkdir -p "$dir" || exit 2
B=$B bash tests/machines/power/base.sh "$name" || exit 2
root=$dir/root
rm -rf "$root"
cp -a "$dir/base" "$root" || exit 2
mkdir -p "$root/var/log/journal" "$root/usr/lib/modules" "$root/root/now" "$root/root/upgrade"
cp -a "$kernel/lib/modules/$version" "$root/usr/lib/modules/" && depmod -b "$root" "$version" || give_up 'modules'
# The packages, and the same ones as a version that is to come, with other programs, or those of BEFORE: a folder with the packages of an
# earlier commit, which an upgrade comes from and goes back to.
later() { # FOLDER: the program there is another one, and does the same
    [ ! -e "$1/usr/bin/preyrun" ] || objcopy --add-section .later=/etc/hostname "$1/usr/bin/preyrun"
}
for deb in $debs; do
    [ -n "${BEFORE:-}" ] || cp "$deb" "$root/root/now/"
    rm -rf "$dir/later"
    dpkg-deb -R "$deb" "$dir/later" && later "$dir/later" && sed -i 's/^Version: .*/&+later/; s/(= \([^)]*\))/(= \1+later)/' "$dir/later/DEBIAN/control" &&
        dpkg-deb -b "$dir/later" "$root/root/upgrade/" >/dev/null || give_up "$deb can't be taken apart"
done
rm -rf "$dir/later"
[ -z "${BEFORE:-}" ] || cp "$BEFORE"/prey_*.deb "$BEFORE"/prey-compiler_*.deb "$root/root/now/" || give_up "$BEFORE has no packages"
inside sh -c 'apt-get update && apt-get install -y --no-install-recommends /root/now/*.deb'
rm "$root/usr/sbin/policy-rc.d"
cp -r "$here/." "$root/" || exit 2
echo "$name" >"$root/etc/hostname"
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
inside systemctl enable lab-agent.service lab-closed.socket lab-open.socket preyrun@edge.service
inside systemctl disable networking.service NetworkManager.service firewalld.service nftables.service
inside systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer getty@tty1.service \
    serial-getty@ttyS0.service NetworkManager-wait-online.service systemd-networkd-wait-online.service systemd-timesyncd.service logrotate.timer man-db.timer
rm -f "$dir/disk.new"
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$dir/disk.new" 3G && mv "$dir/disk.new" "$dir/disk" && rm -rf "$root" || give_up 'no file system can be made'

# Its initramfs: what reaches the disk.
modules_of() {
    local initrd=$dir/initrd.root d
    rm -rf "$initrd" && mkdir -p "$initrd"/{mod,proc,sys,dev,new} || return 1
    for d in /bin /sbin /lib /lib64; do [ ! -L "$d" ] || { mkdir -p "$initrd/$(readlink "$d")" && cp -P "$d" "$initrd$d"; } || return 1; done
    take "$initrd" busybox && cp tests/machines/power/init "$initrd/init" && chmod +x "$initrd/init" &&
        modules "$kernel" "$version" "$initrd/mod" order virtio_pci virtio_blk ext4 && pack "$initrd" "$dir/initrd" && rm -rf "$initrd"
}
said=$(modules_of 2>&1) || give_up "no initramfs ($(tail -1 <<<"$said"))"
