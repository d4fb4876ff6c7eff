/* One packet through stages in the kernel by BPF_PROG_TEST_RUN, which sends nothing. */
#pragma once

#include "runtime/kernel/kernel.h"

struct effects;

/* Most bytes of a frame that the stages get (the kernel accepts at most a page, with its additions), and most bytes
 * that the stages may put in front. */
enum { ASK_FRAME = 3072, ASK_GROWS = 128 };

/* An asker, used by one thread. */
struct asker {
    struct kernel *kernel;
    struct kpkt *k;            /* the asker's own packet */
    uint32_t at;               /* index of the packet in kernel_kpkts */
    const struct judge *judge; /* judge for ask_judge: a prepared one; NULL: the one in force */
    /* The last frame: number of bytes given to the stages and left by them, and its bytes. */
    uint32_t given, len;
    uint8_t frame[ASK_FRAME + ASK_GROWS];
};

/* Set up the asker with this number, below KERNEL_ASKERS; each number has one user. */
void asker_init(struct asker *a, struct kernel *kernel, unsigned number);

/* Ask all stages. The result is in *k, and the frame in the asker, until the next call. Return 0 or a negative
 * errno. */
int ask_frame(struct asker *a, enum kernel_hook hook, const struct pkt *pkt, uint64_t now_ns, struct kpkt **k);

/* Ask one stage of XDP about the frame in the asker and the packet in a->k, whose flags begin with KERNEL_ASKED. */
int ask_stage(struct asker *a, enum kernel_entry entry);

/* Ask only the judge for its decision (decided.h) on a parsed packet, the first of the batch that `e` is about;
 * a->k->branch is then the service's branch. A packet that the host sends goes to traffic control's judge, if that
 * is loaded. e NULL: no counts, logs or tokens. e->would: the decision without `audit`. Return 0 or a negative
 * errno. */
int ask_judge(struct asker *a, const struct key *key, const struct pkt *pkt, const struct effects *e, uint64_t now_ns,
              uint64_t *decision);
/* The same for the decision without `audit`, without counts, logs or tokens. */
int ask_would(struct asker *a, const struct key *key, const struct pkt *pkt, uint64_t *decision);
