/* Files in memory that come with a question over the control socket: a program, a filter, members of a live set. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/exchange/filter.h"
#include "runtime/live/control/control_state.h"

/* Return the bytes that came with the call, at most `most`, which the caller frees. The file must be sealed, so that
 * reading cannot block and its sender cannot change it. what: "the program", for err. NULL, with the reason in err. */
void *handed_bytes(struct call *c, size_t most, const char *what, size_t *len, char *err, size_t err_len);
/* Return the verified program that came with the call, of at most `most` bytes. NULL, with the reason in err. */
struct program *handed_program(struct call *c, size_t most, char *err, size_t err_len);
/* Read the filter that came with the call, or make one that takes all packets. Call filter_fini in any case. False,
 * with one line in err. */
bool handed_filter(const struct control *control, struct call *c, struct filter *f, char *err, size_t err_len);
