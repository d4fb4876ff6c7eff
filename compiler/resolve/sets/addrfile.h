/* Address files, as lists are published. What one may hold: vm/words/words.h. */
#pragma once

#include "compiler/compiler.h"
#include "compiler/resolve/sets/sets.h"

enum {
    ADDRFILE_BYTES_MAX = 256 << 20,
    ADDRFILE_FAULTS_MAX = 20, /* bad entries told one by one; the rest is a count */
};

struct addrfile {
    uint64_t dev, ino; /* which file was read */
    uint64_t members;  /* good entries */
    uint64_t inside;   /* of them, those that lie inside another */
};

/* Read `path` (relative to where the compile was started) into `out`, normal afterwards. What is wrong is reported: the
 * file itself at `at`, lines at their own place. Returns false if anything was. Linear but for the sort; memory is the
 * file and its members. */
bool addrfile_read(struct compile *c, const char *path, struct span at, struct addr_set *out, struct addrfile *info);
