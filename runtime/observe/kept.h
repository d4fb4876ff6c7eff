/* State of connections whose files are being written, as bytes for another process that continues them. */
#pragma once

#include "runtime/observe/conns.h"
#include "vm/keyed/keyed.h"

struct kept_by {
    struct observed_service *const *service; /* [services] of the program in force */
    uint32_t services;
    unsigned workers;
};
/* Write all connections, the oldest first, or read them into an empty table. Open files are not handed over: the
 * halves continue in new parts. Return true if all were written or read. */
bool kept_archive(struct observed_conns *conns, const struct kept_by *by, struct archive *a);
