#!/usr/bin/env bash
# A proxy behind a firewall in the kernel, as short as it shows: who may not connect gets nothing, or a reset.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
live_begin
site one
address client eth0 10.1.0.8/24 10.1.0.9/24
rules proxy <<'RULES'
pool farm { server one 10.2.0.2:80 }
firewall edge in default drop {
  accept state established as ANSWERS
  accept icmp6 type nd
  accept icmp
  accept tcp from 10.1.0.1 to port 80 flags has syn lacks ack as WEB
  reject tcp from 10.1.0.8 to port 80 with rst as NO
}
service web on 10.1.0.100, 10.1.0.2 tcp/80 { mode proxy; announce; -> farm }
RULES
prey prey -i wan -i lan --exec kernel --format json proxy.pbc
from() { at client curl -s -m "$3" --interface "$1" "http://$2/" || echo "curl $?"; }
same 'who may connect is served' "$(from 10.1.0.1 10.1.0.100 20) $(from 10.1.0.1 10.1.0.2 20)" 'one one'
same 'who may not gets a reset, or nothing' "$(from 10.1.0.8 10.1.0.100 20) $(from 10.1.0.9 10.1.0.100 1) $(from 10.1.0.9 10.1.0.2 1)" \
    'curl 7 curl 28 curl 28'
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
