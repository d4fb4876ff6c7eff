/* A batch through function 0. Packets at the same instruction are bits of one word, and a test of the key is made for
 * all of them at once, on a column: that word of every packet's key, side by side. Code only goes forward, so one pass
 * over it in order takes all packets along. No packet's content chooses a branch here.
 *
 * Instructions by which one packet may affect another (logs, meters, flows), and those of called functions, are left to
 * the interpreter, which continues each packet where it was left, in the packets' order. */
#include "vm/judge/columns/columns.h"

#include <string.h>

#include "vm/judge/classify/classify.h"
#include "vm/judge/insn_tests.h"

enum {
    INSTRUCTIONS = 4096, /* most instructions of function 0; longer code is run packet by packet */
    BATCH_MIN = 8,       /* smaller batches are run packet by packet, too */
    FEW = 4,             /* most packets at one instruction that are run one by one */
    SLOTS = sizeof(struct key) / 4,
};

struct way {
    const struct program *p;
    const struct key *keys;
    struct pkt *const *pkts;
    const struct effects *e;
    const struct column_ops *ops;
    struct ahead *ahead;
    decided *out;
    unsigned lanes;              /* number of lanes, up to the last packet of the batch */
    uint64_t left;               /* packets left to the interpreter */
    uint32_t made;               /* columns made so far */
    uint64_t here[INSTRUCTIONS]; /* packets that are at each instruction */
    uint32_t column[SLOTS][COLUMN_LANES] __attribute__((aligned(64)));
};

#define FOR_EACH(at, packets)                                                                                          \
    for (uint64_t left_ = (packets); left_; left_ &= left_ - 1)                                                        \
        for (unsigned at = (unsigned)__builtin_ctzll(left_), once_ = 1; once_; once_ = 0)

typedef uint32_t four __attribute__((vector_size(16)));

/* Write four slots of four keys, from `first` on, into four columns. */
static void column_turn(struct way *w, unsigned first, unsigned lane)
{
    const struct key *const k = &w->keys[lane];
    const four a = *(const four *)(const void *)&k[0].slot[first], b = *(const four *)(const void *)&k[1].slot[first];
    const four c = *(const four *)(const void *)&k[2].slot[first], d = *(const four *)(const void *)&k[3].slot[first];
    const four ac0 = __builtin_shufflevector(a, c, 0, 4, 1, 5), ac2 = __builtin_shufflevector(a, c, 2, 6, 3, 7);
    const four bd0 = __builtin_shufflevector(b, d, 0, 4, 1, 5), bd2 = __builtin_shufflevector(b, d, 2, 6, 3, 7);
    *(four *)(void *)&w->column[first][lane] = __builtin_shufflevector(ac0, bd0, 0, 4, 1, 5);
    *(four *)(void *)&w->column[first + 1][lane] = __builtin_shufflevector(ac0, bd0, 2, 6, 3, 7);
    *(four *)(void *)&w->column[first + 2][lane] = __builtin_shufflevector(ac2, bd2, 0, 4, 1, 5);
    *(four *)(void *)&w->column[first + 3][lane] = __builtin_shufflevector(ac2, bd2, 2, 6, 3, 7);
}

/* Return the column of a slot: that slot of all keys. The four columns of its sixteen bytes are made together. */
static const uint32_t *column(struct way *w, unsigned slot)
{
    const unsigned first = slot & ~3u;
    if (!(w->made >> first & 1))
        for (unsigned lane = 0; lane < w->lanes; lane += 4) column_turn(w, first, lane);
    w->made |= 1u << first;
    return w->column[slot];
}

static uint64_t in_prefix(struct way *w, const struct insn *n)
{
    const uint32_t mask = UINT32_MAX << (n->a & 31);
    return w->ops->equal(column(w, n->a >> 5), mask, n->imm & mask);
}

/* Test a half's range: the half becomes the upper one of its slot, and the bits below it may have any value. */
static uint64_t in_range(struct way *w, const struct insn *n)
{
    const uint32_t lo = n->imm & 0xffff0000, span = (n->imm << 16) - lo;
    const bool upper = n->a % 2 == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    return w->ops->within(column(w, n->a / 2), upper ? 0 : 16, lo, span | 0xffff);
}

/* Test one packet by more than the key's words. */
static bool lane_holds(const struct way *w, const struct insn *n, unsigned at)
{
    const struct key *const key = &w->keys[at];
    switch (n->op) {
    case OP_JMAP:
    case OP_JNMAP: return half_in_map(w->p, n, key);
    case OP_JSET:
    case OP_JNSET: return set_has(w->p, n->imm, key, n->a);
    case OP_JMAC:
    case OP_JNMAC: return mac_in_set(w->p, n, key, w->pkts[at]);
    case OP_JMACK:
    case OP_JNMACK: return mac_of_kind(n, key, w->pkts[at]);
    case OP_JPAT:
    case OP_JNPAT: return pattern_at(w->p, n, key, w->pkts[at]);
    default: return header_in(w->p, n, key, w->pkts[at]);
    }
}

/* Return the packets for which the test holds, whichever result jumps; bits of other packets are undefined. */
static uint64_t holding(struct way *w, const struct insn *n, uint64_t packets)
{
    uint64_t yes = 0;
    switch (n->op) {
    case OP_JUMP: return 0;
    case OP_JEQ:
    case OP_JNE: return w->ops->equal(column(w, n->a), UINT32_MAX, n->imm);
    case OP_JALL:
    case OP_JNALL: return w->ops->equal(column(w, n->a), n->imm, n->imm);
    case OP_JANY:
    case OP_JNONE: return ~w->ops->equal(column(w, n->a), n->imm, 0);
    case OP_JPFX:
    case OP_JNPFX: return in_prefix(w, n);
    case OP_JIN:
    case OP_JNIN: return in_range(w, n);
    default: FOR_EACH(at, packets) yes |= (uint64_t)lane_holds(w, n, at) << at; return yes;
    }
}

static_assert(OP_JUMP == 0 && OP_JEQ == 1 && OP_JNALL == 4 && OP_JNONE == 6 && OP_JNPFX == 8 && OP_JNIN == 10 &&
                  OP_JNMAP == 12 && OP_JNSET == 14 && OP_JNMAC == 16 && OP_JNMACK == 18 && OP_JNPAT == 20 &&
                  OP_JNHDR == 22,
              "pairs of tests stand first in opcode.def");

static void packets_go_on(struct way *w, uint32_t at, uint64_t packets) { w->here[at] |= packets; }

/* Decide by default. Only packets that are neither IP nor ARP may be decided otherwise. */
static void by_default(struct way *w, uint64_t packets, uint32_t firewall)
{
    const struct key ip = {.kind = KIND_IP}, other = {0};
    const decided d = decided_by_default(w->p, firewall, &ip), of_other = decided_by_default(w->p, firewall, &other);
    w->ops->put(w->out, packets, d);
    if (of_other == d) return;
    w->ops->put(w->out, packets & w->ops->equal(column(w, KEY_SLOT(kind)), KIND_IP | KIND_ARP, 0), of_other);
}

/* Leave the packets to the interpreter at instruction i. */
static void leave_from(struct way *w, uint32_t i, uint64_t packets)
{
    FOR_EACH(at, packets) w->ahead->from[at] = w->p->funcs[w->p->root].first + i;
    w->left |= packets;
}

static void column_leave(struct way *w, uint32_t i, uint64_t packets)
{
    FOR_EACH(at, packets) w->ahead->classifier[at] = PBC_NONE;
    leave_from(w, i, packets);
}

/* True for so few packets that running each by itself is faster. This bounds the cost of widely branched code: at most
 * sixteen ways are followed in parallel. */
static bool few(uint64_t packets)
{
    for (unsigned i = 1; i < FEW; i++) packets &= packets - 1;
    return !packets;
}

/* Run instruction i for the packets that are at it. */
static void column_step(struct way *w, uint32_t i, uint64_t packets)
{
    const struct insn *const n = &w->p->code[w->p->funcs[w->p->root].first + i];
    if (n->op <= OP_JNHDR && few(packets)) {
        column_leave(w, i, packets);
        return;
    }
    if (n->op <= OP_JNHDR) {
        /* The second test of each pair jumps if it does not hold; JUMP's never holds. */
        const uint64_t yes = holding(w, n, packets), jump = n->op % 2 == 0 ? ~yes : yes;
        packets_go_on(w, i + 1 + n->to, packets & jump);
        packets_go_on(w, i + 1, packets & ~jump);
        return;
    }
    switch (n->op) {
    case OP_COUNT:
        FOR_EACH(at, packets) effect_count(w->e, n->imm, w->pkts[at]->wire_len);
        packets_go_on(w, i + 1, packets);
        return;
    case OP_CALL: {
        if (!w->p->classifiers_count) break;
        const struct called c = classify_call(w->p, n, w->keys, packets, w->ahead, w->out);
        if (c.none) packets_go_on(w, i + 2, c.none);
        leave_from(w, i, c.left);
        return;
    }
    case OP_DECIDEK: w->ops->put(w->out, packets, decided_by_rule(w->p, n->imm, n->to)); return;
    case OP_DEFAULT: by_default(w, packets, n->imm); return;
    case OP_ACCEPT: w->ops->put(w->out, packets, decided_by_nobody(ACTION_ACCEPT)); return;
    case OP_PASS: w->ops->put(w->out, packets, decided_by_nobody(ACTION_PASS)); return;
    default: break;
    }
    column_leave(w, i, packets);
}

bool columns_pay(const struct program *p, uint64_t todo)
{
    const unsigned least = p->classifiers_count ? 2 : BATCH_MIN;
    return p->funcs[p->root].count <= INSTRUCTIONS && todo >> (least - 1);
}

uint64_t columns_run(const struct program *p, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                     const struct effects *e, struct ahead *ahead, decided out[])
{
    struct way w; /* columns are filled in when needed */
    if (!todo) return 0;
    w.p = p, w.keys = keys, w.pkts = pkts, w.e = e, w.ops = column_best(), w.ahead = ahead, w.out = out;
    w.lanes = 64 - (unsigned)__builtin_clzll(todo);
    w.left = w.made = 0;
    memset(w.here, 0, p->funcs[p->root].count * sizeof *w.here);
    packets_go_on(&w, 0, todo);
    for (uint32_t i = 0; i < p->funcs[p->root].count; i++)
        if (w.here[i]) column_step(&w, i, w.here[i]);
    return w.left;
}
