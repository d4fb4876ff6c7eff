#!/usr/bin/env bash
# A host firewall in the kernel, as short as it shows: both ways are enforced, a reload is, it was proved at load, and a judge
# that errs is refused.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
. "$top/tests/e2e/live/kernel.sh"
# Every start goes through tamper: what a judge says of port 4242 it says of 4243 in the kernel.
real=$bin
mkdir tampered
printf '#!/bin/sh\nexec %s/tests/tools/tamper 4242 4243 %s/preyrun "$@"\n' "$real" "$real" >tampered/preyrun
chmod +x tampered/preyrun
bin=$PWD/tampered
web prey
web client
udp prey 53
cp host.pbc run.pbc
kernel run.pbc
hears 'its rules are proved' 'ready.*checked with [0-9,]* frames'
same 'in: what is accepted' "$(wait=20 pings 10.1.0.2) $(wait=20 pings fd00:1::2) $(gets 80 20) $(talk client 10.1.0.2 | cut -d" " -f1)" \
    'answers answers prey prey'
same 'in: what is dropped, and rejected' "$(gets 8080 1) $(gets 81 20) $(refused_by client 10.1.0.2 9)" 'curl 28 curl 7 refused'
same 'what it asks is answered' "$(ask prey 10.1.0.1/) $(ask prey '[fd00:1::1]/')" 'client client'
at prey bash -c 'echo x >/dev/udp/10.1.0.1/99'
sed 's/accept tcp port 80 /accept tcp port 80, 4242 /' host.prey >odd.prey
"$real/preyc" odd.prey -o next.pbc
mv next.pbc run.pbc
kill -HUP "$prey"
hears 'a judge that errs is refused' 'the two executors disagree about'
same 'and the program before goes on' "$(gets 80 20) $(gets 4242 1)" 'prey curl 28'
sed 's/accept tcp port 80/accept tcp port 80, 8080/' host.prey >wide.prey
"$real/preyc" wide.prey -o next.pbc
mv next.pbc run.pbc
kill -HUP "$prey"
hears 'a reload' '  reloaded'
same 'and it is enforced' "$(gets 8080 20) $(gets 81 20)" 'prey curl 7'
prey_ends
undone 'a clean stop undoes everything' "$status" 0
adds_up 'every frame has one verdict'
same 'out: what it must not say does not leave' "$(by_rule QUIET)" 1
