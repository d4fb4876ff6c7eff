/* Live sets (vm/judge/lives.h) whose memory the stages read. */
#pragma once

#include <stdbool.h>

#include "vm/judge/lives.h"

struct judge_tables;
/* Move the program's sets and members into the maps of its judge, once for each judge. The sets keep these maps,
 * also without the judge. Sets that `shared` (or NULL) also has stay there unchanged. Return 0; -ENOMEM; or 1 + the
 * number of a set whose file has no room, and the caller then frees l. */
int live_sets_move(const struct judge_tables *t, const struct program *p, struct lives *l, uint64_t seed,
                   const struct lives *shared);
struct map;
/* Make l use the queue of questions in the stages' maps `head` and `places`. False: out of memory. Call it before
 * any packet is judged. */
bool live_sets_ask(struct lives *l, const struct map *head, const struct map *places);
/* Add to the sets' counters the members that rules failed to add in the stages (struct kernel_live). */
void live_sets_refused(struct lives *l);

/* True if the program's sets have room for more members than the kernel's maps; `why` is then one line. */
bool live_sets_lack(const struct program *p, char *why, size_t len);
