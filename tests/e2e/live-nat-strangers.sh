#!/usr/bin/env bash
# What a router's nat must not send on, though it is of a flow or would begin one: frames to a group of stations, to another station, of a VLAN
# that no device takes; answers outside the window or with another verification tag; and what leaves by an interface that is not served. In both
# executors, at both hooks, and by netfilter beside them.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || ways=user
live_begin

space client prey far branch
link client eth0 prey lan
link prey wan far eth0
link prey vpn branch eth0
address client eth0 10.1.0.1/24
address prey lan 10.1.0.2/24
address prey wan 10.2.0.2/24
address far eth0 10.2.0.3/24
address prey vpn 10.3.0.2/24
address branch eth0 10.3.0.5/24
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-branch" route add 10.1.0.0/24 via 10.3.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1
ip -n "$id-prey" link set lan promisc on
mac() { at "$1" cat "/sys/class/net/$2/address"; }
client=$(mac client eth0) lan=$(mac prey lan) wan=$(mac prey wan) far=$(mac far eth0)
# Hosts that say nothing of themselves: their frames alone are there.
ip -n "$id-prey" neigh add 10.1.0.77 lladdr "$client" dev lan
ip -n "$id-prey" neigh add 10.1.0.78 lladdr "$client" dev lan
ip -n "$id-prey" neigh add 10.2.0.77 lladdr "$far" dev wan

rules edge <<'END2'
interface wan = "wan"
nat edge {
  map 10.2.0.78 <-> 10.1.0.78
  masquerade from 10.1.0.0/24 out on wan ports 1024-65535
}
firewall f forward default accept { }
END2

# out MAC, back MAC: a frame's ends. says WHERE FRAME: one leaves there.
out() { echo "eth $client > $1 $2 / ip4 10.1.0.77 > 10.2.0.77"; }
back() { echo "eth $far > $1 / ip4 10.2.0.77 > 10.2.0.2"; }
says() {
    echo "$2" | capture frame
    at "$1" python3 "$top/tests/e2e/live/send.py" eth0 frame.pcap >/dev/null
    sleep 0.15
}
heard() { tcpdump -n -A -r "$1" 2>/dev/null | grep -oE 'forged|true|begins|goes on' | sort | uniq -c | tr -s ' \n' ' '; }
# strangers NAME: what of frames and answers arrives, at either side
strangers() {
    sniff there.pcap far eth0 "not ether src $far and ip and not icmp"
    sniff here.pcap client eth0 "not ether src $client and ip and not icmp"
    says client "$(out "$lan" '') / udp 4000 > 53 / payload \"begins\""
    says far "$(back "$wan") / udp 53 > 4000 / payload \"true\""
    for to in ff:ff:ff:ff:ff:ff 01:00:5e:00:00:05 02:00:00:00:00:99; do
        says client "$(out $to '') / udp 4000 > 53 / payload \"forged\""
        says client "$(out $to '') / udp 4001 > 53 / payload \"forged\""
        says far "$(back $to) / udp 53 > 4000 / payload \"forged\""
    done
    says client "$(out "$lan" '/ vlan 7') / udp 4000 > 53 / payload \"forged\""
    says client "$(out "$lan" '/ vlan 7') / udp 4002 > 53 / payload \"forged\""
    says far "$(back "$wan / vlan 7") / udp 53 > 4000 / payload \"forged\""
    says client "$(out "$lan" '/ vlan 0') / udp 4000 > 53 / payload \"goes on\""
    says client "$(out "$lan" '') / tcp 5000 > 80 syn seq 100 win 1000"
    says far "$(back "$wan") / tcp 80 > 5000 syn ack seq 900 ack 101 win 1000"
    says client "$(out "$lan" '') / tcp 5000 > 80 ack seq 101 ack 901 win 1000"
    says far "$(back "$wan") / tcp 80 > 5000 rst seq 2000000901 / payload \"forged\""
    says far "$(back "$wan") / tcp 80 > 5000 ack seq 2000000901 ack 101 / payload \"forged\""
    says far "$(back "$wan") / tcp 80 > 5000 ack seq 901 ack 101 / payload \"true\""
    says client "$(out "$lan" '') / sctp 6000 > 80 tag 0 / payload x\"010000140000000b0000ffff0001000100000001\""
    says far "$(back "$wan") / sctp 80 > 6000 tag 11 / payload x\"02000014000000160000ffff0001000100000001\""
    says client "$(out "$lan" '') / sctp 6000 > 80 tag 22 / payload x\"0a00000861626364\""
    says far "$(back "$wan") / sctp 80 > 6000 tag 11 / payload x\"0b000004\""
    says far "$(back "$wan") / sctp 80 > 6000 tag 12 / payload x\"0003001600000001000000000000000066""6f72676564\""
    says far "$(back "$wan") / sctp 80 > 6000 tag 11 / payload x\"00030014000000010000000000000000""74727565\""
    sniffed
    echo "out$(heard there.pcap)back$(heard here.pcap)"
}
unserved() {
    sniff out.pcap branch eth0 'ip and udp'
    says client "eth $client > $lan / ip4 10.1.0.78 > 10.3.0.5 / udp 4000 > 53 / payload \"forged\""
    sniffed
    tcpdump -n -r out.pcap 2>/dev/null | grep -oE 'IP 10\.[0-9.]+' | cut -d. -f1-4
}

at prey nft -f - <<'END2'
table ip beside {
  chain in { type nat hook prerouting priority dstnat; ip daddr 10.2.0.78 dnat to 10.1.0.78; }
  chain out { type nat hook postrouting priority srcnat; ip saddr 10.1.0.78 snat to 10.2.0.78; ip saddr 10.1.0.0/24 oifname "wan" masquerade; }
}
END2
want='out 1 begins 1 goes on back 3 true '
same 'netfilter: no stranger goes on' "$(strangers)" "$want"
same 'netfilter: a mapped host has its address everywhere' "$(unserved)" 'IP 10.2.0.78'
at prey nft delete table ip beside
at prey conntrack -F 2>/dev/null

for way in ${ways:-user tc xdp}; do
    case $way in user) how='--exec user' ;; *) how="--exec kernel --hook $way" ;; esac
    prey prey $how --allow-unjudged vpn -i lan -i wan --format json edge.pbc
    same "$way: no stranger goes on" "$(strangers)" "$want"
    same "$way: nothing of a mapped host leaves by what isn't served" "$(unserved)" ''
    prey_ends
    same "$way: groups are a cause" "$([ "$(number reasons group-frame packets)" -ge 6 ] && echo counted)" counted
    same "$way: answers that no flow takes are one" "$(number reasons invalid packets)" 3
    adds_up "$way: and all adds up"
done
exit $failed
