/* A test run names the packet that it works on (vm/kernel/bpf.h): for XDP in metadata before the frame, for traffic
 * control in the socket buffer's control bytes. */
#include "runtime/kernel/asker.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "vm/judge/effects.h"
#include "vm/judge/lives.h"
#include "vm/packet/parse/read.h"

enum { FRAME_LEAST = 54 /* shortest frame that the kernel runs, for IPv6, too */, FRONT = 16 /* bytes of metadata */ };

void asker_init(struct asker *a, struct kernel *kernel, unsigned number)
{
    *a = (struct asker){.kernel = kernel, .at = kernel_askers(kernel) + number};
    a->k = &kernel_kpkts(kernel)[a->at];
}

static int program_of(const struct asker *a, enum kernel_entry entry)
{
    const int judge = a->judge ? kernel_prepared(a->judge, entry) : -1;
    return judge >= 0 ? judge : kernel_program(a->kernel, entry);
}

/* Run an entry. Both `in` and `out` hold the frame behind `front` bytes. */
static int entry_run(struct asker *a, enum kernel_entry entry, struct bpf_test_run_opts *o, uint32_t front)
{
    uint8_t in[FRONT + ASK_FRAME] = {0}, out[FRONT + sizeof a->frame];
    const uint64_t mine[2] = {kernel_world(a->kernel)->secret, a->at};
    memcpy(in, mine, front);
    memcpy(in + front, a->frame, a->given);
    o->data_in = in;
    o->data_size_in = front + (a->given < FRAME_LEAST ? FRAME_LEAST : a->given);
    o->data_out = out;
    o->data_size_out = front + (uint32_t)sizeof a->frame;
    o->repeat = 1;
    if (bpf_prog_test_run_opts(program_of(a, entry), o)) return -errno;
    if (o->data_size_out < front) return -EPROTO;
    a->len = o->data_size_out - front;
    if (a->given < FRAME_LEAST && a->len == FRAME_LEAST) a->len = a->given; /* a tunnel does not include padding */
    memcpy(a->frame, out + front, a->len);
    return 0;
}

int ask_stage(struct asker *a, enum kernel_entry entry)
{
    const uint32_t len = a->given < FRAME_LEAST ? FRAME_LEAST : a->given;
    struct xdp_md ctx = {.data = FRONT, .data_end = FRONT + len};
    LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &ctx, .ctx_size_in = sizeof ctx);
    return entry_run(a, entry, &o, FRONT);
}

static int run_tc(struct asker *a, enum kernel_entry entry)
{
    const uint64_t secret = kernel_world(a->kernel)->secret;
    struct __sk_buff ctx = {.cb = {(uint32_t)secret, (uint32_t)(secret >> 32), a->at}};
    LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &ctx, .ctx_size_in = sizeof ctx);
    return entry_run(a, entry, &o, 0);
}

static void asker_begin(struct asker *a, const struct pkt *pkt, uint64_t now_ns, unsigned flags)
{
    struct kpkt *k = a->k;
    k->pkt = *pkt;
    k->pkt.data = NULL;
    k->pkt.segs = NULL;
    k->pkt.pool = NULL;
    k->now_ns = kernel_world(a->kernel)->asked_ns = now_ns;
    k->serial++;
    k->mirrors = 0;
    k->heard = 0;
    k->flags = (uint16_t)(KERNEL_ASKED | flags);
    k->out = KERNEL_NONE;
    k->up = KERNEL_UP_NONE;
}

int ask_frame(struct asker *a, enum kernel_hook hook, const struct pkt *pkt, uint64_t now_ns, struct kpkt **k)
{
    asker_begin(a, pkt, now_ns, hook == KERNEL_TC ? KERNEL_EGRESS : 0); /* look_in is for packets of an interface */
    a->k->pkt.head_len = pkt->cap_len;                                  /* in one piece, even if the frame was not */
    a->k->pkt.seg_count = 0;
    a->given = bytes_copy(pkt, 0, ASK_FRAME, a->frame);
    *k = a->k;
    const bool bare = pkt->link == LINK_RAW && program_of(a, KERNEL_ENTRY_look_bare) >= 0;
    const int failed = bare                 ? run_tc(a, KERNEL_ENTRY_look_bare)
                       : hook == KERNEL_XDP ? ask_stage(a, KERNEL_ENTRY_look_xdp)
                                            : run_tc(a, KERNEL_ENTRY_look_tc);
    if (failed) return failed;
    return a->k->out == KERNEL_NONE ? -EPROTO : 0; /* a stage is missing */
}

/* Report the answers of live sets. Skip a set that gave two different answers. */
static void members_tell(const struct kpkt *k)
{
    for (unsigned dst = 0; k->heard && dst < 2; dst++)
        for (uint64_t asked = k->members.asked[dst]; asked; asked &= asked - 1) {
            const unsigned live = (unsigned)__builtin_ctzll(asked);
            lives_tell(live, &k->key, dst, k->members.held[dst] >> live & 1);
        }
}

static int ask_either(struct asker *a, const struct key *key, const struct pkt *pkt, const struct effects *e,
                      bool would, uint64_t now_ns, uint64_t *decision)
{
    struct kpkt *k = a->k;
    asker_begin(a, pkt, now_ns, KERNEL_ONLY_JUDGE | (e ? 0 : KERNEL_DRY) | (would ? KERNEL_WOULD : 0));
    k->key = *key;
    k->seen = e && e->seen ? *e->seen : (struct track_seen){.slot = FLOW_NONE, .tuple = FLOW_NONE};
    k->head_len = bytes_copy(pkt, 0, KERNEL_HEAD, k->head);
    a->given = 0;
    const bool xdp = program_of(a, KERNEL_ENTRY_judge_xdp) >= 0, tc = program_of(a, KERNEL_ENTRY_judge_tc) >= 0;
    const int failed =
        tc && (key->kind & KIND_OUT || !xdp) ? run_tc(a, KERNEL_ENTRY_judge_tc) : ask_stage(a, KERNEL_ENTRY_judge_xdp);
    *decision = k->decision;
    if (failed) return failed;
    members_tell(k);
    return k->flags & KERNEL_JUDGED ? 0 : -EPROTO;
}

int ask_judge(struct asker *a, const struct key *key, const struct pkt *pkt, const struct effects *e, uint64_t now_ns,
              uint64_t *decision)
{
    return ask_either(a, key, pkt, e, e && e->would, now_ns, decision);
}

int ask_would(struct asker *a, const struct key *key, const struct pkt *pkt, uint64_t *decision)
{
    return ask_either(a, key, pkt, NULL, true, 0, decision);
}
