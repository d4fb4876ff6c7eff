#!/usr/bin/env bash
# Who judges where nobody says: the kernel wherever all rules fit there, user space for what it alone does, what would come up
# without a bound, and where the kernel or a device has no part in it. One line says which, and why.
set -u
EXEC=
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
[ -n "$files_of_bpf" ] || { echo 'ok - who judges where nobody says # SKIP this machine lets us mount no file system of BPF'; exit 0; }
between one
web one

# One CPU: more than four are a reason for user space.
cpu=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
there() { timeout 30 taskset -c "$cpu" nsenter "--net=/run/netns/$id-prey" "$@" >out 2>err </dev/null; }
said() { sed -n 's/^--exec auto: //p' err | cut -c1-"${1:-60}"; }
# chooses SENTENCE WANTED OPTION...: the line of a start that only looks begins so. looks: the same after whatever runs it there.
looks() {
    local sentence=$1 wanted=$2
    shift 2
    there "$@" --preflight
    same "$sentence" "$? $(said ${#wanted})" "0 $wanted"
}
chooses() {
    local sentence=$1 wanted=$2
    shift 2
    looks "$sentence" "$wanted" "$bin/preyrun" "$@"
}
fits='kernel, because the kernel executor supports all rules'

pool='pool farm { source 10.2.0.50; server one 10.2.0.2 }'
{ echo "$pool" && echo 'service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }'; } | rules shop
{ cat shop.prey && echo 'firewall f to 10.1.0.100 default accept { drop tcp port 4321 as SHUT }'; } | sed '/^firewall/s/ to 10.1.0.100//; s/drop tcp/drop tcp to 10.1.0.100/' | rules guarded
echo 'nat n { masquerade from 10.2.0.0/24 out on "wan" }' | rules masks
echo 'firewall f forward default accept { drop udp port 9 }' | rules router
{ echo "$pool" && echo 'service p on 10.1.0.2 tcp/8080 { mode proxy; -> farm }'; } | sed 's/source 10.2.0.50; //' | rules proxied
echo 'firewall f forward default accept { accept state established; drop vlan 5 inner 7 }' | rules tagged
{ cat shop.prey && echo 'firewall f in default accept { decap ipip from 10.1.0.9 to self as OPENS }'; } | rules opens
{ echo 'pool far { server one 10.2.0.2 }' && echo 'service w on 10.2.0.2 tcp/80 { mode proxy inline; -> far }'; } | rules wire
{ echo 'pool far { server one 10.2.0.2 }' && echo 'service w on 10.2.0.2 tcp/80 { mode proxy inline; splice packets; -> far }'; } | rules spliced
{ echo 'service w on any tcp/80 { mode proxy inline; when bytes payload at 0 is x"47" -> reject; else -> pass }'; } | rules passing

# ---- the kernel ----

chooses 'a service' "$fits" -i wan -i lan shop.pbc
chooses 'a nat' "$fits" -i wan -i lan masks.pbc
chooses 'a proxy' "$fits" -i wan -i lan proxied.pbc
at prey sysctl -q -w net.ipv4.ip_forward=1
chooses 'a router' "$fits" -i wan -i lan router.pbc
chooses 'connections that are spliced' "$fits" -i wan -i lan spliced.pbc
chooses 'connections that pass' "$fits" -i wan -i lan passing.pbc
chooses 'one worker, asked for' "$fits" -i wan -i lan --workers 1 shop.pbc
chooses 'a recording of samples' "$fits" -i wan -i lan --record kept --record-sample 100 shop.pbc

# ---- user space ----

at prey sysctl -q -w net.ipv4.ip_forward=0
chooses 'where this machine forwards nothing' 'user, because IP forwarding is off (net.ipv4.ip_forward=0), so the kernel executor would pass every packet that prey forwards to preyrun' -i wan -i lan router.pbc
chooses 'tunnels' 'user, because `decap` opens tunnels' -i wan -i lan opens.pbc
same 'preyc --stats tells it' "$("$bin/preyc" --stats opens.prey | grep -c 'all packets of `tunnel` go to user space, so `preyrun --exec auto` starts the user-space executor')" 1
chooses 'connections in the wire' 'user, because service `w` keeps its inline connections in sockets, so all their packets would go to preyrun' -i wan -i lan wire.pbc
chooses 'second tags' 'user, because rules match a second VLAN tag' -i wan -i lan tagged.pbc
chooses 'a bridge' 'user, because only the user-space executor supports --bridge' --bridge wan:lan router.pbc
chooses '--monitor' 'user, because --monitor only counts' -i wan -i lan --monitor shop.pbc
chooses '--io packet' 'user, because --io packet is only for the user-space executor' -i wan -i lan --io packet shop.pbc
chooses 'several workers' 'user, because --workers 2 asks for several workers' -i wan -i lan --workers 2 shop.pbc
chooses 'little memory for rings' 'user, because --ring is too small' -i wan -i lan --ring 1MiB shop.pbc
chooses 'a recording of all frames' 'user, because --record keeps every frame in user space' -i wan -i lan --record kept shop.pbc

# ---- this machine ----

"${CC:-gcc}" -shared -fPIC -o many.so "$top/tests/e2e/live/many_cpus.c" || ok 1 'many CPUs compile'
many() { looks "$1" "$2" env "LD_PRELOAD=$work/many.so" ASAN_OPTIONS=verify_asan_link_order=0 "$bin/preyrun" -i wan -i lan "${@:3}"; }
many 'more workers than one replaces' 'user, because 8 workers open more connections per second' shop.pbc
many 'unless one is asked for' "$fits" --workers 1 shop.pbc
many 'a proxy has connections begun by loops' "$fits" proxied.pbc
bare() { there unshare -m sh -c "$1; exec \"\$@\"" sh "$bin/preyrun" --preflight -i wan -i lan shop.pbc; }
bare 'while umount /sys/fs/bpf 2>/dev/null; do :; done'
status=$?
nowhere=$(pins_are_away)
same 'nowhere to pin' "$status $(said $((14 + ${#nowhere})))" "0 user, because $nowhere"
bare 'mount -t tmpfs none /dev/net'
same 'no TUN device' "$? $(said | cut -c1-13) $(said 400 | grep -c tun)" '0 user, because 1'
little() { looks "$1" "$2" prlimit --memlock=65536 setpriv --bounding-set=-ipc_lock,-sys_resource "$bin/preyrun" -i wan -i lan "${@:3}"; }
little 'no memory that may be locked' 'user, because the limit on locked memory is too low for the kernel executor'\''s frames' --hook xdp shop.pbc
little 'of which traffic control takes none' "$fits" shop.pbc
tampered() { "$bin/tests/tools/tamper" "$@"; }
real=$(readlink -f "$bin/tests")/../preyrun
looks 'a kernel that forbids programs' "user, because a security module, lockdown or a container's rules forbid eBPF programs" \
    "$bin/tests/tools/tamper" refuse 1 "$real" -i wan -i lan shop.pbc
looks 'a verifier that refuses' 'user, because the kernel' "$bin/tests/tools/tamper" 4321 - "$real" -i wan -i lan guarded.pbc
same 'in its words' "$(said 400 | grep -c "verifier rejects .*unknown opcode") $(said 400 | grep -c 'use --exec user')" '1 0'
looks 'a judge that differs' 'user, because internal error' "$bin/tests/tools/tamper" 4321 4322 "$real" -i wan -i lan guarded.pbc

# ---- devices ----

ip -n "$id-prey" link add link wan name mac0 type macvlan
ip -n "$id-prey" link set mac0 up
chooses 'a device of software' "$fits" -i mac0 -i lan shop.pbc
chooses 'by XDP' 'user, because mac0 (macvlan) has super-packets' -i mac0 -i lan --hook xdp shop.pbc
ip -n "$id-prey" link del mac0
# theirs: an XDP program of another process stands on lan.
theirs() { at prey ip link set dev lan xdpdrv obj "${bin%/san}/runtime/io/steer/steer.bpf.o" sec xdp.frags; }
theirs
chooses 'an XDP program of another process' "$fits" -i wan -i lan shop.pbc
same 'which this tells of' "$(grep -c 'lan has an XDP program .* which sees frames first' err)" 1
chooses 'where there can be only one' 'user, because lan has an XDP program of another process' -i wan -i lan --hook xdp shop.pbc
chooses 'unless that is to go' "$fits" -i wan -i lan --hook xdp --xdp-replace shop.pbc
same 'and this is said' "$(grep -c -- '--xdp-replace removes XDP program [0-9]* from lan for good' err)" 1
chooses 'where user space serves it is not' 'user, because --record keeps every frame in user space' -i wan -i lan --xdp-replace --record kept shop.pbc
same 'and that is said, too' "$(grep -c 'XDP program .* from lan for good' err) $(grep -c 'lan has an XDP program .* which sees frames first' err)" '0 1'
at prey ip link set dev lan xdpdrv off
at inside ethtool -K port1 gro off
chooses 'a veth that takes no packets from XDP programs' "$fits" -i wan -i lan shop.pbc
chooses 'by XDP' 'user, because lan (veth) takes no packets from XDP programs' -i wan -i lan --hook xdp shop.pbc

# ---- it runs ----

prey prey -i wan -i lan --hook xdp --format json shop.pbc
same 'user space serves' "$(ask client 10.1.0.100/) $(grep -c '^--exec auto: user, because lan (veth)' prey.err)" 'one 1'
ctl status
same 'status says why' "$(grep -c '^judged in user space: lan (veth) takes no packets from XDP programs' out)" 1
prey_sums 'in user space'
at inside ethtool -K port1 gro on
prey prey -i wan -i lan --format json shop.pbc
same 'the kernel serves' "$(ask client 10.1.0.100/) $(grep -c "^--exec auto: $fits\$" prey.err) $(grep -c '^--exec' prey.err)" 'one 1 1'
ctl status
same 'status says it, and what came up' "$(grep -c '^judged in the kernel: the kernel executor supports all rules$' out) $(grep -c '^finished in the kernel: .* begin [0-9]' out)" '1 1'
ctl load opens.pbc
ctl status
same 'rules that would not fit are judged there all the same, and status says so' \
    "$(grep -c '^judged in the kernel: as at the start, though `decap` opens tunnels' out) $(ask client 10.1.0.100/)" '1 one'
prey_sums 'in the kernel'
sed '/^limits/d' shop.prey >unbounded.prey
"$bin/preyc" unbounded.prey -o unbounded.pbc >/dev/null
theirs
prey prey -i wan -i lan --hook xdp --xdp-replace unbounded.pbc
same 'the start tells what memory it has taken for connections' "$(grep -c '^ready: .*, room for [0-9,]* connections in [0-9,]* MB$' prey.err)" 1
same 'the kernel judges, in the place of another XDP program' "$(ask client 10.1.0.100/) $(grep -c '^ready: .* by kernel, ' prey.err)" 'one 1'
prey_ends
same 'which does not come back' "$(at prey ip link show lan | grep -c xdp)" 0
prey prey -i wan -i lan opens.pbc
ctl load shop.pbc
ctl status
same 'and the other way round' "$(grep '^judged' out)" 'judged in user space: the rules at the start needed user space; a restart may choose the kernel'
prey_ends
exit $failed
