#!/usr/bin/env bash
# Transfers through the proxy, down and up, moved by the kernel, as bodies of HTTP and in TLS: every byte arrives as it was; and
# who does not read stops who sends, in bounded memory, until he reads on. 10 MB each; with LIVE=1 a GiB.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
bytes=10000000
[ -z "${LIVE:-}" ] || bytes=1073741824

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example -keyout key.pem -out cert.pem 2>said || cat said
between one
: >serves
background one python3 "$top/tests/e2e/live/hasher.py" one:9 >serves
until_true 300 'the server listens' grep -q ready serves
rules transfers <<RULES
pool one { server s 10.2.0.2:9 }
service plain on 10.1.0.2, fd00:1::2 tcp/9 { mode proxy; -> one }
service http on 10.1.0.2 tcp/80 { mode proxy http; -> one }
service tls on 10.1.0.2 tcp/443 { mode proxy tls cert "$work/cert.pem" key "$work/key.pem"; -> one }
service https on 10.1.0.2 tcp/8443 { mode proxy http tls cert "$work/cert.pem" key "$work/key.pem"; -> one }
RULES
small_prey prey -i wan -i lan --format json transfers.pbc
transfer() { at client timeout 300 python3 "$top/tests/e2e/live/transfer.py" "$@"; }
whole() { # WAY HOST PORT
    local begun
    begun=$(date +%s%N)
    same "$1 of $bytes bytes, $2" "$(transfer "$1" "$2" "$3" "$bytes")" whole
    echo "# $(($(date +%s%N) / 1000000 - begun / 1000000)) ms"
}
whole down 10.1.0.2 9
whole up 10.1.0.2 9
whole down fd00:1::2 9
whole up fd00:1::2 9
whole http-down 10.1.0.2 80
whole http-up 10.1.0.2 80
whole chunked-down 10.1.0.2 80
whole tls-down 10.1.0.2 443
whole tls-http-down 10.1.0.2 8443
whole tls-http-up 10.1.0.2 8443

# Who does not read: all at once, with little room in the kernel.
for n in client prey one; do at "$n" sysctl -q -w net.ipv4.tcp_rmem='4096 131072 1048576' net.ipv4.tcp_wmem='4096 65536 1048576'; done
before=$(rss)
for way in 'down 9' 'up 9' 'http-down 80' 'tls-down 443' 'tls-http-down 8443'; do
    ip netns exec "$id-client" python3 "$top/tests/e2e/live/transfer.py" ${way% *} 10.1.0.2 ${way#* } 20000000 stall >"stall-${way% *}" &
    pids="$pids $!" talkers="${talkers:-} $!"
done
stalled() { [ "$(cat stall-* | grep -c stalled)" -eq 5 ]; }
until_true 300 'they are stalled' stalled
grown=$(($(rss) - before))
echo "# five stalled: $grown KiB more; bytes on their way:" $(cat stall-* | cut -d' ' -f2)
same 'who sends is stopped where nobody reads' "$(cat stall-* | awk '/stalled/ && $2 < 10000000 { n++ } END { print n }')" 5
same 'in bounded memory' "$((grown < 4096))" 1
touch go
wait $talkers
same 'once they read on all arrives as it was' "$(cat stall-* | grep -c whole)" 5
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
# Python closes in TLS without a word, and may leave the last byte of HTTP unread: that is a reset.
same 'none ended but by its client' "$(($(number proxy ended_by done) + $(number proxy ended_by client-reset))) of $(number proxy sessions)" '15 of 15'
exit $failed
