#!/usr/bin/env bash
# Live SCTP: an INIT and its answer through services in every mode that rewrites, and through masquerade, of both families; the CRC32c
# is right at both ends.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one two
sctp="python3 $top/tests/e2e/live/sctp.py"
for s in client one two; do
    : >"$s.sctp"
    ip netns exec "$id-$s" $sctp serve 2905 "$s" >"$s.sctp" &
    pids="$pids $!"
    until_true 100 "$s answers SCTP" grep -q ready "$s.sctp"
done

rules all <<'END'
interface wan = "wan"
set inside = 10.2.0.0/24
pool farm {
  balance round_robin
  source 10.2.0.50, fd00:2::50
  server one 10.2.0.2
  server two 10.2.0.3
  server one6 fd00:2::2
  server two6 fd00:2::3
}
pool near { balance round_robin; server one 10.2.0.2; server two 10.2.0.3; server one6 fd00:2::2; server two6 fd00:2::3 }
service sigtran on 10.1.0.100, fd00:1::100 sctp/2905 { mode passthrough; announce; -> farm }
service kept on 10.1.0.101, fd00:1::101 sctp/2905 { mode passthrough keep source; announce; -> near }
nat home { masquerade from inside out on wan }
END
prey prey -i wan -i lan --format json all.pbc
asks() { for i in 1 2; do at "$1" $sctp ask "$2" 2905 || echo nothing; done | sort | tr '\n' ' '; }
same 'passthrough, IPv4' "$(asks client 10.1.0.100)" 'one 10.2.0.50 good two 10.2.0.50 good '
same 'passthrough, IPv6' "$(asks client fd00:1::100)" 'one fd00:2::50 good two fd00:2::50 good '
same 'keep source, IPv4' "$(asks client 10.1.0.101)" 'one 10.1.0.1 good two 10.1.0.1 good '
same 'keep source, IPv6' "$(asks client fd00:1::101)" 'one fd00:1::1 good two fd00:1::1 good '
same 'masquerade' "$(asks one 10.1.0.1)" 'client 10.1.0.2 good client 10.1.0.2 good '
prey_sums SCTP
exit $failed
