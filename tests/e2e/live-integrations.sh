#!/usr/bin/env bash
# What fills live sets from elsewhere (integrations/), with Debian's programs: fail2ban bans and unbans by its action, also what `never` holds;
# crowdsec-custom-bouncer feeds decisions of a local API; a list comes by HTTP, whole or not at all.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
rules now <<'END'
set caught = live size 1000 never 192.0.2.0/24
set listed = live size 10
firewall f forward default accept {
  drop from caught as CAUGHT
  drop from listed as LISTED
}
END
prey prey -i wan -i lan --exec user now.pbc
is_ready prey || exit 1
export PATH="$bin:$PATH"
inside() { ip netns exec "$id-prey" "$@"; }
comes() { until_true 300 "$@" && ok 0 "$1"; } # SENTENCE COMMAND...
members() { ctl sets "$1" --json && tr ',{' '\n\n' <out | sed -n 's/.*"member": *"\([^"]*\)".*/\1/p' | sort | paste -sd' '; } # SET
has_members() { [ "$(members "$1")" = "$2" ]; }

echo '# fail2ban'
cp -r /etc/fail2ban bans
rm -f bans/jail.d/* bans/*.local
cp "$top"/integrations/fail2ban/prey.conf bans/action.d/prey.conf
printf '[Definition]\nfailregex = ^ bad login from <HOST>$\n' >bans/filter.d/drawn.conf
printf '[Definition]\nlogtarget = %s/bans.log\ndbfile = None\nsocket = %s/bans.sock\npidfile = %s/bans.pid\n' "$PWD" "$PWD" "$PWD" >bans/fail2ban.local
printf '[drawn]\nenabled = true\nfilter = drawn\nbackend = polling\nlogpath = %s/auth.log\nmaxretry = 1\nbantime = 600\nusedns = no\nignoreself = false\nbanaction = prey\naction = prey[set=caught]\n' \
    "$PWD" >bans/jail.local
: >auth.log
client() { inside fail2ban-client -c bans -s "$PWD/bans.sock" "$@" >client.out 2>&1; }
background prey fail2ban-server -c "$PWD/bans" -s "$PWD/bans.sock" -p "$PWD/bans.pid" -f start >bans.out 2>&1
bans=$last
until_true 300 'fail2ban runs' client status drawn || { cat bans.out bans.log; exit 1; }
says() { printf '%s bad login from %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$1" >>auth.log; }
says 198.51.100.7
says 2001:db8::7
comes 'fail2ban bans both families' has_members caught '198.51.100.7 2001:db8::7'
ctl sets caught has 198.51.100.7
has 'with the time of the ban, and the jail' '^caught has 198\.51\.100\.7: member 198\.51\.100\.7, for (10m 0s|9m [0-9]*s), .*: fail2ban drawn$'
client set drawn unbanip 198.51.100.7
comes 'and an unban removes' has_members caught 2001:db8::7
says 192.0.2.9
log_has() { grep -q "$1" bans.log; }
comes 'its log says what never holds' log_has '192.0.2.9: `never` contains it'
client set drawn bantime -1
client set drawn banip 198.51.100.8
ctl sets caught has 198.51.100.8
has 'a ban without end has none here' '198\.51\.100\.8, for good, '
client stop
wait "$bans" 2>/dev/null
ctl sets caught flush

echo '# CrowdSec'
cat >lapi.py <<'END'
# The local API as a bouncer sees it: what is new, what is deleted, at each question.
import http.server, json, sys

def decision(value, duration, scope="Ip", kind="ban"):
    return {"duration": duration, "id": len(value), "origin": "cscli", "scenario": "drawn", "scope": scope, "type": kind, "value": value}

answers = [
    {"new": [decision("198.51.100.7", "3h59m57.123456789s"), decision("203.0.113.0/24", "1h0m0s", "Range"), decision("2001:db8::9", "90m1.5s"),
             decision("192.0.2.3", "1h"), decision("FR", "1h", "Country"), decision("198.51.100.66", "1h", "Ip", "captcha")], "deleted": None},
    {"new": [decision("198.51.100.8", "59m2s")], "deleted": [decision("198.51.100.7", "-1s")]},
]

class API(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(answers.pop(0) if answers else {"new": None, "deleted": None}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 18080), API)
print("ready", flush=True)
server.serve_forever()
END
ip -n "$id-prey" link set lo up
background prey python3 lapi.py >lapi.out 2>&1
until_true 300 'a local API answers' grep -q ready lapi.out
feed=$top/integrations/crowdsec/prey-crowdsec-feed
sed -e "s|^bin_path:.*|bin_path: $feed|; s|^feed_via_stdin:.*|feed_via_stdin: true|; s|^update_frequency:.*|update_frequency: 1s|" \
    -e "s|^cache_retention_duration:.*|cache_retention_duration: 1s|; s|^daemonize:.*|daemonize: false|; s|^log_mode:.*|log_mode: stdout|" \
    -e "s|^piddir:.*|piddir: $PWD/|; s|^api_url:.*|api_url: http://127.0.0.1:18080/|; s|^api_key:.*|api_key: drawn|; s|enabled: true|enabled: false|" \
    /etc/crowdsec/bouncers/crowdsec-custom-bouncer.yaml >bouncer.yaml
background prey crowdsec-custom-bouncer -c bouncer.yaml >bouncer.out 2>&1
bouncer=$last
comes 'bans of the bouncer are members until one is deleted' has_members caught '198.51.100.8 2001:db8::9 203.0.113.0/24' || cat bouncer.out
ctl sets caught has 203.0.113.5
has 'each with its time' 'member 203\.0\.113\.0/24, for (1h 0m|59m [0-9]*s)'
kill "$bouncer" 2>/dev/null
wait "$bouncer" 2>/dev/null
# What the bouncer does with a line of its program's is its own affair: the same lines by hand.
decide() { printf '{"action":"%s","value":"%s","scope":"%s","type":"%s","duration":"%s"}\n' "$@"; }
{
    decide add 192.0.2.3 Ip ban 1h
    decide add FR Country ban 1h
    decide add 198.51.100.66 Ip captcha 1h
    decide add 198.51.100.67 Ip ban soon
    decide add 198.51.100.9 ip ban 1.5s
    decide add 198.51.100.10 Ip ban -3s
    echo '{"action":"add",'
} | inside "$feed" >out 2>err
same 'what can be no member is refused, each in words' "$? $(sed 's/`{[^`]*`/D/' err | sort; cat out)" '1 preyctl: line 1: D: `never` contains it, or a part of it
preyctl: line 2: D: the scope is `Country`, but must be `Ip` or `Range`
preyctl: line 3: D: the type is `captcha`, but must be `ban`
preyctl: line 4: D: the `duration` must be written as 3h59m57s
preyctl: line 7: D: the line isn'\''t a JSON object
caught: 1 added, 1 absent, 5 refused'

echo '# A list'
mkdir web
printf '; drop\n198.51.100.0/24 ; SBL1\n203.0.113.0/25 ; SBL2' >web/drop.txt
printf '2001:db8::/32 ; SBL3\n' >web/drop6.txt
printf '198.51.100.0/24\n<html>\n' >web/bad.txt
: >web/empty.txt
background prey python3 -m http.server -b 127.0.0.1 -d web 18081 >web.out 2>&1
url=http://127.0.0.1:18081
answers() { inside curl -sfo /dev/null "$url/drop.txt"; }
until_true 300 'a server has it' answers
list() { # FILE...: prey-list for set listed
    printf 'URL="%s"\nSET=listed\n' "${*/#/$url/}" >list.conf
    inside "$top/integrations/lists/prey-list" ./list.conf >out 2>err
    status=$?
}
list drop.txt drop6.txt
same 'its networks are members' "$status $(members listed)" '0 198.51.100.0/24 2001:db8::/32 203.0.113.0/25'
list none.txt
same 'a download that fails leaves them' "$status $(members listed)" '22 198.51.100.0/24 2001:db8::/32 203.0.113.0/25'
list drop.txt empty.txt
same 'so does an empty one' "$status $(cat err) $(members listed)" \
    "1 prey-list: $url/empty.txt is empty, so the members of listed stay 198.51.100.0/24 2001:db8::/32 203.0.113.0/25"
list bad.txt
same 'and one with a bad line' "$status $(sed "s/ a set of addresses can't.*//" err) $(members listed)" \
    '1 preyctl: line 2: `<html>`: not an address, prefix or range:
preyctl: listed: nothing has changed 198.51.100.0/24 2001:db8::/32 203.0.113.0/25'
list drop6.txt
same 'the next one takes their place' "$status $(members listed)" '0 2001:db8::/32'
