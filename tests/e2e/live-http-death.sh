#!/usr/bin/env bash
# Live, `mode proxy http`: servers that die before, during and after a request. No byte of an answer: a page of ours; some: a
# reset, never an end that could be taken for the answer's. No request reaches a server twice.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one two
rules http <<RULES
timeouts { proxy idle 6s; proxy connect 1s }
check alive = tcp every 100ms timeout 2s rise 1 fall 1
pool dying { server s 10.2.0.2:90 }
pool none { server s 10.2.0.2:91 }
pool either { balance round_robin; retries 1; server one 10.2.0.2:90; server two 10.2.0.3:90 }
pool watched { check alive; on down reset; server s 10.2.0.2:90 }
service on_dying on 10.1.0.2 tcp/80 { mode proxy http; -> dying }
service on_none on 10.1.0.2 tcp/81 { mode proxy http; -> none }
service on_either on 10.1.0.2 tcp/82 { mode proxy http; -> either }
service on_watched on 10.1.0.2 tcp/83 { mode proxy http; -> watched }
RULES
dying=$top/tests/e2e/live/dying.py
mkdir in-one in-two
for name in one two; do
    (cd in-$name && exec ip netns exec "$id-$name" python3 "$dying" serve 90) &
    pids="$pids $!"
    until_true 100 "a server answers in $name" at $name curl -s -o /dev/null http://127.0.0.1:90/answer-
done
: >in-one/seen.log
prey prey -i wan -i lan http.pbc
asks() { at client timeout 60 python3 "$dying" ask 10.1.0.2 "$@"; }

same "before: none listens" "$(asks 81 GET:/answer- GET:/answer- POST:/answer-)" 'GET:/answer- 503
GET:/answer- 503
POST:/answer- 503'
asks 80 POST:/body-kill POST:/body-reset POST:/body-end GET:/head-kill GET:/head-reset GET:/head-end POST:/head-end >out
same "during, before it has answered: a page" "$(cut -d' ' -f2- out | sort | uniq -c | tr -s ' ')" ' 7 502'
same "… as with half a head, and behind an interim answer" "$(asks 80 GET:/half-kill GET:/half-reset GET:/half-end GET:/interim-kill GET:/interim-reset)" 'GET:/half-kill 502
GET:/half-reset 502
GET:/half-end 502
GET:/interim-kill 103 502
GET:/interim-reset 103 502'
same "in the answer's body: a reset, whatever frames it" "$(asks 80 GET:/length-kill GET:/length-reset GET:/length-end GET:/chunked-kill GET:/chunked-reset GET:/chunked-end GET:/until-reset | cut -d' ' -f2- | sort | uniq -c | tr -s ' ')" ' 7 200 reset'
same "… but where the end of the connection is the answer's" "$(asks 80 GET:/until-end)" 'GET:/until-end 200 end'
same "after: where a kept connection ends as it is used, a GET is asked once more, and a POST is not" \
    "$(asks 80 GET:/answer-kill GET:/answer- GET:/answer-reset POST:/answer- GET:/answer-end POST:/answer-)" 'GET:/answer-kill 200
GET:/answer- 200
GET:/answer-reset 200
POST:/answer- 502
GET:/answer-end 200
POST:/answer- 502'
same "… what comes then is served" "$(asks 80 GET:/answer-)" 'GET:/answer- 200'
same "each request was heard of once, that GET twice" "$(asks 80 GET:/seen)" "GET:/seen $(printf '%s\n' answer- answer- answer- answer- answer- answer-end answer-kill answer-reset body-end body-kill body-reset chunked-end chunked-kill chunked-reset half-end half-kill half-reset head-end head-end head-kill head-reset interim-kill interim-reset length-end length-kill length-reset until-end until-reset | sort | uniq -c | awk '{ printf "%s%s %s", (NR > 1 ? " " : ""), $1, $2 }')"

# The cable: what was asked before, and what comes then.
asks 80 GET:/head-hang >hung &
hung=$!
asks 83 GET:/head-hang >watched &
watched=$!
asks 83 GET:/length-hang >begun &
begun=$!
until_true 100 "all three are there" eval '[ "$(grep -c hangs in-one/seen.log)" = 3 ]'
ip -n "$id-one" link set dev eth0 down
wait $hung $watched $begun
same "a cable that is out: nothing comes, 504" "$(cat hung)" 'GET:/head-hang 504'
same "… a server that its check finds down, \`on down reset\`: a page where nothing was answered" "$(cat watched)" 'GET:/head-hang 502'
same "… a reset where something was" "$(cat begun)" 'GET:/length-hang 200 reset'
same "… no connect: 504; none is up: 503" "$(asks 80 GET:/answer-; asks 83 GET:/answer-)" 'GET:/answer- 504
GET:/answer- 503'
same "… and where another server may be tried, it answers" "$(asks 82 GET:/answer- GET:/answer- GET:/answer- GET:/answer- | sort -u)" 'GET:/answer- 200'
prey_ends
same "it ends with 0" "$status" 0
