/* The state that is kept for the case that this process crashes (runtime/parent/between/): written once per second,
 * in memory that the parent has, too. */
#pragma once

#include <stdint.h>

struct control;

/* Write it, once it is due or another program judges. Workers are held meanwhile, a millisecond at most as a rule. */
void lasting_step(struct control *control, uint64_t now_ns);
uint64_t lasting_due_ns(const struct control *control);
