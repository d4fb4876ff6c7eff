#!/bin/bash
# Fetches a kernel of kernels.list: fetch.sh NAME unpacks the packages that linux-image-amd64 of its suite depends on.
# Result: $B/machines/kernels/NAME/{image,version,lib/modules/VERSION}. Lists are looked at again after a day; where that
# fails and a kernel is at hand, it stays. The mirror is that of this machine's own apt, or MIRROR; apt's state is a folder
# of ours, and packages are proved by the machine's Debian keyring.
# Status: 0 at hand; 2 it can't be had, and standard output says why in one line.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
top=$(pwd)
name=$1
. tests/machines/common.sh
suite=$(kernel_field "$name" 2)
known "$name" || exit 2
machines=$(machines_folder) || { echo "$machines"; exit 2; }
dir=$machines/kernels/$name
state=$machines/apt/$suite
keys=/usr/share/keyrings/debian-archive-keyring.gpg

# One that can't be had is no reason to go without what is there. Half a kernel is none.
give_up() {
    rm -rf "$dir.new" "$state/packages"
    if [ -e "$dir/image" ]; then
        echo "kernel $name: $1; Linux $(cat "$dir/version"), fetched earlier, is taken"
        exit 0
    fi
    echo "kernel $name: $1"
    exit 2
}
said= bound=${FETCH_BOUND:-300}
# told COMMAND ARGUMENT...: bounded; $said is what it complained of, which on a full disk no file would hold.
told() {
    local status
    said=$(timeout -k 10 "$bound" "$@" 2>&1 >/dev/null)
    status=$?
    case $status in 124 | 137) said="no answer within $bound s" ;; esac
    return $status
}
complaint() { grep -m1 -E 'Malformed|Failed to fetch|No space|Could not|not enough' <<<"$said" || tail -1 <<<"$said"; }
why() { complaint | cut -c 1-300; }
# number FILE OFFSET BYTES
number() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
# unpacked VMLINUZ: the kernel inside, which QEMU boots as well (PVH): a machine that unpacks 6.1 itself takes half as long again to boot.
# Where it lies is Linux's boot protocol: setup_sects, payload_offset and payload_length, of which the last four bytes are no part.
unpacked() {
    local from=$((($(number "$1" 497 1) + 1) * 512 + $(number "$1" 584 4))) size=$(($(number "$1" 588 4) - 4))
    tail -c "+$((from + 1))" "$1" | head -c "$size" | zstd -dcq
}

[ -e "$dir/image" ] && [ -n "$(find "$dir/looked" -mtime -1 2>/dev/null)" ] && exit 0
for tool in apt-get dpkg depmod zstd; do
    PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || give_up "no $tool here, which fetches and unpacks it"
done
[ "$(dpkg --print-architecture)" = amd64 ] || give_up "programs of this machine ($(dpkg --print-architecture)) don't run on Debian's amd64 kernels"
[ -e "$keys" ] || give_up "no $keys, which proves packages (package debian-archive-keyring)"
# The mirror of this machine's own suite, and where its security updates are.
known=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null)
from=${MIRROR:-$(awk '$2 ~ /^(bookworm|trixie|forky|stable|testing|sid|unstable)$/ { print $1; exit }' <<<"$known")}
security=$(awk '$2 ~ /-security$/ { print $1; exit }' <<<"$known")
[ -n "$from" ] || give_up "this machine's apt knows no mirror of Debian; MIRROR=ADDRESS names one"
said=$(space "$machines" 700) || give_up "$said" # lists, packages, and what is unpacked of them
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages" 2>/dev/null || give_up "no folder $state can be made"
{
    echo "deb [signed-by=$keys arch=amd64] $from $suite main"
    [[ -z "$security" || -n "${MIRROR:-}" || $suite == *-* ]] || echo "deb [signed-by=$keys arch=amd64] $security $suite-security main"
} >"$state/sources.list" || give_up "$state can't be written"
options=(-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$state/lists"
    -o Dir::Cache="$state/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Acquire::Retries=2
    -o APT::Update::Error-Mode=any -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
told apt-get "${options[@]}" -qq update || give_up "$suite of the mirror can't be read ($(why))"
packages=$(apt-cache "${options[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances linux-image-amd64 2>/dev/null | grep -oE '^linux-(image|modules|binary|base)-[0-9]\S*' | sort -u)
[ -n "$packages" ] || give_up "linux-image-amd64 of $suite names no kernel"
mkdir -p "$machines/kernels" || give_up "$machines/kernels can't be made"
if [ -e "$dir/image" ] && [ "$(cat "$dir/packages" 2>/dev/null)" = "$packages" ]; then
    touch "$dir/looked"
    exit 0
fi
rm -rf "$state/packages" "$dir.new"
mkdir -p "$state/packages" "$dir.new/all" || give_up "$dir.new can't be made"
cd "$state/packages" && told apt-get "${options[@]}" -qq download $packages; fetched=$?
cd "$top" && [ $fetched = 0 ] || give_up "packages can't be fetched ($(why))"
for p in "$state/packages"/*.deb; do
    told dpkg -x "$p" "$dir.new/all" || give_up "$(basename "$p") can't be unpacked ($(why))"
done
modules=$(ls -d "$dir.new"/all/{usr/,}lib/modules/*/kernel 2>/dev/null | head -1)
modules=${modules%/kernel}
version=${modules##*/}
image=$(ls "$dir.new/all/boot/vmlinuz-$version" "$modules/vmlinuz" 2>/dev/null | head -1)
[ -n "$image" ] && [ -n "$modules" ] || give_up "its packages hold no kernel with modules"
placed() {
    mkdir -p "$dir.new/lib/modules" && unpacked "$image" >"$dir.new/image" && mv "$modules" "$dir.new/lib/modules/" &&
        PATH=$PATH:/usr/sbin:/sbin depmod -b "$dir.new" "$version" &&
        echo "$packages" >"$dir.new/packages" && touch "$dir.new/looked" && echo "$version" >"$dir.new/version"
}
said=$(placed 2>&1) || give_up "it can't be put in place ($(why))"
rm -rf "$dir.new/all" "$state/packages" "$dir"
mv "$dir.new" "$dir" || give_up "it can't be put in place"
