/* One program by three workers that must agree packet for packet: the express way over views of a file, which are
 * copied; the express way over memory that may be written, in place; the careful way (cfg.careful); and with IN_KERNEL
 * in the environment a fourth, whose packets go through the kernel's stages. Bytes that leave, next hops, verdicts,
 * counters, events, flows, slots. */
#ifndef TESTS_LIB_WAYS_H
#define TESTS_LIB_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/vm.h"

enum { WAYS = 4, WAYS_FRAME_MAX = 4096 };

struct ways;
/* NULL after printing why. */
struct ways *ways_new(struct program *p, uint64_t seed);
void ways_free(struct ways *w);

/* Views of frames of at most WAYS_FRAME_MAX bytes, at most VM_BATCH of them, none of which is written. False after a
 * line with the difference. */
bool ways_run(struct ways *w, const struct vm_in *in, const struct pkt views[], unsigned n);
/* The first worker goes over to another program, the others stay: nothing may change but what verdicts are
 * remembered. The program is that of the others, or has, `longer`, more pools and services behind theirs: then
 * counters of rules begin again, and nobody decides datagrams that are under way. False: not now, for the last time
 * is not through; or never, beside the kernel. */
bool ways_swap(struct ways *w, struct program *equal, bool longer, const struct vm_in *in);
/* Time passes. */
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

/* Print how many packets the kernel has finished, and of these how many by the long way, by its reasons; nothing
 * without IN_KERNEL. name: of the program. */
void ways_tell(const struct ways *w, const char *name);

/* Packets that left where they lay. */
uint64_t ways_in_place(const struct ways *w);

#endif
