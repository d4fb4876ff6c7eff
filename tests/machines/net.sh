#!/bin/bash
# A net for verifiers: programs of every kind pass the verifier of this kernel, and the proof at load. As root; else a skip.
# SET: a folder that programs.sh made, as in a machine of the lab, where no compiler need be; else it is made here, where it is not yet.
# PART: so many programs of it; 0: all, as with LONG=1, which also makes lists of up to 100,000 rules.
set -u
B=${B:-build}
if [ ! -x "$B/tests/machines/verify" ]; then
    echo 'ok - programs for the verifier # SKIP this build has none for the kernel (make KERNEL=0)'
    exit 0
fi
status=0
part=${PART:-110}
[ -z "${LONG:-}" ] || part=0
set=${SET:-}
if [ -z "$set" ]; then
    # A machine of the lab is handed the programs, some 300: few are drawn where it has to make them.
    ! grep -q 'lab.tree=' /proc/cmdline || { echo 'not ok - the lab hands in programs for the verifiers'; status=1; }
    if [ "$part" = 0 ]; then
        set=$B/scratch/net
        bash tests/machines/programs.sh "$set" || status=1
    else
        . tests/machines/common.sh
        set=$(machines_folder)/net
        drawn "$set" || status=1
    fi
fi
# Of the longest straight code the verifier writes most, and a log that does not fit is a refusal.
shopt -s nullglob
longest=("$set"/*-999-*-straight-*.pbc)
[ ${#longest[@]} -gt 0 ] || { echo "not ok - programs of the longest straight code are in $set"; status=1; }
spliced=$set/rules-examples-splice.pbc
[ -e "$spliced" ] || { echo "not ok - a program that splices connections is in $set"; status=1; }
[ "$part" != 0 ] || longest=() spliced=
"$B/tests/machines/verify" -n "$part" "$set" "${longest[@]}" ${spliced:+"$spliced"} || status=1
exit $status
