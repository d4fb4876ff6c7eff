/* Knowledge of connections whose files are being written, as bytes for another process that goes on with them. */
#pragma once

#include "runtime/observe/conns.h"
#include "vm/keyed/keyed.h"

struct kept_by {
    struct observed_service *const *service; /* [services] of the program in force */
    uint32_t services;
    unsigned workers;
};
/* Write all connections, the oldest first, or read them into a table that has none. Files that are open do not go with
 * them: the halves go on in other parts. Return true if all were written or read. */
bool kept_archive(struct observed_conns *conns, const struct kept_by *by, struct archive *a);
