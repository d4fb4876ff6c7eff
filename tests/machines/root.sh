#!/bin/bash
# Makes what the machines of the lab hold in memory: root.sh FILE: an archive of programs of this machine (root_files.py). The
# lab has the rest of this machine's files beneath, by 9p, which is slow to open. Kept until packages or the list change.
# Status 2 and a line: it can't be made.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
file=$(cd "$(dirname "$1")" && pwd)/${1##*/}
. tests/machines/common.sh
[ -e "$file" ] && [ -z "$(find /var/lib/dpkg/status tests/machines/root.sh tests/machines/root_files.py tests/machines/common.sh -newer "$file")" ] && exit 0
root=$file.root
made() {
    local d list=$file.list
    rm -rf "$root"
    mkdir -p "$root/ram"/{etc,usr,proc,sys,dev,run,tmp,root,var/lib/nginx,var/log/nginx} && chmod 1777 "$root/ram/tmp" || return 1
    for d in /bin /sbin /lib /lib32 /lib64 /libx32 /var/run; do
        if [ -L "$d" ]; then cp -P "$d" "$root/ram$d" || return 1; fi
    done
    python3 tests/machines/root_files.py >"$list" || return 1
    (cd / && cpio -pdm --quiet "$root/ram" <"$list") && pack "$root" "$file"
}
said=$(made 2>&1) || { echo "the files of a machine can't be gathered ($(tail -1 <<<"$said"))"; rm -rf "$root" "$file.list" "$file.new"; exit 2; }
rm -rf "$root" "$file.list"
