/* Memory for the tuples of open inline connections (vm/flow/tuples.h), shared with processes that are forked later: the
 * workers write, and the parent reads once the service is gone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/flow/flow.h"

struct tuples;

/* Map memory for `most` numbers of each worker. Memory is taken as it is used. NULL: out of memory. */
struct tuples *tuples_new(uint32_t most, unsigned workers);
void tuples_free(struct tuples *t); /* NULL is accepted */
/* Return a worker's part */
struct inline_share tuples_share(const struct tuples *t, unsigned worker);

/* Copy all valid live tuples, whatever the memory contains. Set *count and *connections; a connection may have two
 * tuples. The caller frees the copies. NULL: none, or out of memory. */
struct inline_tuple *tuples_copy(const struct tuples *t, size_t *count, size_t *connections);
