#!/usr/bin/env bash
# `mode observe` in a replay: sessions and bytes of a drawn capture below --observed, never where the rules say; halves out of
# order, twice, differing, with a hole, in VLANs, and still open at the end.
set -u
. tests/lib/scratch.sh

python3 "$top/tests/e2e/observed.py"
cat >watch.prey <<'END'
edition 1
service watch on any tcp/any {
  mode observe overlaps first
  sessions to "/var/log/prey-observed-nowhere/s.log"
  stream to "/var/log/prey-observed-nowhere/bytes"
  when host "bank.example" -> ignore
  when path "/b" -> stream
}
END
"$bin/preyc" watch.prey -o watch.pbc >/dev/null
session() { python3 -c 'import json, sys
s = {x["client_port"]: x for x in map(json.loads, open("out/s.log"))}
print(eval(sys.argv[1]))' "$1"; }
bytes() { cat out/bytes/*-10.0.0.1-"$1"-192.0.2.1-80*."$2"; }

"$bin/preyrun" watch.pbc --pcap drawn.pcap >said 2>&1
same 'without --observed nothing is written' "$? $(ls -d out /var/log/prey-observed-nowhere 2>/dev/null)" '0 '
"$bin/preyrun" watch.pbc --pcap drawn.pcap --observed out >said 2>&1
same 'with it all is below the directory' "$? $(ls out | tr '\n' ' ')$(ls -d /var/log/prey-observed-nowhere 2>/dev/null)" '0 bytes s.log '
for port in 1001 1002 1004; do
    bytes $port server | cmp - body
    ok $? "$port: the server's half, byte for byte"
done
same 'out of order and twice' "$(session 's[1002]["from_server"]["reordered"] > 5, s[1002]["from_server"]["retransmitted"] >= 0, s[1002]["path"]')" "(True, True, '/b')"
same 'a hole has its place, and its file' \
    "$(session 's[1003]["gaps"], s[1003]["vlan"], s[1003]["why"]') $(cat out/bytes/*-1003-*.holes)" \
    "([{'kind': 'hole', 'from': 'server', 'offset': 500, 'bytes': 100, 'cause': 'unseen'}], [7], 'still-open') server 500 100 hole unseen"
{ head -c 500 body; tail -c +601 body; } | cmp - <(bytes 1003 server)
ok $? 'the bytes around it are there'
same 'a differing overlap is told with its place' \
    "$(session 's[1004]["gaps"][0]["kind"], s[1004]["gaps"][0]["offset"], s[1004]["from_server"]["differing"]')" "('differs', 100, 1)"
same 'later fragments of a last segment are a hole' "$(session 's[1006]["gaps"], s[1006]["from_server"]["bytes"]')" \
    "([{'kind': 'hole', 'from': 'server', 'offset': 3140, 'bytes': 260, 'cause': 'end'}], 3140)"
same 'what is ignored is nowhere' "$(session '1005 in s') $(ls out/bytes | grep -c -e -1005-)" 'False 0'
"$bin/preyrun" watch.pbc --pcap drawn.pcap --json >json
same 'the service has its own counts, and the summary its row' \
    "$(python3 -c 'import json
j = json.load(open("json"))
o, of = j["observed"], j["observe_services"]
print([x["service"] for x in of], of[0]["sessions"], all(of[0][k] == o[k] for k in of[0] if k != "service"))') $(grep -A1 '^observe service' said | awk 'NR == 2 { print $1, ($2 > 0) }')" "['watch'] 6 True watch 1"
mkdir piped
mkfifo piped/s.log
timeout 60 "$bin/preyrun" watch.pbc --pcap drawn.pcap --observed piped >said 2>err
same 'a FIFO in the place of the sessions is refused' "$? $(cat err)" '2 preyrun: service watch: piped/s.log: not a regular file'
cat >asked.prey <<'END'
edition 1
firewall f default accept { drop tcp to port 81 }
service web on any tcp/80 { mode observe; when sni "a" -> ignore }
service rest on any tcp/any { mode observe; when from 10.0.0.0/8 -> ignore; else -> pass }
END
same '--ask names the service and, where no bytes are needed, its branch; a reply is of the same connection' \
    "$(for packet in 10.0.0.1:1000\ -\>\ 192.0.2.1:80 10.0.0.1:1000\ -\>\ 192.0.2.1:22 '192.0.2.1:22 -> 172.16.0.1:1000 syn ack' \
        10.0.0.1:1000\ -\>\ 192.0.2.1:81; do
        "$bin/preyc" --ask "tcp $packet" asked.prey | grep -o 'observe service.*' || echo none
    done)" 'observe service web: the first bytes of both sides choose its branch (asked.prey:3)
observe service rest, when -> ignore (asked.prey:4)
observe service rest, else -> pass (asked.prey:4)
none'
same 'and as JSON' "$("$bin/preyc" --json --ask 'tcp 10.0.0.1:1000 -> 192.0.2.1:22' asked.prey | grep -o '"observed_by":{[^}]*}')" \
    '"observed_by":{"service":"rest","branch":"ignore","since":null}'
same '--explain of a frame, too' "$("$bin/preyrun" watch.pbc --pcap drawn.pcap --explain 1 | grep -c '^  observe service watch: ')" 1
before=$(cat out/s.log | wc -l)
"$bin/preyrun" watch.pbc --pcap drawn.pcap --observed out >said 2>&1
same 'a second replay adds to it, and overwrites nothing' "$(($(wc -l <out/s.log) - before)) $(ls out/bytes/*-1001-*.server | wc -l)" '5 2'
echo 'firewall f default accept { }' | rules plain
"$bin/preyrun" plain.pbc --pcap drawn.pcap --observed out >said 2>&1
same 'rules that watch nothing' "$? $(grep -c 'no service of plain.pbc is in mode observe' said)" '2 1'
"$bin/preyrun" watch.pbc --pcap drawn.pcap --observed drawn.pcap/x >said 2>&1
same 'a directory that can'\''t be made' "$? $(grep -c 'drawn.pcap/x: Not a directory' said)" '2 1'
exit $failed
