#!/usr/bin/env bash
# First bytes in the proxy, of IPv4 and IPv6: each key that chooses a pool; a ClientHello and a request cut at every byte; and what
# is malformed, forbidden, lying, late, silent or reset: each closed in time, for a reason that is counted. Servers say how many bytes
# they heard, and their hash.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
address client eth0 10.1.0.8/24 fd00:1::8/64
: >serves
background one python3 "$top/tests/e2e/live/hasher.py" one:9 >>serves
background two python3 "$top/tests/e2e/live/hasher.py" two:9 else:10 >>serves
listen() { [ "$(grep -c ready serves)" -eq 2 ]; }
until_true 100 'the servers listen' listen
here='10.1.0.2, fd00:1::2'
rules first <<RULES
timeouts { proxy first 60s }
limits { first_bytes 64KiB }
pool one { server s 10.2.0.2:9 }
pool two { server s 10.2.0.3:9 }
pool other { server s 10.2.0.3:10 }
pool web_one { server s 10.2.0.2:80 }
pool web_two { server s 10.2.0.3:80 }
service sni on $here tcp/1001 { mode proxy; when sni "a.example" -> one; when sni "*.b.example" -> two; else -> other }
service alpn on $here tcp/1002 { mode proxy; when alpn "h2" -> two; else -> other }
service bytes on $here tcp/1003 {
  mode proxy
  when from 10.1.0.8, fd00:1::8 -> two
  when bytes payload at 0 is x"5353482d" -> one
  when bytes payload at 0 is x"4060" mask x"f0f0" -> two
  else -> other
}
service asks on $here tcp/1004 { mode proxy; when instruction check sum to 10.2.0.0/24, fd00:2::/64 -> target }
service asks_or on $here tcp/1008 { mode proxy; when instruction check sum to 10.2.0.0/24, fd00:2::/64 -> target; else -> other }
service http on $here tcp/1005 {
  mode proxy http
  when host "b.example" -> web_two
  when path "/two/*" -> web_two
  when method "DELETE" -> web_two
  when header "X-To" "two" -> web_two
  else -> web_one
}
service short on $here tcp/1006 { mode proxy first bytes within 300ms; when sni "a.example" -> one }
service trust on $here tcp/1007 { mode proxy accept proxy from 10.1.0.1, fd00:1::1; -> one }
service http_short on $here tcp/1009 { mode proxy http first bytes within 300ms; -> web_one }
RULES
small_prey prey -i wan -i lan --format json first.pbc
first() {
    at client python3 "$top/tests/e2e/live/first.py" "$1"
    [ $? -eq 0 ] || failed=1
}
first keys
first cut
settled() { [ "$(at prey ss -Htn state established state close-wait state fin-wait-1 state fin-wait-2 | wc -l)" -eq 0 ]; }
until_true 100 'all are closed' settled
before=$(rss) open=$(files)
first bad
first slow
first rests
first storm
until_true 100 'all are closed' settled
echo "# $(($(rss) - before)) KiB and $(($(files) - open)) files more after those"
same 'what is bad, slow or reset leaves no memory behind' "$(($(rss) - before < 16384))" 1
same 'nor descriptors, but of the pipes that are kept' "$(($(files) - open <= 2 * 192))" 1
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
same 'each reason is counted as often as it was given' "$(python3 - <<'END_OF_SCRIPT'
import collections, json
wanted = collections.Counter()
for name in "keys", "cut", "bad", "slow", "rests", "storm":
    wanted.update(json.load(open(f"counted.{name}")))
proxy = json.load(open("prey.out"))["proxy"]
got = {k: n for k, n in {**proxy["ended_by"], **proxy["refused"]}.items() if n and k != "done"}
# On a slow machine a slow client may not have begun when its time is over: then nothing is late, and no branch is for nothing.
begun_late = got.pop("no-server", 0)
got["first-late"], got["first-bytes-late"] = got["first-late"] + begun_late, got["first-bytes-late"] + begun_late
print({k: (got.get(k, 0), wanted.get(k, 0)) for k in {*got, *wanted} if got.get(k, 0) != wanted.get(k, 0)} or "equal")
END_OF_SCRIPT
)" equal
exit $failed
