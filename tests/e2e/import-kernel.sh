#!/bin/bash
# Rule sets of tests/import/ in the kernel of a namespace, and their import: drawn packets get the same verdicts. LONG=1 draws of
# twenty seeds. B is the build folder.
set -u
B=${B:-build}
skip() { echo "ok - imported rules against the kernel # SKIP $1"; exit 0; }
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" -eq 0 ] || skip 'that takes root'
command -v nft >/dev/null || skip 'there is no nft'
command -v iptables-nft-restore >/dev/null || skip 'there is no iptables'
[ -c /dev/net/tun ] || skip 'this machine has no tun devices'
unshare -n nft list ruleset >/dev/null 2>&1 || skip 'this machine lets us make no network namespaces'
B=$B exec python3 tests/import/kernel.py
