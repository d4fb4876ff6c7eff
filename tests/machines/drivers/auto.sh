#!/usr/bin/env bash
# What `preyrun` chooses where nobody says who judges and by which way frames come: auto.sh DRIVER, in a machine of run.sh. Each job is carried by it,
# and what keeps programs off a card is said with the command that mends it, which does.
set -u
EXEC=
. tests/e2e/live/lib.sh
driver=$1
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
. "$top/tests/machines/drivers/lib.sh"
live_begin
cables "$driver"
# start JOB: ready, by the way that it has chosen.
start() {
    prey prey --format json -i wan -i lan "$1.pbc"
    grep -E '^(--exec auto|ready|.*notice)' prey.err | sed "s/^/# $1: /"
}
chosen() { grep '^--exec auto' prey.err | sed 's/^--exec auto: \(kernel\|user\).*/\1/'; }
# The kernel has LRO off where it forwards: an end must not bring it back where forwarding has begun since.
if [ "$driver" = vmxnet3 ]; then
    job passthrough
    start passthrough
    at prey sysctl -q -w net.ipv4.ip_forward=1
    prey_ends
    same 'LRO stays off where this machine forwards by then' "$(at prey ethtool -k wan | sed -n 's/^large-receive-offload: //p')" off
    at prey sysctl -q -w net.ipv4.ip_forward=0
    for d in wan lan; do at prey ethtool -K $d lro on; done
    for p in $servers; do kill "$p"; done
    servers=
fi
for name in host passthrough proxy router nat; do
    job $name # forwarding takes LRO off
    for d in wan lan; do kept $d >before.$d; done
    start $name
    same "$name: it takes the kernel" "$(chosen)" kernel
    for d in wan lan; do
        kept $d >during.$d
        same "$name: $d: what was turned off is said" "$(said_off $d)" "$(went_off before.$d during.$d)"
    done
    case $driver in e1000e) hook=none ;; *) hook=$(native "$driver") ;; esac
    [ $hook != generic ] || hook=none
    same "$name: by XDP where the driver has it, else by traffic control" "$(mode wan) $(mode lan)" "$hook $hook"
    carried 4
    prey_sums "$name"
    for d in wan lan; do
        kept $d >after.$d
        diff before.$d after.$d >out
        same "$name: $d is as it was" "$?" 0
        sed 's/^/# /' out
    done
    for p in $servers; do kill "$p"; done
    servers=
    at prey sysctl -q -w net.ipv4.ip_forward=0
done

# mends SENTENCE SAID: a start by XDP is refused with these words and a command, which is run, and then it takes the kernel.
mends() {
    seeing prey timeout 100 "$bin/preyrun" --preflight -i wan -i lan router.pbc >out 2>err </dev/null
    sed 's/^/# /' err
    grep -q "^--exec auto: user, because .*$2" err
    ok $? "$1: user space serves, and it is said why"
    command=$(sed -n 's/^--exec auto: user, because .*; to fix it: \([^;]*\).*/\1/p' err)
    at prey $command
    ok $? "$1: $command"
}
if [ "$driver" = virtio_net ]; then
    job router
    for n in 1 3; do
        at prey ethtool -L wan combined $n
        start router
        same "$n pairs of queues: it takes user space" "$(chosen)" user
        carried 4
        prey_sums "$n pairs of queues"
        mends "$n pairs of queues" 'wan (virtio_net)'
        start router
        same "$n pairs of queues, mended: it takes the kernel, in the driver" "$(chosen) $(mode wan)" 'kernel native'
        prey_ends
    done
fi
exit $failed
