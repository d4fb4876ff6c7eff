#!/usr/bin/env bash
# Live, when the clock is set or the machine sleeps: schedules follow at once, and the log has the new time. The machine's own
# clock is left alone: preyrun gets one that the test sets.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
rules halves <<'RULES'
schedule morning = 00:00-12:00
schedule evening = 12:00-00:00
firewall edge in default accept {
  count udp port 9 during morning log as MORNING
  count udp port 9 during evening log as EVENING
}
RULES
"${CC:-gcc}" -shared -fPIC -D_GNU_SOURCE -o shim.so "$top/tests/e2e/live/clock_shim.c" -ldl || ok 1 'the clock compiles'
mkfifo clock.set
# clock WALL SLEPT: seconds that it is ahead, and that the machine has slept.
clock() { python3 -c "
import struct
with open('clock', 'r+b') as f: f.write(struct.pack('=qq', int(($1) * 1e9), int(($2) * 1e9)))"; }
# Three in the morning, whatever the time is.
base=$(python3 -c "import time; print(3 * 3600 - int(time.time()) % 86400)")
head -c 16 /dev/zero >clock
clock "$base" 0
noise() { at client python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.1.0.2', 9))"; }
told() { until_true 100 "$1 is told" sh -c "[ \$(grep -c '$1' prey.err) -ge $2 ]"; } # WORDS TIMES

export CLOCK_SHIM=$work/clock LD_PRELOAD=$work/shim.so ASAN_OPTIONS=verify_asan_link_order=0
: >prey.out >prey.err
ip netns exec "$id-prey" "$bin/preyrun" --workers 1 -i eth0 --monitor --log text --format json halves.pbc >>prey.out 2>prey.err </dev/null &
prey=$!
pids="$pids $prey"
unset CLOCK_SHIM LD_PRELOAD ASAN_OPTIONS
until_true 200 'ready' grep -q 'ready: ' prey.err
noise
told MORNING 1
same 'the log has the time of the clock' "$(grep -c '^03:.*MORNING' prey.err)" 1

# Set twelve hours ahead, and the kernel says so; the schedule has changed with the line.
clock "$base + 12 * 3600" 0
printf x >clock.set
told 'clock: the clock was set 12 h.* ahead; schedules follow it' 1
noise
told EVENING 1
same 'so has the next' "$(grep -c '^15:.*EVENING' prey.err)" 1

# Back again, and nobody says so: it is noticed within a second.
clock "$base" 0
told 'clock: the clock was set 12 h.* back; schedules follow it' 1
noise
told MORNING 2

# The machine sleeps for two hours: both clocks are ahead, and that is no jump.
clock "$base + 7200" 7200
told 'clock: this machine slept for 2 h.*; connections have not aged meanwhile' 1
same 'a sleep is no jump' "$(grep -c 'was set' prey.err)" 2
truncate -s 0 prey.out
prey_ends
adds_up 'every frame has one verdict'
exit $failed
