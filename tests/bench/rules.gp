# Cost against the number of rules: gnuplot -e "data='…'; picture='…'; list='…'" rules.gp
# data: lines `NUMBER CONTENDER NANOSECONDS LOWEST HIGHEST`, tab-separated (tests/bench/plot.c).
set terminal svg noenhanced size 960,560 font "Helvetica,Arial,sans-serif,15" background "#ffffff" linewidth 1
set output picture
set datafile separator "\t"
set datafile commentschars "#"

set title "Finding the first rule that matches a header" font ",19" offset 0,-0.6
set xlabel sprintf("rules (%s)", list)
set ylabel "time a header: median, lowest to highest"
set logscale xy
set xrange [8:2400000]
set yrange [4:2000000]
set format x "%g"
set xtics ("10" 10, "100" 100, "1,000" 1000, "10,000" 10000, "100,000" 100000) nomirror
set ytics ("10 ns" 10, "100 ns" 100, "1 µs" 1000, "10 µs" 10000, "100 µs" 100000, "1 ms" 1000000) nomirror
set mxtics 10
set grid ytics lc rgb "#dddddd" lt 1 lw 1
set border 3 lc rgb "#555555"
set tics textcolor rgb "#333333"
unset key

names = "nftables, rules alone|bpf_filter|linear list in C|DPDK rte_acl, one at a time|DPDK rte_acl, bursts of 64|prey, one at a time|prey, batches of 64"
name(i) = system(sprintf("printf '%%s' '%s' | cut -d'|' -f%d", names, i))
array colour[7] = ["#8d6fa8", "#999999", "#555555", "#e6a15c", "#c2571a", "#6aa6d6", "#1b5e9b"]
array wide[7] = [2, 2, 2, 2, 2.5, 2, 3.5]
array shape[7] = [12, 4, 6, 10, 9, 6, 7]

# Each line's name stands behind its last point; names that would touch are moved apart (in decades).
array last[7]
array at[7]
do for [i=1:7] {
    value = real(system(sprintf("awk -F'\t' -v n='%s' '$2 == n { v = $3 } END { print v + 0 }' '%s'", name(i), data)))
    last[i] = value > 0 ? log10(value) : 0
    at[i] = last[i]
}
gap = 0.27
# From the lowest up: at least a gap apart.
do for [round=1:7] {
    do for [i=1:7] {
        do for [k=1:7] {
            if (i != k && last[i] > 0 && last[k] > 0 && (last[i] > last[k] || (last[i] == last[k] && i < k)) && at[i] - at[k] < gap) { at[i] = at[k] + gap }
        }
    }
}
do for [i=1:7] {
    if (last[i] > 0) { set label i name(i) at 128000, 10 ** at[i] left textcolor rgb colour[i] font (i == 7 ? ",16" : ",14") }
}

rows(i) = "< awk -F'\t' -v n='".name(i)."' '$2 == n' '".data."'"
plot for [i=1:7] rows(i) using 1:3:4:5 with yerrorbars lc rgb colour[i] lw 1 pt -1 notitle, \
     for [i=1:7] rows(i) using 1:3 with linespoints lc rgb colour[i] lw wide[i] pt shape[i] ps 0.7 notitle
