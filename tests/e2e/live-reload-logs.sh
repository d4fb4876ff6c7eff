#!/usr/bin/env bash
# Live reloads between programs of very different size: log lines of packets that the one before has judged name its rules,
# and an end in the middle of a reload prints the counters of the program that was taken last.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey wan
address client eth0 10.1.0.1/24
address prey wan 10.1.0.2/24
python3 - >large.prey <<'END'
print('firewall f default accept {')
for i in range(3000):
    print(f'  accept udp port {10000 + i}')
print('  accept icmp log\n}')
END
printf 'firewall f default accept {\n  accept icmp log\n}\n' >small.prey
for p in large small; do "$bin/preyc" "$p.prey" -o "$p.pbc" >/dev/null || exit 1; done

cp large.pbc rules.pbc
prey prey -i wan --monitor --log text --format json rules.pbc
background client ping -q -f -i 0.002 10.1.0.2 >ping.out
lines() { grep -c '10\.1\.0\.1' prey.err; }
reloads() { grep -c 'reloaded: ' prey.err; }
hup() { # NAME
    local reloaded logged
    reloaded=$(reloads)
    cp "$1.pbc" rules.pbc
    kill -HUP "$prey"
    more() { [ "$(reloads)" -gt "$reloaded" ]; }
    until_true 100 'a reload is made' more
    logged=$(lines)
    also() { [ "$(lines)" -gt "$logged" ]; }
    until_true 100 'packets are logged after it' also
}
for i in 1 2 3 4 5; do
    hup small
    hup large
done
same 'each line names a rule that has `log`' \
    "$(grep '10\.1\.0\.1' prey.err | grep -cv -e '  f:3002  ' -e '  f:2  ')" 0
hup small
kill "$last"

# The end comes while a reload is under way: both signals wait for the service, which stands still.
service=$(pgrep -P "$prey")
cp large.pbc rules.pbc
kill -STOP "$service"
kill -HUP "$service"
kill -TERM "$service"
kill -CONT "$service"
wait "$prey"
same 'it ends with 0' $? 0
same 'what was taken last is counted by its own rules' "$(python3 -c '
import json
j = json.load(open("prey.out"))
print(len(j["rules"]), sum(r["packets"] for r in j["rules"]) <= j["live"]["frames"])')" '3001 True'
exit $failed
