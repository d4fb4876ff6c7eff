/* A start that somebody has to confirm (--confirm): who locks himself out gets his machine back. */
#ifndef RUNTIME_LIVE_CONFIRM_H
#define RUNTIME_LIVE_CONFIRM_H

#include "runtime/live/state.h"

/* From now on it waits to be confirmed, if that was asked for. */
void confirm_begin(struct live *l);
bool confirm_waits(const struct live *l);
/* Its time is up, and nobody has confirmed it. */
bool confirm_is_over(const struct live *l, uint64_t now_ns);
/* The same; it is told, and it is to end. */
bool confirm_is_late(struct live *l, uint64_t now_ns);

#endif
