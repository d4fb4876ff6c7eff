/* Address files, such as published lists; their format is in vm/words/words.h */
#pragma once

#include "compiler/compiler.h"
#include "compiler/resolve/sets/sets.h"

enum {
    ADDRFILE_BYTES_MAX = 256 << 20,
    ADDRFILE_FAULTS_MAX = 20, /* most bad entries reported one by one; others are counted */
};

struct addrfile {
    uint64_t dev, ino; /* identity of the file */
    uint64_t members;  /* number of good entries */
    uint64_t inside;   /* number of good entries that are inside another */
};

/* Read `path`, relative to the compiler's working directory, into `out`, normal afterwards. Errors of the file are
 * reported at `at`, bad lines at their own place. Returns false after a report. Linear but for the sort; memory is the
 * file and its members. */
bool addrfile_read(struct compile *c, const char *path, struct span at, struct addr_set *out, struct addrfile *info);
