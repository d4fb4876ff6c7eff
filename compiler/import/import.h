/* preyc --import: another tool's rule set as rules of prey. */
#pragma once

#include <stdio.h>

enum import_from { IMPORT_NFT, IMPORT_IPTABLES };

/* Read `path` ("-": standard input; a pipe; a file of at most 256 MiB): what `nft -j list ruleset` or iptables-save
 * wrote. The rules go to `out`, formatted. Returns 0 if they say all of it, 1 if something could not be said, each with
 * a comment at its place and a line with their number on standard error; or -1 with nothing on `out`, after a line on
 * standard error: the file can't be read, or is not what it should be. */
int import(enum import_from from, const char *path, FILE *out);
