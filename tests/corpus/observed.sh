#!/bin/bash
# Both halves of observed connections are byte for byte what tshark follows: over the captures of the corpus, where there is one,
# and over drawn ones, with segments late, twice, cut anew and lost. Retransmissions and times of acknowledgements are tshark's
# where it decides: where each segment is acknowledged by itself. SEED=7 draws others; LONG=1 ten times as many. B is the build folder.
set -u
. tests/lib/scratch.sh
corpus=${PREY_CORPUS:-$top/../shared/corpus}
command -v tshark >/dev/null || { echo 'ok - observed connections, beside tshark # SKIP there is no tshark'; exit 0; }
printf 'firewall f default accept { }\nservice w on any tcp/any { mode observe; stream to "d" }\n' | rules watch
python3 "$top/tests/corpus/observed.py" "$tools/halves" watch.pbc "${SEED:-1}" "${LONG:+10}" "$corpus" >lines
cat lines
! grep -q '^not ok' lines && grep -q '^ok' lines
