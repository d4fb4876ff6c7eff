#!/usr/bin/env bash
# A takeover with all kinds of live sets: they keep members with ends, comments, users and times,
# ranges and counts; servers by name keep addresses, weights, what was set by hand, and connections while they drain; no name server answers
# meanwhile. Another executor is refused, and comes by a stop and a start, over which sets with `keep` have the same members. EXEC=kernel: live-takeover-members-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
. "$top/tests/e2e/live/takeover.sh"
. "$top/tests/e2e/live/sets.sh"
needs_plain

between one two
ip -n "$id-client" route add default via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1
name_files '10.1.0.9 written.example.net'
keeps_state
printf '198.18.0.0/24\n198.18.2.1\n' >listed.txt
rules shop <<END
set bad = live names "bad.example.net", "written.example.net" keep
set vendor = live answers "*.example.net" from 10.2.0.2 never 10.0.0.0/8 keep
set caught = live size 1000 keep
set others = live size 1000
set listed = live file "$work/listed.txt"
pool web { drain 300s; servers web srv "_http._tcp.example.net" max 3 }
pool app { drain 300s; server a name "app.example.net":9000; server b 10.2.0.9:9000 }
service web on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service app on 203.0.113.10 tcp/9000, udp/9000 { mode passthrough; -> app }
firewall f forward default accept { drop from bad; drop from caught; drop from others; drop from listed; drop to vendor }
END
records='_http._tcp.example.net SRV 1 1,2000,80,one.example.net
_http._tcp.example.net SRV 1 1,1000,8080,two.example.net
one.example.net A 3600 10.2.0.2
two.example.net A 3600 10.2.0.3
www.example.net A 60 198.51.100.7'
knows "$records" 'bad.example.net A 1 10.1.0.66' 'app.example.net A 1 10.2.0.2'
serve_zone
for s in one two; do echoing $s; done
sets() { at prey "$bin/preyctl" sets "$@" 2>&1; }
# members: all of them, with all that is told of each; counts: of each set; servers: of each pool.
members() { for s in bad vendor caught others; do sets $s --json; done; }
who() { python3 -c 'import json, sys
print(*sorted("%s %s since %s by %s %s: %s" % (m["member"], "ends" if m["until"] else "stays", m["since"], m["by"], m["uid"], m["comment"]) for m in map(json.loads, sys.stdin)), sep="\n")'; }
# moved FILE FILE: by how many seconds ends of members differ
moved() { python3 -c 'import datetime as d, json, sys
ends = [{m["member"]: d.datetime.fromisoformat(m["until"][:26]) for m in map(json.loads, open(f)) if m["until"]} for f in sys.argv[1:]]
print(round(max(abs((ends[0][m] - e).total_seconds()) for m, e in ends[1].items())), len(ends[1]))' "$@"; }
counts() { sets --json | python3 -c 'import json, sys
for s in json.load(sys.stdin)["sets"]: print(*(s[k] for k in ("set", "members", "ranges", "added", "renewed", "removed", "expired", "refused")))'; }
servers() { ctl status --json; python3 -c 'import json
for p in json.load(open("out"))["pools"]:
    for s in p["servers"]: print(p["pool"], *(s[k] for k in ("name", "address", "port", "weight", "backup", "health")), (s["by_hand"] or {}).get("state"))
    print(sum(s["flows"] for s in p["servers"] if s["health"] == "past"), "flows drain")'; }
of_one() { at prey "$bin/preyctl" sets "$1" has "$2" >/dev/null; }

prey_with shop.pbc
is_ready prey || exit 1
until_true 200 'a name has its address' of_one bad 10.1.0.66
until_true 200 'a service has servers' is web web-2 port 8080
until_true 200 'a server has its address' is app a address 10.2.0.2
ctl set app/b drain
ctl set web/web-1 weight 7
addresses='10.1.0.66 10.1.0.70 10.1.0.74 198.18.0.9'
address client eth0 ${addresses// //32 }/32
for a in $addresses; do ip -n "$id-prey" route add "$a" via 10.1.0.1; done
talks 203.0.113.10
knows "$records" 'bad.example.net A 1 10.1.0.67' 'app.example.net A 1 10.2.0.3'
until_true 300 'a name moves' of_one bad 10.1.0.67
until_true 300 'a server moves' is app a address 10.2.0.3
at client python3 "$top/tests/e2e/live/dns.py" ask 10.2.0.2 www.example.net A >came
until_true 50 'an answer has a member' of_one vendor 198.51.100.7
sets caught add 10.1.0.70 fd00:7::/64 for 1h comment 'from the log, naïve' >/dev/null
sets caught add 10.1.0.71 >/dev/null
sets caught add 10.1.0.72 for 1s >/dev/null
printf '198.18.3.0/24\n' | sets others replace >/dev/null
sets others add 10.1.0.74 for 1h comment other >/dev/null
silence
swept() { [ "$(of_set caught expired)" = 1 ]; }
until_true 100 'a short membership ends' swept
same 'all sets have members' "$(of_set bad members) $(of_set vendor members) $(of_set caught members) $(of_set others members ranges) $(of_set listed ranges)" \
    '3 1 3 1 1 2'
executor() { ctl status --json; python3 -c 'import json; print(json.load(open("out"))["instance"]["exec"])'; }

drains() { servers | grep -q '^[1-9][0-9]* flows drain'; }
crossing() { for a in 10.1.0.1 $addresses; do fate $a; done | uniq -c | tr -s ' \n' ' '; }
stays() { # SENTENCE: all is as it was before
    members >after
    same "$1: members stay, with users, times and comments" "$(who <after)" "$(who <before)"
    same "$1: with their ends" "$(moved before after)" '0 5'
    same "$1: counts of sets, servers, their weights, what was set by hand, and which flows drain" "$(counts; servers)" "$(cat stood)"
    same "$1: rules ask all sets" "$(crossing)" ' 1 passes 4 drops '
}
goes_over() { # EXECUTOR: three times to the same, and never to the other
    local pid n to
    drains
    ok $? "$1: flows drain"
    members >before
    { counts; servers; } >stood
    for n in 1 2 3; do
        pid=$(owner)
        kctl takeover
        same "$1: takeover $n" "$status $(grep -v notice: err) $(grep -c "^process [0-9]* has taken over from $pid\$" out) $(executor)" "0  1 $1"
        stays "$1: takeover $n"
    done
    to=$([ $1 = kernel ] && echo user || echo kernel)
    kctl takeover --exec $to
    same "$1: the other executor is refused" "$status $(grep -c "^preyrun: --takeover: the running instance judges .*, so --exec $to isn't possible; remove --exec, or stop prey and start it without --takeover\$" err) $(executor)" "2 1 $1"
    stays "$1: another is refused"
    talked "$1"
    prey=$(owner)
}
goes_over "$EXEC"

# A stop and a start, with the other executor and back, while nobody answers.
members | who | grep -v '^198.18.3\|^10.1.0.74' >kept
for to in user $([ "$EXEC" = user ] || echo kernel); do
    ctl stop
    until_true 300 'it ends' ends_itself "$prey"
    prey_with --exec $to shop.pbc
    is_ready prey || exit 1
    same "a start with --exec $to has the members of sets with keep" "$(members | who)" "$(cat kept)"
    same "and ranges of the file" "$(of_set listed ranges)" 2
done
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
