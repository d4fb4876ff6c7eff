/* Differential test: meters of the kernel's judge against meter.c. Drawn meters, packets and times; two processors
 * at once on few tokens; and one program after the other. The judge tests all meters of its program, each twice.
 * Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/kernel_priv.h"
#include "tests/lib/rng.h"
#include "vm/judge/effects.h"

enum { METERS = 6, CODE = 64 };
static const uint64_t second = 1000000000;

/* ---- a judge that tests meters ---- */

struct asking {
    struct bpf_insn insns[CODE + METERS * 8];
    struct code_ref refs[METERS * 2];
    struct code_function functions[5];
    uint32_t count, ref_count;
};

#define INSN(a, ...) ((a)->insns[(a)->count++] = (struct bpf_insn){__VA_ARGS__})

static void call_meter(struct asking *a, uint32_t id)
{
    INSN(a, .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6, .imm = 0);
    INSN(a, .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .src_reg = 0, .imm = (int32_t)id);
    a->refs[a->ref_count++] = (struct code_ref){.at = a->count, .symbol = "kernel_meter"};
    INSN(a, .code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 1, .imm = -1);
}

/* Write a judge whose decision is the results of all meters, two bits each. */
static struct code write_judge(struct asking *a, uint32_t meters)
{
    *a = (struct asking){.count = 0};
    INSN(a, .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1, .imm = 0);
    INSN(a, .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 7, .src_reg = 0, .imm = 0);
    for (uint32_t id = 0; id < meters; id++) {
        call_meter(a, id);
        call_meter(a, id);
        INSN(a, .code = BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = 7, .src_reg = 0, .imm = 2);
        INSN(a, .code = BPF_ALU64 | BPF_OR | BPF_X, .dst_reg = 7, .src_reg = 0, .imm = 0);
    }
    INSN(a, .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 0, .src_reg = 7, .imm = 0);
    INSN(a, .code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .imm = 0);
    a->functions[0] = (struct code_function){
        .name = "judge_program", .insns = a->insns, .count = a->count, .refs = a->refs, .ref_count = a->ref_count};
    const uint32_t nothing = a->count;
    INSN(a, .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .imm = 0);
    INSN(a, .code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .imm = 0);
    static const char *const others[] = {"judge_services", "judge_would", "would_begin", "would_end"};
    for (unsigned i = 0; i < 4; i++)
        a->functions[1 + i] = (struct code_function){.name = others[i], .insns = a->insns + nothing, .count = 2};
    return (struct code){.functions = a->functions, .count = 5};
}

static struct pbc_meta meta;
static struct pbc_settings settings;

static struct program program_of(const struct pbc_meter *m, uint32_t count)
{
    static uint64_t serial;
    return (struct program){
        .meters = m, .meters_count = count, .meta = &meta, .settings = &settings, .serial = ++serial};
}

/* Load the program and put it in force. */
static bool load(struct kernel *k, const struct program *p)
{
    struct asking a;
    char err[400] = "";
    const struct code code = write_judge(&a, p->meters_count);
    struct judge *j = judge_begin();
    bool good = j && !load_code(k, p, &code, j, err, sizeof err);
    good = good && !kernel_swap(k, j, err, sizeof err);
    if (!good) printf("# %s\n", err);
    if (!good) kernel_discard(j);
    return good;
}

static uint64_t ask(struct asker *a, const struct key *key, uint64_t now_ns)
{
    static const uint8_t frame[64];
    const struct effects counted = {.packet = 0};
    struct pkt pkt;
    uint64_t decision;
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
    return ask_judge(a, key, &pkt, &counted, now_ns, &decision) ? UINT64_MAX : decision;
}

/* ---- one processor ---- */

static struct pbc_meter draw_meter(struct rng *r)
{
    static const uint64_t per_s[] = {1, 60, 3600};
    struct pbc_meter m = {.per = (uint8_t)rng_below(r, 4), .unit = (uint8_t)rng_below(r, 2)};
    m.count = 1 + rng_next(r) % (1ull << (m.unit ? 10 + rng_below(r, 20) : rng_below(r, 24)));
    m.per_ns = m.unit ? second : per_s[rng_below(r, 3)] * second;
    m.burst = 1 + rng_below(r, m.unit ? 60000 : 20);
    if (m.per) m.entries = 1 + rng_below(r, 60);
    m.len4 = (uint8_t)rng_below(r, 33);
    m.len6 = (uint8_t)rng_below(r, 129);
    return m;
}

static struct key draw_packet(struct rng *r)
{
    static const uint32_t kinds[] = {KIND_IP4, KIND_IP6, KIND_IP4 | KIND_PROTO | KIND_UDP | KIND_PORTS, KIND_ARP};
    struct key key = {.kind = kinds[rng_below(r, 4)], .length = (uint16_t)(40 + rng_below(r, 1460))};
    key.src[0] = rng_below(r, 40) << rng_below(r, 4) * 8;
    key.dst[3] = key.kind & KIND_IP6 ? rng_below(r, 40) : 0;
    key.src_port = (uint16_t)rng_below(r, 3);
    return key;
}

/* True if both give the same results for a packet on all meters. */
static bool ask_both(struct asker *a, struct meters *native, const struct key *key, uint64_t now_ns, unsigned packet)
{
    uint64_t said = 0;
    for (uint32_t id = 0; id < METERS; id++) said = said << 2 | meter_ask(native, id, key, packet);
    const uint64_t there = ask(a, key, now_ns);
    if (there == said) return true;
    printf("# packet %u: the kernel's meters say %#llx, ours %#llx\n", packet, (unsigned long long)there,
           (unsigned long long)said);
    return false;
}

static bool draw_one(struct kernel *k, uint64_t seed, unsigned packets)
{
    struct rng r = {seed};
    struct pbc_meter m[METERS];
    struct asker a;
    struct meter_counter sums[METERS];
    for (unsigned i = 0; i < METERS; i++) m[i] = draw_meter(&r);
    const struct program p = program_of(m, METERS);
    struct meters *native = meters_new(&p, 1);
    bool good = native && load(k, &p);
    uint64_t now = rng_next(&r) >> 20;
    asker_init(&a, k, 1);
    for (unsigned n = 0; good && n < packets; n++) {
        if (!rng_one_in(&r, 3)) now += rng_next(&r) >> (34 + rng_below(&r, 20));
        if (rng_one_in(&r, 1000)) now += UINT64_C(1) << 55;
        meters_at(native, now);
        kernel_meters_at(kernel_meters(k), now);
        if (rng_one_in(&r, 30)) good = kernel_sweep(k, now) == meters_sweep(native);
        const struct key key = draw_packet(&r);
        good = good && ask_both(&a, native, &key, now, n);
    }
    if (good) kernel_meters_sum(kernel_meters(k), sums);
    good = good && !memcmp(sums, meters_counters(native), sizeof sums);
    if (!good) printf("# seed %llu\n", (unsigned long long)seed);
    meters_free(native);
    return good;
}

/* ---- two processors ---- */

struct hammer {
    struct kernel *kernel;
    unsigned number, asks, keys; /* keys 0: a new key each time */
    uint64_t now_ns, within[METERS];
};

static unsigned reached[2]; /* atomic: the round that each thread has reached */

/* Test in both threads at the same moment, even on a busy machine. */
static void meet(unsigned round, const struct hammer *h)
{
    __atomic_store_n(&reached[h->number & 1], round + 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; __atomic_load_n(&reached[!(h->number & 1)], __ATOMIC_SEQ_CST) <= round; i++)
        if (i % 200000 == 0) sched_yield();
}

static void *ask_often(void *arg)
{
    struct hammer *h = arg;
    struct rng r = {h->number};
    struct asker a;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(h->number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &one);
    sched_setaffinity(0, sizeof one, &one);
    asker_init(&a, h->kernel, h->number);
    for (unsigned n = 0; n < h->asks; n++) {
        const struct key key = {.kind = KIND_IP4, .src = {h->keys ? rng_below(&r, h->keys) : n}, .length = 100};
        meet(n, h);
        const uint64_t said = ask(&a, &key, h->now_ns + n);
        for (unsigned id = 0; id < 3; id++) h->within[id] += (said >> 2 * (2 - id) & 3) == METER_WITHIN;
    }
    return NULL;
}

static bool two_ask(struct kernel *k, struct hammer h[2], unsigned asks, unsigned keys)
{
    pthread_t t[2];
    reached[0] = reached[1] = 0;
    kernel_meters_at(kernel_meters(k), second);
    for (unsigned i = 0; i < 2; i++) {
        h[i] = (struct hammer){.kernel = k, .number = 1 + i, .asks = asks, .keys = keys, .now_ns = second};
        if (pthread_create(&t[i], NULL, ask_often, &h[i])) return false;
    }
    for (unsigned i = 0; i < 2; i++) pthread_join(t[i], NULL);
    return true;
}

/* Two processors that bring a key at the same moment use one bucket. */
static bool new_keys(struct kernel *k, unsigned asks)
{
    const struct pbc_meter m[] = {
        {.count = 1, .per_ns = 3600 * second, .burst = 1, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 3 * asks},
        {.count = 1, .per_ns = second, .burst = 1},
        {.count = 1, .per_ns = second, .burst = 1},
    };
    const struct program p = program_of(m, 3);
    struct hammer h[2];
    if (!load(k, &p) || !two_ask(k, h, asks, 0)) return false;
    const uint64_t given = h[0].within[0] + h[1].within[0];
    printf("# %u new keys with a token each: %llu were given\n", asks, (unsigned long long)given);
    return given <= asks && given + asks / 20 >= asks && kernel_meters(k)->cells[0].table.used == given;
}

/* All tokens of one bucket, and of one bucket each for 20 keys, are given, none twice. A table that is too small
 * stays consistent. */
static bool hammer(struct kernel *k, unsigned asks)
{
    enum { BURST = 500, KEYS = 20 };
    const struct pbc_meter m[] = {
        {.count = 1, .per_ns = 3600 * second, .burst = BURST},
        {.count = 1, .per_ns = 3600 * second, .burst = BURST, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 100},
        {.count = 10000000, .per_ns = second, .burst = 1, .per = PBC_PER_SOURCE, .len4 = 32, .entries = KEYS / 2},
    };
    const struct program p = program_of(m, 3);
    struct hammer h[2];
    if (!load(k, &p) || !two_ask(k, h, asks, KEYS)) return false;
    const uint64_t one = h[0].within[0] + h[1].within[0], keyed = h[0].within[1] + h[1].within[1];
    const uint64_t due = asks * 2 < KEYS * BURST ? asks * 2 : KEYS * BURST;
    const struct keyed *small = &kernel_meters(k)->cells[2].table;
    printf("# of %u and %llu tokens %llu and %llu were given\n", BURST, (unsigned long long)due,
           (unsigned long long)one, (unsigned long long)keyed);
    return one <= BURST && one + 2 >= BURST && keyed <= due && keyed + due / 50 >= due && small->used <= KEYS / 2;
}

/* ---- one program after the other ---- */

static bool buckets_go_on(struct kernel *k)
{
    const struct pbc_meter m[] = {
        {.count = 1, .per_ns = second, .burst = 2},
        {.count = 1, .per_ns = second, .burst = 3, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 9},
    };
    const struct pbc_meter turned[] = {m[1], {.count = 1, .per_ns = second, .burst = 1}, m[0]};
    const struct program p = program_of(m, 2), q = program_of(turned, 3);
    const struct key key = {.kind = KIND_IP4, .src = {7}};
    struct asker a;
    asker_init(&a, k, 1);
    if (!load(k, &p)) return false;
    kernel_meters_at(kernel_meters(k), second);
    bool good = ask(&a, &key, second) == (METER_WITHIN << 2 | METER_WITHIN);
    good = good && load(k, &q);
    const unsigned all = METER_WITHIN << 4 | METER_WITHIN << 2 | METER_WITHIN;
    good = good && ask(&a, &key, second) == all;
    return good && ask(&a, &key, second) == (METER_WITHIN << 4 | METER_OVER << 2 | METER_OVER) &&
           ask(&a, &key, second) == (METER_OVER << 4 | METER_OVER << 2 | METER_OVER);
}

static bool say(bool good, const char *what)
{
    printf("%s - %s\n", good ? "ok" : "not ok", what);
    return good;
}

int main(int argc, char **argv)
{
    const unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 12;
    char err[400] = "";
    const struct program p = program_of(NULL, 0);
    struct kernel *k = kernel_new(&p, &(struct kernel_cfg){.hooks = KERNEL_XDP, .seed = 1}, err, sizeof err);
    if (!k && (errno == EPERM || errno == ENOTSUP)) {
        printf("ok - meters in the kernel # SKIP %s\n", err);
        return 0;
    }
    if (!k) printf("# %s\n", err);
    bool good = k;
    for (unsigned i = 0; good && i < rounds; i++) good = draw_one(k, i + 1, 1500);
    say(good, "the kernel's meters say what meter.c says");
    good &= say(k && hammer(k, 30000), "two processors get each token once");
    good &= say(k && new_keys(k, 8000), "a new key has one bucket, however many bring it");
    good &= say(k && buckets_go_on(k), "buckets go on in the next program");
    kernel_free(k);
    return good ? 0 : 1;
}
