#!/usr/bin/env bash
# What a host would lose by a stricter firewall: rules in audit, judged in the kernel, of what a machine receives and sends itself. All of it
# passes; what would not is counted, and told wherever counts are.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - audit in the kernel, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey
web client
udp prey 53
udp client 99
payload 3000000 prey

# strict WORD: the firewalls; WORD is `audit ` or nothing.
strict() {
    cat <<RULES
${limits}meter some = 1/m burst 2 per source
firewall edge in default $1drop {
  accept state established, related as ANSWER
  accept icmp6 type nd as ND
  accept icmp type echo-request as PING
  accept tcp port 80 as WEB
  $1drop udp port 53 over some as MANY log "many: "
  accept udp port 53 as DNS
}
${1}firewall manners out default accept {
  drop udp port 99 as QUIET
}
RULES
}
strict 'audit ' | grep -v '^$' >audited.prey
strict '' >enforced.prey
for f in audited enforced; do
    "$bin/preyc" "$f.prey" -o "$f.pbc" 2>err
    ok $? "the rules compile: $f"
done

kernel enforced.pbc
same 'enforced, what is strange is stopped' "$(gets 80) $(gets 8080 0.2)" 'prey curl 28'
prey_ends
adds_up 'every frame has one verdict'

would() { grep -E "^would\.$1 " out | tr -s ' ' | cut -d' ' -f2; }
asks() { talk client 10.1.0.2 53 "$1" | cut -d' ' -f1; }
kernel audited.pbc
same 'in audit, it passes' "$(gets 80) $(gets 8080) $(pings 10.1.0.2) $(asks 4001) $(asks 4002) $(asks 4003) $(asks 4004) \
$(talk prey 10.1.0.1 99 | cut -d' ' -f1) $(ask prey 10.1.0.1/)" 'prey prey answers prey prey prey prey client client'
fetches 'and much of it, by flows of which the decisions are remembered' client 10.1.0.2
hears 'a rule in audit logs what it would do' 'many: .*would drop.*10.1.0.1:4003 > 10.1.0.2:53'
ctl --name eth0 counters would
cp out counters
same 'preyctl counts what would be dropped, by flows' "$(would drop.flows)" 4
ctl --name eth0 status
same 'preyctl status says so' "$(grep -cE 'would drop [0-9,]+ packets of 4 flows' out)" 1
sed '/as DNS/a\  audit drop udp port 1 as NEW' audited.prey >more.prey
"$bin/preyc" more.prey -o more.pbc >/dev/null
ctl --name eth0 impact more.pbc
same 'impact says what the rules in audit would change' "$(sed -n '/^in audit/,/^flows/p' out | grep -c 'dropped by QUIET')" 1
ctl --name eth0 load more.pbc
same 'other rules are loaded' "$status" 0
ctl --name eth0 explain "tcp 10.1.0.1:50000 -> 10.1.0.2:8080 syn on eth0"
same 'explain shows both' "$(grep -E '^(verdict|would):' out | tr -s ' ' | tr '\n' '|')" 'verdict: accept rule default|would: drop rule default|'
prey_ends
undone 'a clean stop undoes everything' "$status" 0
adds_up 'every frame has one verdict'
python3 -c 'import json
d = json.load(open("prey.out"))
r = {x["rule"]: x for x in d["audit_rules"]}
e = {x["firewall"]: x for x in d["audit_defaults"]}
print(*(f"{n}:{r[n][k]}" for n in ("MANY", "QUIET") for k in ("packets", "changed_packets", "flows")), r["DNS"]["packets"] if "DNS" in r else 0,
      e["edge"]["changed_packets"] > 3, e["edge"]["flows"], e["manners"]["changed_packets"])' >said 2>&1
same 'the summary has what each rule and default would do' "$(cat said)" 'MANY:2 MANY:2 MANY:2 QUIET:1 QUIET:1 QUIET:1 0 True 1 0'
exit $failed
