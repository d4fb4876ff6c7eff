# Rows of tests/lib/bench.h as a table.
function cell(m, lo, hi) { return m == "-" ? "-" : m " (" lo " to " hi ")" }
function line(a, b, c, d, e, f, g) { printf "%-46s %-8s %-26s %-26s %-26s %6s  %-16s %s\n", a, b, c, d, e, f, g[1], g[2] }
BEGIN { FS = "\t"; h[1] = "goal"; h[2] = ""; line("what", "unit", "ours", "peer", "its figure", "ratio", h) }
$1 == "row" { g[1] = $12; g[2] = $13 == "-" ? "" : $13; line($2, $3, cell($4, $5, $6), $7, cell($8, $9, $10), $11, g) }
$1 == "note" { notes = notes "\n" $2 }
END { print notes }
