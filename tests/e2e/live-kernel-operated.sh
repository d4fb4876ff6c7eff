#!/usr/bin/env bash
# Operating the executor in the kernel: who looks on, what is recorded, what is only watched, answers to what this machine
# sends, and which executor is taken where nobody says.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - the kernel executor, operated # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey
web client
udp prey 53
sed -i '/as QUIET/a reject tcp port 97 as SHUN; reject udp port 97 as HUSH' host.prey
"$bin/preyc" host.prey -o host.pbc >/dev/null

kernel --record packets --record-sample 1 host.pbc
same 'what it must not ask is refused, at once' "$(ask prey 10.1.0.1:97/) $(refused_by prey 10.1.0.1 97) $(refused_by prey fd00:1::1 97)" 'failed: 7 refused refused'
background prey "$bin/preyctl" trace tcp to port 80, 81, 8080 --count 5 >trace.out 2>trace.err
tracer=$last
background prey "$bin/preyctl" capture udp -w seen.pcap --count 2 2>capture.err
capturer=$last
until_true 100 'one traces' grep -qs shows trace.err
until_true 100 'one captures' grep -qs shows capture.err
same 'what is rejected is answered' "$(gets 81) $(gets 8080 0.2) $(gets 80) $(talk client 10.1.0.2 | cut -d' ' -f1)" 'curl 7 curl 28 prey prey'
wait "$tracer" "$capturer"
same 'who looks on sees what the kernel judges' "$(awk '{ print $3, $4 }' trace.out | sort -u | tr '\n' ' ')$(frames_of seen.pcap)" 'accept ANSWER accept WEB drop default reject SHUT 2'
kill -HUP "$prey"
hears 'a reload' '  reloaded'
same 'and it goes on' "$(gets 80) $(pings -s 4000 10.1.0.2)" 'prey answers'
prey_sums 'recorded'
same 'answers are counted' "$(number kernel answered) $(by_rule SHUN) $(by_rule HUSH)" '3 1 2'
replays_alike 'what was recorded is judged alike' packets
same 'nearly every packet is told of: not fragments' "$(awk '/otherwise/ { print ($2 > 20), $5, ($7 < 20) }' again.out)" '1 0 1'
"$bin/preyrun" --replay packets --flows >out 2>err
same 'and no connection' "$? $(grep -c 'some verdicts: leave out --flows' err)" '2 1'

# What is watched is judged and counted, and let by all the same.
kernel --monitor host.pbc
same 'watched, nothing is refused' "$(gets 8080) $(gets 81) $(pings -s 4000 fd00:1::2) $(ask prey 10.1.0.1:97/)" 'prey curl 7 answers failed: 7'
at prey bash -c 'echo x >/dev/udp/10.1.0.1/99'
at client "$tools/udp" ask 10.1.0.2 9 0 4000 >/dev/null 2>&1
prey_sums 'watched'
same 'what would have been dropped is counted' "$(by_rule QUIET) $(by_rule SHUN) $(by_rule SHUT) $(number kernel answered)" '1 1 1 0'
same 'each of them as watched' "$(number live watched)" "$(($(number verdicts drop packets) + $(number verdicts reject packets)))"

# Where nobody says who judges, the kernel does what user space could only watch.
EXEC= prey prey -i eth0 --log text --format json host.pbc
same 'auto takes the kernel' "$(gets 8080 0.2) $(grep -c '  exec: kernel, because host.prey:[0-9]* may drop this machine.s own traffic' prey.err)" 'curl 28 1'
ctl status
same 'status says why' "$(grep -c '^judged in the kernel: host.prey:[0-9]* may drop' out)" 1
ask client 10.1.0.2 >/dev/null
ctl flows tcp to port 80
same 'flows have the rule that lets them in; bytes are not counted' "$(awk '/^tcp/ { n = NF; print $(n - 3), $(n - 2), $(n - 1), $n }' out | sort -u | tr '\n' ' ')" 'WEB - - - '
{ printf '# a line more\n\n'; cat host.prey; } >moved.prey
"$bin/preyc" moved.prey -o moved.pbc >/dev/null
ctl load moved.pbc
ctl status
same 'of the program that runs now' "$status $(grep -c '^judged in the kernel: moved.prey:[0-9]* may drop' out)" '0 1'
echo 'firewall edge in default accept { count udp port 9 as NINE }' | rules idle
ctl load idle.pbc
ctl status
same 'and where these would not need it' "$(grep '^judged in' out)" 'judged in the kernel: the kernel executor supports all rules'
prey_ends
kernel_alone -i eth0 --io packet --preflight host.pbc
same 'what neither enforces is refused' "$status|$(grep -c 'which only the kernel executor can block, and that executor can.t run here: --io packet is only for' err)" '2|1'
rules counts <<'RULES'
firewall edge in default accept { count udp port 9 as NINE }
RULES
kernel_alone -i eth0 --exec auto --preflight counts.pbc
same 'what user space enforces, too, is the kernel'"'"'s' "$status|$(grep -v notice err | sed 's/ agree .*//')" '0|--exec auto: kernel, because the kernel executor supports all rules
preflight: the kernel accepts the program, and both executors
preflight: no obstacles'
