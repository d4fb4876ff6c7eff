#!/usr/bin/env bash
# The executor in the kernel on a machine that is not as it should be: each time plain words, what mends it, and the rest
# goes on.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - bad surroundings of the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey

# instead SETTING ARGUMENT...: preyrun there with the file system of BPF as the setting says, into out, err and $status.
instead() {
    timeout 30 unshare -m sh -c "$1; shift; exec nsenter --net=/run/netns/$id-prey \"\$@\"" sh x "$bin/preyrun" -i eth0 --exec kernel "${@:2}" \
        >out 2>err </dev/null
    status=$?
}
says() { grep -c -- "$1" err; }

# ---- refused, and nothing is changed ----

open_folder
cp "$bin/preyrun" host.pbc "$open/"
unshare -Urn sh -c "ip link add eth0 type veth peer name other && ip link set eth0 up && cd '$open' && exec ./preyrun --preflight -i eth0 --exec kernel host.pbc" \
    >out 2>err </dev/null
same 'without rights' "$?|$(says 'run preyrun as root, or with the capabilities BPF, NET_ADMIN and PERFMON; use --exec user')" '2|1'
"${CC:-gcc}" -shared -fPIC -D_GNU_SOURCE -o old.so "$top/tests/e2e/live/old_kernel.c" -ldl || ok 1 'an old kernel compiles'
old() { LD_PRELOAD=$work/old.so ASAN_OPTIONS=verify_asan_link_order=0 kernel_alone "$@"; }
old -i eth0 --exec kernel host.pbc
same 'below Linux 5.17' "$status|$(says 'Linux 5.15.0-91-generic is too old for the kernel executor, which needs bpf_loop (Linux 5.17) and is tested from 6.1 on')" '2|1'
old -i eth0 host.pbc
same 'there nobody enforces what is for this machine' "$status|$(says 'which only the kernel executor can block, and that executor can.t run here: Linux 5.15.0-91-generic is too old .*: install a newer kernel (.*); fix that, or add --monitor')" '2|1'
old -i eth0 --monitor --preflight host.pbc
same 'and to watch takes nothing' "$status|$(says 'no obstacles')" '0|1'
forbidden() { timeout 30 nsenter --net="/run/netns/$id-prey" "$bin/tests/tools/tamper" refuse 1 "$(readlink -f "$bin/tests")/../preyrun" "$@" >out 2>err </dev/null; status=$?; }
modules="a security module, lockdown or a container's rules forbid eBPF programs, even to root"
forbidden -i eth0 --exec kernel host.pbc
same 'programs are forbidden to root' "$status|$(says "$modules: dmesg or the audit log shows which; use --exec user$")" '2|1'
forbidden -i eth0 --exec kernel --preflight host.pbc
same 'preflight says so' "$status|$(says "$modules")" '2|1'
forbidden -i eth0 host.pbc
same 'and where nobody has asked for the kernel' "$status|$(says "which only the kernel executor can block, and that executor can.t run here: $modules: dmesg or the audit log shows which; fix that, or add --monitor")" '2|1'
prlimit --memlock=0 "$bin/preyrun" --version >/dev/null 2>&1 && limited='prlimit --memlock=0' || limited=
# shellcheck disable=SC2086
timeout 30 nsenter --net="/run/netns/$id-prey" $limited "$bin/preyrun" -i eth0 --exec kernel --confirm 100ms host.pbc >out 2>err </dev/null
undone 'without memory that may be locked it runs' "$?$(says '^ready: ')" 11
little() { timeout 30 nsenter --net="/run/netns/$id-prey" prlimit --memlock=65536 setpriv --bounding-set=-ipc_lock,-sys_resource "$bin/preyrun" "$@" >out 2>err </dev/null; status=$?; }
for look in --preflight ''; do
    little $look -i eth0 --exec kernel --hook xdp host.pbc
    same "too little of it, and no right to more ${look}" "$status|$(says '^preyrun: only 64 KiB of memory may be locked, and --io xdp and --exec kernel need [0-9]* KiB for frames; to fix it: ulimit -l unlimited')" '2|1'
done
little --preflight -i eth0 --exec kernel host.pbc
same 'traffic control locks none' "$status|$(says 'memory may be locked')" '0|0'
absent='while umount /sys/fs/bpf 2>/dev/null; do :; done' pins_are="isn't a writable BPF file system"
instead "$absent" --on-exit closed host.pbc
same 'to end closed takes pins' "$status|$(says "^preyrun: --on-exit closed: $(pins_are_away), .*to fix it, ")" '2|1'
instead 'mount -o remount,ro,bind /sys/fs/bpf' --preflight host.pbc
same 'preflight loads and proves, and tells of pins' "$status|$(says "notice: /sys/fs/bpf $pins_are")|$(says 'accepts the program, and both executors agree on [0-9,]* test frames')" '0|1|1'
instead "$absent" --preflight --monitor host.pbc
same 'who watches needs none' "$status|$(says "$pins_are")$(says "$(pins_are_away)")" '0|00'
# `ip netns exec` hides what is mounted below /sys. To preyrun the process that mounted it is the first of the machine.
unshare -pfm --mount-proc ip netns exec "$id-prey" true 2>/dev/null && {
    unshare -pfm --mount-proc bash -c 'ip netns exec "$@"; exit $?' sh "$id-prey" "$bin/preyrun" -i eth0 --exec kernel --preflight host.pbc >out 2>err </dev/null
    status=$?
    same 'pins that are hidden' "$status|$(says "^preyrun: notice: the BPF file system at /sys/fs/bpf is hidden, for example by .ip netns exec., so no rules would filter packets if preyrun were killed; to fix it, use nsenter --net=/run/netns/NAME instead$")|$(says "$pins_are")" '0|1|0'
}
instead "$absent" --confirm 100ms host.pbc
undone 'without pins it runs, and says so' "$status$(says "no rules would filter packets if preyrun were killed")" 11

# Frames of more than a page: in pieces, which Linux before 6.6 does not have.
ip -n "$id-prey" link set eth0 mtu 9000
ip -n "$id-client" link set eth0 mtu 9000
if [ -n "${OLD_KERNEL-}" ] || kernel_before 6.6; then
    large='eth0 has an MTU of 9000, and before Linux 6.6 XDP takes only frames that fit into a page: ip link set eth0 mtu [0-9]*'
    for look in --preflight ''; do
        kernel_alone $look -i eth0 --exec kernel --hook xdp host.pbc
        same "large frames are refused${look:+ by preflight}" "$status|$(says "^preyrun: --exec kernel: $large; use --exec user --monitor$")" '2|1'
    done
    kernel_alone --preflight -i eth0 --hook xdp host.pbc
    same 'and nobody enforces what is for this machine' "$status|$(says "which only the kernel executor can block, and that executor can.t run here: $large; fix that, or add --monitor")" '2|1'
    most=$(grep -o 'mtu [0-9]*' err | cut -d' ' -f2)
    ip -n "$id-prey" link set eth0 mtu "$most"
fi
kernel_alone --preflight -i eth0 --exec kernel host.pbc
same 'else they are taken' "$status|$(says 'accepts the program')" '0|1'
echo 'firewall f in default accept { }' | rules none
kernel_alone --preflight -i eth0 --exec kernel none.pbc
same 'a program without rules' "$status|$(says 'accepts the program, which has no rule to check')" '0|1'
ip -n "$id-client" link set eth0 mtu 1500
ip -n "$id-prey" link set eth0 mtu 1500

# ---- one that runs by XDP, while the machine changes (by traffic control: live-hook.sh) ----

box_behind_bridge
address prey br0 10.3.0.1/24 fd00:3::1/64
address box eth0 10.3.0.2/24
from_box() { at box curl -s -m "${2:-5}" "http://10.3.0.1:$1/" || echo "curl $?"; }
kernel_alone --preflight -i br0 -i eth0 --exec kernel --hook xdp host.pbc
same 'preflight knows of a device without XDP of its own' "$status|$(says 'notice: br0 runs XDP programs only in generic mode')|$(says 'eth0 runs XDP')" '0|1|0'
kernel -i br0 --hook xdp host.pbc
same 'a device without XDP of its own has generic' "$(grep -c 'eth0, br0 by kernel (generic)' prey.err) $(grep -c 'notice: br0 runs XDP programs only in generic mode' prey.err) $(from_box 80) $(from_box 8080 0.2)" \
    '1 1 prey curl 28'
refused 'another on the same interface' 'another preyrun named .eth0. already runs here' -i eth0 host.pbc
refused 'also by another name' 'the running instance .eth0. also serves eth0: give each instance its own interfaces$' \
    -i eth0 --name other host.pbc
same 'and is not told to take its program off' "$(says 'xdp off')" 0
same 'which changed nothing' "$(gets 80) $(gets 8080 0.2)" 'prey curl 28'

link_is() { awaits "link: eth0 is $1"; : >prey.err; }
ip -n "$id-prey" link set eth0 mtu 9000
ip -n "$id-client" link set eth0 mtu 9000
same 'a larger MTU' "$(pings -s 8000 -M do 10.1.0.2) $(gets 8080 0.2)" 'answers curl 28'
ip -n "$id-prey" link set eth0 down
link_is down
ip -n "$id-prey" link set eth0 name other
ip -n "$id-prey" link set other up
link_is 'called other now: preyrun doesn'\''t serve that name, and serves eth0 again when it returns'
same 'renamed, it is left: its name counts' "$(gets 80) $(gets 8080)" 'prey prey'
ip -n "$id-prey" link del other
ip -n "$id-prey" link add unused type veth peer name unused2 # so that the number is another
link client eth0 prey eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
link_is back
same 'gone, and back with another number' "$(gets 80) $(gets 8080 0.2) $(from_box 80) $(from_box 8080 0.2)" 'prey curl 28 prey curl 28'
cp host.pbc run.pbc
truncate -s 100 run.pbc
ctl --name eth0 load run.pbc
same 'a program that is none' "$status|$(gets 80) $(gets 8080 0.2)" '2|prey curl 28'
prey_ends
undone 'and it undoes everything' "$status" 0
adds_up 'every frame has one verdict'
exit $failed
