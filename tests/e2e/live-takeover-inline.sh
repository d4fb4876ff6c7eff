#!/usr/bin/env bash
# preyctl takeover where connections end in the wire (`mode proxy inline`): the inline stack passes as a whole, so those that are open go
# on in the process that has accepted them, and new ones are accepted by the new one. Byte for byte, none refused or reset, across five
# takeovers; `status` counts what goes on elsewhere. With HOSTILE=1: whoever of the two is killed, the other one does what is said.
set -u
EXEC=${EXEC:-user} # kernel: live-takeover-inline-kernel.sh
way="--exec $EXEC"
[ "${XDP-}" != 1 ] || way='--io xdp' # live-takeover-inline-xdp.sh
splice=${LEAVES:+; splice packets} # live-takeover-splice.sh
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/takeover_ends.sh"

sends_on
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=a.example -keyout key -out cert 2>said || cat said
rules ends <<END
limits { flows 20_000; proxy_sessions 40_000 }
pool echo { server one 10.2.0.2:9000 }
pool web { server one 10.2.0.2:9001 }
pool echo_tls { server one 10.2.0.3:9000 }
pool web_tls { server one 10.2.0.3:9001 }
service plain on any tcp/1000 { mode proxy inline first bytes within 60s$splice; access log common "access.log"; -> echo }
service tls on any tcp/1002 { mode proxy inline first bytes within 60s tls cert "$work/cert" key "$work/key"; -> echo_tls }
service http on any tcp/1001 { mode proxy inline http; -> web }
service https on any tcp/1003 { mode proxy inline http tls cert "$work/cert" key "$work/key"; -> web_tls }
service told on any tcp/1004 { mode proxy inline first bytes within 60s$splice; when instruction check sum to 10.2.0.0/24 -> target }
service wire on any tcp/9000 { mode proxy inline$splice }
firewall ways forward default accept { }
END

if [ -z "${HOSTILE-}" ]; then # else live-takeover-inline-hostile.sh
    for workers in 1 $([ "$way" != '--exec user' ] || echo 2); do
        say="$workers worker$([ $workers = 1 ] || echo s)"
        rm -f enough talked
        : >access.log
        # shellcheck disable=SC2086
        prey prey $way -i wan -i lan --workers $workers ends.pbc
        five_takeovers 10.2.0.2
        all_talked
        same "$say: none was unknown" "$(number proxy.unknown)" 0
        first_ends
        stops
        same "$say: it undoes all" "$(at prey nft list tables | grep -c prey) $(at prey sh -c 'ls "/run/prey/$(stat -L -c %i /proc/self/ns/net)"' 2>&1 | grep -c wan)" '0 0'
    done

    # ---- sessions of the process before that connect to their servers after it ----

    # shellcheck disable=SC2086
    prey prey $way -i wan -i lan ends.pbc
    for to in '1000 none' '1004 to:10.2.0.3:9000'; do
        rm -f say
        # shellcheck disable=SC2086
        at client python3 "$clients" late 5 10.2.0.2 $to >late 2>&1 &
        late=$!
        pids="$pids $late"
        until_true 300 'five are connected' grep -q open late
        takes_over "before those to ${to#* } have said where they go"
        until_true 300 'it counts them' others_are '5 of 1'
        takes_over 'and once more'
        touch say
        wait "$late"
        same "those to ${to#* } reach their servers" "$(tail -n 1 late)" '5 answered'
        until_true 300 'and the process before ends with them' befores_are 0
    done
    stops
    exit $failed
fi

# ---- who takes over, and is not through ----

# shellcheck disable=SC2086
prey prey $way -i wan -i lan ends.pbc
holds 5 10.2.0.2 9000
socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
middle=$top/tests/e2e/live/takeover_between.py
# shellcheck disable=SC2086
between_them() { at prey env WIRE=1 timeout 300 python3 "$middle" "$@" "$socket" "$bin/preyrun" --takeover $way -i wan -i lan ends.pbc 2>>between.err; }
rounds=${ROUNDS-20}
same 'whoever hands over damaged words or other descriptors: refused by a line' "$(between_them damage "${SEED-1}" "$rounds")" "$rounds of $rounds"
same 'and it goes on' "$(answered) $(owner) $(asks 9000)" "5 answered $prey 1 answered"
for step in advance now luggage ready; do
    for who in new new-service; do
        between_them kill $who $step >ended
        same "$who killed at $step: the one before goes on, and accepts" "$(answered) $(owner) $(asks 9000)" "5 answered $prey 1 answered"
    done
done
takes_over 'and then it is taken over'
same 'those that are open go on' "$(answered)" '5 answered'
same 'and new ones are accepted' "$(asks 9000) $(asks 1000)" '1 answered 1 answered'

# ---- what ends whom ----

until_true 300 'it counts them' others_are '5 of 1'
before=$(at prey "$bin/preyctl" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["instance"]["before"][0]["process"])')
kill -KILL "$before"
until_true 300 'the process before is killed: nobody counts it' others_are '0 of 0'
same 'its sessions have ended, and the new one judges' "$(answered) $(owner)" "0 answered $prey"
same 'and accepts' "$(asks 9000) $(asks 1000)" '1 answered 1 answered'
lets_go
for how in KILL stop; do
    holds 3 10.2.0.2 9000
    before=$prey
    takes_over "before $how"
    until_true 300 "$how: it is counted" others_are '3 of 1'
    case $how in stop) ctl stop ;; *) kill -$how "$prey" ;; esac
    until_true 300 "$how of the new one: it ends" is_over "$prey"
    until_true 300 "$how of the new one ends the one before, too" is_over "$before" && ok 0 "$how of the new one ends the one before, too"
    if [ $how = stop ]; then
        same "$how: the sessions have ended" "$(answered)" '0 answered'
        lets_go
    else # nobody is left who could tell their clients
        kill -KILL "$holder"
    fi
    prey prey -i wan -i lan ends.pbc
    same "$how: and the next start accepts" "$(asks 9000)" '1 answered'
done

# ---- a reload of the new process, whose pools have other numbers, while one drains ----

rm -f say
at client python3 "$clients" late 5 10.2.0.2 1000 none >late 2>&1 &
late=$!
pids="$pids $late"
until_true 300 'five are connected' grep -q open late
takes_over 'before a reload'
until_true 300 'it counts them' others_are '5 of 1'
sed '/^pool echo /i pool first { server one 10.2.0.3:9000 }' ends.prey >other.prey
"$bin/preyc" other.prey -o other.pbc && mv other.pbc ends.pbc
kill -HUP "$prey"
awaits '^reloaded'
touch say
wait "$late"
same 'sessions of the process before reach their servers after a reload' "$(tail -n 1 late)" '5 answered'
stops
exit $failed
