/* The state kept for a crash of this process (runtime/parent/between/): written once per second, in memory that the
 * parent has, too. */
#pragma once

#include <stdint.h>

struct control;

/* Write the state if it is due or another program judges. Workers are held meanwhile, usually for at most a
 * millisecond. */
void lasting_step(struct control *control, uint64_t now_ns);
uint64_t lasting_due_ns(const struct control *control);
