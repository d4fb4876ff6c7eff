#!/usr/bin/env bash
# The guide's page of counters lists each name that `preyctl counters` prints, for rules with all that counts.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
rules all <<'END_OF_RULES'
meter slow = 10/s per source
set bad = live size 100
pool farm { server one 10.2.0.2:80; server two 10.2.0.3:80 }
service sweet on 10.1.0.100 tcp/80 { mode passthrough keep source; announce; syn cookies; -> farm }
service ends on 10.1.0.101 tcp/80 { mode proxy http; announce; -> farm }
service seen on any tcp/any { mode observe; -> pass }
nat home { masquerade from 10.2.0.0/24 out on "wan" }
firewall edge in default accept {
  drop from bad as BAD
  mirror to file "copies.pcapng" udp as COPY
  audit drop tcp to port 8080 over slow as SLOW
}
END_OF_RULES
prey prey -i wan -i lan --exec user --monitor --stats 127.0.0.1:8404 --record kept all.pbc
for address in 10.1.0.100 10.1.0.101; do ask client $address/ >/dev/null; done
ctl counters ''
same 'preyctl prints names that the page lists' "$(python3 "$top/tests/e2e/live/listed.py" "$top/docs/guide/reference/counters.md" <out)" True
has 'a live set has its name there' '^sets\.bad\.size  *100$'
prey_ends
needs_programs
prey prey -i wan -i lan --exec kernel all.pbc
ctl counters kernel
same 'and those of the kernel executor' "$(python3 "$top/tests/e2e/live/listed.py" "$top/docs/guide/reference/counters.md" <out)" True
prey_ends
exit $failed
