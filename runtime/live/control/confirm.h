/* What runs and somebody has to confirm: a start (--confirm), which else ends, and a program that was loaded, which
 * else gives its place back to the one before. Who locks himself out gets his machine back. */
#pragma once

#include "runtime/live/control/state.h"

/* From now on a start waits to be confirmed, if that was asked for. */
void confirm_begin(struct control *control);
/* The same of what was loaded: for so long, else `back` comes back, which is the confirmation's from now on, with its
 * name. */
void confirm_load(struct control *control, uint64_t ns, struct program *back, char *back_name, bool saves);
bool confirm_waits(const struct control *control);
/* A start's time is up, and nobody has confirmed it. */
bool confirm_is_over(const struct control *control, uint64_t now_ns);
/* If the time is up, it is told, and the program before takes its place again. False: prey is to end. */
bool confirm_step(struct control *control, uint64_t now_ns);
void confirm_fini(struct control *control);
