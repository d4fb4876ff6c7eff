#!/usr/bin/env bash
# What breaks in the middle of connections in the wire: paths that swallow large packets and say nothing, instructions that are cut at
# each byte, and programs behind a socket that read nothing, write endlessly, or die.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
address right eth0 10.1.0.3/24
offloads off left:eth0 right:eth0 prey:a prey:b
web right
payload 100000 right
mac=$(at right cat /sys/class/net/eth0/address)
client="$top/tests/e2e/live/wire_broken.py"
asks() { at left timeout 100 python3 "$client" "$@"; } # CASE ADDRESS

# ---- packets of more than 1,300 bytes go nowhere, and nobody says so ----
rules holes <<'END'
service wire on any tcp/any { mode proxy inline }
firewall f forward default accept { }
END
for side in left right; do
    at $side nft 'add table inet hole; add chain inet hole in { type filter hook input priority 0; }; add rule inet hole in meta length > 1300 counter drop'
done
prey prey --bridge a:b --format json holes.pbc
n=0
for server in 10.1.0.2 '[fd00:1::2]'; do
    background left curl -s -m 100 -o "got.$n" "http://$server/files/file"
    fetched[n]=$last
    background left curl -s -m 100 --data-binary @payload -o "said.$n" "http://$server/from"
    sent[n]=$last
    n=$((n + 1))
done
for n in 0 1; do
    wait "${fetched[n]}"
    cmp payload "got.$n"
    ok $? "behind a black hole, family $n: 100 kB arrive"
    wait "${sent[n]}"
    same "and go there, family $n" "$? $(cat "said.$n")" "0 $([ $n = 0 ] && echo 10.1.0.1 || echo fd00:1::1)"
done
for side in left right; do
    same "the hole on the $side has swallowed some" "$(at $side nft list chain inet hole in | grep -c 'packets [1-9]')" 1
    at $side nft delete table inet hole
done
prey_ends
same 'it ends well' "$status" 0

# ---- instructions ----
rules instructed <<END
pool p { server s 10.1.0.3:80 mac $mac }
service wire on any tcp/80 {
  mode proxy inline first bytes within 60s
  when instruction check sum to 10.1.0.0/24 -> p
  else -> reject
}
firewall f forward default accept { }
END
prey prey --bridge a:b --format json instructed.pbc
same 'instructions in two pieces, cut at each byte, and broken off there' "$(asks instructed 10.1.0.2 10.1.0.9:22)" "['10.1.0.3'] ['reset']"
prey_ends
same 'it ends well' "$status" 0

# ---- programs ----
rules middle <<END
service wire on any tcp/80 { mode proxy inline; idle 2s; -> program "$work/middle.sock" }
firewall f forward default accept { }
END
behaves() { # HOW
    rm -f middle.sock
    background prey python3 "$top/tests/e2e/live/middle_bad.py" "$work/middle.sock" "$1" >"$1.said"
    program=$last
    until_true 100 'the program listens' test -S middle.sock
}
prey prey --bridge a:b --format json middle.pbc
before=$(rss)
behaves deaf
background left timeout 100 python3 "$client" shouts fd00:1::2 >shouted
same 'a program that reads nothing' "$(asks shouts 10.1.0.2)" 'reset True'
wait "$last"
same 'in IPv6, too' "$(cat shouted)" 'reset True'
kill "$program"
wait "$program" 2>/dev/null
behaves floods
same 'a program that writes endlessly, a client that reads late' "$(asks silent 10.1.0.2)" enough
until_true 100 'both its streams end with the client' sh -c '[ "$(grep -c over floods.said)" = 2 ]'
[ "${RECORD-0}" = 1 ] || ok $(($(rss) - before > 60000)) 'neither took more than 60 MB'
kill "$program"
wait "$program" 2>/dev/null
behaves dies
same 'a program that dies' "$(asks hears 10.1.0.2)" reset
same 'one that is dead' "$(asks hears 10.1.0.2)" reset
prey_ends
same 'it ends well' "$status" 0
exit $failed
