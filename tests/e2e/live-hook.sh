#!/usr/bin/env bash
# Traffic control takes what arrives on devices of software (--hook): no XDP program stands on a cable, so it stays as it came, and
# super-packets arrive whole; a packet goes on once or not at all, and what comes up is answered; and a next start may take the other hook.
set -u
EXEC=user # where it says no other
HOOK=     # likewise
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - traffic control takes what arrives # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
at prey ethtool -K eth0 tx-vlan-stag-hw-insert on txvlan on >/dev/null 2>&1 # cables as they come
box_behind_bridge
address prey br0 10.3.0.1/24
address box eth0 10.3.0.2/24
ip -n "$id-box" route add default via 10.3.0.1
for name in prey client box; do web $name; done
udp prey 53
payload 8000000 client box
cat >body <<'RULES'
firewall edge in default drop {
  accept state established, related as ANSWER
  accept icmp6 type nd as ND
  reject vlan 5 tcp port 81 with rst as TAGGED
  drop vlan 6 as SIX
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
  mirror to file "copies.pcapng" limit 10MiB udp port 53 as COPY
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  reject tcp port 81 as SHUT
  reject udp port 9 as CLOSED
}
firewall manners out default accept {
  drop tcp source port 81 as OWN
  drop icmp type 3 as OWN4
  drop icmp6 type 1 as OWN6
}
RULES
rules host <body
{ sed 's/^  accept tcp port 80/  accept tcp to 10.1.0.100\n&/' body && echo 'pool farm { source 10.3.0.1; server one 10.3.0.2 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }'; } | rules shop
sed 's/passthrough; announce/dsr ipip/; s/pool farm { source 10.3.0.1;/pool farm {/' shop.prey | rules tunnel
sed 's/^  drop vlan 6/  drop vlan 7 inner 8 as DOUBLE\n&/' body | rules twice

features() { at prey ethtool -k eth0; at client ethtool -k eth0; }
hook() { ctl --name eth0 status; sed -n 's/^taken at: //p' out; }
sends() { at "$1" python3 "$top/tests/e2e/live/send.py" eth0 "$2.pcap" >/dev/null; }
# fragments NAME: of datagrams in fragments, of each family, that the stack there has been given.
fragments() { at "$1" awk '/^Ip: [0-9]/ { four = $15 } /^Ip6ReasmReqds/ { six = $2 } END { print four + 0, six + 0 }' /proc/net/snmp /proc/net/snmp6; }
# in_fragments NAME COMMAND...: how many more by the command. more_fragments NAME COUNT: have so many of IPv4 come?
in_fragments() {
    local before after
    before=$(fragments "$1")
    "${@:2}" >/dev/null 2>&1
    after=$(fragments "$1")
    echo "$((${after% *} - ${before% *})) $((${after#* } - ${before#* }))"
}
more_fragments() { [ "$(fragments "$1" | cut -d' ' -f1)" -ge "$2" ]; }

# ---- a cable ----

before=$(features)
kernel host.pbc
same 'traffic control takes what arrives by a cable' "$(hook) $(on_device) $(pinned)" 'eth0 tc 0 4'
same 'nothing of it was changed' "$(features)" "$before"
same 'what is accepted' "$(gets 80) $(ask client '[fd00:1::2]/') $(talk client 10.1.0.2 | cut -d' ' -f1) $(pings 10.1.0.2) $(pings fd00:1::2)" 'prey prey prey answers answers'
same 'what is dropped reaches no socket' "$(gets 8080 0.2)" 'curl 28'
same 'what is rejected is answered' "$(gets 81) $(refused_by client 10.1.0.2 9) $(refused_by client fd00:1::2 9)" 'curl 7 refused refused'
same 'what it asks is answered' "$(ask prey 10.1.0.1/) $(ask prey '[fd00:1::1]/')" 'client client'
sniff whole.pcap prey eth0 -s 64 greater 3000
fetches 'in bulk' prey 10.1.0.1
sniffed
same 'super-packets arrive whole' "$([ "$(frames_of whole.pcap)" -gt 20 ] && echo many)" many

# The stack is given each fragment once, and none that is dropped.
same 'fragments that are accepted' "$(in_fragments prey pings -s 4000 10.1.0.2) $(in_fragments prey pings -s 4000 fd00:1::2)" '3 0 0 3'
same 'those that leave' "$(in_fragments client pings -s 4000 10.1.0.2) $(in_fragments client pings -s 4000 fd00:1::2)" '3 0 0 3'
to="eth 02:00:00:00:00:01 > $(at prey cat /sys/class/net/eth0/address)"
capture late <<FRAMES
$to / ip4 10.1.0.1 > 10.1.0.2 id 7 frag 8 proto 17 / payload x"48454c4c4f21"
$to / ip4 10.1.0.1 > 10.1.0.2 id 7 frag 0 more proto 17 / payload x"7d00270f000e0000"
$to / ip6 fd00:1::1 > fd00:1::2 / frag6 8 id 7 / payload x"48454c4c4f21"
$to / ip6 fd00:1::1 > fd00:1::2 / frag6 0 more id 7 / udp 32000 > 9999 len 14 csum 1
$to / ip4 10.1.0.1 > 10.1.0.2 id 8 frag 8 proto 17 / payload x"48454c4c4f21"
$to / ip4 10.1.0.1 > 10.1.0.2 id 8 frag 0 more proto 17 / payload x"7d000035000e0000"
FRAMES
had=$(fragments prey | cut -d' ' -f1)
late() { sends client late && until_true 100 'they reach the stack' more_fragments prey $((had + 2)); }
same 'one that comes before the first of its datagram' "$(in_fragments prey late)" '2 0'

# Tags that the kernel has taken off; frames as long as may be; a device made anew.
capture tagged <<FRAMES
$to / vlan 5 / ip4 10.1.0.1 > 10.1.0.2 / tcp 4000 > 81 syn
$to / vlan 6 / ip4 10.1.0.1 > 10.1.0.2 / udp 4000 > 53 / payload x"78"
FRAMES
capture double <<FRAMES
$to / vlan 7 / vlan 8 / ip4 10.1.0.1 > 10.1.0.2 / udp 4000 > 53 / payload x"78"
FRAMES
sniff tagged-out.pcap client eth0 vlan 5 and src 10.1.0.2
sends client tagged
tagged() { [ "$(frames_of tagged-out.pcap)" -ge 1 ]; }
until_true 50 'who sent a tag is answered with it' tagged && ok 0 'who sent a tag is answered with it'
sniffed
for mtu in 9000 65535; do
    for name in prey client; do ip -n "$id-$name" link set eth0 mtu $mtu; done
    same "frames of $mtu bytes" "$(pings -s $((mtu - 28)) -M do 10.1.0.2) $(pings -s $((mtu - 48)) -M do fd00:1::2) $(talk client 10.1.0.2 53 0 $((mtu - 100)) | cut -d' ' -f1)" 'answers answers prey'
done
at client bash -c 'exec 3>/dev/udp/10.1.0.2/9 && dd if=/dev/zero bs=60000 count=1 >&3' 2>said
capture many <<FRAMES
$to / ip4 10.1.0.1 > 10.1.0.2 / udp 4000 > 9 / zeros 1400
FRAMES
service=$(pgrep -P "$prey")
kill -STOP "$service"
at client python3 "$top/tests/e2e/live/send.py" eth0 many.pcap 4000 >/dev/null
kill -CONT "$service"
hears 'what finds no room on its way up is told' 'packets lost in the kernel, because only preyrun could decide them'
kill -HUP "$prey"
hears 'a reload' '  reloaded'
same 'and it goes on' "$(gets 80) $(gets 8080 0.2) $(gets 81)" 'prey curl 28 curl 7'
ip -n "$id-prey" link del eth0
awaits 'link: eth0 is gone'
link client eth0 prey eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey eth0 10.1.0.2/24 fd00:1::2/64
awaits 'link: eth0 is back'
same 'gone, and back' "$(gets 80) $(gets 8080 0.2) $(gets 81) $(pings -s 4000 10.1.0.2) $(on_device)" 'prey curl 28 curl 7 answers 0'
prey_ends
undone 'an end takes it off' "$status" 0
adds_up 'every frame has one verdict'
same 'answers are not judged as what the host sends' "$(by_rule OWN) $(by_rule OWN4) $(by_rule OWN6)" '0 0 0'
same 'tags were seen, and what is rejected' "$(by_rule TAGGED) $(by_rule SIX) $(by_rule SHUT)" '1 1 3'
same 'whole frames were copied' "$(tcpdump -n -r copies.pcapng greater 65000 2>/dev/null | wc -l)" 1
same 'nothing else was lost' "$(number live lost | tr -dc '1-9')$(number interfaces 0 cut) $(($(number kernel lost) + $(by_rule CLOSED)))" '0 4003'
kernel --monitor host.pbc
same 'what is watched passes' "$(gets 8080) $(hook)" 'prey eth0 tc'
prey_ends

# ---- rules that come to have a service, other devices ----

kernel_alone --exec kernel --hook tc -i lo host.pbc
same 'the loopback is refused, by either hook' "$status|$(head -n 1 err | sed 's/;.*//')" '2|preyrun: --exec kernel: only the user-space executor judges packets of the loopback'
kernel_alone --exec kernel --hook tc -i eth0 tunnel.pbc
same 'rules that need XDP are refused' "$status|$(head -n 1 err)" '2|preyrun: --hook tc: tunnels to servers of these rules need XDP; use --hook xdp'
kernel -i br0 host.pbc
same 'a bridge' "$(hook) $(at box curl -s -m 5 http://10.3.0.1/) $(at box curl -s -m 0.2 http://10.3.0.1:8080/ || echo $?)" 'eth0 tc, br0 tc prey 28'
ctl --name eth0 load shop.pbc
same 'a reload to rules with a service takes a restart' "$status $(grep -c 'which needs tables that prey creates only when it starts: restart prey' err) $(gets 80)" '2 1 prey'
ctl --name eth0 load twice.pbc
same 'a reload to rules that ask for a second tag does not' "$status $(gets 80) $(gets 8080 0.2)" '0 prey curl 28'
sends client double
doubled() { ctl --name eth0 counters rules && grep -q '^rules.DOUBLE.packets *1$' out; }
until_true 50 'which is seen' doubled && ok 0 'which is seen'
prey_ends
adds_up 'every frame has one verdict'
kernel -i br0 shop.pbc
same 'rules that have a service from the start' "$(hook) $(ask client 10.1.0.100/)" 'eth0 tc, br0 tc box'
sniff sent-on.pcap client eth0 -s 64 greater 3000 and src 10.1.0.100
fetches 'it sends on in bulk' client 10.1.0.100
sniffed
same 'super-packets are sent on whole' "$([ "$(frames_of sent-on.pcap)" -gt 20 ] && echo many)" many
ctl --name eth0 load tunnel.pbc
hears 'a reload that brings tunnels says who puts packets into them' '  reloaded: .*; preyrun puts packets into tunnels until a restart uses XDP'
sniff wrapped.pcap box eth0 ip proto 4
at client curl -s -m 0.5 http://10.1.0.100/ >said
sniffed
same 'and it does' "$([ "$(frames_of wrapped.pcap)" -ge 1 ] && echo some)" some
prey_ends
adds_up 'every frame has one verdict'
kernel -i br0 --hook xdp shop.pbc
same 'the same by XDP' "$(hook) $(ask client 10.1.0.100/)" 'eth0 xdp, br0 xdp generic box'
prey_ends
kernel -i br0 tunnel.pbc
same 'where XDP is needed it is taken' "$(hook) $(gets 80)" 'eth0 xdp, br0 xdp generic prey'
prey_ends
link client eth1 prey under
address client eth1 10.4.0.1/24
if ip -n "$id-prey" link add link under name mac0 type macvlan 2>said; then
    at prey sysctl -q -w net.ipv4.conf.under.arp_ignore=1 # its address is the macvlan's alone
    ip -n "$id-prey" link set mac0 up
    address prey mac0 10.4.0.2/24
    prey prey -i mac0 --exec kernel host.pbc
    ctl --name mac0 status
    same 'a macvlan' "$(sed -n 's/^taken at: //p' out) $(ask client 10.4.0.2/) $(ask client 10.4.0.2:8080/ 0.2) $(ask client 10.4.0.2:81/)" 'mac0 tc prey failed: 28 failed: 7'
    prey_ends
else
    echo "ok - a macvlan # SKIP $(cat said)"
fi

# ---- one hook after the other ----

kernel host.pbc
at client sh -c 'through=0; while [ ! -e stop ]; do curl -s -m 0.1 -o /dev/null http://10.1.0.2:8080/ && through=$((through + 1)); done; echo "$through" >through' &
asks=$!
declare -A wanted=([xdp]='xdp 1' [tc]='tc 0' [auto]='tc 0')
bad=
for which in xdp tc xdp auto; do
    prey_killed
    [ "$(gets 8080 0.2) $(gets 80) $(pinned)" = 'curl 28 prey 4' ] || bad="$bad killed-before-$which"
    kernel --hook $which host.pbc
    [ "$(gets 80) $(pinned) $(hook) $(on_device | sed 's/[1-9].*/1/')" = "prey 4 eth0 ${wanted[$which]}" ] || bad="$bad started-$which"
done
prey_killed
touch stop
wait $asks
same 'killed, it goes on judging; the next start takes its place, by the other hook' "$bad|$(cat through)" '|0'
kernel_alone --cleanup
undone '--cleanup takes it off' "$status" 0
exit $failed
