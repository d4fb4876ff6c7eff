#!/usr/bin/env bash
# The executor in the kernel, on the host's own interface: what is accepted works, the rest does not reach the host's stack;
# what is not the kernel's.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey
web client
udp prey 53
payload 8000000 prey client
sed -i '/as QUIET/a drop vlan 5 as FIVE' host.prey
"$bin/preyc" host.prey -o run.pbc >/dev/null
kernel run.pbc
same 'ping, and in fragments' "$(pings 10.1.0.2) $(pings fd00:1::2) $(pings -s 4000 10.1.0.2) $(pings -s 4000 fd00:1::2)" \
    'answers answers answers answers'
same 'what is accepted' "$(gets 80) $(talk client 10.1.0.2 | cut -d" " -f1) $(ask client '[fd00:1::2]/')" "prey prey prey"
same 'what is dropped reaches no socket' "$(gets 8080 0.2)" 'curl 28'
same 'what is rejected is answered' "$(gets 81) $(refused_by client 10.1.0.2 9) $(refused_by client fd00:1::2 9)" 'curl 7 refused refused'
ctl --name eth0 status
same 'preyctl says where it is judged' "$(grep -c '^finished in the kernel: [0-9,]* packets; sent to preyrun:.* answer [0-9]' out)" 1
same 'what it asks is answered' "$(ask prey 10.1.0.1/) $(ask prey '[fd00:1::1]/') $(at prey ping -q -c1 -W 20 10.1.0.1 >/dev/null && echo pong)" \
    'client client pong'
hears 'a rule that logs' 'SHUT  reject  tcp 10.1.0.1:[0-9]* > 10.1.0.2:81 SYN'
fetches 'in bulk, as super-packets' client 10.1.0.2
fetches 'and in the other direction' prey '[fd00:1::1]'
# What preyctl says of numbers may be half a second old.
express() {
    local all long
    ctl --name eth0 status
    all=$(sed -n 's/^finished in the kernel: \([0-9,]*\) .*/\1/p' out | tr -d ,)
    long=$(sed -n 's/^finished in the kernel: .*long path[^:]*://p' out | grep -o '[0-9][0-9]*' | awk '{ sum += $1 } END { print sum }')
    [ $((long > 20 && 2 * long < all)) = 1 ]
}
until_true 100 'most of it took the express way' express
# Addresses that come and go, more than are compared one by one.
ip -n "$id-client" route add 10.9.0.0/24 dev eth0
there() { at client curl -s -m "${2:-5}" "http://$1/" || echo "curl $?"; }
for i in $(seq 12); do address prey eth0 "10.9.0.$i/32"; done
address prey eth0 fd00:1::77/64
known() { [ "$(there "$1:8080" 0.2)" = 'curl 28' ]; }
until_true 100 'new addresses are its own' known 10.9.0.12
until_true 100 'also of IPv6' known '[fd00:1::77]'
same 'addresses that come' "$(there 10.9.0.12) $(there '[fd00:1::77]') $(there 10.9.0.12:8080 0.2) $(there '[fd00:1::77]:8080' 0.2)" \
    'prey prey curl 28 curl 28'
ip -n "$id-prey" addr flush dev eth0 to 10.9.0.0/24
ip -n "$id-prey" addr del fd00:1::77/64 dev eth0
same 'and go' "$(gets 80) $(gets 8080 0.2)" 'prey curl 28'
# What a stranger says that this machine sent opens nothing; what it sends before it has an address goes out.
mac=$(at prey cat /sys/class/net/eth0/address)
capture spoofed <<FRAMES
eth 02:00:00:00:00:01 > $mac / ip4 10.1.0.2 > 10.1.0.1 / udp 9999 > 4000 / payload x"78"
eth 02:00:00:00:00:01 > $mac / ip6 fd00:1::2 > fd00:1::1 / udp 9999 > 4000 / payload x"78"
eth 02:00:00:00:00:01 > $mac / ip6 fd00:1::2 > fd00:1::2 / udp 4000 > 53 / payload x"78"
eth 02:00:00:00:00:01 > $mac / ip4 10.1.0.1 > 10.1.0.255 / udp 4000 > 9999 / payload x"78"
eth 02:00:00:00:00:01 > $mac / ip4 0.0.0.0 > 0.0.0.0 / udp 4000 > 9999 / payload x"78"
FRAMES
capture asks <<'FRAMES'
eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / payload x"78"
FRAMES
at client python3 "$top/tests/e2e/live/send.py" eth0 spoofed.pcap >sent
at prey python3 "$top/tests/e2e/live/send.py" eth0 asks.pcap >>sent
same 'frames that pretend to be its own leave no flow' "$(tr '\n' ' ' <sent)$(ctl --name eth0 flows; grep -c 9999 out)" '5 1 0'
# Tagged frames that it sends, with one tag and two.
capture tagged <<FRAMES
eth $mac > 02:00:00:00:00:01 / vlan 5 / ip4 10.1.0.2 > 10.1.0.1 / udp 9999 > 4000 / payload x"78"
eth $mac > 02:00:00:00:00:01 / vlan 5 / vlan 6 / ip4 10.1.0.2 > 10.1.0.1 / udp 9999 > 99 / payload x"78"
eth $mac > 02:00:00:00:00:01 / vlan 6 / vlan 7 / ip4 10.1.0.2 > 10.1.0.1 / udp 9999 > 4000 / payload x"78"
FRAMES
sniff tagged-out.pcap client eth0 vlan
at prey python3 "$top/tests/e2e/live/send.py" eth0 tagged.pcap >sent
until_true 50 'a tagged frame leaves' sh -c '[ "$(tcpdump -n -r tagged-out.pcap 2>/dev/null | wc -l)" -ge 1 ]'
sniffed
at prey ping -q -c1 -W 20 10.1.0.1 >/dev/null # so that nothing waits for the neighbour
at prey bash -c 'echo x >/dev/udp/10.1.0.1/99'
prey_ends
undone 'a clean stop undoes everything' "$status" 0
adds_up 'every frame has one verdict'
same 'what it must not say does not leave' "$(by_rule QUIET) $(by_rule FIVE) $(frames_of tagged-out.pcap)" '2 1 1'
same 'what pretended was dropped, what it sends to all is its own' "$(number reasons own-source packets) $(by_rule DHCP)" '3 1'
same 'to its subnet, or to no address, is to it' "$(number decided_by no_firewall packets)" 0

# The example of a laptop, and a container on it, behind a bridge that is not given.
box_behind_bridge
address prey br0 10.3.0.1/24
address box eth0 10.3.0.2/24
ip -n "$id-box" route add default via 10.3.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1
at prey nft 'table ip theirs { chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }; }'
{ cat "$top/rules-examples/laptop.prey"; echo 'limits { flows 30_000 }'; } >laptop.prey
"$bin/preyc" laptop.prey -o laptop.pbc >/dev/null
kernel laptop.pbc
same 'a laptop asks, and nobody asks it' "$(ask prey 10.1.0.1/) $(gets 80 0.2) $(wait=0.2 pings 10.1.0.2)" 'client curl 28 nothing'
fetches 'so does a container' box 10.1.0.1
prey_ends
adds_up 'every frame has one verdict, also of what crosses'
at prey nft delete table ip theirs
at prey sysctl -q -w net.ipv4.ip_forward=0
