/* A linear list: in C, and as a program for libpcap's bpf_filter, which has no other form for a list. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/rival.h"
#include "tests/lib/bench.h"

enum { WAY_LINEAR, WAY_BPF, WAYS, ETHER = 14, INSNS_A_RULE = 40 };
static struct arena *arena;
static enum traffic traffic;
static struct bpf_insn *code;
static uint32_t code_count;
static uint8_t (*frames)[FLAT_FRAME_MOST];
static unsigned frame_len;
static volatile uint32_t sink;

static const char *always(void) { return NULL; }

/* ---- a list as BPF: if a test of a rule fails, it jumps to the next rule ---- */

static void emit(unsigned op, uint32_t k) { code[code_count++] = (struct bpf_insn){.code = (uint16_t)op, .k = k}; }

/* Jump there only if the test holds; else to the next rule (patched later). */
static void unless(unsigned op, uint32_t k, bool fail_if_true)
{
    code[code_count++] =
        (struct bpf_insn){.code = (uint16_t)(BPF_JMP | op | BPF_K), .jt = fail_if_true, .jf = !fail_if_true, .k = k};
}

static void prefix(unsigned offset, const uint32_t *net, unsigned len)
{
    for (unsigned w = 0; 32 * w < len; w++) {
        const unsigned bits = len - 32 * w;
        emit(BPF_LD | BPF_W | BPF_ABS, offset + 4 * w);
        if (bits < 32) emit(BPF_ALU | BPF_AND | BPF_K, ~0u << (32 - bits));
        unless(BPF_JEQ, net[w], false);
    }
}

static void ports(unsigned offset, struct port_range p)
{
    if (p.lo == 0 && p.hi == UINT16_MAX) return;
    emit(BPF_LD | BPF_H | BPF_ABS, offset);
    if (p.lo == p.hi) {
        unless(BPF_JEQ, p.lo, false);
        return;
    }
    if (p.lo) unless(BPF_JGE, p.lo, false);
    if (p.hi < UINT16_MAX) unless(BPF_JGT, p.hi, true);
}

/* Patch the failing jumps, which were written as "over 1", to the rule's end. */
static void patch(uint32_t first)
{
    for (uint32_t i = first; i < code_count; i++) {
        struct bpf_insn *n = &code[i];
        if (BPF_CLASS(n->code) != BPF_JMP) continue;
        const uint8_t over = (uint8_t)(code_count - i - 1);
        if (n->jt)
            n->jt = over;
        else
            n->jf = over;
    }
}

static void rule_emit(const struct ruleset *rs, uint32_t i)
{
    const struct flat_rule *r = &rs->rules[i];
    const unsigned ip = ETHER, src = ip + (rs->v6 ? 8 : 12), dst = src + (rs->v6 ? 16 : 4),
                   l4 = dst + (rs->v6 ? 16 : 4);
    const uint32_t first = code_count;
    if (!r->any_proto) {
        emit(BPF_LD | BPF_B | BPF_ABS, ip + (rs->v6 ? 6 : 9));
        unless(BPF_JEQ, r->proto, false);
    }
    prefix(src, r->src, r->src_len);
    prefix(dst, r->dst, r->dst_len);
    ports(l4, r->sport);
    ports(l4 + 2, r->dport);
    emit(BPF_RET | BPF_K, i + 1);
    patch(first);
}

static void build(struct arena *a, uint64_t most, struct rival_built *b)
{
    (void)most;
    const uint64_t begin = bench_now_ns();
    arena = a;
    free(code);
    code_count = 0;
    code = calloc((size_t)a->rules.count * INSNS_A_RULE + 1, sizeof *code);
    if (!code) return;
    for (uint32_t i = 0; i < a->rules.count; i++) rule_emit(&a->rules, i);
    emit(BPF_RET | BPF_K, 0);
    b->good = true;
    b->bytes = code_count * sizeof *code;
    b->seconds = (double)(bench_now_ns() - begin) / 1e9;
}

static const char *way(unsigned i) { return i == WAY_LINEAR ? "linear list in C" : i == WAY_BPF ? "bpf_filter" : NULL; }

/* Frames have the header's ports for every protocol, like all rivals' headers. */
static void frame_of(const struct flat_header *h, uint8_t *to)
{
    frame_len = header_frame(&arena->rules, h, to);
    uint8_t *l4 = to + frame_len - 20;
    l4[0] = (uint8_t)(h->sport >> 8), l4[1] = (uint8_t)h->sport;
    l4[2] = (uint8_t)(h->dport >> 8), l4[3] = (uint8_t)h->dport;
}

static void prepare(struct arena *a, enum traffic t)
{
    if (!frames) frames = calloc(RIVAL_HEADERS, sizeof *frames);
    if (!frames) abort();
    traffic = t;
    for (uint32_t i = 0; i < a->counts[t]; i++) frame_of(&a->headers[t][i], frames[i]);
}

static uint32_t look(unsigned way_of, uint32_t i)
{
    if (way_of == WAY_LINEAR) return ruleset_first(&arena->rules, &arena->headers[traffic][i]);
    return bpf_filter(code, frames[i], frame_len, frame_len) - 1; /* 0 means none */
}

static void pass(unsigned i, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t h = 0; h < count; h++) sum += look(i, h);
    sink = sum;
}

static void search(struct arena *a, unsigned i, uint32_t *found)
{
    for (uint32_t h = 0; h < a->counts[traffic]; h++) found[h] = look(i, h);
}

const struct rival rival_lists = {
    .name = "lists",
    .why_not = always,
    .build = build,
    .way = way,
    .prepare = prepare,
    .search = search,
    .pass = pass,
};
