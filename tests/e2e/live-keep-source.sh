#!/usr/bin/env bash
# Live between two networks: services that keep the client's source, and nat: masquerade and forwarded ports. Replies come
# back here because this machine is the servers' router.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
web client
for s in client one two; do udp "$s" 53; done
payload 20000000 one two client
ends() { # NAME
    truncate -s 0 prey.out
    prey_ends
    same "$1: it ends with 0" "$status" 0
    adds_up "$1: every frame has one verdict"
    same "$1: nothing was lost" "$(number live lost | tr -dc '1-9')" ''
    same "$1: nothing was dropped" "$(number verdicts drop packets)" 0
}

rules keep <<'END'
pool farm {
  balance round_robin
  server one 10.2.0.2
  server two 10.2.0.3
  server one6 fd00:2::2
  server two6 fd00:2::3
}
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 {
  mode passthrough keep source
  announce
  -> farm
}
END
prey prey -i wan -i lan --format json keep.pbc
for a in 10.1.0.100 '[fd00:1::100]'; do
    same "keep source: TCP to $a, shared" "$(for i in 1 2 3 4; do ask client "$a/"; done | shares)" ' 2 one 2 two '
    fetches "keep source: 20 MB from $a arrive as they are" client "$a"
done
same 'keep source: the server sees the client' "$(ask client 10.1.0.100/from) $(ask client '[fd00:1::100]/from')" '10.1.0.1 fd00:1::1'
for a in 10.1.0.100 fd00:1::100; do
    same "keep source: UDP to $a, shared" "$(for i in 1 2 3 4; do talk client "$a"; done | shares)" ' 2 one 2 two '
done
ends 'keep source'

rules nat <<'END'
interface wan = "wan"
set lan = 10.2.0.0/24
nat home {
  masquerade from lan out on wan
  forward 10.1.0.2 tcp/8080 -> 10.2.0.2:80
  forward 10.1.0.2 udp/5353 -> 10.2.0.3:53
}
END
prey prey -i wan -i lan --format json nat.pbc
same 'masquerade: the outside sees this machine' "$(ask one 10.1.0.1/from) $(ask two 10.1.0.1/from)" '10.1.0.2 10.1.0.2'
same 'masquerade: UDP too' "$(talk one 10.1.0.1 | cut -d' ' -f1,2)" 'client 10.1.0.2'
fetches 'masquerade: 20 MB arrive as they are' one 10.1.0.1
at one ping -c 3 -i 0.2 -W 20 10.1.0.1 >out
has 'masquerade: pings' ' 0% packet loss'
same 'forward: a port leads inside' "$(ask client 10.1.0.2:8080/)" one
same 'forward: and the server sees who asks' "$(ask client 10.1.0.2:8080/from)" 10.1.0.1
same 'forward: UDP' "$(at client "$tools/udp" ask 10.1.0.2 5353)" 'two 10.1.0.1 5'
at client ping -c 2 -i 0.2 -W 20 10.1.0.2 >out
has 'this machine itself still answers a ping' ' 0% packet loss'
ends nat
exit $failed
