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
root=$(cd "$(dirname "$file")" && pwd)/${file##*/}.root
rm -rf "$root"
# What links, rules of nftables and filters load by themselves: below /ram, for machines that have no other folder of modules.
alone='veth bridge 8021q tun af_packet sch_ingress cls_bpf act_mirred udp_diag tcp_diag unix_diag'
modules_alone() {
    local to=$root/ram/usr/lib/modules/$version from=$dir/lib/modules/$version
    mkdir -p "$to" && cp "$from"/modules.{builtin,builtin.modinfo,order} "$to" || return 1
    alone="$alone $(find "$from/kernel/net" -name 'nf*.ko*' | sed 's|.*/||; s|\.ko.*||')"
    for module in $alone; do
        PATH=$PATH:/usr/sbin:/sbin modprobe -d "$dir" -S "$version" --show-depends "$module" 2>/dev/null
    done | awk '$1 == "insmod" && !seen[$2]++ { sub(/.*\/kernel\//, "kernel/", $2); print $2 }' >"$root.list"
    (cd "$from" && xargs cp --parents -t "$to") <"$root.list" && rm "$root.list" && PATH=$PATH:/usr/sbin:/sbin depmod -b "$root/ram/usr" "$version"
}
made() {
    local d
    mkdir -p "$root"/{mod,proc,sys,dev} || return 1
    for d in /bin /sbin /lib /lib64; do [ ! -L "$d" ] || { mkdir -p "$root/$(readlink "$d")" && cp -P "$d" "$root$d"; } || return 1; done
    take "$root" busybox && cp tests/machines/init "$root/init" && chmod +x "$root/init" &&
        modules "$dir" "$version" "$root/mod" order virtio_pci 9p 9pnet_virtio overlay &&
        modules_alone && pack "$root" "$file.own" &&
        cat "$file.own" "$B/machines/root" >"$file.new" && mv "$file.new" "$file" && rm "$file.own"
}
said=$(made 2>&1) || { echo "kernel $name: its initramfs can't be made ($(tail -1 <<<"$said"))"; rm -rf "$root" "$file.own" "$file.new"; exit 2; }
rm -rf "$root"
