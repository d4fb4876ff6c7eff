#!/usr/bin/env bash
# What a kernel or a driver refuses at the start itself (tests/tools/tamper), with programs that fit there: where nobody says
# who judges, user space does, one line says why, and nothing of the try is left on a device; --exec kernel is refused in words,
# with nothing left.
set -u
EXEC=
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
[ -n "$files_of_bpf" ] || { echo 'ok - what is refused at the start # SKIP this machine lets us mount no file system of BPF'; exit 0; }
between one
web one
{ echo 'pool farm { source 10.2.0.50; server one 10.2.0.2 }' && echo 'service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }' &&
    echo 'firewall f default accept { drop tcp to 10.1.0.100 port 4321 as SHUT }'; } | rules shop
echo 'firewall host in default accept { drop tcp port 4321 as SHUT }' | rules host
real=$(readlink -f "$bin/tests")/..
mkdir tampered
bin=$PWD/tampered
printf '#!/bin/sh\nexec %s/tests/tools/tamper $(cat %s/change) %s/preyrun "$@"\n' "$real" "$PWD" "$real" >tampered/preyrun
chmod +x tampered/preyrun
ln -s "$real/preyctl" "$real/tests" tampered

# on_devices: what stands on the devices and is pinned.
on_devices() {
    at prey ip link show 2>/dev/null | grep -c 'xdp'
    ip netns exec "$id-prey" nft list tables 2>/dev/null | grep -c prey
    find /sys/fs/bpf/prey -type f 2>/dev/null | grep -c .
}
nothing() { same "$1: nothing is left" "$(on_devices | xargs)" '0 0 0'; }
# falls SENTENCE CHANGE WHY: user space serves then, and says so.
falls() {
    echo "$2" >change
    prey prey -i wan -i lan --hook xdp --format json shop.pbc
    same "$1: user space serves" "$(ask client 10.1.0.100/) $(grep -c '^ready:.* by kernel' prey.err)" 'one 0'
    same 'its start says why' "$(sed -n 's/^--exec auto: //p' prey.err | grep -c "^user, because .*$3") $(grep -c '^--exec' prey.err)" '1 1'
    same 'no device has a program' "$(on_devices | head -1)" 0
    ctl status
    same 'so does its status' "$(grep -c "^judged in user space: .*$3" out)" 1
    prey_sums "$1"
    nothing "$1"
}
# refused SENTENCE CHANGE WHY: with --exec kernel it ends.
refused() {
    echo "$2" >change
    timeout 60 nsenter "--net=/run/netns/$id-prey" "$bin/preyrun" --exec kernel --hook xdp --workers 1 -i wan -i lan shop.pbc >out 2>err </dev/null
    same "$1: --exec kernel is refused" "$? $(grep -c "$3" err)" '2 1'
    nothing "$1"
}

unsupported=95 no_room=28
falls 'a driver that refuses' "driver $unsupported" 'the driver of wan supports XDP programs, but rejects one now (Operation not supported)'
falls 'a device that takes no program' "attach $no_room" 'the driver of wan supports XDP programs, but rejects one now (No space left on device)'
refused 'a device that takes no program' "attach $no_room" '^preyrun: wan: the eBPF program for arriving packets can.t be attached: No space left on device'
falls 'a verifier that refuses' '4321 -' 'verifier rejects judge_.*unknown opcode'
refused 'a verifier that refuses' '4321 -' 'verifier rejects judge_.*unknown opcode.*use --exec user'
falls 'a judge that differs' '4321 4322' 'internal error: the two executors disagree'
falls 'a kernel before 5.17' 'ancient -' 'too old for the kernel executor, which needs bpf_loop'
refused 'a kernel before 5.17' 'ancient -' 'too old for the kernel executor, which needs bpf_loop.*use --exec user'
falls 'a kernel that forbids programs' 'refuse 1' "a security module, lockdown or a container's rules forbid eBPF programs"

# What this process could only watch goes on in the kernel's generic way, and the start says so.
echo "driver $unsupported" >change
prey prey -i wan --hook xdp host.pbc
same 'rules that only the kernel enforces: it does' "$(grep -c '^--exec auto: kernel' prey.err) $(grep -c '^ready:.* by kernel (generic)' prey.err) $(grep -c 'notice: wan runs XDP programs only in generic mode' prey.err)" '1 1 1'
prey_ends
nothing 'in generic mode'

# A driver that takes one: what stood there to try is the program that judges, in the driver.
echo '4321 4321' >change
prey prey -i wan -i lan --hook xdp shop.pbc
same 'a driver that takes it' "$(ask client 10.1.0.100/) $(grep -c '^ready:.* by kernel, ' prey.err) $(on_devices | tr '\n0' '  ' | wc -w)" 'one 1 3'
prey_ends
nothing 'a driver that takes it'
exit $failed
