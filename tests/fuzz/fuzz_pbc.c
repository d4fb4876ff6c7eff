/* Fuzzes the loader and all executors with any bytes as a .pbc. It is rejected with one line; or both executors,
 * explain and the listing run on packets without a fault, all walks of its classifiers find the same, and a batch is
 * decided like its single packets. The generator's code for the kernel decides alike in an interpreter. If IN_KERNEL
 * is set, the packets also go through the kernel's stages, which reject the program with one line or give the same
 * verdicts. The mutator corrects the parts that would get every change rejected at once: size, digest, longest path,
 * figures of classifiers, the worker's needs. So flips reach the verifier. With -DREPLAY a plain main runs the files
 * given as arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/draw_tree.h"
#include "tests/lib/frame.h"
#include "tests/lib/machine.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/oracle.h"
#include "tests/lib/worst.h"
#include "vm/forward/balance/lb.h"
#include "vm/forward/service.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/columns/columns.h"
#include "vm/observe/choose.h"
#include "vm/program/program.h"
#include "vm/stream/first.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t most);

enum { SLOTS = 4, SLOT_BYTES = 2048, TABLES_MOST = 1 << 16 };

static const uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
static const uint8_t lldp[60] = {1, 0x80, 0xc2, 0, 0, 14, 2, 0, 0, 0, 0, 1, 0x88, 0xcc};
static const uint8_t nd[] = {
    2,    0, 0,   0,    0,   2,    2,    0,   0,    0, 0, 1, 0x81, 0, 0, 5, 0x86, 0xdd, 0x60, 0, 0,
    0,    0, 24,  58,   255, 0x20, 1,    0xd, 0xb8, 0, 0, 0, 0,    0, 0, 0, 0,    0,    0,    0, 1,
    0x20, 1, 0xd, 0xb8, 0,   0,    0,    0,   0,    0, 0, 0, 0,    0, 0, 2, 135,  0,    0,    0, 0,
    0,    0, 0,   0x20, 1,   0xd,  0xb8, 0,   0,    0, 0, 0, 0,    0, 0, 0, 0,    0,    2,
};

enum { HEADERS = 4, PACKETS = HEADERS + 3 };

static void make_packets(uint8_t frames[HEADERS][FRAME_LEN], struct pkt pkts[PACKETS])
{
    static const struct header headers[HEADERS] = {
        {.src = 0x0a000001, .dst = 0xc0000201, .src_port = 50000, .dst_port = 80, .proto = 6},
        {.src = 0xc0000201, .dst = 0xcb00710a, .src_port = 53, .dst_port = 443, .proto = 17},
        {.src = 0xc0000207, .dst = 0x0a000001, .proto = 1},
        {.src = 0xcb00710a,
         .dst = 0xc0000201,
         .src_port = 443,
         .dst_port = 53,
         .proto = 17}, /* replies to the second */
    };
    for (unsigned i = 0; i < HEADERS; i++) {
        frame_build(&headers[i], frames[i]);
        pkt_view(&pkts[i], frames[i], FRAME_LEN, FRAME_LEN, LINK_ETHER, (uint16_t)i);
    }
    pkt_view(&pkts[HEADERS], arp, sizeof arp, sizeof arp, LINK_ETHER, 0);
    pkt_view(&pkts[HEADERS + 1], lldp, sizeof lldp, sizeof lldp, LINK_ETHER, 1);
    pkt_view(&pkts[HEADERS + 2], nd, sizeof nd, sizeof nd, LINK_ETHER, IFACE_NONE);
}

static void explain_services(struct vm *vm, struct pkt pkts[PACKETS])
{
    const struct facts facts = {.generation = 7};
    for (unsigned i = 0; i < PACKETS; i++) {
        struct key key;
        if (pkt_parse(&pkts[i], &facts, &key) == REASON_NONE)
            vm_explain_service(vm, &(struct vm_in){.facts = &facts}, &key, &pkts[i]);
    }
}

enum way { BY_CODE, BY_LIST, BY_KERNEL };
enum { TIMES = 40 };
struct run {
    unsigned times;
    struct verdict verdicts[TIMES][PACKETS];
};

static bool is_whole(const struct program *p, const struct verdict *v)
{
    return v->action < ACTION_COUNT && (v->rule >= RULE_DEFAULT || v->rule < p->rules_count) &&
           (v->service == PBC_NONE || v->service < p->services_count) &&
           (v->server == PBC_NONE || v->server < p->servers_count);
}

/* Run the program; false if its meters need too much memory, or the kernel rejects it. */
static bool run(struct program *p, enum way way, struct pkt pkts[PACKETS], struct run *r)
{
    static uint8_t memory[64 * 1024] __attribute__((aligned(64)));
    char why[600] = "memory is out";
    struct pool *pool = pool_init(memory, sizeof memory, SLOTS, SLOT_BYTES);
    const struct vm_cfg cfg = {.pool = pool, .naive = way == BY_LIST};
    struct executor *e = one_kernel_new(p, &cfg, way == BY_KERNEL, why, sizeof why);
    struct pkt *at[PACKETS];
    struct tx_entry entries[PACKETS];
    struct event events[2];
    struct vm_tx tx = {.entries = entries, .cap = PACKETS, .events = events, .event_cap = 2};
    const struct facts facts = {.schedules = 0x55555};
    *r = (struct run){.times = 0};
    if (!e && (strstr(why, "judges otherwise") || strchr(why, '\n'))) abort();
    if (!e) return false;
    for (unsigned i = 0; i < PACKETS; i++) at[i] = &pkts[i];
    for (uint64_t now = 0; now < 1ull << 60; now = 3 * now + 7) { /* steps from nanoseconds to years */
        const struct vm_in in = {.mono_ns = now, .facts = &facts};
        struct verdict *v = r->verdicts[r->times++];
        executor_run(e, &in, at, PACKETS, v, &tx);
        executor_tick(e, &in, &tx);
        for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
        tx.count = tx.event_count = 0;
        for (unsigned i = 0; i < PACKETS; i++)
            if (!is_whole(p, &v[i])) abort();
    }
    if (executor_fault(e)) abort();
    explain_services(executor_vm(e), pkts);
    one_kernel_free(e);
    return true;
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->action == b->action && a->reason == b->reason && a->rule == b->rule && a->firewall == b->firewall &&
           a->service == b->service && a->server == b->server;
}

/* Run all ways. In hostile bytes code and list may be different rules, but the kernel runs the code. */
static void run_all(struct program *p, struct pkt pkts[PACKETS])
{
    static struct run here, there;
    run(p, BY_LIST, pkts, &here);
    if (!run(p, BY_CODE, pkts, &here) || !one_kernel_asked(p) || !run(p, BY_KERNEL, pkts, &there)) return;
    for (unsigned t = 0; t < here.times; t++)
        for (unsigned i = 0; i < PACKETS; i++)
            if (!same_verdict(&here.verdicts[t][i], &there.verdicts[t][i])) abort();
}

/* Run the generated code in an interpreter. Meters have state, and are tested only once. */
static void judge_generated(const struct program *p, struct pkt pkts[PACKETS])
{
    struct code code = {0};
    char err[300] = "";
    const bool made = !p->meters_count && !gen_judge(p, p->serial & 1, &code, err, sizeof err);
    for (unsigned i = 0; made && i < PACKETS; i++) {
        struct key key;
        struct machine_effects effects = {0};
        uint64_t there = 0;
        const char *why = NULL;
        if (pkt_parse(&pkts[i], &(struct facts){0}, &key) != REASON_NONE) continue;
        key_settle(p, &key);
        const struct decision d = program_decide(p, &key, &pkts[i]);
        if (!machine_run(p, &code, "judge_program", &key, &pkts[i], &there, &effects, &why)) {
            fprintf(stderr, "the machine stops: %s\n", why);
            abort();
        }
        if (there != decided_as(d.rule, (enum action)d.action, d.firewall)) abort();
    }
    gen_free(&code);
}

struct told {
    const struct program *p;
    const struct key *key;
    const struct pkt *pkt;
};

static void tell(void *arg, const struct trace_step *step)
{
    const struct told *t = arg;
    char line[200];
    if (!step->matched) step_explain(t->p, step, t->key, t->pkt, line, sizeof line);
    rule_name(t->p, step->rule, line, sizeof line);
}

/* Check that tables and plain search agree on every set. Lists of names accept any host. */
static void look_up(const struct program *p, const struct key *key)
{
    for (uint32_t i = 0; i < p->sets_count; i++)
        if (set_has(p, i, key, false) != set_has_plain(p, i, key, false)) abort();
    for (uint32_t i = 0; i < p->names_count; i++) names_match(p, i, "www.shop.example.", 17);
}

/* Make keys that lanes of its blocks test for, and keys of the packet. */
static void block_key(const struct program *p, uint32_t n, const struct key *key, struct key *out)
{
    const struct pbc_format *const f = p->formats_count ? &p->formats[n % p->formats_count] : NULL;
    *out = *key;
    for (unsigned i = 1; f && p->blocks_count && i <= pbc_columns(f->lines); i++)
        out->half[PBC_HALF(f->half[i - 1])] = (uint16_t)p->blocks[(n / 8 + i / 2) % p->blocks_count].col[i % 2][n % 8];
    if (n % 3 == 0) out->word[n % 8] = key->word[n % 8];
}

/* Compare every walk of every classifier, alone and in a batch, from several entries on, with one that omits
 * nothing. */
static void search(const struct program *p, uint32_t classifier, const struct key *key)
{
    enum { KEYS = 16 };
    struct key keys[KEYS];
    uint32_t found[KEYS], want[KEYS];
    const struct pbc_classifier *c = &p->classifiers[classifier];
    for (uint32_t n = 0; n < KEYS; n++) {
        block_key(p, n, key, &keys[n]);
        for (uint32_t from = 0; from <= c->entry_count; from += 1 + c->entry_count / 3) {
            const struct search_cost all = search_all(p, classifier, &keys[n], from);
            if (all.words > c->words || all.compared > c->compared || all.climbed > c->climbed) abort();
            if (from == 0) want[n] = all.entry;
            for (enum walk w = 0; w < WALKS; w++)
                if (walk_ops(w) && walk_ops(w)->one(p, classifier, &keys[n], from) != all.entry) abort();
        }
    }
    for (enum walk w = 0; w < WALKS; w++) {
        if (!walk_ops(w)) continue;
        memset(found, 0, sizeof found);
        walk_ops(w)->batch(p, classifier, keys, (1u << KEYS) - 1, found);
        if (memcmp(found, want, sizeof found) != 0) abort();
    }
}

/* Make keys of the packets with addresses that the code tests. */
static void batch_keys(const struct program *p, struct pkt pkts[PACKETS], struct key keys[COLUMN_LANES])
{
    for (uint32_t i = 0; i < COLUMN_LANES; i++) {
        pkt_parse(&pkts[i % PACKETS], &(struct facts){0}, &keys[i]);
        const struct insn *const n = &p->code[i * 7 % p->code_count];
        if (i >= PACKETS) keys[i].slot[n->op == OP_JPFX || n->op == OP_JNPFX ? n->a >> 5 : n->a % 8] = n->imm;
    }
}

static void decide_together(const struct program *p, struct pkt pkts[PACKETS])
{
    struct key keys[COLUMN_LANES];
    struct pkt *at[COLUMN_LANES];
    struct ahead ahead;
    decided one[COLUMN_LANES] = {0}, all[COLUMN_LANES] = {0};
    if (!columns_pay(p, UINT64_MAX)) return;
    batch_keys(p, pkts, keys);
    for (uint32_t i = 0; i < COLUMN_LANES; i++) at[i] = &pkts[i % PACKETS];
    run_code(p, 0, keys, at, UINT64_MAX, NULL, NULL, one);
    run_code(p, 0, keys, at, columns_run(p, keys, at, UINT64_MAX, NULL, &ahead, all), &ahead, NULL, all);
    if (memcmp(one, all, sizeof one) != 0) abort();
}

static bool is_wild(const struct program *p, uint32_t branch)
{
    return branch < STREAM_MORE && (branch >= p->branches_count || !p->services[p->branches[branch].service].proxy);
}

/* Connect to endpoints: code and list lead to branches of proxy services, or wait for more. */
static void connect_to(const struct program *p)
{
    static const char *const said[] = {"", "GET /a HTTP/1.1\r\nHost: a\r\nX-K: b\r\n\r\n", "1710.0.0.1:8080xx", "SS",
                                       "\x16\x03\x01\x00\x04\x01\x00\x00\x00"};
    static struct first f;
    const uint32_t client[4] = {0x0a000001};
    for (uint32_t e = 0; e < p->endpoints_count && e < 8; e++) {
        const struct pbc_endpoint *at = &p->endpoints[e];
        const struct key key =
            stream_key(at->family == 6 ? 6 : 4, client, 50000, at->addr, at->port_lo, false, false, 5);
        for (unsigned i = 0; i < sizeof said / sizeof *said; i++)
            for (unsigned end = FIRST_OPEN; end <= FIRST_LATE; end++) {
                struct first_at from = {.hello = {0}};
                const struct first_asked asked = {.wants = program_wants(p, at->service), .end = (uint8_t)end};
                const uint8_t *bytes = (const uint8_t *)said[i];
                if (first_read(&f, &from, bytes, (uint32_t)strlen(said[i]), &asked) == READ_BAD) continue;
                const uint32_t branch = program_stream(p, &key, &f), list = oracle_stream(p, &key, &f);
                if (is_wild(p, branch) || is_wild(p, list)) abort();
                if (branch < p->branches_count && !program_refuses(p, branch, &f)) program_ack(p, branch);
            }
    }
}

/* Connect to endpoints of observe services: each finds its service, and a branch of it. */
static void watch(const struct program *p)
{
    static struct first f;
    const uint32_t client[4] = {0x0a000001};
    const struct first *const half[] = {&f, &f};
    for (uint32_t e = 0; e < p->observe_endpoints_count && e < 8; e++) {
        const struct pbc_endpoint *at = &p->observe_endpoints[e];
        const struct key key =
            stream_key(at->family == 6 ? 6 : 4, client, 50000, at->addr, at->port_lo, false, true, 5);
        const uint32_t observe = observe_of(p, &key);
        if (observe != PBC_NONE && observe >= p->observes_count) abort();
        for (unsigned end = FIRST_OPEN; end <= FIRST_LATE; end++) {
            struct first_at from = {.hello = {0}};
            const struct first_asked asked = {.wants = FIRST_TLS | FIRST_HTTP, .end = (uint8_t)end};
            static const char said[] = "GET /a HTTP/1.1\r\nHost: a\r\nX-K: b\r\n\r\n";
            first_read(&f, &from, (const uint8_t *)said, sizeof said - 1, &asked);
            const uint32_t choice = observe_choose(p, at->service, &key, half);
            if (choice != OBSERVE_MORE && p->choices[choice].observe != at->service) abort();
        }
    }
}

/* True if the tables are small. A damaged size may ask for tables that take a thousand times as long to fill as
 * everything else; the verifier has already accepted it by then. */
static bool has_small_tables(const struct program *p)
{
    const uint64_t slots = p->settings_count ? p->settings->maglev : LB_SLOTS_DEFAULT;
    if (p->settings_count && (p->settings->flows > TABLES_MOST || p->settings->fragments > TABLES_MOST)) return false;
    return pbc_pool_slots(p->pools, p->pools_count, p->servers, slots) <= TABLES_MOST;
}

static void use(struct program *p)
{
    static FILE *null;
    uint8_t frames[HEADERS][FRAME_LEN];
    struct pkt pkts[PACKETS];
    struct key key;
    if (!null) null = fopen("/dev/null", "w");
    make_packets(frames, pkts);
    if (has_small_tables(p)) run_all(p, pkts);
    judge_generated(p, pkts);
    decide_together(p, pkts);
    if (p->proxies_count) connect_to(p);
    watch(p);
    pkt_parse(&pkts[0], &(struct facts){0}, &key);
    look_up(p, &key);
    for (uint32_t i = 0; i < p->classifiers_count && i < 8; i++) search(p, i, &key);
    oracle_explain(p, &key, &pkts[0], tell, &(struct told){p, &key, &pkts[0]});
    program_disasm(p, null);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[256] = "";
    struct program *p = program_load(bytes, len, err, sizeof err);
    if (!p && (!err[0] || strchr(err, '\n'))) abort(); /* one line with the reason */
    if (p) use(p);
    program_put(p);
    return 0;
}

static uint32_t next(uint32_t *state) { return *state = *state * 1664525 + 1013904223; }

static const struct pbc_section *find(const uint8_t *bytes, size_t len, uint32_t kind)
{
    const struct pbc_header *h = (const void *)bytes;
    const struct pbc_section *s = (const void *)(bytes + sizeof *h);
    for (uint32_t i = 0; i < h->sections && (i + 1) * sizeof *s + sizeof *h <= len; i++)
        if (s[i].kind == kind && s[i].offset % PBC_ALIGN == 0 && s[i].offset <= len &&
            s[i].count <= (len - s[i].offset) / (s[i].entry_size ? s[i].entry_size : 1))
            return &s[i];
    return NULL;
}

static const void *entries(const uint8_t *bytes, size_t len, uint32_t kind, size_t entry_size, uint32_t *count)
{
    const struct pbc_section *s = find(bytes, len, kind);
    *count = s && s->entry_size == entry_size ? (uint32_t)s->count : 0;
    return *count ? bytes + s->offset : NULL;
}

/* Correct the longest path, only in tables of the right shape. pbc_longest_path accepts any content, but overlapping
 * functions cost time. */
static void repair_path(uint8_t *bytes, size_t len)
{
    const struct pbc_section *meta = find(bytes, len, PBC_META), *funcs = find(bytes, len, PBC_FUNCS),
                             *code = find(bytes, len, PBC_CODE);
    if (!meta || !funcs || !code || meta->entry_size != sizeof(struct pbc_meta) || meta->count != 1 ||
        funcs->count > 64 || funcs->entry_size != sizeof(struct pbc_func) || code->entry_size != sizeof(struct insn))
        return;
    struct pbc_meta *m = (void *)(bytes + meta->offset);
    struct pbc_code c = {.funcs = (const void *)(bytes + funcs->offset),
                         .funcs_count = (uint32_t)funcs->count,
                         .code = (const void *)(bytes + code->offset),
                         .code_count = (uint32_t)code->count,
                         .services = m->services,
                         .would = m->would,
                         .streams = m->streams};
    c.classifiers = entries(bytes, len, PBC_CLASSIFIERS, sizeof *c.classifiers, &c.classifiers_count);
    c.entries = entries(bytes, len, PBC_ENTRIES, sizeof *c.entries, &c.entries_count);
    if (c.entries_count <= 1024) m->longest_path = pbc_longest_path(&c);
}

static bool conds_lie_within(const struct pbc_rule *rules, uint32_t count, uint32_t conds)
{
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].conds > conds || rules[i].cond_count > conds - rules[i].conds) return false;
    return true;
}

/* Correct the needs, only if every operand is within its table; the verifier must find the others. */
static void repair_needs(uint8_t *bytes, size_t len)
{
    static uint32_t before[1 << 12];
    uint32_t metas, patterns, meters;
    struct pbc_lists l;
    struct pbc_meta *m = (struct pbc_meta *)(uintptr_t)entries(bytes, len, PBC_META, sizeof *m, &metas);
    l.rules = entries(bytes, len, PBC_RULES, sizeof *l.rules, &l.rules_count);
    l.would = entries(bytes, len, PBC_WOULD_RULES, sizeof *l.would, &l.would_count);
    l.conds = entries(bytes, len, PBC_CONDS, sizeof *l.conds, &l.conds_count);
    l.patterns = entries(bytes, len, PBC_PATTERNS, sizeof *l.patterns, &patterns);
    l.meters = entries(bytes, len, PBC_METERS, sizeof *l.meters, &meters);
    entries(bytes, len, PBC_SERVICES, sizeof(struct pbc_service), &l.services_count);
    l.nats = entries(bytes, len, PBC_NATS, sizeof *l.nats, &l.nats_count);
    l.ifaces = entries(bytes, len, PBC_IFACES, sizeof *l.ifaces, &l.ifaces_count);
    for (uint32_t i = 0; i < l.nats_count; i++)
        if (l.nats[i].conds > l.conds_count || l.nats[i].cond_count > l.conds_count - l.nats[i].conds) return;
    if (metas != 1 || l.conds_count >= sizeof before / sizeof *before) return;
    for (uint32_t i = 0; i < l.conds_count; i++)
        if ((l.conds[i].kind == COND_BYTES && l.conds[i].first >= patterns) ||
            ((l.conds[i].kind == COND_OVER || l.conds[i].kind == COND_WITHIN) && l.conds[i].first >= meters))
            return;
    if (!conds_lie_within(l.rules, l.rules_count, l.conds_count) ||
        !conds_lie_within(l.would, l.would_count, l.conds_count))
        return;
    m->flags = (m->flags & ~(uint32_t)PBC_NEEDS) | pbc_needs(&l, before);
}

/* The sample without its map of 8 KiB. */
static void start_sample(struct imgbuild *b)
{
    img_sample(b);
    b->maps_count = 0;
    for (uint32_t i = 0; i < b->code_count; i++)
        if (b->code[i].op == OP_JMAP || b->code[i].op == OP_JNMAP) b->code[i].op = OP_JIN;
}

/* Begin with a classifier whose figures are right, if it is small enough; else return false. */
static bool start_tree(struct imgbuild *b, size_t most, uint32_t seed)
{
    struct rng r = {seed};
    struct drawn_tree d;
    char err[256];
    tree_draw(&d, &r);
    *b = d.b;
    struct program *p = img_load_list(b, err, sizeof err);
    const bool good = p && p->file_bytes <= most;
    program_put(p);
    if (!good) img_fini(b);
    return good;
}

static size_t start_over(uint8_t *bytes, size_t most, uint32_t seed)
{
    struct imgbuild b;
    size_t len;
    if (seed % 8 == 1)
        img_sample_proxies(&b);
    else if (seed % 8 == 5)
        img_sample_wire(&b);
    else if (seed % 8 == 3)
        img_sample_observe(&b);
    else if (seed % 2 || !start_tree(&b, most, seed))
        start_sample(&b);
    uint8_t *image = img_emit(&b, &len);
    if (len > most) {
        fprintf(stderr, "the sample of %zu bytes doesn't fit: -max_len=16384\n", len);
        abort(); /* else nothing would reach the verifier */
    }
    memcpy(bytes, image, len);
    free(image);
    img_fini(&b);
    return len;
}

static void finish(uint8_t *bytes, size_t len)
{
    repair_path(bytes, len);
    img_seal(bytes, len);
}

/* Correct a classifier's figure: the loader reports the wrong one and its right value. */
static void repair_figures(uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"words", "blocks", "forks", "entries with code in turn", "lines"};
    enum { NAMES = sizeof names / sizeof *names };
    uint32_t count;
    struct pbc_classifier *all =
        (struct pbc_classifier *)(uintptr_t)entries(bytes, len, PBC_CLASSIFIERS, sizeof *all, &count);
    for (unsigned tries = 0; all && tries < NAMES; tries++) {
        char err[256] = "", what[32];
        unsigned classifier, said, is, name = 0;
        program_put(program_load(bytes, len, err, sizeof err));
        if (sscanf(err, "classifier %u: %31[a-z ]: %u in its header, but %u in fact", &classifier, what, &said, &is) !=
            4)
            return;
        while (name < NAMES && strncmp(what, names[name], strlen(names[name])) != 0) name++;
        if (name == NAMES || classifier >= count) return;
        struct pbc_classifier *const c = &all[classifier];
        uint32_t *const figures[NAMES] = {&c->words, &c->compared, &c->forks, &c->chain, &c->climbed};
        *figures[name] = is;
        finish(bytes, len);
    }
}

/* Make one u8, u16 or u32 somewhere small or huge, flip a bit, or copy another one. */
static void poke(uint8_t *bytes, size_t len, uint32_t *state)
{
    size_t width = (size_t)1 << next(state) % 3, at = next(state) % (len - 4) / width * width;
    uint32_t value;
    memcpy(&value, bytes + at, 4);
    switch (next(state) >> 16 & 3) {
    case 0: value = next(state) >> 16 & 15; break;
    case 1: value = ~(next(state) >> 16 & 15); break;
    case 2: value ^= 1u << (next(state) >> 16 & 31); break;
    default: memcpy(&value, bytes + next(state) % (len - 4), 4); break;
    }
    memcpy(bytes + at, &value, width);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t most, unsigned seed)
{
    uint32_t state = seed;
    if (len < sizeof(struct pbc_header) + 64 || next(&state) >> 24 == 0) len = start_over(bytes, most, seed);
    if (len < sizeof(struct pbc_header) + 64) return len;
    if (next(&state) >> 28)
        for (unsigned n = 0; n <= (next(&state) >> 16 & 3); n++) poke(bytes, len, &state);
    else
        len = LLVMFuzzerMutate(bytes, len, most);
    if (len < sizeof(struct pbc_header) + 64) return len;
    struct pbc_header *h = (void *)bytes;
    memcpy(h->magic, PBC_MAGIC, sizeof h->magic);
    h->version = next(&state) >> 30 ? PBC_VERSION : PBC_OLDEST; /* an older version, whose entries may be shorter */
    h->size = len;
    h->reserved = 0;
    if (next(&state) >> 28) repair_needs(bytes, len);
    finish(bytes, len);
    if (next(&state) >> 30) repair_figures(bytes, len);
    return len;
}

#ifdef REPLAY
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t most)
{
    (void)bytes;
    return len < most ? len : most;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        static uint8_t bytes[1 << 20];
        FILE *f = fopen(argv[i], "rb");
        if (!f) return 2;
        size_t len = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        LLVMFuzzerTestOneInput(bytes, len);
    }
    return 0;
}
#endif
