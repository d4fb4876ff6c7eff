#!/usr/bin/env bash
# Who sends what no sound end does, to connections that are cut into (`-> proxy inline` in mode observe) on a bridge, before, at and after the cut.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/e2e/live/hostile.sh"
rules cut <<END
firewall f forward default accept { }
service wire on any tcp/any { mode observe; when from any -> proxy inline }
END
prey prey --bridge a:b --format json cut.pbc
attacks "$top/tests/e2e/live/cut_hostile.py"
attacks "$hostile" syn_again resets_that_guess reset_by_the_server reversed_bytes overlaps jumps urgent keep_alive half_closed half_closed_by_the_server \
    path_to_the_server path_to_the_client forged_errors port_after_fin port_after_rst
ctl counters observed
same 'most were cut into' "$(awk '$1 ~ /cut_into$/ { print ($2 > 60) }' out)" 1
grep 'cut_' out | sed 's/^/# /'
prey_ends
same 'it ends well' "$status" 0
exit $failed
