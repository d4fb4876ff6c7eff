#!/bin/bash
# Connections: promises, tried on the built programs, one line each. B: the build
# folder. Read from top to bottom it says what prey remembers today.
set -u
. tests/lib/accept.sh

rules() { # NAME: rules from standard input, compiled
    cat >"$1.prey"
    call preyc --werror "$1.prey" -o "$1.pbc"
    [ "$status" -eq 0 ] || sed 's/^/# /' err
}
capture() { cat >"$1.notes"; "$tools/mkcap" "$1.notes" "$1.pcap"; } # NAME: frames from standard input
# PROGRAM SENTENCE EXPECTED [OPTION...]: frames from standard input are judged, in order, by those rules; of a verdict
# without a rule the reason or, without that too, the verdict is expected.
judged() {
    local program=$1 sentence=$2 expected=$3 found
    shift 3
    capture judged
    call preyrun --pcap judged.pcap --self 10.0.0.1,2001:db8::1 --verdicts - "$@" "$program.pbc"
    found=$(awk -F '\t' 'NR > 1 { printf "%s%s", sep, $3 != "-" ? $3 : $6 != "-" ? $6 : $2; sep = " " }' out)
    if [ "$status" -eq 0 ] && [ "$found" = "$expected" ] && clean; then ok 0 "$sentence"; else
        echo "# status $status, expected: $expected"
        echo "#              but found: $found"
        ok 1 "$sentence"
    fi
}

# ---- the flow table: TCP ----

# OLD: established or related; BAD: invalid; SSH, WEB, DNS, PING: what may begin; OUT: what the host sends.
rules host <<'END'
timeouts { tcp established 2h; tcp half_open 60s; tcp closing 120s; udp 120s; icmp 60s }
firewall house in default drop {
  accept state established as OLD
  accept state related     as REL
  drop state invalid       as BAD
  accept tcp port 22, 80   as NEW
  accept udp port 53       as DNS
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
  accept icmp6 type nd     as ND
  accept sctp port 9       as SCTP
}
END
judged host 'a connection: handshake, data both ways, FIN both ways' 'NEW accept OLD OLD accept OLD accept OLD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 psh ack seq 100 ack 500 / zeros 10
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 psh ack seq 500 ack 110 / zeros 1000
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 fin ack seq 110 ack 1500
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 fin ack seq 1500 ack 111
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 111 ack 1501
END
judged host 'what belongs to no connection is invalid, whatever flags it carries' 'BAD BAD BAD BAD BAD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 1 ack 1
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn ack seq 1 ack 1
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 rst seq 1
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 fin ack seq 1 ack 1
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22
END
judged host 'a segment outside the window is invalid, one inside is not' 'NEW accept OLD BAD OLD BAD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99 win 8000
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100 win 8000
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100000 ack 500 / zeros 10
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 1100 ack 500 / zeros 10
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 90000 / zeros 10
END
judged host 'sequence numbers wrap around' 'NEW accept OLD OLD accept OLD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 4294967290
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 4294967295 ack 4294967291
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 4294967291 ack 0
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 4294967291 ack 0 / zeros 1000
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 ack seq 0 ack 995 / zeros 1000
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 995 ack 1000
END
judged host 'an RST counts at the expected number alone (RFC 5961); after it only a SYN matches' \
    'NEW accept OLD BAD OLD OLD BAD NEW' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 rst seq 150
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500 / zeros 10
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 rst seq 110
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 110 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 7777
END
judged host 'a refused connection: the RST that acknowledges the SYN, no other' 'accept BAD BAD OLD BAD' <<'END'
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 5 > 80 syn seq 99
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 80 > 5 rst seq 0
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 80 > 5 rst ack seq 0 ack 99
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 80 > 5 rst ack seq 0 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 80 > 5 syn ack seq 5 ack 100
END
judged host 'both open at once, both close at once' 'accept OLD accept OLD accept OLD accept OLD' <<'END'
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn seq 99
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 499
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 99 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn ack seq 499 ack 100
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 fin ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 fin ack seq 500 ack 100
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 ack seq 101 ack 501
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 501 ack 101
END
judged host 'a new SYN on a connection that is closing begins another' \
    'NEW accept OLD OLD accept OLD NEW accept OLD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 fin ack seq 100 ack 500
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 fin ack seq 500 ack 101
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 101 ack 501
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 500000
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 700000 ack 500001
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 500001 ack 700001
END
judged host 'a window scale of 14 holds, more is 14, none is none; lying options end the list' \
    'NEW accept OLD OLD NEW accept OLD OLD BAD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99 opt x"03 03 0f 00"
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100 opt x"03 03 0e 00"
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 60100 ack 500 / zeros 10
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 6 > 22 syn seq 99 opt x"03 ff 00 00"
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 6 syn ack seq 499 ack 100 win 100 opt x"03 03 0e 00"
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 6 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 6 > 22 ack seq 150 ack 500 / zeros 10
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 6 > 22 ack seq 70000 ack 500 / zeros 10
END
judged host 'a half-open connection is over after `tcp half_open`, a closed one after `tcp closing`' \
    'NEW BAD NEW accept OLD OLD accept OLD BAD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 4 > 22 syn seq 99
after 61s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 4 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 fin ack seq 100 ack 500
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 fin ack seq 500 ack 101
after 100s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 101 ack 501
after 121s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 101 ack 501
END
judged host 'an open one is held for `tcp established`, and no longer' 'NEW accept OLD OLD BAD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
after 7190s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
after 7201s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
END
rules pickup <<'END'
timeouts { pickup 60s }
firewall house in default drop {
  accept icmp6 type nd
  accept state established as OLD
  drop state invalid as BAD
  accept tcp port 22 as NEW
}
END
judged pickup 'with `pickup` a connection is taken up in mid-stream, later not' 'NEW accept OLD BAD' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500 / zeros 10
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 ack seq 500 ack 110 / zeros 10
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 110 ack 510 / zeros 10
after 61s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 6 > 22 ack seq 100 ack 500 / zeros 10
END

# ---- the flow table: the other protocols, LAND, VLANs ----

judged host 'UDP: answered it is established, for as long as `udp` says' 'DNS DNS accept OLD DNS' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
eth / ip4 10.0.0.1 > 10.0.0.7 / udp 53 > 5
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
after 121s
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
END
judged host 'ICMP echo over both families: the reply to our question, no other identifier' \
    'accept OLD BAD PING accept accept OLD BAD' <<'END'
eth / ip4 10.0.0.1 > 10.0.0.7 / icmp type 8 id 5
eth / ip4 10.0.0.7 > 10.0.0.1 / icmp type 0 id 5
eth / ip4 10.0.0.7 > 10.0.0.1 / icmp type 0 id 6
eth / ip4 10.0.0.7 > 10.0.0.1 / icmp type 8 id 5
eth / ip4 10.0.0.1 > 10.0.0.7 / icmp type 0 id 5
eth / ip6 2001:db8::1 > 2001:db8::7 / icmp6 type 128 id 5
eth / ip6 2001:db8::7 > 2001:db8::1 / icmp6 type 129 id 5
eth / ip6 2001:db8::8 > 2001:db8::1 / icmp6 type 129 id 5
END
judged host 'SCTP is followed; an ABORT ends it' 'SCTP accept OLD accept' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / sctp 7 > 9 tag 0 / payload x"01 00 00 14 00 00 00 01 00 01 00 00 00 01 00 01 00 00 00 01"
eth / ip4 10.0.0.1 > 10.0.0.7 / sctp 9 > 7 tag 1 / payload x"02 00 00 14 00 00 00 02 00 01 00 00 00 01 00 01 00 00 00 01"
eth / ip4 10.0.0.7 > 10.0.0.1 / sctp 7 > 9 tag 2 / payload x"0a 00 00 04"
eth / ip4 10.0.0.1 > 10.0.0.7 / sctp 9 > 7 tag 1 / payload x"06 00 00 04"
END
judged host 'equal addresses in two VLANs are two connections' 'DNS accept DNS OLD' <<'END'
eth / vlan 5 / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
eth / vlan 5 / ip4 10.0.0.1 > 10.0.0.7 / udp 53 > 5
eth / vlan 6 / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
eth / vlan 5 / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
END
judged host 'LAND, packets to themselves, confuse nobody' 'accept accept BAD' --self 10.0.0.9 <<'END'
eth / ip4 10.0.0.9 > 10.0.0.9 / tcp 22 > 22 syn seq 5
eth / ip4 10.0.0.9 > 10.0.0.9 / tcp 22 > 22 syn seq 5
eth / ip4 10.0.0.8 > 10.0.0.9 / tcp 22 > 22 syn ack seq 5 ack 6
END
capture back <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
eth / ip4 10.0.0.1 > 10.0.0.7 / udp 53 > 5
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
END
python3 - <<'END'
import struct
data, at, frame = bytearray(open("back.pcap", "rb").read()), 24, 0
while at < len(data):
    second, _, length = struct.unpack_from("<III", data, at)
    struct.pack_into("<I", data, at, second - [0, 50, 5000, 0][frame])
    at, frame = at + 16 + length, frame + 1
open("back.pcap", "wb").write(data)
END
call preyrun --pcap back.pcap --self 10.0.0.1 --verdicts - host.pbc
[ "$status" -eq 0 ] && [ "$(cut -f3 out | tr '\n' ' ')" = 'rule DNS - OLD OLD ' ] && clean
ok $? 'a clock that goes back in a capture changes nothing'

# ---- the flow table: bounds ----

rules small <<'END'
limits { flows 1000; half_open 100 }
firewall house in default drop {
  accept icmp6 type nd
  accept state established as OLD
  drop state invalid as BAD
  accept tcp port 22 as NEW
}
END
{
    echo 'eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99'
    echo 'eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100'
    echo 'eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500'
    for i in $(seq 1 20000); do echo "eth / ip4 198.18.$((i / 256)).$((i % 256)) > 10.0.0.1 / tcp 7 > 22 syn"; done
    echo 'eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500'
    echo 'eth / ip4 10.0.0.8 > 10.0.0.1 / tcp 5 > 22 syn seq 99'
    echo 'eth / ip4 10.0.0.1 > 10.0.0.8 / tcp 22 > 5 syn ack seq 499 ack 100'
    echo 'eth / ip4 10.0.0.8 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500'
} | capture flood
call preyrun --pcap flood.pcap --self 10.0.0.1 --verdicts - small.pbc
says 'in a flood of SYNs the open connection goes on' 0 '^20004	accept	OLD' out
says 'and a real client still gets in' 0 '^20007	accept	OLD' out
call preyrun --pcap flood.pcap --self 10.0.0.1 small.pbc
says 'the bound of half-open flows is kept and counted' 0 'half-open' out
call preyrun --pcap flood.pcap --self 10.0.0.1 --flows small.pbc
says 'each flow that made way says why' 0 'half-open-limit' out

# ---- state: errors, counts, directions ----

judged host 'an ICMP error that quotes a connection is related, over both families' \
    'accept REL accept REL NEW accept REL' <<'END'
eth / ip4 10.0.0.1 > 10.0.0.7 / udp 5 > 9
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / ip4 10.0.0.1 > 10.0.0.7 / udp 5 > 9
eth / ip6 2001:db8::1 > 2001:db8::7 / udp 5 > 9
eth / ip6 2001:db8::99 > 2001:db8::1 / icmp6 type 2 mtu 1280 / ip6 2001:db8::1 > 2001:db8::7 / udp 5 > 9
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 4 mtu 1400 / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
END
judged host 'one that quotes none, another number, or itself, is invalid' 'BAD accept BAD BAD BAD' <<'END'
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / ip4 10.0.0.1 > 10.0.0.7 / udp 5 > 9
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 5 > 80 syn seq 99
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / ip4 10.0.0.1 > 10.0.0.7 / tcp 5 > 80 syn seq 99000
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / ip4 10.0.0.7 > 10.0.0.1 / tcp 80 > 5 syn seq 99
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / ip4 10.0.0.1 > 10.0.0.99 / icmp type 3
END
judged host 'lengths that lie inside an embedded header fool nobody' 'accept BAD BAD BAD' <<'END'
eth / ip4 10.0.0.1 > 10.0.0.7 / udp 5 > 9
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / payload x"4f 00 00 1c 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00 00 07 00 05 00 09 00 08 00 00"
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3 / payload x"45 00 00 1c 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00 00 07 00 05"
eth / ip4 10.0.0.99 > 10.0.0.1 / icmp type 3 code 3
END
rules counted <<'END'
firewall house in default drop {
  accept icmp6 type nd
  accept state established as OLD
  drop tcp flows over 3 per source as MANY
  accept tcp port 22 as NEW
}
END
judged counted '`flows over N per source` counts the connections that a source holds' 'NEW NEW NEW MANY NEW NEW' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 1 > 22 syn
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 2 > 22 syn
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 3 > 22 syn
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 4 > 22 syn
eth / ip4 10.0.0.8 > 10.0.0.1 / tcp 4 > 22 syn
after 80s
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 4 > 22 syn
END
rules ways <<'END'
firewall a in default drop { accept icmp6 type nd; accept state established as IN_OLD; accept tcp port 22 as IN }
firewall b out default drop { accept icmp6 type nd; accept state established as OUT_OLD; accept udp port 53 as OUT }
firewall c forward default drop {
  accept icmp6 type nd
  accept state established as THROUGH_OLD
  accept tcp from 10.0.0.0/8 to port 443 as THROUGH
}
END
judged ways 'in, out and forward: each by its own firewall, answers by the connection' \
    'IN OUT_OLD OUT IN_OLD default default THROUGH THROUGH_OLD default' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.1 > 9.9.9.9 / udp 5 > 53
eth / ip4 9.9.9.9 > 10.0.0.1 / udp 53 > 5
eth / ip4 9.9.9.8 > 10.0.0.1 / udp 53 > 5
eth / ip4 10.0.0.1 > 9.9.9.9 / tcp 5 > 25 syn
eth / ip4 10.0.0.7 > 198.51.100.1 / tcp 5 > 443 syn seq 99
eth / ip4 198.51.100.1 > 10.0.0.7 / tcp 443 > 5 syn ack seq 499 ack 100
eth / ip4 198.51.100.1 > 10.0.0.7 / tcp 443 > 6 syn ack seq 499 ack 100
END

rules dsr <<'END'
pool web { server a 10.0.9.11 }
service www on 203.0.113.10 tcp/80 { mode dsr l2; -> web }
firewall house default drop {
  accept icmp6 type nd
  accept state established as OLD
  accept tcp to 203.0.113.10 port 80 state new as NEW
}
END
judged dsr 'of a service in a DSR mode one side is seen, and followed from its SYN to its FIN' \
    'NEW OLD OLD OLD default default' <<'END'
eth / ip4 10.0.0.7 > 203.0.113.10 / tcp 5 > 80 syn seq 99
eth / ip4 10.0.0.7 > 203.0.113.10 / tcp 5 > 80 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 203.0.113.10 / tcp 5 > 80 psh ack seq 100 ack 9000500 / zeros 10
eth / ip4 10.0.0.7 > 203.0.113.10 / tcp 5 > 80 fin ack seq 110 ack 9000500
after 121s
eth / ip4 10.0.0.7 > 203.0.113.10 / tcp 5 > 80 ack seq 111 ack 9000500
eth / ip4 10.0.0.8 > 203.0.113.10 / tcp 5 > 80 ack seq 100 ack 500
END
judged host 'UDP over IPv6 is followed like that over IPv4' 'DNS accept OLD DNS' <<'END'
eth / ip6 2001:db8::7 > 2001:db8::1 / udp 5 > 53
eth / ip6 2001:db8::1 > 2001:db8::7 / udp 53 > 5
eth / ip6 2001:db8::7 > 2001:db8::1 / udp 5 > 53
after 121s
eth / ip6 2001:db8::7 > 2001:db8::1 / udp 5 > 53
END

# ---- fragments ----

judged host 'later fragments go where their first one went, v4 and v6' 'DNS DNS default default DNS DNS' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 more / udp 5 > 53 len 2008 / zeros 1472
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 1480 proto udp / zeros 528
eth / ip4 10.0.0.7 > 10.0.0.1 id 8 more / udp 5 > 54 len 2008 / zeros 1472
eth / ip4 10.0.0.7 > 10.0.0.1 id 8 frag 1480 proto udp / zeros 528
eth / ip6 2001:db8::7 > 2001:db8::1 / frag6 0 more id 7 / udp 5 > 53 len 2008 / zeros 1440
eth / ip6 2001:db8::7 > 2001:db8::1 / frag6 1448 id 7 next 17 / zeros 560
END
judged host 'one that comes early waits for its first' 'DNS DNS' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 1480 proto udp / zeros 528
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 more / udp 5 > 53 len 2008 / zeros 1472
END
judged host 'one whose first never comes is dropped, with its reason' 'fragment-orphan DNS' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 1480 proto udp / zeros 528
after 1s
eth / ip4 10.0.0.7 > 10.0.0.1 / udp 5 > 53
END
judged host 'a duplicate is dropped alone, any other overlap ends the datagram' \
    'DNS DNS duplicate-fragment DNS DNS overlapping-fragment overlapping-fragment' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 more / udp 5 > 53 len 3008 / zeros 1472
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 1480 more proto udp / zeros 800
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 1480 more proto udp / zeros 800
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 2280 more proto udp / zeros 80
eth / ip4 10.0.0.7 > 10.0.0.1 id 8 more / udp 5 > 53 len 3008 / zeros 1472
eth / ip4 10.0.0.7 > 10.0.0.1 id 8 frag 1472 more proto udp / zeros 800
eth / ip4 10.0.0.7 > 10.0.0.1 id 8 frag 2480 proto udp / zeros 528
END
judged host 'tiny fragments are refused' 'tiny-fragment short-tcp' <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 frag 8 proto tcp / zeros 40
eth / ip4 10.0.0.7 > 10.0.0.1 id 7 more proto tcp / zeros 8
END

# ---- remembered verdicts ----

call preyc --stats host.prey
says '--stats says which verdicts may be remembered' 0 '^  remembered OLD ' out
rules timed <<'END'
schedule work = mon-fri 08:00-18:00
firewall house in default drop {
  accept icmp6 type nd
  accept tcp port 22 during work as OFFICE
  accept state established as OLD
}
END
call preyc --stats timed.prey
says 'and why another may not' 0 'OLD.*(OFFICE|schedule|during|work)' out
capture long <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
repeat 50 eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
END
call preyrun --pcap long.pcap --self 10.0.0.1 host.pbc
says 'a replay counts the packets that took one' 0 '[0-9]+ packets took a remembered verdict' out

# ---- what stateless programs pay ----

rules stateless <<'END'
firewall house in default drop { accept icmp6 type nd; accept tcp port 22 as SSH }
END
call preyrun --pcap long.pcap --self 10.0.0.1 --flows stateless.pbc
says 'a stateless program keeps no flow' 0 'no flows|keeps no' out
call preyrun --pcap long.pcap --self 10.0.0.1 stateless.pbc
[ "$status" -eq 0 ] && ! grep -q '^flows ' out
ok $? 'and its summary speaks of none'

# ---- tests in the language, the list of flows ----

rules talk <<'END'
firewall house in default drop {
  accept icmp6 type nd
  accept state established, related         as OLD
  drop tcp to self port 22 flows over 5 per source as MANY
  accept tcp to self port 22 state new      as SSH
}
firewall leash out default accept { reject tcp to port 25 as MAIL }
test "a login, and its end" {
  expect accept by SSH state new: tcp 198.51.100.7:50000 -> self:22 syn
  reply syn ack
  expect accept by OLD state established: reply ack
  expect accept by OLD: tcp 198.51.100.7:50000 -> self:22 psh ack payload x"01 02 03"
  reply fin ack
  reply fin ack
  reply ack
  after 121s
  expect drop by default state invalid: tcp 198.51.100.7:50000 -> self:22 ack
}
test "errors about what we sent" {
  expect accept: tcp self:50000 -> 198.51.100.7:443 syn
  expect accept by OLD state related: reply: icmp 192.0.2.1 -> self type destination-unreachable code 4
  expect drop state invalid: icmp 192.0.2.1 -> self type destination-unreachable code 4
}
test "too many" {
  repeat 50 within 1s: tcp 198.51.100.7 -> self:22 syn
  expect drop by MANY: tcp 198.51.100.7:900 -> self:22 syn
}
END
call preyc --check talk.prey
says 'tests follow a conversation to its end, quote errors, meet `flows over`' 0 '3 tests passed' out
sed 's/established, related/related/' talk.prey >slip.prey
call preyc --check slip.prey
says 'a rule that forgets the answers fails the test' 1 'test "a login, and its end": expected accept by OLD state established, but found drop by default state established' err
says 'with the condition that was not met' 1 'state is established, not related' err
sed 's/ state new  / /' talk.prey >slip.prey
call preyc --check slip.prey
says 'a rule that takes segments of no connection fails it too' 1 'expected drop by default state invalid, but found accept by SSH state invalid' err
sed 's/default accept { reject/default drop { reject/' talk.prey >slip.prey
call preyc --check slip.prey
says 'a reply that isn'\''t let through fails the test' 1 ':10:3: error: test "a login, and its end": expected accept, but found drop by default' err
capture ends <<'END'
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 syn ack seq 499 ack 100
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 100 ack 500
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 fin ack seq 100 ack 500
eth / ip4 10.0.0.1 > 10.0.0.7 / tcp 22 > 5 fin ack seq 500 ack 101
eth / ip4 10.0.0.7 > 10.0.0.1 / tcp 5 > 22 ack seq 101 ack 501
eth / ip4 10.0.0.8 > 10.0.0.1 / tcp 5 > 22 syn seq 99
eth / ip4 10.0.0.9 > 10.0.0.1 / udp 5 > 53
after 200s
eth / ip4 10.0.0.9 > 10.0.0.1 / udp 6 > 53
END
call preyrun --pcap ends.pcap --self 10.0.0.1 --flows host.pbc
says '--flows lists a connection that was closed' 0 'tcp +10\.0\.0\.7:5 +10\.0\.0\.1:22 .*closed' out
says 'one that nobody answered' 0 'tcp +10\.0\.0\.8:5 .*unanswered' out
says 'and one that goes on' 0 'udp +10\.0\.0\.9:6 .*open' out
call preyrun --pcap ends.pcap --self 10.0.0.1 --explain 3 host.pbc
says '--explain shows the connection that a frame belongs to' 0 'state established: tcp flow' out

# ---- examples ----

for name in laptop home-server web-server; do
    cp "$top"/rules-examples/{$name.prey,abusers.txt} .
    call preyc --werror "$name.prey" -o example.pbc
    [ "$status" -eq 0 ] && [ ! -s err ] && [ -s example.pbc ] && grep -q '^firewall .* out ' "$name.prey" && grep -q 'reply' "$name.prey"
    ok $? "rules-examples/$name.prey compiles, with rules for what is sent and tests that follow connections"
done
call preyc --check "$top/rules-examples/home-server.prey"
says 'the home host needs no FTP, and has DHCP, neighbours and mDNS tested' 0 'good: .* tests passed' out

exit $failed
