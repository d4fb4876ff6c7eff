#!/usr/bin/env bash
# What TAB behind each LINE offers, where the programs are on the PATH: complete.sh LINE... prints a line each, words sorted.
. "$(dirname "$0")/../../editors/bash/prey.bash"
compopt() { :; } # only readline has what it sets
for COMP_LINE in "$@"; do
    COMP_POINT=${#COMP_LINE} COMP_WORDS=("${COMP_LINE%% *}") COMPREPLY=()
    asked=$(complete -p "${COMP_WORDS[0]##*/}") || exit 1
    asked=${asked#*-F }
    "${asked%% *}"
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '
done
