/* One program in three workers that must agree packet for packet. The express path runs on views of a file, which
 * are copied, and on writable memory, in place; the careful path is cfg.careful. If IN_KERNEL is set, a fourth
 * worker sends its packets through the kernel's stages. Compared are bytes that leave, next hops, verdicts,
 * counters, events, flows and slots. */
#ifndef TESTS_LIB_WAYS_H
#define TESTS_LIB_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/vm.h"

enum { WAYS = 4, WAYS_FRAME_MAX = 4096 };

struct ways;
/* Make the workers, or print the reason and return NULL. */
struct ways *ways_new(struct program *p, uint64_t seed);
void ways_free(struct ways *w);

/* Run at most VM_BATCH views of frames of at most WAYS_FRAME_MAX bytes; none is written. Prints the difference and
 * returns false if the workers differ. */
bool ways_run(struct ways *w, const struct vm_in *in, const struct pkt views[], unsigned n);
/* Give the first worker another program while the others keep theirs. Nothing may change except remembered verdicts.
 * The program equals that of the others, or with `longer` has more pools and services behind theirs: then counters
 * of rules start again, and verdicts of datagrams in transit name no rule. Returns false if the last swap hasn't
 * finished, or always with the kernel. */
bool ways_swap(struct ways *w, struct program *equal, bool longer, const struct vm_in *in);
/* Advance the time. Returns false after printing a difference. */
bool ways_tick(struct ways *w, const struct vm_in *in);

/* Packets that the careful worker sent in the last call; the bytes live until the next. */
struct way_sent {
    const uint8_t *bytes;
    uint32_t len, cap_len;
    uint8_t cause;
    uint64_t cookie;
};
unsigned ways_sent(const struct ways *w);
struct way_sent ways_sent_at(const struct ways *w, unsigned i);

/* Print the number of packets that the kernel has finished, how many of them took the long path, and its reasons;
 * nothing without IN_KERNEL. name: the program's name. */
void ways_tell(const struct ways *w, const char *name);

/* Return the number of packets that left in their own memory. */
uint64_t ways_in_place(const struct ways *w);

#endif
