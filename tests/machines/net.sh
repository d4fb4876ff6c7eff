#!/bin/bash
# A net for verifiers: programs of every kind pass the verifier of this kernel, and the proof at load. As root; else a skip.
# Of the drawn set a part; LONG=1: all of it, with lists of up to 100,000 rules. Other kernels have it in virtual machines.
set -u
B=${B:-build}
set=$B/scratch/net
part=110
[ -z "${LONG:-}" ] || part=
bash tests/machines/programs.sh "$set"
status=$?
# Of the longest straight code the verifier writes most, and a log that does not fit is a refusal.
"$B/tests/machines/verify" ${part:+-n $part} "$set" "$set"/*-999-*-straight-*.pbc || status=1
exit $status
