#!/bin/bash
# prey on network cards: `make check-machines DRIVERS=1`. KERNEL=NAME…: these of kernels.list; ONLY='WORD…': what has one of the words in its name.
# In a machine of the lab (../machine.sh), with its own clock and two CPUs, stand two cards of each driver; each is a device of this machine's (TAP), bridged to
# one that the machine has a card of virtio_net by: the other end of the cable. So all tests run in there: the cells of cells.list, what is chosen where
# nobody says (auto.sh), cards that vanish and come (faults.sh). Of 6.12 all, of others the cells that say so. It needs root, and /dev/net/tun.
# Results are in the suite's form; the last line counts. RESULTS.md has a section of them (../results.py).
set -u
cd "$(dirname "$0")/../../.." || exit 2
export B=${B:-build} BOUND=${BOUND:-7200}
. tests/machines/common.sh
top=$(machines_folder) || { echo "$top"; exit 2; }
here=tests/machines/drivers
known ${KERNEL:-} && space "$top" 700 || exit 2
[ "${DRIVERS_SPACE:-}" ] || DRIVERS_SPACE=own exec unshare -nm --propagation private bash "$0"
python3 $here/pairs.py $here/cells.list || exit 2
mount -t tmpfs run /run && mkdir /run/netns || exit 2
sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1

# tests KERNEL: a line for each, as inside.sh takes them.
tests() {
    local driver job way workers mib ends kernels name
    while read -r driver job way workers mib ends kernels; do
        case $driver in '#'* | '') continue ;; esac
        [ "$kernels" = all ] || [ "$kernels" = "$1" ] || continue
        one "$1" "$driver-$job-$way-$workers-$ends" 600 cell.sh "$driver" "$job" "$way" "$workers" "$mib" "$ends"
    done <$here/cells.list
    [ "$1" = 6.12 ] || return
    for driver in virtio_net e1000e vmxnet3; do
        one "$1" "auto-$driver" 900 auto.sh "$driver"
        for way in user-packet user-xdp kernel-tc kernel-xdp; do one "$1" "faults-$driver-$way" 900 faults.sh "$driver" "$way" 0; done
    done
    for way in user-packet kernel-xdp; do one "$1" "rounds-virtio_net-$way-200" 3000 faults.sh virtio_net "$way" 200; done
    for driver in e1000e vmxnet3; do one "$1" "rounds-$driver-kernel-tc-200" 3000 faults.sh "$driver" kernel-tc 200; done
}
one() { # KERNEL NAME SECONDS SCRIPT ARGUMENT...
    local kernel=$1 name=$2 seconds=$3 script=$4 word
    shift 4
    for word in ${ONLY:-$name}; do
        [[ $name == *$word* ]] || continue
        echo "user $kernel/drivers/$name $B $seconds bash $here/one.sh $here/$script $*"
        return
    done
}

cards=
cable() { # NUMBER MODEL QUEUES
    local queues= mq= tap=card$1
    [ "$3" = 1 ] || queues=,queues=$3 mq=,mq=on,vectors=$((2 * $3 + 2))
    ip link add "br$1" up type bridge mcast_snooping 0 &&
        ip tuntap add dev "$tap" mode tap ${queues:+multi_queue} && ip tuntap add dev "far$1" mode tap || exit 2
    for end in "$tap" "far$1"; do ip link set dev "$end" mtu 9000 up master "br$1"; done
    cards="$cards -netdev tap,id=$tap,ifname=$tap,script=no,downscript=no$queues -device $2,netdev=$tap,mac=52:54:00:00:0$1:01,romfile=$mq"
    cards="$cards -netdev tap,id=far$1,ifname=far$1,script=no,downscript=no -device virtio-net-pci,netdev=far$1,mac=52:54:00:00:0$1:02,romfile="
}
# By a port of virtio a machine reaches the monitor of its own emulator, which pulls cables (lib.sh, `monitor`). A path of a socket is short.
port() { # FOLDER
    rm -f "$1/monitor"
    cards="$cards -chardev socket,id=asked,path=$1/monitor,server=on,wait=off -mon chardev=asked -chardev socket,id=asks,path=$1/monitor"
    cards="$cards -device virtio-serial-pci -device virtserialport,chardev=asks,name=monitor"
}
# wired KERNEL: $cards and $cpus. Of three pairs of queues two are in use with two CPUs, and programs run there (runtime/io/card.c). Linux 6.1 does not
# boot where two CPUs run in turn by a clock of instructions (QEMU 7.2): it has one, and one pair.
wired() {
    local n queues=3
    cpus=2 cards=
    [ "$1" != 6.1 ] || cpus=1 queues=1
    for n in 1 2 3 4 5 6; do
        for end in br card far; do ip link del "$end$n" 2>/dev/null; done
    done
    cable 1 virtio-net-pci $queues
    cable 2 virtio-net-pci $queues
    cable 3 e1000e 1
    cable 4 e1000e 1
    cable 5 vmxnet3 1
    cable 6 vmxnet3 1
    port "$B/machines/drivers/$1"
}

# A machine ends by its own process, which no signal to this group reaches.
machine=
end() {
    trap '' INT TERM HUP
    [ -z "$machine" ] || kill "$machine" 2>/dev/null
    wait
    exit 143
}
trap end INT TERM HUP

# boot KERNEL FOLDER: one machine, to its end, for FOLDER/list; its lines come as they are said.
boot() {
    rm -f "$2"/{begun,ended,said,over}
    : >"$2/said"
    printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "B=$B" JOBS=1 >"$2/variables"
    CARDS="$cards" CPUS=$cpus bash tests/machines/machine.sh "$1" "$2" >"$2/machine" &
    machine=$!
    tail -q -s 1 -f --pid=$machine "$2/said" &
    wait $machine
    ended=$?
    wait
    machine=
}
# all KERNEL: in as many machines as it takes; what ran when a machine ended has failed.
all() {
    local dir=$top/drivers/$1 name machines=0
    rm -rf "$dir"
    mkdir -p "$dir/log"
    tests "$1" >"$dir/todo"
    wired "$1"
    cp "$dir/todo" "$dir/all"
    while [ -s "$dir/todo" ] && [ $((machines += 1)) -le 6 ]; do
        mv "$dir/todo" "$dir/list"
        boot "$1" "$dir"
        touch "$dir/begun" "$dir/ended"
        [ -e "$dir/over" ] || { echo "---- the machine of $1 $(early "$ended" "$dir") ----"; console "$dir/console"; echo ----; }
        for name in $(grep -vxFf "$dir/ended" "$dir/begun"); do lost "$dir" "$name" "the machine ended $(how "$ended" "$dir") while it ran"; done
        awk 'FILENAME ~ /begun$/ { begun[$1]; next } !($2 in begun)' "$dir/begun" "$dir/list" >"$dir/todo"
        [ -s "$dir/begun" ] || break
    done
    while read -r _ name _; do lost "$dir" "$name" 'no machine was left to run it in'; done <"$dir/todo"
}
lost() { # FOLDER NAME WHY
    echo "not ok  $2: $3"
    echo '0 1 0' >"$1/log/${2//\//_}.count"
}

skipped=0 ran=
for name in ${KERNEL:-$(kernels)}; do
    if ! command -v "qemu-system-x86_64" >/dev/null; then
        why='no qemu-system-x86_64 here (package qemu-system-x86)'
    elif [ ! -e /dev/net/tun ]; then
        why='no /dev/net/tun'
    elif why=$(bash tests/machines/fetch.sh "$name"); then
        [ -z "$why" ] || echo "        $why"
        all "$name"
        ran="$ran $top/drivers/$name/log"
        continue
    fi
    echo "skipped $name: $why"
    skipped=$((skipped + 1))
done
cat /dev/null $([ -z "$ran" ] || find $ran -name '*.count') | awk -v skipped=$skipped '
    { good += $1; bad += $2; skip += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", good, bad, skip + skipped; exit bad != 0 }'
