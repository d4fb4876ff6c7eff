#!/usr/bin/env bash
# A server that is silent, though nothing has found it down: the client's repeated SYN goes to the next, and with SYN cookies
# what it says again. And rules that do not name the interface of arrival, of which `on not` is true.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
web one
web two
at one nft -f - <<'END'
table inet silent {
  chain in {
    type filter hook input priority 0
    iifname "eth0" tcp flags & (syn | ack) == syn drop
  }
}
END

rules quiet <<'END'
allow W0513
interface inside = "eth7"
pool farm {
  balance round_robin
  source 10.1.0.50, fd00:1::50
  server one 10.1.0.3
  server two 10.1.0.4
}
pool farm6 { balance round_robin; source fd00:1::51; server one fd00:1::3; server two fd00:1::4 }
service web on 10.1.0.100, fd00:1::100 tcp/80 { mode passthrough; announce; when ip6 -> farm6; else -> farm }
pool cooked { balance round_robin; source 10.1.0.52; server one 10.1.0.3; server two 10.1.0.4 }
service sweet on 10.1.0.102 tcp/80 { mode passthrough; announce; syn cookies; -> cooked }
service shut on 10.1.0.101 tcp/80 { mode passthrough; announce; -> farm }
firewall edge default accept {
  count tcp on not inside flags has syn lacks ack as ASKED
  drop tcp on not inside to 10.1.0.101 port 80    as OUTSIDE
  count on inside                                 as INSIDE
}
END
prey prey -i eth0 --monitor --format json quiet.pbc
same 'what only the inside may ask is dropped' "$(at client curl -s -m 0.5 http://10.1.0.101/ || echo failed)" failed
for a in 10.1.0.100 '[fd00:1::100]' 10.1.0.102; do
    same "$a: who is sent to the silent server is answered by the other" "$(for i in 1 2; do ask client "$a/"; done | shares)" ' 2 two '
done
prey_sums 'retries'
[ "$(number forward retried)" -ge 3 ]
ok $? 'three went to another server'
counted() { python3 -c "
import json
print(*[r['packets'] > 0 for r in json.load(open('prey.out'))['rules'] if r['rule'] in ('OUTSIDE', 'INSIDE')])"; }
same 'the rules took the packets of an interface that they do not name' "$(counted)" 'True False'
exit $failed
