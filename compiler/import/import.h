/* preyc --import: another tool's rule set as rules of prey */
#pragma once

#include <stdio.h>

enum import_from { IMPORT_NFT, IMPORT_IPTABLES };

/* Read `path` ("-": standard input; a pipe; a file of at most 256 MiB), which `nft -j list ruleset` or iptables-save
 * wrote, and write formatted rules to `out`. Returns 0 if the rules express everything. Returns 1 if not: each such
 * place has a comment, and a line on standard error has their number. Returns -1 with nothing on `out`, after a line
 * on standard error, if the file can't be read or is not such a listing. */
int import(enum import_from from, const char *path, FILE *out);
