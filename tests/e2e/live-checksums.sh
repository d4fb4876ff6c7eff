#!/usr/bin/env bash
# Live checksums: with every offload off no link shows a wrong one in tcpdump, on either side of us; with them on no receiver
# counts an error. TCP, UDP of odd lengths and in fragments, pings and ICMP errors, of both families.
set -u
EXEC=user # tcpdump on prey's own interfaces sees nothing of what programs take and send
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
web client
for s in client one; do udp "$s" 53; done
payload 1000003 one client

rules all <<'END'
set inside = 10.2.0.0/24
interface wan = "wan"
pool farm {
  source 10.2.0.50, fd00:2::50
  server one 10.2.0.2
  server one6 fd00:2::2
}
pool near { server one 10.2.0.2; server one6 fd00:2::2 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53, udp/54 { mode passthrough; announce; -> farm }
service kept on 10.1.0.101, fd00:1::101 tcp/80, udp/53, udp/54 { mode passthrough keep source; announce; mss clamp 1200; -> near }
service proved on 10.1.0.102, fd00:1::102 tcp/80 { mode passthrough keep source; syn cookies; announce; -> near }
nat home { masquerade from inside out on wan }
END

traffic() {
    local a
    for a in 100 101 102; do
        fetches "$1: TCP, 10.1.0.$a" client "10.1.0.$a"
        fetches "$1: TCP, fd00:1::$a" client "[fd00:1::$a]"
    done
    fetches "$1: TCP, masquerade" one 10.1.0.1
    for a in 10.1.0.100 10.1.0.101 fd00:1::100 fd00:1::101; do
        talk client "$a" 53 0 1,2,5,1471,4000,9001 | cut -d' ' -f1,3 >answers
        same "$1: UDP of any length, $a" "$(tr '\n' ' ' <answers)" 'one 1 one 2 one 5 one 1471 one 4000 one 9001 '
        same "$1: UDP to a closed port, $a" "$(refused_by client "$a" 54)" refused
    done
    talk one 10.1.0.1 53 0 1,1471,4000 | cut -d' ' -f1,3 >answers
    same "$1: UDP, masquerade" "$(tr '\n' ' ' <answers)" 'client 1 client 1471 client 4000 '
    same "$1: UDP to a closed port, masquerade" "$(refused_by one 10.1.0.1 54)" refused
    at one ping -c 2 -i 0.2 -W 20 -s 57 10.1.0.1 >out
    has "$1: a ping of an odd length, masquerade" ' 0% packet loss'
    at one ping -c 2 -i 0.2 -W 20 -s 4001 10.1.0.1 >out
    has "$1: a ping in fragments, masquerade" ' 0% packet loss'
}

every='client:eth0 one:eth0 prey:wan prey:lan outside:port1 outside:port2 inside:port1 inside:port2'
prey prey -i wan -i lan --format json all.pbc
offloads off $every
sniff client.pcap client eth0
sniff wan.pcap prey wan
sniff lan.pcap prey lan
sniff one.pcap one eth0
traffic off
sniffed
for link in client wan lan one; do
    tcpdump -n -vvv -r "$link.pcap" >said 2>/dev/null
    same "off: no wrong checksum at $link" "$(grep -cE 'incorrect|bad cksum|bad udp|bad icmp|wrong icmp' said)" 0
    same "off: tcpdump looked at them at $link" "$(for w in '\(correct\)' 'udp sum ok' 'icmp6 sum ok'; do grep -qE "$w" said && echo yes; done | wc -l)" 3
done

offloads on $every
errors() { # NAME: what its stack counts of wrong checksums and headers
    at "$1" awk '$1 ~ /^(Ip|Icmp|Tcp|Udp):$/ {
        if ($1 in head) { n = split(head[$1], h); for (i = 2; i <= n; i++) if (h[i] ~ /CsumErrors|InHdrErrors|InErrs/) sum += $i }
        else head[$1] = $0
    } $1 ~ /CsumErrors|InHdrErrors|6InErrors/ { sum += $2 } END { print sum + 0 }' /proc/net/snmp /proc/net/snmp6
}
before="$(errors client) $(errors one) $(errors prey)"
traffic on
same 'on: no receiver counts an error' "$(errors client) $(errors one) $(errors prey)" "$before"
same 'on: nor did one before' "$before" '0 0 0'
prey_sums both
exit $failed
