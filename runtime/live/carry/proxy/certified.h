/* Services' TLS certificates and keys, presented to clients and demanded from servers, opened by the parent. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct tls_table;

/* Read the certificates of the program in carry->now; files are read again each time. before: the earlier program's
 * table, whose session tickets stay valid, with services mapped by `r`; NULL: none. Return NULL with one line in
 * err. */
struct tls_table *certified(struct carry *carry, const struct tls_table *before, const struct remap *r, char *err,
                            size_t err_len);
