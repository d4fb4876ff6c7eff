#!/usr/bin/env bash
# A service in passthrough in the kernel, as short as it shows: both families, shared among two servers.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
live_begin
space client prey one two
lan switch 1 client prey one two
web one
web two
rules pass <<'RULES'
pool farm {
  balance round_robin
  source 10.1.0.50, fd00:1::50
  server one 10.1.0.3
  server two 10.1.0.4
  server one6 fd00:1::3
  server two6 fd00:1::4
}
service web on 10.1.0.100, fd00:1::100 tcp/80 {
  mode passthrough
  announce
  -> farm
}
RULES
prey prey -i eth0 --format json pass.pbc
for i in 1 2 3 4; do at client curl -s -m 20 http://10.1.0.100/ || echo failed; done >four
for i in 1 2 3 4; do at client curl -s -m 20 'http://[fd00:1::100]/' || echo failed; done >six
same 'requests, shared' "$(shares <four)$(shares <six)" ' 2 one 2 two  2 one 2 two '
same 'the server sees the source of the pool' "$(at client curl -s -m 20 http://10.1.0.100/from)" 10.1.0.50
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
