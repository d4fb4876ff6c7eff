#!/bin/bash
# `overlaps linux` beside a Linux socket: drawn streams of segments that overlap and differ, three and more in one place, behind a
# hole; a replay of their capture tells the bytes that the socket read. SEED draws others, STREAMS says how many. B is the build folder.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
space s || exit 1
[ -c /dev/net/tun ] || { echo 'ok - overlaps, beside a socket # SKIP there is no /dev/net/tun'; exit 0; }
streams=${STREAMS:-${LONG:+400}}
streams=${streams:-40}
rules watch <<'END_OF_RULES'
service watch on any tcp/any {
  mode observe overlaps linux
  stream to "streams" limit 1GiB
  sessions to "s.jsonl" limit 100MiB
}
END_OF_RULES
mkdir -p sockets
at s python3 "$top/tests/e2e/live/overlaps.py" "${SEED:-1}" "$streams" segments.pcap sockets
ok $? 'the socket has read all streams'
"$bin/preyrun" --pcap segments.pcap --observed told watch.pbc >out 2>err
ok $? 'the replay has'
differing=0
for f in sockets/*; do
    cmp -s "$f" told/streams/*"-${f#sockets/}-"*.client || { differing=$((differing + 1)); echo "# port ${f#sockets/} differs: seed ${SEED:-1}"; }
done
ok "$differing" "the same bytes, of $streams streams"
! grep -q '"differing":0,.*"differing":0,' told/s.jsonl
ok $? 'they overlapped, and differed'
