#!/usr/bin/env bash
# --preflight: all that stands in the way, not only the first, each in plain words with what mends it; and nothing is changed.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey wan
link client eth1 prey lan
link client eth2 prey spare
address prey wan 10.1.0.2/24 fd00:1::2/64
address prey lan 10.2.0.2/24
rules shop <<'RULES'
pool web { server one 10.2.0.9:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
rules large <<'RULES'
limits { flows 100_000_000 }
pool web { server one 10.2.0.9:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
rules strict <<'RULES'
firewall edge in default drop { accept tcp port 22 }
RULES
# looked STATUS LINES ARGUMENT...: what is said but for who judges, which is live-auto's, each once, in this order; and nothing is left of it. Modules of tunnels, where a
# kernel has loaded them, put a device of their own into each network namespace.
looked() {
    local sentence=$1 wanted=$2 lines=$3
    shift 3
    at prey "$bin/preyrun" --preflight "$@" >out 2>err </dev/null
    same "$sentence" "$? $(sed -E '/^--exec auto: /d; s/[0-9]+ MiB/N MiB/g; s/process [0-9]+/process N/; s/number [0-9]+/number N/; s/^preyrun: //; s/\b(tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip6gre0|ip_vti0|ip6_vti0), //g' err)$(cat out)" "$wanted $lines"
}
fine='preflight: no obstacles'
has_carrier() { ip -n "$id-prey" link show dev "$1" | grep -q 'state UP'; }
for device in wan lan; do until_true 100 "$device has a carrier" has_carrier $device; done
looked 'nothing' 0 "$fine" -i wan -i lan shop.pbc

# Several at once: of the rules, the interfaces, the name, the log.
prey prey -i wan -i lan --name taken shop.pbc
ip -n "$id-prey" link set lan down
looked 'all findings, not only the first' 2 "strict.prey:1 may drop this machine's own traffic, which only the kernel executor can block: start without --exec user, or add --monitor to count that traffic and let it pass
notice: not judged: no firewall judges packets that arrive on wan: -i doesn't name it (open)
notice: not judged: no firewall judges packets that arrive on spare: -i doesn't name it (open)
lan is down; to fix it: ip link set lan up
there is no interface \`eth7\`; there are: lo, wan, lan, spare
another preyrun named \`taken\` already runs here (process N): use \`preyctl load\` to change its rules, or \`preyctl takeover\` to change its options or version
--log: none: No such file or directory; to fix it: mkdir -p none" -i lan -i eth7 --exec user --name taken --log text:none/log strict.pbc
until_true 100 'spare has a carrier' sh -c "ip -n $id-prey link show spare | grep -q 'state UP'"
# As if systemd had started it: its unit is named, and how to end it.
echo '0::/system.slice/system-preyrun.slice/preyrun@taken.service' >group
mount --bind group "/proc/$prey/cgroup"
looked 'a service of systemd' 2 "another preyrun named \`taken\` already runs here (preyrun@taken): use \`preyctl load\` to change its rules, or \`preyctl takeover\` to change its options or version; to end it, run: systemctl stop preyrun@taken" -i wan --name taken shop.pbc
umount "/proc/$prey/cgroup"
looked 'the name of one that serves others' 2 "another preyrun named \`taken\` already runs here (process N): choose another --name" -i spare --name taken shop.pbc
prey_ends
looked 'the host is looked at without rules, too' 2 "none.pbc: No such file or directory
lan is down; to fix it: ip link set lan up" -i lan none.pbc
ip -n "$id-prey" link set lan up
until_true 100 'lan has a carrier' sh -c "ip -n $id-prey link show lan | grep -q 'state UP'"

looked 'a log that is a folder' 2 "--log: $work: Is a directory" -i wan -i lan --log "text:$work" shop.pbc
background prey nc.openbsd -l -k 127.0.0.1 8404
until_true 100 'somebody has the port' at prey nc.openbsd -z 127.0.0.1 8404
looked 'a port of statistics that is taken' 2 '--stats 127.0.0.1:8404: another program listens there; to find it, run: ss -ltnp' \
    -i wan -i lan --stats 127.0.0.1:8404 shop.pbc
if [ ! -e /dev/log ]; then
    looked 'no system log' 2 "--log: the system's log (/dev/log) can't be reached: No such file or directory; to fix it: use --log text, or start a system log" -i wan -i lan --log text:syslog shop.pbc
fi

# What a start would write: a recording, and what has to be undone.
mkdir -m 700 full
mount -t tmpfs -o size=64k,mode=700 none full
trap 'umount -l "$work/full" 2>/dev/null; live_end' EXIT
mkdir -m 755 open
looked 'a recording' 0 "$fine" -i wan -i lan --record kept shop.pbc
same 'for which no directory is made' "$(ls -d kept 2>&1 | grep -c 'No such')" 1
looked 'a directory that others may read' 2 '--record open: other users may read the directory; to fix it, run: chmod 700 open' -i wan -i lan --record open shop.pbc
looked 'a directory in none' 2 '--record none/rec: No such file or directory; to fix it: mkdir -p none' -i wan -i lan --record none/rec shop.pbc
head -c 100000 /dev/zero >full/filler 2>/dev/null
looked 'a full disk' 2 '--record full/rec: No space left on device; to fix it: make room there, or name another directory' -i wan -i lan --record full/rec shop.pbc
timeout 20 nsenter --net="/run/netns/$id-prey" "$bin/preyrun" -i wan -i lan --record full/rec shop.pbc >out 2>err </dev/null
same 'a start says that, too' "$? $(grep -cxE 'preyrun: --record:? full/rec: No space left on device; to fix it: make room there, or name another directory' err)" '2 1'
for look in --preflight ''; do
    # shellcheck disable=SC2086
    timeout 20 nsenter --net="/run/netns/$id-prey" unshare -m sh -c 'mount --bind "$1" /run && shift && exec "$@"' sh "$work/full" \
        "$bin/preyrun" $look -i wan -i lan shop.pbc >out 2>err </dev/null
    same "no room for what has to be undone ${look}" "$? $(grep -cE '^preyrun: /run/prey.*: the record of changes can'\''t be written: No space left on device; make room in /run$' err)" '2 1'
done
umount full
trap live_end EXIT

# Others who use the same: worth a line each, and status 0.
at prey nft "table netdev theirs { chain out { type filter hook egress device \"lan\" priority 0; }; }"
background prey python3 -c "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 61005)); open('bound', 'w'); time.sleep(60)"
until_true 100 'a socket is bound' [ -e bound ]
looked 'sockets and rules of others' 0 "notice: the nftables table \`theirs\` has rules for packets that leave by lan, including packets that prey forwards; to fix it: nft list table netdev theirs
notice: 1 socket of this machine uses udp ports that translation takes, such as 61005: nothing reaches it while prey runs; \
to see the programs, run: ss -anpu sport = :61005
$fine" -i wan -i lan shop.pbc
kill "$last"
wait "$last" 2>/dev/null
at prey nft delete table netdev theirs
if at prey tc qdisc add dev lan clsact 2>/dev/null &&
    at prey tc filter add dev lan egress protocol ip prio 1 u32 match u32 0 0 flowid 1:1 2>/dev/null; then
    looked 'filters of tc' 0 "notice: lan has tc filters that see leaving packets and may drop or redirect some; to fix it: tc filter \
show dev lan egress
$fine" -i wan -i lan shop.pbc
    at prey tc qdisc del dev lan clsact
fi
looked 'more memory than there is' 0 "notice: full flow tables and rings take N MiB, and only N MiB are free; to fix it: set \`limits { flows N }\` in the rules, fewer --workers or a smaller --ring
$fine" -i wan -i lan --workers 16 large.pbc

at prey nft "table ip theirs { chain out { type nat hook postrouting priority srcnat; masquerade; }; }"
looked 'others who translate' 0 "notice: the nftables table \`ip theirs\` also translates, perhaps to ports that prey's \`nat\` uses\
; to fix it: write \`masquerade to :1024-60999\` in its rules
$fine" -i wan -i lan shop.pbc
at prey nft delete table ip theirs
at prey sysctl -q -w net.ipv4.ip_local_port_range='61000 61100'
looked 'no port would be left' 2 "no ports are left for both translation and this machine's own connections: write \`ports 1024-32767\` in the nat, or run: sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"" -i wan -i lan shop.pbc
at prey sysctl -q -w net.ipv4.ip_local_port_range='32768 60999'

# Another program on the interface.
at prey ip link set dev lan xdpdrv obj "${bin%/san}/runtime/io/steer/steer.bpf.o" sec xdp.frags
tags="notice: --io xdp: a VLAN tag that the sender's kernel keeps outside the frame is lost on lan (veth); to fix it, run at the peer: ethtool -K DEVICE txvlan off tx-vlan-stag-hw-insert off"
looked 'another XDP program' 2 "lan has an XDP program (number N) of another process, and an interface takes only one; to fix it: --xdp-replace, or ip link set \
dev lan xdp off, or end that process" -i lan --io xdp shop.pbc
looked 'and to a packet socket' 0 "notice: lan has an XDP program (number N) of another process, which sees frames first and may drop or redirect some; to fix it: ip link set dev lan xdp off, or end that process
$fine" -i wan -i lan shop.pbc
ip -n "$id-prey" link set dev lan xdp off

# The machine itself lacks something. lacks FOLDER ARGUMENT...: likewise, with nothing in the folder.
rules proxied <<'RULES'
pool web { server one 10.2.0.9:80 }
service shop on 10.1.0.100 tcp/80 { mode proxy; announce; -> web }
RULES
lacks() {
    unshare -m sh -c 'mount -t tmpfs none "$1" && shift && exec nsenter --net="$@"' sh "$1" "/run/netns/$id-prey" "$bin/preyrun" --preflight -i wan -i lan "${@:2}" >out 2>err </dev/null
    echo "$? $(grep -v '^--exec auto' err)"
}
same 'no types of the kernel' "$(lacks /sys/kernel/btf --exec user proxied.pbc)" "0 preyrun: notice: prey can't hold back stray packets for \`mode proxy\`, so this machine replies to them with resets: the kernel has no type information (BTF): /sys/kernel/btf/vmlinux is missing (CONFIG_DEBUG_INFO_BTF)
$fine"
# So does the first reload that brings such a service, once.
mkdir blind
printf '#!/bin/sh\nexec unshare -m sh -c "mount -t tmpfs none /sys/kernel/btf && exec \\"\\$@\\"" sh "%s" "$@"\n' "$(readlink -f "$bin/preyrun")" >blind/preyrun
chmod +x blind/preyrun
ln -s "$(readlink -f "$bin/preyctl")" blind/preyctl
here=$bin bin=$PWD/blind
gateless="^preyrun: notice: prey can't hold back stray packets for .mode proxy., .*: the kernel has no type information (BTF): .*(CONFIG_DEBUG_INFO_BTF)$"
prey prey -i wan -i lan --exec user shop.pbc
same 'where nothing is for the proxy, nothing is told' "$(grep -c "can't hold back" prey.err)" 0
ctl load proxied.pbc
same 'a reload that brings it is taken' "$status $(cat err)" '0 '
hears 'and told' "$gateless"
ctl load shop.pbc
ctl load proxied.pbc
prey_ends
same 'once' "$(grep -c "can't hold back" prey.err)" 1
prey prey -i wan -i lan --exec user proxied.pbc
ctl load shop.pbc
ctl load proxied.pbc
prey_ends
same 'what the start has told, no reload tells' "$(grep -c "$gateless" prey.err) $(grep -c "can't hold back" prey.err)" '1 1'
bin=$here
same 'no TUN devices' "$(lacks /dev/net proxied.pbc)" '2 preyrun: /dev/net/tun is missing, and preyrun needs it to return packets to this machine; to fix it, run: modprobe tun; if that module is missing, install more modules (linux-modules-extra-…) or a kernel with CONFIG_TUN; in a container, start it with --device /dev/net/tun'
modes() {
    unshare -m sh -c 'mount -t tmpfs none /dev/net && mknod -m 0 /dev/net/tun c 10 200 && exec setpriv --bounding-set=-dac_override nsenter --net="$@"' \
        sh "/run/netns/$id-prey" "$bin/preyrun" --preflight -i wan -i lan proxied.pbc >out 2>err </dev/null
    echo "$? $(grep -o '/dev/net/tun can.t be opened.*' err)"
}
same 'a file that may not be opened' "$(modes)" "2 /dev/net/tun can't be opened: its mode is 0000, its owner user 0 and group 0; to fix it, run: chmod 666 /dev/net/tun, or run preyrun as root"
same 'which nobody needs' "$(lacks /dev/net shop.pbc)" "0 $fine"
at prey "$bin/tests/tools/tamper" refuse 1 "$bin/preyrun" --preflight --io xdp -i lan shop.pbc >out 2>err </dev/null
same 'no programs' "$? $(grep -c "^preyrun: --io xdp: prey can't load the eBPF program that chooses frames for it; use --io packet, or remove the cause: the kernel doesn't let preyrun load eBPF programs: the capability .*$" err)" '2 1'

at prey "$bin/tests/tools/tamper" refuse 22 "$bin/preyrun" --preflight -i wan -i lan proxied.pbc >out 2>err </dev/null
same 'nor that of the proxy' "$? $(grep -c "^preyrun: notice: prey can't hold back stray packets for .mode proxy., .*: the kernel rejects prey's eBPF program; lockdown, a security module or a container's rules may forbid it (dmesg or the audit log shows which)$" err)" '0 1'

{ cat shop.prey; echo 'firewall tagged forward default drop { accept vlan 5 }'; } | rules tagged
looked 'tags that rules ask for, and nobody sees' 0 "$tags
notice: not judged: no firewall judges packets that are forwarded from wan: -i doesn't name it (open)
notice: not judged: no firewall judges packets that are forwarded from spare: -i doesn't name it (open)
$fine" -i lan --io xdp --workers 1 tagged.pbc
looked 'rules that ask for none lose none' 0 "$fine" -i lan --io xdp --workers 1 shop.pbc

# One of ours: it is named, and nothing said takes its program off.
prey prey -i lan --io xdp --name first shop.pbc
served='the running instance `first` also serves lan: give each instance its own interfaces'
looked 'an instance that runs' 2 "$served" -i lan --io xdp shop.pbc
looked 'not even where others may be' 2 "$served" -i lan --io xdp --xdp-replace shop.pbc
looked 'and to a packet socket, too' 2 "$served" -i wan -i lan shop.pbc
prey_ends
same 'nothing was changed' "$(at prey nft list ruleset)$(ls "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")" 2>/dev/null)" ''
exit $failed
