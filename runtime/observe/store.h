/* Files of one `stream to "DIR"`: few are open at once, together they keep the limit, and a full disk costs bytes, not
 * time. */
#pragma once

#include "runtime/observe/log.h"

struct store;
#define STORED_NONE UINT32_MAX

/* Make the store of a directory that files->begin has opened. limit 0: none. earlier: bytes of earlier runs' files.
 * NULL: out of memory. */
struct store *store_new(const struct observed_files *files, const char *dir, uint64_t limit, uint64_t earlier,
                        struct observed_counters *counters);
void store_free(struct store *s); /* write pending bytes and free; NULL is allowed */
void store_limit(struct store *s, uint64_t limit);
void store_earlier(struct store *s, uint64_t earlier); /* set the bytes of earlier runs' files to a new value */

/* Make a file "STEMENDING", or with a number behind the stem if that file exists. STORED_NONE: it failed. */
uint32_t store_make(struct store *s, const char *stem, const char *ending);
/* Append to a file: the bytes of a call are written in full or not at all. Return the number of bytes lost, which
 * may be bytes of earlier calls. */
uint64_t store_put(struct store *s, uint32_t file, const void *bytes, size_t len);
/* True if bytes of a file were lost since the last call. */
bool store_torn(struct store *s, uint32_t file);
uint64_t store_size(const struct store *s, uint32_t file); /* return the number of bytes put so far */
const char *store_name(const struct store *s, uint32_t file);
/* Finish a file: from now on it may be removed. Return as store_put. */
uint64_t store_done(struct store *s, uint32_t file);
void store_flush(struct store *s);
/* Return the last failure and forget it; 0: none. */
int store_failed(struct store *s);
