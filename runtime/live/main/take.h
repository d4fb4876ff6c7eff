/* The side of a takeover that starts: it looks and makes itself ready as any start does, and judges once the instance
 * that runs has let go (parent/between/handoff.h). */
#pragma once

#include "runtime/live/main/live_priv.h"
#include "runtime/parent/between/handoff.h"
#include "runtime/parent/parent.h"
#include "vm/keyed/keyed.h"

struct take {
    int fd;                         /* the instance that runs */
    int fds[HANDOFF_FDS];           /* -1: not given */
    uint8_t *file;                  /* [HANDOFF_FILE_MOST] */
    uint8_t layout[PBC_DIGEST_LEN]; /* digest of this side's maps in the kernel; 0: it has none */
    struct handoff_hello hello;
    struct archive former;                      /* the rest of HELLO's `former`, not read yet */
    struct kernel_passed kernel;                /* kernel executor's state of the other instance (hello.in_kernel) */
    struct parent_lent lent[HANDOFF_LENT_MOST]; /* [hello.lent] */
    int wire[IO_FDS_MOST];                      /* [hello.workers][hello.wire]: the inline stack; -1: none */
    int memory[WORKERS_MOST];                   /* memory of what spliced connections carry; 0: none */
    uint32_t steered;                           /* bit i: the steering program of interface i was lent */
    struct others *others;                      /* take_workers.h; NULL: as many workers go on */
    struct io_made ports[WORKERS_MOST][PORTS_MOST]; /* no descriptor: the interface is away there */
};

/* Ask the instance of --name for what it would hand over, before anything else. Return NULL after one line. */
struct take *take_meet(const struct options *o);
/* True if the sockets of its ports come with its state. Else this start opens its own: after a crash, for what waits in
 * those may be what the service has crashed at, and where maps do not pass, in which the places of their rings are. */
static inline bool take_gives_ports(const struct take *t)
{
    return !t->hello.crashes && (!t->hello.in_kernel || t->kernel.count);
}
/* Load the program that runs there. Return NULL after one line. */
struct program *take_program(struct take *t);
/* Read what programs before that one have left: first what guard rules need, before any are set; then the owners,
 * before workers are made. Return 0, or the exit status after one line. */
int take_former(struct live *l);
int take_owners(struct live *l, const struct owners_cfg *cfg);
/* True if this start is made like that instance; else one line gives how it differs. */
bool take_fits(const struct take *t, const struct carry *carry);
/* Give the parent what that of the other instance has lent, before the fork. Return the exit status. */
int take_lent(const struct take *t, struct parent *p);
/* Take the descriptors that change nothing by being had: the TUN device, the socket of --stats, the inline stack. Close
 * those that are the parent's. Return 0, or the exit status after one line. */
int take_devices(struct live *l);
/* Take listening sockets, and ways to processes that still serve sessions. Return 0, or the exit status after one
 * line. */
int take_listeners(struct live *l);
/* Want the next hops that packets of that instance's flows leave by. */
void take_hops(struct live *l);
/* Take over, with all made but ports: read its state, once it stands still, and return 0 when it has let go. Or return
 * the exit status after one line; then it goes on. */
int take_over(struct live *l);
/* Do what the workers need not wait for, once they run: own the record of changes, let the other one go. */
void take_settle(struct live *l);
/* Hear what is lent. Return 0 or a negative errno. */
int take_lent_hear(struct take *t, uint64_t until_ns);
void take_lent_close(struct take *t);
/* take_lent.c: false for a HELLO whose inline stack is none; make the stack this process's (second function), in the
 * service. Return 0, or the exit status after one line. */
bool take_wire_is_sound(const struct handoff_hello *h);
int take_wire(struct live *l);
/* Return the time by which the other instance answers; say a word to it: 0 or a negative errno. */
uint64_t take_patience(void);
int take_say(const struct take *t, uint32_t word);
/* NULL is fine. */
void take_free(struct take *t);
