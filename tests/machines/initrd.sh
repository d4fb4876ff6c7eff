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
# What rules of nftables, links and programs load by themselves where there is a folder of modules.
alone='veth bridge 8021q tun af_packet nfnetlink nf_tables nft_ct nft_masq nft_nat nft_chain_nat nft_reject_inet nft_fib_inet nft_log
nft_tproxy nft_socket nfnetlink_queue nft_queue nft_meta_bridge sch_ingress cls_bpf act_mirred udp_diag tcp_diag unix_diag'
made() {
    local d
    mkdir -p "$root"/{mod,proc,sys,dev} || return 1
    for d in /bin /sbin /lib /lib64; do [ ! -L "$d" ] || { mkdir -p "$root/$(readlink "$d")" && cp -P "$d" "$root$d"; } || return 1; done
    take "$root" busybox && cp tests/machines/init "$root/init" && chmod +x "$root/init" &&
        modules "$dir" "$version" "$root/mod" order virtio_pci 9p 9pnet_virtio overlay &&
        modules "$dir" "$version" "$root/mod" order.alone $alone && pack "$root" "$file.own" &&
        cat "$file.own" "$B/machines/root" >"$file.new" && mv "$file.new" "$file" && rm "$file.own"
} 2>"$file.said"
made || { echo "kernel $name: its initramfs can't be made ($(tail -1 "$file.said"))"; rm -rf "$root"; exit 2; }
rm -rf "$root" "$file.said"
