#!/bin/bash
# make bench-kernel, as root: what the executor in the kernel costs, beside its peers, as one table. Never passes or fails on
# time. UPDATE=1 writes the table into RESULTS.md: on a quiet machine, or the figures are those of its other work too.
# ONLY='kernel kernel_flows kernel_shapes kernel_load kernel_veth kernel_tun kernel_start kernel_sets kernel_bans' chooses parts; SMALL=1 only tries them.
set -euo pipefail
export B=${B:-build}
here=tests/bench
. $here/small.sh
rows=$results/bench-kernel.rows
table=$results/bench-kernel.table
load=$(cut -d ' ' -f 1 /proc/loadavg)
: >"$rows"
for part in ${ONLY:-kernel kernel_flows kernel_shapes kernel_load kernel_veth kernel_tun kernel_start kernel_sets kernel_bans}; do
    printf 'bench-kernel: %s, %s s …\n' "$part" "$SECONDS" >&2
    case $part in
    kernel_veth | kernel_tun | kernel_start | kernel_sets | kernel_bans) bash $here/"$part".sh >"$rows.part" ;;
    *) "$B/tests/bench/$part" >"$rows.part" ;;
    esac
    grep '^row\|^note' "$rows.part" >>"$rows" || cat "$rows.part" >&2
    rm "$rows.part"
done
{
    printf '%s; %s; %s cores; load %s; median (lowest to highest)\n\n' "$(date -u '+%-d %B %Y')" "$(uname -sr)" "$(nproc)" "$load"
    awk -f $here/table.awk "$rows"
} | sed 's/ *$//' | tee "$table"
[ -z "${UPDATE:-}" ] || awk -v table="$table" '
    /^## / { here = $0 == "## The executor in the kernel" }
    here && /^```/ { fence++; print; if (fence == 1) while ((getline line < table) > 0) print line; next }
    !(here && fence == 1)' $here/RESULTS.md >"$B/RESULTS.md"
[ -z "${UPDATE:-}" ] || cp "$B/RESULTS.md" $here/RESULTS.md
