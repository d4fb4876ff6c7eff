/* Services' certificates and keys for TLS, shown to clients and asked of servers, as the parent opens them. */
#pragma once

#include "runtime/live/carry/state.h"

struct tls_table;

/* Of the program that carry->now has; the files are read again each time. before: of the program before, whose
 * sessions' tickets go on, with how services are now called; NULL: none. NULL, with one line in err. */
struct tls_table *certified(struct carry *carry, const struct tls_table *before, const struct remap *r, char *err,
                            size_t err_len);
