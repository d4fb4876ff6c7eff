/* One packet through stages of the kernel by BPF_PROG_TEST_RUN: nothing leaves. */
#pragma once

#include "runtime/kernel/kernel.h"

struct effects;

/* Bytes of a frame that the stages are given at most (the kernel runs none that passes a page with what it adds), and
 * those that they may put in front. */
enum { ASK_FRAME = 3072, ASK_GROWS = 128 };

/* Who asks, one thread. */
struct asker {
    struct kernel *kernel;
    struct kpkt *k;            /* its own */
    uint32_t at;               /* its place in kernel_kpkts */
    const struct judge *judge; /* that ask_judge asks: one that was prepared; NULL: the one in force */
    /* The last frame: bytes that the stages got, and that they left. */
    uint32_t given, len;
    uint8_t frame[ASK_FRAME + ASK_GROWS];
};

/* The asker of that number, below KERNEL_ASKERS; nobody else has it. */
void asker_init(struct asker *a, struct kernel *kernel, unsigned number);

/* Through all stages. What became of it stands in *k, and the frame in the asker, until the next is asked. 0 or a
 * negative errno. */
int ask_frame(struct asker *a, enum kernel_hook hook, const struct pkt *pkt, uint64_t now_ns, struct kpkt **k);

/* One stage of XDP alone, of the frame in the asker, with the packet in a->k: its flags begin with KERNEL_ASKED. */
int ask_stage(struct asker *a, enum kernel_entry entry);

/* What the judge alone decides (judge.h, decided) of a parsed packet, the first that `e` speaks of; a->k->branch is the
 * service's. Traffic control's judge, where it is loaded, of what the host sends. Without effects nothing is counted,
 * logged or taken. 0 or a negative errno. */
int ask_judge(struct asker *a, const struct key *key, const struct pkt *pkt, const struct effects *e, uint64_t now_ns,
              uint64_t *decision);
