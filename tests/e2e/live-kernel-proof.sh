#!/usr/bin/env bash
# The proof at load: a judge that errs, or that the kernel's verifier refuses, is put into a running preyrun and into one
# that starts (tests/tools/tamper). Its program is refused, frame and rule are named, nothing is attached, and the program
# before goes on.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - the proof at load # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
real=$bin
mkdir tampered
bin=$PWD/tampered
cat >tampered/preyrun <<END
#!/bin/sh
exec $real/tests/tools/tamper \$(cat '$PWD/change') '$real/preyrun' "\$@"
END
chmod +x tampered/preyrun
ln -s "$real/preyctl" tampered/preyctl
sed 's/accept tcp port 80 /accept tcp port 80, 4242 /' host.prey >odd.prey
"$real/preyc" odd.prey -o odd.pbc
differs='internal error: the two executors disagree about tcp [^ ]* > [^ ]*:424[23] .*: [a-z]* by .* in user space, [a-z]* by .* in the kernel; use --exec user, and please report this with the rules'
unknown="the kernel's verifier rejects judge_[a-z]*, in [a-z_]*: unknown opcode ff"
web prey

echo 4242 4243 >change
refused 'a judge that errs is not put in force' "$differs" -i eth0 odd.pbc
undone 'and nothing is attached' 2 2

cp host.pbc run.pbc
for change in '4242 4243' '4242 -'; do
    echo "$change" >change
    said=$differs
    [ "$change" = '4242 4243' ] || said=$unknown
    kernel run.pbc
    cp odd.pbc next.pbc
    mv next.pbc run.pbc
    kill -HUP "$prey"
    hears "a reload is refused, and says why ($change)" "$said"
    same 'the program before goes on' "$(gets 80) $(gets 4242 0.2)" 'prey curl 28'
    cp host.pbc next.pbc
    mv next.pbc run.pbc
    kill -HUP "$prey"
    hears 'the next reload is taken' '  reloaded'
    same 'and judges' "$(gets 80)" prey
    prey_ends
    undone 'a clean stop undoes everything' "$status" 0
done
