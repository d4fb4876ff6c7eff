#!/bin/bash
# Modes of services, translation: promises, tried on the built programs, one line each. B: the build
# folder. What leaves is read by tcpdump, which knows nothing of prey, and at the end by tshark: every checksum of it is
# right. Read from top to bottom it says what prey sends today.
set -u
. tests/lib/accept.sh
mkdir -p left
count=0
SELF=203.0.113.2,10.0.0.2,2001:db8::2
ROUTES="--route default=eth0 --route 192.168.1.0/24=eth1"

rules() { # NAME: rules from standard input, compiled
    cat >"$1.prey"
    call preyc --werror "$1.prey" -o "$1.pbc"
    [ "$status" -eq 0 ] || sed 's/^/# /' err
}
# One line a packet: what belongs to it stands on one line, without times and checksums' values.
left() { tcpdump -nn -S -t -vv -e -r "$1" 2>/dev/null | awk '/^[0-9a-f][0-9a-f]:/ && NR > 1 { print "" } { gsub(/^[ \t]+/, " "); printf "%s", $0 } END { print "" }'; }
# PROGRAM SENTENCE [OPTION...]: frames from standard input are judged; the lines that begin with `=>` are patterns of
# what leaves, in order, one a packet; without one nothing may leave.
sent() {
    local program=$1 sentence=$2 bad=0
    shift 2
    cat >case
    grep -v '^=>' case >sent.notes
    sed -n 's/^=> *//p' case >wanted
    count=$((count + 1))
    "$tools/mkcap" sent.notes sent.pcap
    call preyrun --pcap sent.pcap --self "$SELF" $ROUTES --write "left/$count.pcap" --verdicts verdicts "$@" "$program.pbc"
    left "left/$count.pcap" | sed '/^$/d' >found
    [ "$status" -eq 0 ] && clean && [ "$(wc -l <found)" -eq "$(wc -l <wanted)" ] || bad=1
    paste -d '\n' wanted found | while read -r want && read -r got; do
        grep -Eq -- "$want" <<<"$got" && ! grep -q 'incorrect\|bad udp\|bad cksum' <<<"$got" || exit 1
    done || bad=1
    if [ $bad -ne 0 ]; then
        echo "# status $status; wanted:"
        sed 's/^/#   /' wanted
        echo "# left:"
        cut -c1-300 found | sed 's/^/#   /'
        sed 's/^/#   /' verdicts
    fi
    ok $bad "$sentence"
}
# PROGRAM SENTENCE EXPECTED [OPTION...]: frames from standard input are judged; of each, the server, else the reason,
# else the verdict.
judged() {
    local program=$1 sentence=$2 expected=$3 found
    shift 3
    cat >judged.notes
    "$tools/mkcap" judged.notes judged.pcap
    call preyrun --pcap judged.pcap --self "$SELF" $ROUTES --verdicts - "$@" "$program.pbc"
    found=$(awk -F '\t' 'NR > 1 { printf "%s%s", sep, $6 != "-" ? $6 : $5 != "-" ? $5 : $2; sep = " " }' out)
    if [ "$status" -eq 0 ] && [ "$found" = "$expected" ] && clean; then ok 0 "$sentence"; else
        echo "# status $status, expected: $expected"
        echo "#              but found: $found"
        ok 1 "$sentence"
    fi
}

# ---- modes: passthrough ----

rules pass <<'END'
allow W0808
pool web { source 10.0.0.3 ports 40000; server a 10.0.0.11:8080 }
pool six { source 2001:db8:1::3 ports 40000; server a [2001:db8:1::11]:8080 }
service www on 203.0.113.10, 2001:db8::10 tcp/80, udp/7, sctp/9, icmp, icmp6 {
  mode passthrough
  when ip6 -> six
  else -> web
}
firewall f default drop { accept to 203.0.113.10, 2001:db8::10 as VIP; accept icmp6 type nd }
END
sent pass 'passthrough: source and destination are rewritten, and back; TTL is one less' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 ttl 9 / tcp 1000 > 80 syn seq 99
eth / ip4 10.0.0.11 > 10.0.0.3 / tcp 8080 > 40000 syn ack seq 499 ack 100
=> ttl 8,.* 10.0.0.3.40000 > 10.0.0.11.8080: Flags \[S\], .*seq 99
=> ttl 63,.* 203.0.113.10.80 > 198.18.0.1.1000: Flags \[S.\], .*seq 499, ack 100
END
sent pass 'UDP, SCTP and echo, over both families' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 7 / payload x"00 01"
eth / ip4 10.0.0.11 > 10.0.0.3 / udp 8080 > 40000 / payload x"00 01"
eth / ip4 198.18.0.1 > 203.0.113.10 / sctp 1000 > 9 / payload x"01 00 00 14 00 00 00 01 00 00 10 00 00 01 00 01 00 00 00 01"
eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type 8 id 7 seq 1
eth / ip6 2001:db8:9::1 > 2001:db8::10 / udp 1000 > 7 / payload x"00 01"
eth / ip6 2001:db8:9::1 > 2001:db8::10 / icmp6 type 128 id 7 seq 1
=> 10.0.0.3.40000 > 10.0.0.11.8080: .*(udp sum ok|UDP)
=> 203.0.113.10.7 > 198.18.0.1.1000:
=> 10.0.0.3.40000 > 10.0.0.11.8080: sctp.*INIT
=> 10.0.0.3 > 10.0.0.11: ICMP echo request
=> 2001:db8:1::3.40000 > 2001:db8:1::11.8080:
=> 2001:db8:1::3 > 2001:db8:1::11: .*ICMP6, echo request
END
judged pass 'a source port is unique for a server; when none is left that is a counted drop' 'web/a web/a web/a no-source-port web/a' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 10.0.0.11 > 10.0.0.3 / tcp 8080 > 40000 syn ack seq 499 ack 100
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 500
eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 500
END
judged pass 'a connection that waits for its server gives way' 'web/a web/a no-source-port' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 500
END
call preyc --stats pass.prey
says '--stats prints what source ports allow' 0 'web.* 1 ' out

# ---- modes: keep source, dsr ----

rules keep <<'END'
pool web { server a 10.0.0.11:8080 }
service www on 203.0.113.10 tcp/80, udp/7 { mode passthrough keep source; -> web }
firewall f default drop { accept to 203.0.113.10 as VIP; accept icmp6 type nd }
END
sent keep 'keep source: the destination alone' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 syn ack seq 499 ack 100
=> 198.18.0.1.1000 > 10.0.0.11.8080: Flags \[S\]
=> 203.0.113.10.80 > 198.18.0.1.1000: Flags \[S.\]
END
rules l2 <<'END'
pool web { server a 203.0.113.21 mac 02:aa:bb:cc:dd:ee }
service www on 203.0.113.10 tcp/80 { mode dsr l2; -> web }
firewall f default drop { accept to 203.0.113.10 as VIP; accept icmp6 type nd }
END
sent l2 'dsr l2: another MAC, the packet byte for byte, TTL too' <<'END'
eth 02:00:00:00:00:01 > 02:00:00:00:00:02 / ip4 198.18.0.1 > 203.0.113.10 ttl 1 id 77 / tcp 1000 > 80 syn seq 99
=> 02:00:00:00:00:02 > 02:aa:bb:cc:dd:ee, .* ttl 1, id 77,.* 198.18.0.1.1000 > 203.0.113.10.80: Flags \[S\]
END
rules rewrite <<'END'
pool web { server a 10.0.0.11:8080 }
service www on 203.0.113.10 tcp/80 { mode dsr rewrite; -> web }
firewall f default drop { accept to 203.0.113.10 as VIP; accept icmp6 type nd }
END
sent rewrite 'dsr rewrite: address and port of the destination' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
=> 198.18.0.1.1000 > 10.0.0.11.8080: Flags \[S\]
END
rules tunnels <<'END'
pool four { source 10.0.0.2; server a 10.9.0.11 }
pool six { source 2001:db8::2; server a 2001:db8:9::11 }
service f on 203.0.113.10, 2001:db8::10 tcp/80 { mode dsr ipip; mss clamp auto; -> four }
service s on 203.0.113.11, 2001:db8::11 tcp/80 { mode dsr ipip; mss clamp auto; -> six }
service g on 203.0.113.12, 2001:db8::12 tcp/80 { mode dsr gue 6080; mss clamp auto; -> four }
firewall f default drop {
  accept to 203.0.113.10, 203.0.113.11, 203.0.113.12, 2001:db8::10, 2001:db8::11, 2001:db8::12 as VIP
  accept icmp6 type nd
}
END
sent tunnels 'dsr ipip: 4in4, 6in4, 4in6, 6in6; outer TTL 64, inner one less, DSCP copied' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 ttl 9 tos 0x28 / tcp 1000 > 80 syn seq 99
eth / ip6 2001:db8:9::1 > 2001:db8::10 hop 9 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.11 ttl 9 / tcp 1000 > 80 syn seq 99
eth / ip6 2001:db8:9::1 > 2001:db8::11 hop 9 / tcp 1000 > 80 syn seq 99
=> tos 0x28, ttl 64,.* 10.0.0.2 > 10.9.0.11: .*tos 0x28, ttl 8,.* 198.18.0.1.1000 > 203.0.113.10.80: Flags \[S\]
=> ttl 64,.* 10.0.0.2 > 10.9.0.11: .*hlim 8,.* 2001:db8:9::1.1000 > 2001:db8::10.80: Flags \[S\]
=> hlim 64,.* 2001:db8::2 > 2001:db8:9::11: .*ttl 8,.* 198.18.0.1.1000 > 203.0.113.11.80: Flags \[S\]
=> hlim 64,.* 2001:db8::2 > 2001:db8:9::11: .*hlim 8,.* 2001:db8:9::1.1000 > 2001:db8::11.80: Flags \[S\]
END
sent tunnels 'dsr gue: UDP to the port, from 49152 on by the flow, without a checksum' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.12 / tcp 1000 > 80 syn seq 99
=> ttl 64,.* 10.0.0.2.(49[1-9]|5|6)[0-9]+ > 10.9.0.11.6080: .*no cksum.* UDP, length 44
END

# ---- nat ----

rules nat <<'END'
interface wan = "eth0"
set inside = 192.168.1.0/24
nat home {
  source from 192.168.1.25 out on wan to 203.0.113.25
  masquerade from inside out on wan ports 32768-65535
  forward 203.0.113.2 tcp/8443 -> 192.168.1.10:443
}
firewall f default accept { drop to 203.0.113.2 port 22 as SSH }
END
sent nat 'masquerade and source: each address, the port kept where it is free; answers find their way' <<'END'
eth / ip4 192.168.1.20 > 198.51.100.80 / tcp 50000 > 443 syn seq 99
eth / ip4 192.168.1.21 > 198.51.100.80 / tcp 50000 > 443 syn seq 99
eth / ip4 198.51.100.80 > 203.0.113.2 / tcp 443 > 50000 syn ack seq 499 ack 100
eth / ip4 192.168.1.25 > 198.51.100.80 / tcp 50000 > 25 syn seq 99
=> 203.0.113.2.50000 > 198.51.100.80.443: Flags \[S\]
=> 203.0.113.2.(3[2-9]|[4-6])[0-9]+ > 198.51.100.80.443: Flags \[S\]
=> 198.51.100.80.443 > 192.168.1.20.50000: Flags \[S.\]
=> 203.0.113.25.50000 > 198.51.100.80.25: Flags \[S\]
END
sent nat 'one mapping for all destinations (RFC 4787): who knows it reaches who made it' <<'END'
eth / ip4 192.168.1.20 > 198.51.100.80 / udp 50000 > 443
eth / ip4 192.168.1.20 > 198.51.100.81 / udp 50000 > 443
eth / ip4 198.51.100.99 > 203.0.113.2 / udp 7 > 50000
=> 203.0.113.2.50000 > 198.51.100.80.443:
=> 203.0.113.2.50000 > 198.51.100.81.443:
=> 198.51.100.99.7 > 192.168.1.20.50000:
END
sent nat 'a forwarded port, from outside and from inside' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.2 / tcp 1000 > 8443 syn seq 99
eth / ip4 192.168.1.10 > 198.18.0.1 / tcp 443 > 1000 syn ack seq 499 ack 100
eth / ip4 192.168.1.20 > 203.0.113.2 / tcp 50000 > 8443 syn seq 99
eth / ip4 192.168.1.10 > 203.0.113.2 / tcp 443 > 50000 syn ack seq 499 ack 100
=> 198.18.0.1.1000 > 192.168.1.10.443: Flags \[S\]
=> 203.0.113.2.8443 > 198.18.0.1.1000: Flags \[S.\]
=> 203.0.113.2.50000 > 192.168.1.10.443: Flags \[S\]
=> 203.0.113.2.8443 > 192.168.1.20.50000: Flags \[S.\]
END
sent nat 'identifiers of pings are told apart, of the range that `ports` names; an error finds who is meant' <<'END'
eth / ip4 192.168.1.20 > 198.51.100.80 / icmp type 8 id 40007
eth / ip4 192.168.1.21 > 198.51.100.80 / icmp type 8 id 40007
eth / ip4 198.51.100.80 > 203.0.113.2 / icmp type 0 id 40007
eth / ip4 198.51.100.1 > 203.0.113.2 / icmp type 11 / ip4 203.0.113.2 > 198.51.100.80 / icmp type 8 id 40007
=> 203.0.113.2 > 198.51.100.80: ICMP echo request, id 40007,
=> 203.0.113.2 > 198.51.100.80: ICMP echo request, id (3[2-9]|[4-6])[0-9]+,
=> 198.51.100.80 > 192.168.1.20: ICMP echo reply, id 40007,
=> 198.51.100.1 > 192.168.1.20: ICMP time exceeded .*192.168.1.20 > 198.51.100.80: ICMP echo request, id 40007,
END

# ---- balancing on flows ----

rules flows <<'END'
pool p { balance least_conn; retries 0; server a 10.0.0.11; server b 10.0.0.12; server c 10.0.0.13 backup }
pool q { balance round_robin; on down keep; server a 10.0.0.21; server b 10.0.0.22 }
pool r { server a 10.0.0.31 }
service www on 203.0.113.10 tcp/80 { mode passthrough keep source; max flows 2; -> p }
service two on 203.0.113.11 tcp/80 { mode passthrough keep source; max flows 2 per source; affinity source 1m; -> q }
service few on 203.0.113.12 tcp/80 { mode passthrough keep source; rate slow; on no server drop; -> r }
meter slow = 1/s burst 1
firewall f default drop { accept to 203.0.113.10, 203.0.113.11, 203.0.113.12 as VIP; accept icmp6 type nd }
END
judged flows 'least_conn takes whoever has fewest; `max flows` bounds a service; a flow never moves' 'p/a p/b p/a max-flows' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.4 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
END
judged flows 'affinity keeps a source with its server, `per source` bounds it' 'q/a q/a max-flows q/b' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1002 > 80 syn seq 99
eth / ip4 198.18.0.2 > 203.0.113.11 / tcp 1000 > 80 syn seq 99
END
judged flows '`rate` bounds what begins, not what goes on' 'r/a over-rate r/a r/a' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.12 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.2 > 203.0.113.12 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.12 / tcp 1000 > 80 syn seq 99
after 2s
eth / ip4 198.18.0.3 > 203.0.113.12 / tcp 1000 > 80 syn seq 99
END
judged flows '--down: others, then backups, then `on no server`' 'p/c' --down p/a --down p/b <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
END
judged flows 'all down: a reset, or nothing' 'no-server no-server' --down p/a --down p/b --down p/c --down r/a <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.12 / tcp 1000 > 80 syn seq 99
END
rules live <<'END'
pool p { slow start 60s; server a 10.0.0.11; server b 10.0.0.12 }
pool keeps { on down keep; server a 10.0.0.11; server b 10.0.0.12 }
service www on 203.0.113.10 tcp/80 { mode passthrough; -> p }
service too on 203.0.113.11 tcp/80 { mode passthrough; -> keeps }
firewall f default drop { accept to 203.0.113.10, 203.0.113.11 as VIP; accept icmp6 type nd }
test "on down reset, and keep" {
  expect server p/b: tcp 198.18.0.1:50000 -> 203.0.113.10:80 syn
  reply syn ack
  reply ack
  expect server keeps/b: tcp 198.18.0.1:50001 -> 203.0.113.11:80 syn
  server p/b down
  server keeps/b down
  expect drop: tcp 198.18.0.1:50000 -> 203.0.113.10:80 ack
  expect server p/a: tcp 198.18.0.1:50000 -> 203.0.113.10:80 syn
  expect server keeps/b: tcp 198.18.0.1:50001 -> 203.0.113.11:80 ack
}
test "slow start" {
  server p/a down
  server p/a up
  after 15s
  expect split p 1:4 within 5% over 2000 flows
  after 60s
  expect split p 1:1 within 5% over 2000 flows
}
END
call preyc --check live.prey
says 'servers go down under their clients, and come back slowly: in tests of the file' 0 '2 tests passed' out

# ---- what a toy gets wrong ----

sent pass 'errors about what a server was sent reach the client, and the other way round, quotes rewritten' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.3 / icmp type 3 code 1 / ip4 10.0.0.3 > 10.0.0.11 / tcp 40000 > 8080 syn seq 99
eth / ip4 10.0.0.11 > 10.0.0.3 / tcp 8080 > 40000 syn ack seq 499 ack 100
eth / ip4 192.0.2.1 > 203.0.113.10 / icmp type 3 code 4 mtu 1400 / ip4 203.0.113.10 > 198.18.0.1 / tcp 80 > 1000 syn ack seq 499 ack 100
=> 10.0.0.3.40000 > 10.0.0.11.8080: Flags \[S\]
=> 10.0.0.1 > 198.18.0.1: ICMP host 203.0.113.10 unreachable.* 198.18.0.1.1000 > 203.0.113.10.80: Flags
=> 203.0.113.10.80 > 198.18.0.1.1000: Flags \[S.\]
=> 192.0.2.1 > 10.0.0.11: ICMP 10.0.0.3 unreachable - need to frag \(mtu 1400\).* 10.0.0.11.8080 > 10.0.0.3.40000:
END
sent tunnels 'in dsr modes an error about a server'"'"'s answer finds that server, in its tunnel' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 192.0.2.1 > 203.0.113.10 / icmp type 3 code 4 mtu 1400 / ip4 203.0.113.10 > 198.18.0.1 / tcp 80 > 1000 syn ack seq 499 ack 100
=> 10.0.0.2 > 10.9.0.11: .* 198.18.0.1.1000 > 203.0.113.10.80: Flags \[S\]
=> 10.0.0.2 > 10.9.0.11: .* 192.0.2.1 > 203.0.113.10: ICMP 198.18.0.1 unreachable - need to frag \(mtu 1400\)
END
sent pass 'fragments go to the same server; UDP without a checksum stays without' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 id 7 more / udp 1000 > 7 len 2008 csum 0xea30 / zeros 1472
eth / ip4 198.18.0.1 > 203.0.113.10 id 7 frag 1480 proto udp / zeros 528
eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 7 csum 0 / payload x"00 01"
=> id 7, offset 0, flags \[\+\].* 10.0.0.3.40000 > 10.0.0.11.8080:
=> id 7, offset 1480, .* 10.0.0.3 > 10.0.0.11:
=> 10.0.0.3.40000 > 10.0.0.11.8080: .*no cksum
END
sent keep 'VLAN tags stay, also one that the capture took off; options of IP stay' <<'END'
eth / vlan 7 / vlan 9 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.10 opt x"94 04 00 00" / tcp 1001 > 80 syn seq 99
=> vlan 7,.* vlan 9,.* 198.18.0.1.1000 > 10.0.0.11.8080: Flags \[S\]
=> options \(RA\).* 198.18.0.1.1001 > 10.0.0.11.8080: Flags \[S\]
END
sent tunnels 'too big for the tunnel: the client is told, IPv6 too, and never less than 1280; without DF it goes in fragments' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 df / tcp 1000 > 80 ack seq 99 / zeros 1460
eth / ip6 2001:db8:9::1 > 2001:db8::10 / tcp 1000 > 80 ack seq 99 / zeros 1440
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 99 / zeros 1460
=> 203.0.113.10 > 198.18.0.1: ICMP 203.0.113.10 unreachable - need to frag \(mtu 1480\)
=> 2001:db8::10 > 2001:db8:9::1: .*ICMP6, packet too big, mtu 1480
=> offset 0, flags \[\+\], proto IPIP.* 10.0.0.2 > 10.9.0.11:
=> offset [1-9][0-9]*, .*proto IPIP.* 10.0.0.2 > 10.9.0.11:
END
sent tunnels 'over links of 1,280 IPv6 is cut outside, and not told less than it may count on' --mtu 1280 <<'END'
eth / ip6 2001:db8:9::1 > 2001:db8::11 / tcp 1000 > 80 ack seq 99 / zeros 1220
=> 2001:db8::2 > 2001:db8:9::11: .*frag
=> 2001:db8::2 > 2001:db8:9::11: .*frag
END
sent tunnels '`mss clamp auto`: a SYN asks for what fits' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99 opt x"02 04 05 b4"
=> 198.18.0.1.1000 > 203.0.113.10.80: Flags \[S\].*mss 1440
END
sent keep 'TTL 1: time exceeded, from this machine' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 syn seq 99
=> 203.0.113.2 > 198.18.0.1: ICMP time exceeded in-transit
END
sent pass 'hairpin: a server is a client of its own service' <<'END'
eth / ip4 10.0.0.11 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip4 10.0.0.11 > 10.0.0.3 / tcp 8080 > 40000 syn ack seq 499 ack 100
=> 10.0.0.3.40000 > 10.0.0.11.8080: Flags \[S\]
=> 203.0.113.10.80 > 10.0.0.11.1000: Flags \[S.\]
END
judged keep 'TCP in mid-stream goes where another balancer sent it' 'web/a web/a' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 psh ack seq 99 ack 500 / zeros 10
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 109 ack 600
END

# ---- answers ----

rules answers <<'END'
limits { rejects 10/s }
pool web { server a 10.0.0.11 }
service www on 203.0.113.10, 2001:db8::10 tcp/80 { mode passthrough keep source; announce; when ip -> web; when ip6 -> six }
pool six { server a 2001:db8:1::11 }
firewall f default drop {
  reject tcp port 113 as IDENT
  accept to 203.0.113.10, 2001:db8::10 as VIP
  accept icmp6 type nd
}
END
sent answers 'reject; echo, ARP and neighbour discovery for the address of a service' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 113 syn seq 99
eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type 8 id 7 seq 1
eth / ip6 2001:db8:9::1 > 2001:db8::10 / icmp6 type 128 id 7 seq 1
eth / arp who-has 203.0.113.10 tell 203.0.113.1
eth / arp who-has 203.0.113.2 tell 203.0.113.1
eth / ip6 2001:db8::1 > ff02::1:ff00:10 hop 255 / icmp6 type 135 target 2001:db8::10 / payload x"01 01 02 00 00 00 00 01"
=> 203.0.113.10.113 > 198.18.0.1.1000: Flags \[R.\]
=> 203.0.113.10 > 198.18.0.1: ICMP echo reply, id 7
=> 2001:db8::10 > 2001:db8:9::1: .*ICMP6, echo reply
=> ARP.* Reply 203.0.113.10 is-at
=> 2001:db8::10 > 2001:db8::1: .*ICMP6, neighbor advertisement
END
{
    for _ in $(seq 100); do echo 'eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 113 syn seq 99'; done
} >many.notes
"$tools/mkcap" many.notes many.pcap
call preyrun --pcap many.pcap --self 203.0.113.2 --write many-left.pcap answers.pbc
[ "$status" -eq 0 ] && [ "$(tcpdump -nn -r many-left.pcap 2>/dev/null | wc -l)" -le 12 ] && clean
ok $? 'answers keep to their limit'

# ---- decapsulation ----

rules far <<'END'
firewall f default drop {
  decap ipip from 10.0.0.2 as TUNNEL
  decap gue 6080 from 2001:db8::1 as GUE
  accept icmp6 type nd
  accept tcp port 80 as WEB
}
END
SELF=10.9.0.11,203.0.113.10 judged far 'decap: from those who are listed; what is inside is judged; one level' \
    'accept drop drop nested-tunnel tunnel-source bad-tunnel' <<'END'
eth / ip4 10.0.0.2 > 10.9.0.11 ipip / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn
eth / ip4 10.0.0.3 > 10.9.0.11 ipip / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn
eth / ip4 10.0.0.2 > 10.9.0.11 ipip / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 22 syn
eth / ip4 10.0.0.2 > 10.9.0.11 ipip / ip4 10.0.0.2 > 10.9.0.11 ipip / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn
eth / ip4 10.0.0.2 > 10.9.0.11 ipip / ip4 10.9.0.11 > 203.0.113.10 / tcp 1000 > 80 syn
eth / ip4 10.0.0.2 > 10.9.0.11 ipip / ip4 198.18.0.1 > 203.0.113.10 len 5000 / tcp 1000 > 80 syn
END
# What the balancer sends is what the far end takes.
cat >both.notes <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
eth / ip6 2001:db8:9::1 > 2001:db8::10 / tcp 1000 > 80 syn seq 99
END
"$tools/mkcap" both.notes both.pcap
call preyrun --pcap both.pcap --self 10.0.0.2 --write between.pcap tunnels.pbc
call preyrun --pcap between.pcap --self 10.9.0.11,203.0.113.10 --verdicts - far.pbc
[ "$status" -eq 0 ] && [ "$(cut -f2,3 out | tr '\t\n' '  ')" = 'verdict rule accept WEB accept WEB ' ] && clean
ok $? 'a prey host is the far end of what prey sends'

# ---- syn cookies ----

rules cookies <<'END'
allow W0808
pool web { source 10.0.0.3 ports 40000; server a 10.0.0.11:8080 }
service www on 203.0.113.10 tcp/80 { mode passthrough; syn cookies; -> web }
firewall f default drop { accept tcp to 203.0.113.10 port 80 as WEB; accept icmp6 type nd }
END
sent cookies 'syn cookies: a SYN is answered here, and the server hears nothing' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99 opt x"02 04 05 b4"
=> 203.0.113.10.80 > 198.18.0.1.1000: Flags \[S.\], .*ack 100
END
cookie=$(sed -n 's/.*Flags \[S\.\],.* seq \([0-9]*\),.*/\1/p' found)
sent cookies 'the ACK that proves it opens the connection, with the client'"'"'s own number; then both are joined' <<END
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99 opt x"02 04 05 b4"
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack $((cookie + 2))
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack $((cookie + 1))
eth / ip4 10.0.0.11 > 10.0.0.3 / tcp 8080 > 40000 syn ack seq 499 ack 100 win 1000
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 psh ack seq 100 ack $((cookie + 1)) / zeros 10
eth / ip4 10.0.0.11 > 10.0.0.3 / tcp 8080 > 40000 psh ack seq 500 ack 110 / zeros 20
=> 203.0.113.10.80 > 198.18.0.1.1000: Flags \[S.\], .*ack 100
=> 10.0.0.3.40000 > 10.0.0.11.8080: Flags \[S\], .*seq 99
=> 10.0.0.3.40000 > 10.0.0.11.8080: Flags \[.\], .*ack 500
=> 203.0.113.10.80 > 198.18.0.1.1000: Flags \[.\], .*seq $((cookie + 1)), ack 100, win 1000
=> 10.0.0.3.40000 > 10.0.0.11.8080: Flags \[P.\], .*seq 100:110, ack 500
=> 203.0.113.10.80 > 198.18.0.1.1000: Flags \[P.\], .*seq $((cookie + 1)):$((cookie + 21)), ack 110
END
sed 's/mode passthrough/mode dsr rewrite/' cookies.prey >dsr-cookies.prey
call preyc --check dsr-cookies.prey
says 'in dsr they are an error that says why' 1 'E0819' err

# ---- replay, setup, tests in the language ----

cat >one.notes <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
END
"$tools/mkcap" one.notes one.pcap
call preyrun --pcap one.pcap --self 203.0.113.2 --explain 1 pass.pbc
says '--explain shows why this server, and what was rewritten' 0 '10\.0\.0\.3:40000' out
says 'with hash and slot' 0 'hash 0x[0-9a-f]+.*slot [0-9]+ of' out
call preyrun --pcap one.pcap --self 203.0.113.2 --seed 7 --write seven.pcap live.pbc
call preyrun --pcap one.pcap --self 203.0.113.2 --seed 7 --write again.pcap live.pbc
cmp -s seven.pcap again.pcap
ok $? 'same seed, same capture: same ports'
for server in l2:web/a rewrite:web/a tunnels:four/a tunnels:six/a; do
    call preyc --server-setup "${server#*:}" "${server%%:*}.prey"
    [ "$status" -eq 0 ] && grep -q '203\.0\.113\.1[0-2]' out && clean
    ok $? "--server-setup prints what prepares ${server#*:} for ${server%%:*}"
done
cat >talk.prey <<'END'
pool web { server a 10.0.0.11:8080 }
service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service far on 203.0.113.11 tcp/80 { mode dsr ipip; mss clamp auto; -> tunnel }
pool tunnel { server a 10.9.0.11 }
firewall f default drop {
  decap ipip from 10.0.0.9 as TUNNEL
  accept icmp6 type nd
  accept state established as OLD
  accept tcp to 203.0.113.10, 203.0.113.11 port 80 as WEB
}
test "there and back" {
  expect server web/a: tcp 198.18.0.1:50000 -> 203.0.113.10:80 syn
  expect forward: reply syn ack
  expect server web/a: reply ack
  expect forward by OLD: tcp 198.18.0.1:50000 -> 203.0.113.10:80 psh ack payload x"01 02 03"
  expect forward state related: reply: icmp 10.0.0.1 -> self type destination-unreachable code 1
}
test "past this machine" {
  expect server tunnel/a: tcp 198.18.0.1:50000 -> 203.0.113.11:80 syn
  reply syn ack
  expect forward by OLD state established: reply ack
}
test "in a tunnel" {
  self 10.0.0.2, 203.0.113.12
  expect drop by default: tcp 198.18.0.1:50000 -> 203.0.113.12:80 syn in ipip 10.0.0.9 -> self
  expect server web/a: tcp 198.18.0.1:50000 -> 203.0.113.10:80 syn
}
END
call preyc --check talk.prey
says 'tests follow conversations through services, and answer what left' 0 '3 tests passed' out
sed 's/expect forward: reply syn ack/expect drop: reply syn ack/' talk.prey >slip.prey
call preyc --check slip.prey
says 'a failing one shows how the packet left' 1 'the packet left as: tcp 203\.0\.113\.10:80 > 198\.18\.0\.1:50000 SYN ACK' err
sed 's/^  reply syn ack$/  expect forward: reply syn ack/' talk.prey >slip.prey
call preyc --check slip.prey
says 'and that in dsr modes nothing comes back' 1 'E0714' err

# ---- examples ----

cp "$top"/rules-examples/*.prey "$top"/rules-examples/*.txt .
for name in router dmz balancer-{passthrough,keep-source,dsr-l2,dsr-rewrite,dsr-ipip,dsr-gue} server-{ipip,gue}; do
    call preyc --werror "$name.prey" -o example.pbc
    [ "$status" -eq 0 ] && [ ! -s err ] && [ -s example.pbc ] && grep -q '^ *\(expect .*: \)*reply' "$name.prey"
    ok $? "rules-examples/$name.prey compiles, with tests that follow conversations"
done

# ---- all that left, by another decoder ----

if ! command -v tshark >/dev/null || ! command -v mergecap >/dev/null; then
    echo 'ok - every packet that left decodes, every checksum is right # SKIP tshark is not here'
else
    mergecap -a -w all.pcap left/*.pcap 2>/dev/null
    sums=
    for protocol in ip tcp udp sctp; do sums="$sums || $protocol.checksum.status == 0"; done
    # What errors quote is cut: its sums are nobody's.
    tshark -r all.pcap -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
        -o udp.check_checksum:TRUE -o 'sctp.checksum:CRC 32c' -Y "icmp.checksum.status == 0 || icmpv6.checksum.status == 0 ||
            (!icmp && !icmpv6 && (_ws.malformed$sums))" >bad 2>bad.err
    [ ! -s bad.err ] || grep -q 'Running as user' bad.err || cat bad.err >>bad
    packets=$(tshark -r all.pcap 2>/dev/null | wc -l)
    [ ! -s bad ] && [ "$packets" -gt 50 ]
    status=$?
    head -5 bad | sed 's/^/# /'
    ok $status "every packet that left decodes, every checksum is right ($packets packets, tshark)"
fi

exit $failed
