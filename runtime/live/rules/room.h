/* For how many connections there is room where the rules leave it open (`limits { flows N; half_open N }`). */
#pragma once

#include "runtime/live/rules/state.h"

/* Of so many bytes. */
uint64_t room_of(uint64_t memory, bool in_kernel);

/* At the start: what this machine has room for, of all workers together: one for each 16 KiB of memory, 16,384 at least
 * and a million at most; 262,144 where the kernel judges, whose tables are taken at the start. Netfilter counts
 * likewise. */
void room_look(struct rules *rules);

/* The program gets its share for a worker, before anything is made of it. */
void room_bound(const struct rules *rules, struct program *p);

/* ", room for N connections" where the rules leave it open, else "". Returns buf. */
enum { ROOM_TEXT = 60 };
const char *room_text(const struct rules *rules, char buf[ROOM_TEXT]);
