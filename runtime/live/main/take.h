/* The starting side of a takeover. It prepares itself as any start does, and judges once the running instance has
 * yielded (parent/between/handoff.h). */
#pragma once

#include "runtime/live/main/live_priv.h"
#include "runtime/parent/between/handoff.h"
#include "runtime/parent/parent.h"
#include "vm/keyed/keyed.h"

struct take {
    int fd;                         /* socket to the running instance */
    int fds[HANDOFF_FDS];           /* descriptors that HELLO brought; -1: not given */
    uint8_t *file;                  /* [HANDOFF_FILE_MOST] */
    uint8_t layout[PBC_DIGEST_LEN]; /* digest of this side's maps in the kernel; 0: it has none */
    struct handoff_hello hello;
    struct archive former;                      /* rest of HELLO's `former`, not read yet */
    struct kernel_passed kernel;                /* kernel executor's state of the other instance (hello.in_kernel) */
    struct parent_lent lent[HANDOFF_LENT_MOST]; /* [hello.lent] things lent by the other instance's parent */
    int wire[IO_FDS_MOST];                      /* [hello.workers][hello.wire]: the inline stack; -1: none */
    int memory[WORKERS_MOST];                   /* memory for counts of spliced connections; 0: none */
    uint32_t steered;                           /* bit i: interface i has a lent steering program */
    struct others *others;                      /* take_workers.h; NULL: the number of workers is the same */
    struct io_made ports[WORKERS_MOST][PORTS_MOST]; /* no descriptor: the interface is away there */
};

/* Ask the instance of --name for its description; the first step. Return NULL after one line. */
struct take *take_meet(const struct options *o);
/* True if its ports' sockets come with its state. Otherwise this start opens its own: after a crash, because frames
 * waiting there may have caused it; without the maps, because these have the positions of the rings. */
static inline bool take_gives_ports(const struct take *t)
{
    return !t->hello.crashes && (!t->hello.in_kernel || t->kernel.count);
}
/* Load the other instance's program. Return NULL after one line. */
struct program *take_program(struct take *t);
/* Read the remains of earlier programs: first the part for guard rules, before any are set; then the owners, before
 * workers are made. Return 0, or the exit status after one line. */
int take_former(struct live *l);
int take_owners(struct live *l, const struct owners_cfg *cfg);
/* True if this start has the same shape as that instance; else one line names the difference. */
bool take_fits(const struct take *t, const struct carry *carry);
/* Give this parent the things lent by the other instance's parent, before the fork. Return the exit status. */
int take_lent(const struct take *t, struct parent *p);
/* Take the descriptors whose possession changes nothing: the TUN device, the socket of --stats, the inline stack.
 * Close those that belong to the parent. Return 0, or the exit status after one line. */
int take_devices(struct live *l);
/* Take listening sockets, and sockets to processes that still serve sessions. Return 0, or the exit status after one
 * line. */
int take_listeners(struct live *l);
/* Request the next hops of that instance's flows. */
void take_hops(struct live *l);
/* Take over, once everything but ports is made: read the instance's state while it is paused. Return 0 after it has
 * yielded, or the exit status after one line; then the instance goes on. */
int take_over(struct live *l);
/* Do the remaining steps once the workers run: own the record of changes, release the other instance. */
void take_settle(struct live *l);
/* Receive the messages about lent things. Return 0 or a negative errno. */
int take_lent_hear(struct take *t, uint64_t until_ns);
void take_lent_close(struct take *t);
/* take_lent.c: Return false for a HELLO with an invalid inline stack. Make the stack this process's (second
 * function), in the service; return 0, or the exit status after one line. */
bool take_wire_is_sound(const struct handoff_hello *h);
int take_wire(struct live *l);
/* Return the time by which the other instance must answer. Send it a word (second function); return 0 or a negative
 * errno. */
uint64_t take_patience(void);
int take_say(const struct take *t, uint32_t word);
/* NULL is fine. */
void take_free(struct take *t);
