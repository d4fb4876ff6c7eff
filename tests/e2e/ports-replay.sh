#!/bin/bash
# Who gives up the only port, in replays: nobody to whom an answer may still be on its way, and what a server knows of an older connection is reset, but
# nothing of the new one. B is the build folder.
set -u
. tests/lib/scratch.sh

cat >nat.prey <<'END'
set lan = 10.0.0.0/24
nat home { masquerade from lan out on "eth0" ports 2000-2000 }
firewall edge default drop { accept from lan as OUT }
END
cat >svc.prey <<'END'
pool dns { source 10.2.0.50 ports 2000-2000; server one 192.0.2.1 }
service d on 203.0.113.1 udp/53 { mode passthrough; -> dns }
END
cat >two.prey <<'END'
pool web { source 10.2.0.50 ports 2000-2000; server one 192.0.2.1; server two 192.0.2.2 }
service d on 203.0.113.1 tcp/80 { mode passthrough; -> web }
END
for rules in nat svc two; do "$bin/preyc" $rules.prey -o $rules.pbc >said 2>&1 || { sed 's/^/# /' said; ok 1 "$rules.prey compiles"; }; done

# gives SENTENCE RULES PACKETS-THAT-LEAVE VERDICTS: of the packets of standard input, `@N` before one waits N seconds.
gives() {
    cat >in.notes
    "$bin/tests/tools/mkcap" in.notes in.pcap || ok 1 "$1: in.notes is a capture"
    timeout 60 "$bin/preyrun" --pcap in.pcap --self 203.0.113.1 --route default=eth0 --route 10.0.0.0/24=eth1 --write left.pcap --verdicts lines "$2.pbc" >out 2>err </dev/null
    same "$1" "$(tail -n +2 lines | cut -f 2,6 | tr '\t\n' ' ,')$(tcpdump -nr left.pcap 2>/dev/null | wc -l)" "$4$3"
}
gives 'a question that waits keeps its port from another to the same server' nat 2 'forward -,drop no-source-port,forward -,' <<'END'
eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2000 > 53
eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2000 > 53
eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2000
END
gives 'so at a service, whose answer goes to who asked' svc 2 'forward -,drop no-source-port,forward -,' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.1 / udp 7 > 53
eth / ip4 198.18.0.66 > 203.0.113.1 / udp 2 > 53
eth / ip4 192.0.2.1 > 10.2.0.50 / udp 53 > 2000
END
gives 'once it is answered, it gives way' svc 4 'forward -,forward -,forward -,forward -,' <<'END'
eth / ip4 198.18.0.1 > 203.0.113.1 / udp 7 > 53
eth / ip4 192.0.2.1 > 10.2.0.50 / udp 53 > 2000
eth / ip4 198.18.0.66 > 203.0.113.1 / udp 2 > 53
eth / ip4 192.0.2.1 > 10.2.0.50 / udp 53 > 2000
END
gives 'an acknowledgement of the SYN resets nothing, and an older connection brings no payload' nat 1 'forward -,drop invalid,drop invalid,' <<'END'
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 syn seq 1000
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 ack seq 5000 ack 1001
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 fin ack seq 5000 ack 777 / payload "secret of another"
END
gives 'a challenge is answered by a reset, and handed on' nat 3 'forward -,forward -,' <<'END'
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 syn seq 1000
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 ack seq 5000 ack 777
END
tcpdump -nr left.pcap 2>/dev/null >out
has 'the reset has the number that the server expects' '203.0.113.1.2000 > 192.0.2.1.80: Flags \[R\], seq 777,'
gives 'a last segment may still be on its way' nat 5 'forward -,forward -,forward -,forward -,forward -,drop no-source-port,' <<'END'
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 syn seq 1000
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 syn ack seq 5000 ack 1001
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 ack seq 1001 ack 5001
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 fin ack seq 1001 ack 5001
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 ack fin seq 5001 ack 1002 / payload "the whole answer"
eth / ip4 10.0.0.6 > 192.0.2.9 / tcp 2000 > 80 syn seq 9000
END
gives 'once it is acknowledged, the connection is over' nat 8 'forward -,forward -,forward -,forward -,forward -,forward -,forward -,' <<'END'
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 syn seq 1000
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 syn ack seq 5000 ack 1001
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 ack seq 1001 ack 5001
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 fin ack seq 1001 ack 5001
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 2000 ack fin seq 5001 ack 1002
eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2000 > 80 ack seq 1002 ack 5002
eth / ip4 10.0.0.6 > 192.0.2.9 / tcp 2000 > 80 syn seq 9000
END
# The service's flow is at one of the two servers: the challenges of the other are of no flow.
for at in 1 2; do
    cat >in.notes <<END
eth / ip4 198.18.0.1 > 203.0.113.1 / tcp 7 > 80 syn seq 1000
eth / ip4 192.0.2.$at > 10.2.0.50 / tcp 80 > 2000 ack seq 5000 ack 777
eth / ip4 198.18.0.1 > 203.0.113.1 / tcp 7 > 80 syn seq 1000
END
    "$bin/tests/tools/mkcap" in.notes in.pcap
    timeout 60 "$bin/preyrun" --pcap in.pcap --self 203.0.113.1 --write left.pcap two.pbc >out 2>err </dev/null
    tcpdump -nr left.pcap 2>/dev/null | sed -n "/192.0.2.$at.80: Flags \[R\]/,\$s/.*> \(192[0-9.]*\)\.80: Flags \[S\].*/\1/p"
done >again
same 'the next SYN goes to the server that challenged, which is not silent' "$(grep -c '^192' again)" 1
exit $failed
