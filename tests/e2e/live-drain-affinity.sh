#!/usr/bin/env bash
# A drain keeps whom it knows: clients that a service keeps on the server, by address or by cookie, go on there until its time is
# up; nobody new comes.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
address client eth0 10.1.0.9/24 10.1.0.10/24
rules shop <<'RULES'
pool kept { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 }
pool told { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 }
service by_source on 10.1.0.100 tcp/80 { mode passthrough; announce; affinity source 1h; -> kept }
service by_cookie on 10.1.0.2 tcp/81 { mode proxy http; affinity cookie "SRV" 1h; -> told }
RULES
prey prey -i wan -i lan shop.pbc
from() { at client curl -s -m 10 --interface "$1" http://10.1.0.100/ || echo failed; }
with() { at client curl -s -m 10 -b "$1" -c "$1" http://10.1.0.2:81/ || echo failed; } # a jar of cookies
other() { [ "$1" = one ] && echo two || echo one; }
thrice() { for i in 1 2 3; do "$@"; done | shares; }
sets() { # SERVER WORD...
    ctl set "$@"
    same "preyctl set $*" "$status" 0
}

known=$(from 10.1.0.1)
jarred=$(with jar)
same 'a client is kept by its address' "$(thrice from 10.1.0.1)" " 3 $known "
same 'and another one by its cookie' "$(thrice with jar)" " 3 $jarred "
sets "kept/$known" drain 1h
sets "told/$jarred" drain 1h
same 'while the server drains, its client comes again' "$(thrice from 10.1.0.1)" " 3 $known "
same 'so does who has its cookie' "$(thrice with jar)" " 3 $jarred "
same 'a new client goes elsewhere' "$(thrice from 10.1.0.9)" " 3 $(other "$known") "
same 'so does one without a cookie' "$(for i in 1 2 3; do with "new$i"; done | shares)" " 3 $(other "$jarred") "
ctl set "kept/$known" weight 0
same 'a weight of 0 keeps nobody' "$(thrice from 10.1.0.1)" " 3 $(other "$known") "

# Its time is up: then it is down.
moved=$(other "$known")
sets "kept/$known" file
sets "kept/$moved" drain 1s
sets "told/$jarred" drain 1s
hears 'the time of a drain is up' "^preyrun: kept/$moved has drained for its set time"
hears 'and of the other' "^preyrun: told/$jarred has drained for its set time"
same 'nobody is kept any longer' "$(thrice from 10.1.0.1)" " 3 $(other "$moved") "
same 'nor by a cookie' "$(thrice with jar)" " 3 $(other "$jarred") "
prey_ends
same 'it ends with 0' "$status" 0
