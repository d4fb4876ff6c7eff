#!/usr/bin/env bash
# preyc --suggest: rules that let in what a capture shows to begin; they compile, and do what they say.
set -u
. tests/lib/scratch.sh
suggests() { # ARGUMENT...: preyc into out, err, status
    timeout 60 "$bin/preyc" --suggest "$@" >out 2>err </dev/null
    status=$?
}
rule() { # NAME: what it lets in
    sed -n "s/^  \(accept .*[^ ]\) *as $1 .*/\1/p" out | tr -s ' '
}
# Compiles, passes its tests, is formatted, and accepts as many frames of the capture as it says.
holds() { # SENTENCE CAPTURE ARGUMENT...
    local sentence=$1 capture=$2
    shift 2
    cp out suggested.prey
    "$bin/preyc" suggested.prey -o suggested.pbc >/dev/null 2>said && [ ! -s said ] && [ -z "$("$bin/preyc" --fmt --check suggested.prey)" ] &&
        "$bin/preyrun" -r "$capture" "$@" --only 'accept, pass' suggested.pbc >lines
    same "$sentence" "$? $(sed -n 's/^# From the capture, these rules accept \([0-9,]*\) of .*/\1/p' out | tr -d ,)" "0 $(($(wc -l <lines) - 1))"
}
capture day <<'END_NOTES'
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50000 > 22 syn seq 1
eth / ip4 203.0.113.1 > 192.0.2.1 / tcp 22 > 50000 syn ack ack 2 seq 1
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50000 > 22 ack ack 2 seq 2
eth / ip4 192.0.2.2 > 203.0.113.1 / tcp 50009 > 22 syn
eth / ip4 203.0.113.1 > 192.0.2.2 / tcp 22 > 50009 syn ack ack 2
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50010 > 80 syn
eth / ip4 203.0.113.1 > 192.0.2.1 / tcp 80 > 50010 syn ack ack 2
eth / ip4 192.0.2.2 > 203.0.113.1 / tcp 50011 > 80 syn
eth / ip4 203.0.113.1 > 192.0.2.2 / tcp 80 > 50011 syn ack ack 2
eth / ip4 198.51.100.1 > 203.0.113.1 / tcp 50001 > 23 syn
eth / ip4 198.51.100.1 > 203.0.113.1 / tcp 50001 > 6000 ack ack 7
eth / ip4 192.0.2.7 > 203.0.113.1 / udp 40000 > 53 len 16 / zeros 8
eth / ip4 203.0.113.1 > 192.0.2.7 / udp 53 > 40000 len 16 / zeros 8
eth / ip4 192.0.2.8 > 203.0.113.2 / udp 40000 > 53 len 16 / zeros 8
eth / ip4 192.0.2.8 > 203.0.113.1 / udp 40000 > 53 len 16 / zeros 8
eth / ip4 192.0.2.7 > 203.0.113.2 / udp 40000 > 53 len 16 / zeros 8
eth / ip4 9.9.9.9 > 192.0.2.7 / udp 53 > 40001 len 16 / zeros 8
eth / ip4 192.0.2.9 > 203.0.113.1 / icmp type 8
eth / ip4 203.0.113.1 > 192.0.2.9 / icmp type 0
eth / ip6 2001:db8::1 > 2001:db8::2 / tcp 50000 > 443 syn
eth / ip6 2001:db8::2 > 2001:db8::1 / tcp 443 > 50000 syn ack ack 2
eth / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 len 16 / zeros 8
eth / ip4 192.0.2.9 > 203.0.113.1 proto 47 / zeros 8
eth / ip4 192.0.2.9 > 203.0.113.1 proto 99 / zeros 8
eth / ip4 192.0.2.9 > 224.0.0.22 proto 2 / zeros 8
eth / ip4 192.0.2.9 > 203.0.113.1 proto udp / zeros 4
eth / arp
END_NOTES
suggests -r day.pcap
same 'no fault' "$status$(cat err)" 0
holds 'what it says holds' day.pcap
same 'the sources of a service, and the ports of the same ones' "$(rule SSH)" 'accept tcp from 192.0.2.0/30 to 203.0.113.1 port 22, 80 state new'
same 'several destinations' "$(rule DNS)" 'accept udp from 192.0.2.0/28 to 203.0.113.1, 203.0.113.2 port 53 state new'
same 'IPv6' "$(rule HTTPS)" 'accept tcp from 2001:db8::1 to 2001:db8::2 port 443 state new'
same 'a ping, and a protocol without ports' "$(rule PING)|$(rule GRE)|$(rule IGMP)|$(rule PROTO_99)" \
    'accept icmp type echo-request from 192.0.2.9 to 203.0.113.1 state new|accept gre from 192.0.2.9 to 203.0.113.1 state new|accept igmp from 192.0.2.9 to 224.0.0.22 state new|accept proto 99 from 192.0.2.9 to 203.0.113.1 state new'
same 'addresses of nobody' "$(rule DHCP)" 'accept udp from 0.0.0.0 to 255.255.255.255 port 67 state new'
same 'not what nobody answered, what had begun before, and what is malformed' "$(grep -c 'TCP_\|port 40001' out) $(grep '^# Not' out | cut -d' ' -f4-6 | tr '\n' ';')" \
    '0 1 TCP client;1 packet that;1 frame that;'
same 'a packet of each in the test, and one that is dropped' "$(grep -c 'expect accept by' out) $(grep 'expect drop' out)" \
    "$(grep -c ' # began' out)   expect drop by default: tcp 192.0.2.1:50000 -> 203.0.113.1:1 syn"
suggests -r day.pcap --self 203.0.113.1,2001:db8::2
holds 'with --self likewise' day.pcap --self 203.0.113.1,2001:db8::2
same 'this machine is called so' "$(rule SSH)" 'accept tcp from 192.0.2.0/30 to self port 22, 80 state new'
for i in $(seq 40); do echo "eth / ip4 10.$((i % 3)).$i.$((i + 7)) > 203.0.113.1 / tcp $((50000 + i)) > 443 syn"; done >wide.notes
"$bin/tests/tools/mkcap" wide.notes wide.pcap
suggests -r wide.pcap
holds 'a set of sources' wide.pcap
same 'none wider than /24' "$(grep -c '^set HTTPS_clients' out) $(grep -oE '\b10\.[0-9.]+' out | sort -u | wc -l) $(tr ' ,' '\n\n' <out | grep -c '^10[.0-9]*/')" '1 40 0'
suggests -r wide.pcap --suggest-width 16
holds 'with wider networks' wide.pcap
same 'by --suggest-width' "$(rule HTTPS | cut -d' ' -f4-6)" '10.0.0.0/18, 10.1.0.0/18, 10.2.0.0/18'
suggests -r wide.pcap --suggest-width 0/0
same 'as wide as it is' "$(rule HTTPS)" 'accept tcp from 10.0.0.0/14 to 203.0.113.1 port 443 state new'
gzip -k day.pcap
suggests -r day.pcap.gz -r wide.pcap
same 'several, one compressed' "$status $(grep -c '# began' out)" '0 8'
timeout 60 "$bin/preyc" --suggest -r - < <(cat day.pcap) >out
same 'through a pipe: nobody judges it' "$? $(grep -c 'read but not judged' out)" '0 1'
cp day.pcap 'a
accept b.pcap'
suggests -r 'a
accept b.pcap'
"$bin/preyc" --check - <out >/dev/null
same 'a name with a line in it is no rule' "$? $(head -1 out)" '0 # Suggested by preyc --suggest of a?accept b.pcap: these rules accept the connections that began in the capture.'
for i in 1 2; do echo "eth / ip4 192.0.2.1 > 203.0.113.$i / tcp 50000 > $((3 - i)) syn"; done >low.notes
"$bin/tests/tools/mkcap" low.notes low.pcap
suggests -r low.pcap
holds 'the lowest ports are services' low.pcap
same 'the dropped packet of the test goes to another' "$(grep -c 'expect drop by default.*:3 syn' out)" 1
echo 'eth / arp' >none.notes
"$bin/tests/tools/mkcap" none.notes none.pcap
suggests -r none.pcap
holds 'nothing began' none.pcap
python3 - <<'END_PY'
import struct
out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
for i in range(6000):
    p = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, b"\x0a\0\0\1", struct.pack(">I", 0x0b000000 + i * 7)) + struct.pack(">HHIIBBHHH", 1, 80 + i % 50, 1, 0, 0x50, 2, 0, 0, 0)
    out += struct.pack("<IIII", 1, 0, len(p), len(p)) + p
open("scan.pcap", "wb").write(out)
END_PY
# By interfaces, as a pcapng names them.
capture ways <<'END_NOTES'
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 192.0.2.2 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 10.0.0.1 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 10.0.0.1 > 203.0.113.1 / tcp 50001 > 80 syn
eth / ip4 10.9.0.1 > 203.0.113.1 / tcp 50001 > 81 syn
eth / ip4 10.8.0.1 > 203.0.113.1 / tcp 50001 > 82 syn
END_NOTES
named() { # NAME IFACE...: the frames of ways.pcap, each by one of the interfaces eth0, br-lan, `a b` and `any`
    python3 "$top/tests/e2e/by_interface.py" "$@"
}
named ways.pcapng 0 1 0 1 1 2 3
suggests -r ways.pcapng
holds 'by interfaces' ways.pcapng
same 'each service where its first packet came, and not told where no rule could' "$(rule SSH)|$(rule SSH_2)|$(rule TCP_81)|$(rule TCP_82)|$(grep -c '^# Accepted on all interfaces: 1 packet of an interface' out)" \
    'accept tcp from 192.0.2.0/30 to 203.0.113.1 port 22 on "eth0" state new|accept tcp from 10.0.0.1 to 203.0.113.1 port 22, 80 on "br-lan" state new|accept tcp from 10.9.0.1 to 203.0.113.1 port 81 state new|accept tcp from 10.8.0.1 to 203.0.113.1 port 82 state new|1'
named one.pcapng 1 1 1 1 1 1 1
suggests -r one.pcapng
holds 'by one interface' one.pcapng
same 'of one alone nothing is said' "$status $(grep -c br-lan out)" '0 0'

# What preyrun made of packets begins nothing, in its recordings (tests/tools/mkrec), but shows that somebody answered.
rules shop <<'END_RULES'
limits { flows 1_000 }
pool web { server one 10.9.0.1:8080 }
service shop on 203.0.113.10 tcp/80 { mode passthrough keep source; -> web }
END_RULES
capture shop <<'END_NOTES'
eth / ip4 192.0.2.1 > 203.0.113.10 / tcp 50000 > 80 syn seq 1
eth / ip4 10.9.0.1 > 192.0.2.1 / tcp 8080 > 50000 syn ack seq 1 ack 2
eth / ip4 192.0.2.1 > 203.0.113.10 / tcp 50000 > 80 ack seq 2 ack 2
END_NOTES
"$bin/tests/tools/mkrec" -k shop.pbc shop.pcap kept
suggests -r kept/*.pcapng
same 'of a recording, what came' "$status $(grep -c '10\.9\.0\.1' out) $(rule HTTP)|$(grep '^# From\|^# Not' out | tr '\n' '|')" \
    '0 0 accept tcp from 192.0.2.1 to 203.0.113.10 port 80 state new|# From the capture, these rules accept 2 of 3 frames.|# Not counted: 3 frames that preyrun sent, according to the recording.|'

# Ended by a signal, with what is known by then.
endless day.pcap flowed | "$bin/preyc" --suggest -r - >out 2>err &
p=$!
until_there flowed
kill -TERM $p
wait $p
same 'SIGTERM ends it with what began by then' "$?$(cat err) $(grep -c '^# A signal stopped preyc after frame [0-9,]*: later frames are left out' out) $(rule PING)" \
    '0 1 accept icmp type echo-request from 192.0.2.9 to 203.0.113.1 state new'
cp out suggested.prey
"$bin/preyc" --check suggested.prey >out 2>err
same 'which compiles' "$?$(cat err)" 0
python3 - <<'END_PY'
raw = open("day.pcap", "rb").read()
with open("long.pcap", "wb") as out:
    out.write(raw)
    for i in range(40000): out.write(raw[24:])
END_PY
"$bin/preyc" --suggest -r long.pcap >out 2>err &
p=$!
reads() { grep -qs 'long\.pcap' /proc/$p/maps || ! kill -0 $p 2>/dev/null; }
for _ in {1..3000}; do reads && break || sleep 0.01; done
kill -TERM $p 2>/dev/null
wait $p
same 'of a file what was read is judged, too' "$?$(cat err) $(grep -cE '^# From (the frames before the signal|the capture), these rules accept [0-9,]+ of [0-9,]+ frames.$' out)" '0 1'
wrong() { # SENTENCE PATTERN ARGUMENT...
    local sentence=$1 pattern=$2
    shift 2
    suggests "$@"
    [ "$status" = 2 ] && grep -qE -- "$pattern" err && [ ! -s out ]
    ok $? "$sentence"
}
wrong 'a scan: the bound is named' 'more than 4096 services' -r scan.pcap
head -c -7 day.pcap >cut.pcap
wrong 'a capture that is cut' 'cut.pcap: truncated' -r cut.pcap
wrong 'no capture' 'needs a capture'
wrong 'rules beside it' 'reads captures' -r day.pcap suggested.prey
wrong 'a width that is none' 'takes prefix lengths' -r day.pcap --suggest-width 33
wrong 'a width with more behind' 'takes prefix lengths' -r day.pcap --suggest-width 24/64/
wrong 'other options' 'combined only with' -r day.pcap --json
exit $failed
