#!/bin/bash
# Makes a kernel's initramfs: initrd.sh NAME FILE: busybox, `init`, the modules that reach the host's files, and what root.sh made. Kept until
# one of those changes. Status 2: it can't be made, and standard output says why.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
name=$1 file=$2
. tests/machines/common.sh
dir=$B/machines/kernels/$name
version=$(cat "$dir/version")
[ -e "$file" ] && [ -z "$(find "$dir/version" tests/machines/init tests/machines/initrd.sh tests/machines/common.sh "$B/machines/root" -newer "$file")" ] && exit 0
root=$file.root
rm -rf "$root"
made() {
    mkdir -p "$root"/{bin,mod,proc,sys,dev} && take "$root" busybox && cp tests/machines/init "$root/init" && chmod +x "$root/init" &&
        ln -sf "$(find "$root" -name busybox -type f -printf '/%P')" "$root/bin/busybox" &&
        modules "$dir" "$version" "$root/mod" virtio_pci 9p 9pnet_virtio overlay && pack "$root" "$file.own" && cat "$file.own" "$B/machines/root" >"$file.new" && mv "$file.new" "$file" && rm "$file.own"
} 2>"$file.said"
made || { echo "kernel $name: its initramfs can't be made ($(tail -1 "$file.said"))"; rm -rf "$root"; exit 2; }
rm -rf "$root" "$file.said"
