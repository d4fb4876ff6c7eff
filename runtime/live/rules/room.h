/* Room for connections if the rules do not set it (`limits { flows N; half_open N }`). */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Return the room for `bytes` of memory. */
uint64_t room_of(uint64_t memory, bool in_kernel);

/* Find the room on this machine for all workers together: one connection for each 16 KiB of memory, as Netfilter
 * sizes its table. The minimum is 16,384, the maximum a million; if the kernel judges, 262,144, because its tables
 * are allocated at the start. */
void room_look(struct rules *rules);

/* Set a worker's share of the room in the program, before anything is built from it. */
void room_bound(const struct rules *rules, struct program *p);

/* Return buf with ", room for N connections" if the rules do not set it, else ""; with " in N MB" if the kernel has
 * allocated them. */
enum { ROOM_TEXT = 100 };
const char *room_text(const struct rules *rules, char buf[ROOM_TEXT]);
