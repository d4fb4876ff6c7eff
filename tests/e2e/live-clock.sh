#!/usr/bin/env bash
# Live, when the clock is set or the machine sleeps: schedules follow at once, and the log has the new time. Before it is set no
# schedule is active. The machine's own clock is left alone: preyrun gets one that the test sets.
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
heard() { [ "$(grep -c "$1" prey.err)" -ge "$2" ]; }
told() { until_true 100 "$1 is told" heard "$1" "$2"; } # WORDS TIMES

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
told 'clock: this machine slept for 2 h.*; connections didn'\''t age during that time' 1
same 'a sleep is no jump' "$(grep -c 'was set' prey.err)" 2
truncate -s 0 prey.out
prey_ends
adds_up 'every frame has one verdict'

# A machine whose clock has not been set yet.
rules always <<'RULES'
schedule always = 00:00-24:00
firewall edge in default accept {
  count udp port 9 during always log as INSIDE
  count udp port 9 during not always log as OUTSIDE
}
RULES
# unset_by EXECUTOR WHY [PROGRAM]: it starts so, by that program in place of preyrun; its clock is ahead, or behind, as before.
unset_by() {
    export CLOCK_SHIM=$work/clock LD_PRELOAD=$work/shim.so ASAN_OPTIONS=verify_asan_link_order=0
    : >prey.out >prey.err
    ip netns exec "$id-prey" ${3-} "$bin/preyrun" --workers 1 -i eth0 --exec "$1" --log text always.pbc >>prey.out 2>prey.err </dev/null &
    prey=$!
    pids="$pids $prey"
    unset CLOCK_SHIM LD_PRELOAD ASAN_OPTIONS
    until_true 200 'ready' grep -q 'ready: ' prey.err
    same "$1: a start says that the clock is not set" "$(grep -c "clock: the clock isn't set: $2; until it is set, no schedule is active" prey.err)" 1
    same "$1: so does status" "$(at prey "$bin/preyctl" status | grep -c "^the clock isn't set: $2; no schedule is active")" 1
    noise
    told OUTSIDE 1
    same "$1: no schedule is active" "$(grep -c INSIDE prey.err)" 0
}
set_then() { # EXECUTOR
    printf x >clock.set
    told 'clock: the clock is set; schedules take effect' 1
    noise
    told INSIDE 1
    is_set() { at prey "$bin/preyctl" status >status && ! grep -q 'is not set' status; }
    until_true 50 "$1: once it is set status does not say so" is_set && ok 0 "$1: once it is set status does not say so"
    # It falls back to where nobody can have set it, and comes again.
    [ "${2-}" = falls ] || { prey_ends; return; }
    clock "3600 - $(date +%s)" 0
    printf x >clock.set
    told 'clock: the clock isn'\''t set: its time is earlier than the build of this preyrun' 2
    noise
    told OUTSIDE 2
    not_set() { at prey "$bin/preyctl" status | grep -q '^the clock isn'\''t set: .*; no schedule is active'; }
    until_true 50 "$1: a clock that falls back to 1970 is not set" not_set && ok 0 "$1: a clock that falls back to 1970 is not set"
    clock 0 0
    printf x >clock.set
    told 'clock: the clock is set; schedules take effect' 2
    noise
    told INSIDE 2
    prey_ends
}
for by in user kernel; do
    [ "$by" = user ] || [ ! -e "$bin/tests/lib/no_one_kernel.o" ] || continue
    clock "3600 - $(date +%s)" 0 # in the first hours of 1970
    unset_by "$by" 'its time is earlier than the build of this preyrun'
    clock 0 0
    set_then "$by" falls
done
# A board with no clock that goes on, which begins with the time of its last end.
cat >board <<END
#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs tmpfs /sys/firmware && mkdir -p /sys/firmware/devicetree/base && { [ ! -e /sys/class/rtc ] || mount -t tmpfs tmpfs /sys/class/rtc; } &&
    mkdir -p /run/systemd $work/none && { [ ! -e /run/systemd/timesync ] || mount --bind $work/none /run/systemd/timesync; } && exec "\$@"' sh "\$@"
END
chmod +x board
rm -f /run/prey/clock # of a board that is none
clock -7200 0
for start in first second; do # what the first has noted does not pass for a clock that was set
    unset_by user 'this machine has no battery-backed clock, and the clock hasn'\''t been set since the boot' "$work/board"
    [ "$start" = second ] || prey_ends
done
clock 0 0
set_then user
bin_of_board="$work/board $bin/preyrun"
at prey env CLOCK_SHIM="$work/clock" LD_PRELOAD="$work/shim.so" ASAN_OPTIONS=verify_asan_link_order=0 timeout -s TERM 3 $bin_of_board --workers 1 -i eth0 --exec user --log text always.pbc >out 2>err </dev/null
same 'the next start knows that it was set' "$(grep -c 'ready: ' err) $(grep -c 'is not set' err)" '1 0'
rm -f /run/prey/clock
exit $failed
