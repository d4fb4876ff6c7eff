#!/usr/bin/env bash
# Live sets filled by Debian's fail2ban and CrowdSec as units of systemd, and a list by its timer: make check-machines UNITS=1. What integrations/README.md tells an
# administrator to do is done here, word for word: its blocks are what is written and run. First all as root, then each as a user of its own (--sets-group).
set -u
PACKAGES='fail2ban python3-systemd crowdsec crowdsec-custom-bouncer curl sqlite3'
# So crowdsec registers with nobody outside: that file says so to Debian's package (its README.Debian).
PREPARED='mkdir -p /etc/crowdsec && echo "# none" >/etc/crowdsec/online_api_credentials.yaml'
. tests/machines/units/begin.sh
page=$top/integrations/README.md

# block WORD: the block of the page in whose first lines the word stands.
block() {
    awk -v word="$1" '/^```/ { if (inside && index(text, word)) { printf "%s", text; exit } inside = !inside; text = ""; next } inside { text = text $0 "\n" }' "$page"
}
# lay WORD: the same, into the file that its first line names; nothing of what stands there is kept.
lay() {
    local file
    file=$(block "$1" | sed -n '1s/^# \(\/[^: ]*\).*/\1/p')
    mkdir -p "$root${file%/*}"
    block "$1" | tail -n +2 >"$root$file"
}
# merge WORD: likewise, but lines with other keys stay.
merge() {
    local file line
    file=$root$(block "$1" | sed -n '1s/^# \(\/[^: ]*\).*/\1/p')
    block "$1" | tail -n +2 >merged
    while read -r line; do sed -i "/^${line%%:*}:/d" "$file"; done <merged
    cat merged >>"$file"
}
options
block 'set caught' >"$root/etc/prey/edge.prey"
sed -i '1i set spamhaus = live size 1000' "$root/etc/prey/edge.prey"
sed -i 's/drop from caught as CAUGHT/&; drop from spamhaus/' "$root/etc/prey/edge.prey"
lay 'banaction = prey'
printf '[sshd]\nenabled = false\n[drawn]\nenabled = true\nfilter = drawn\nbackend = polling\nlogpath = /var/log/drawn.log\nmaxretry = 1\nbantime = 600\nusedns = no\n' \
    >"$root/etc/fail2ban/jail.d/drawn.conf"
printf '[Definition]\nfailregex = ^ bad login from <HOST>$\n' >"$root/etc/fail2ban/filter.d/drawn.conf"
: >"$root/var/log/drawn.log"
merge 'feed_via_stdin'
lay 'SET=spamhaus'
mkdir web
printf '198.18.1.0/24 ; SBL1\n198.18.3.0/24 ; SBL2\n' >web/drop.txt
sed -i 's|^URL=.*|URL=http://127.0.0.1:18081/drop.txt|' "$root/etc/prey/lists/spamhaus.conf"
systemd_begins
background prey python3 -m http.server -b 127.0.0.1 -d web 18081 >web.out 2>&1

members() { tell "preyctl sets $1 --json" | tr ',{' '\n\n' | sed -n 's/.*"member": *"\([^"]*\)".*/\1/p' | sort | paste -sd' '; } # SET
has_members() { [ "$(members "$1")" = "$2" ]; }
# holds_members SENTENCE SET MEMBERS: in time
holds_members() {
    until_true 100 "$1" has_members "$2" "$3" && { ok 0 "$1"; return; }
    printf '# got: %s\n' "$(members "$2")"
    tell 'journalctl -n 40 --no-pager -o cat; tail -n 20 /var/log/crowdsec*bouncer.log' | sed 's/^/# /'
    ok 1 "$1"
}
says() { printf '%s bad login from %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S')" "$1" >>"$root/var/log/drawn.log"; }
active() { tell "systemctl is-active $1"; }
tell 'systemctl start preyrun@edge'
same 'prey runs' "$(active preyrun@edge)" active
[ $failed = 0 ] || { tell 'journalctl -u preyrun@edge -n 20 --no-pager -o cat' | sed 's/^/# /'; exit 1; }

echo '# fail2ban'
tell 'systemctl restart fail2ban'
answers() { tell 'fail2ban-client status drawn' >/dev/null; }
until_true 300 'fail2ban runs' answers
says 198.51.100.7
holds_members 'a ban is a member' caught 198.51.100.7
tell 'systemctl stop fail2ban'
holds_members 'a stop lifts it' caught ''
tell 'systemctl start fail2ban'
holds_members 'a start sets it again' caught 198.51.100.7
tell 'systemctl stop preyrun@edge; systemctl start preyrun@edge'
holds_members 'it survives a stop of prey' caught 198.51.100.7
says 192.0.2.9
refuses() { grep -q '192.0.2.9: `never` contains it' "$root/var/log/fail2ban.log"; }
until_true 300 'its log tells of what never holds' refuses && ok 0 'its log tells of what never holds'
tell 'systemctl stop fail2ban'

echo '# CrowdSec'
tell 'systemctl start crowdsec'
same 'its local API runs' "$(active crowdsec)" active
tell 'systemctl restart crowdsec-custom-bouncer'
same 'and its bouncer' "$(active crowdsec-custom-bouncer)" active
tell 'cscli decisions add --ip 203.0.113.9 --duration 1h; cscli decisions add --range 203.0.112.0/24 --duration 1h' >decided
holds_members 'decisions are members' caught '203.0.112.0/24 203.0.113.9'
tell 'cscli decisions delete --ip 203.0.113.9' >decided
holds_members 'until they are deleted' caught 203.0.112.0/24
tell 'systemctl stop crowdsec-custom-bouncer; preyctl sets caught flush' >said

echo '# A list'
tell 'systemctl enable --now prey-list@spamhaus.timer; systemctl start prey-list@spamhaus.service'
holds_members 'its networks are members' spamhaus '198.18.1.0/24 198.18.3.0/24'
same 'and the timer waits' "$(active prey-list@spamhaus.timer)" active

echo '# As users of their own'
tell "$(block 'groupadd --system')" >own.out
same 'the page can be followed' "$(cat own.out)" ''
block 'sets-group' | sed -n "s/^OPTIONS='-i eth0 --sets-group prey-bans:caught/OPTIONS='-i wan -i lan --exec $EXEC --sets-group prey-bans:caught,spamhaus/p" >"$root/etc/default/prey-edge"
same 'the option stands in its file' "$(grep -c sets-group "$root/etc/default/prey-edge")" 1
echo 'log_mode: stdout' >>"$root/etc/crowdsec/bouncers/crowdsec-custom-bouncer.yaml.local"
for word in 'User=crowdsec' 'User=fail2ban' 'DynamicUser=yes'; do lay "$word"; done
tell 'systemctl daemon-reload; systemctl restart preyrun@edge; systemctl restart crowdsec-custom-bouncer fail2ban' >said
cat said
same 'all run' "$(active preyrun@edge) $(active crowdsec-custom-bouncer) $(active fail2ban)" 'active active active'
users() { tell 'ps -o user:20= -C '"$1" | sort -u | tr -d ' '; } # COMMAND
same 'as these users' "$(users crowdsec-custom) $(users preyctl) $(users fail2ban-server)" 'crowdsec crowdsec fail2ban'
tell 'cscli decisions add --ip 203.0.113.9 --duration 1h' >decided
says 198.51.100.66
holds_members 'both ban' caught '198.51.100.66 198.51.100.7 203.0.112.0/24 203.0.113.9'
tell 'preyctl sets caught' >listed
same 'each as itself' "$(awk -F '  +' '$1 == "198.51.100.66" || $1 == "203.0.113.9" { print $1, $3 }' listed | sort | paste -sd,)" '198.51.100.66 fail2ban,203.0.113.9 crowdsec'
printf '198.18.4.0/24\n' >web/drop.txt
tell 'systemctl start prey-list@spamhaus.service'
holds_members 'a list comes by a user that is made for it' spamhaus 198.18.4.0/24
tell 'setpriv --reuid crowdsec --regid crowdsec --init-groups preyctl status' >refused
same 'and none of them may more' "$(grep -c 'may only ask about and change these live sets: caught' refused)" 1
exit $failed
