/* Differential test: the last stage in the kernel against forward/express.c, on conversations through every mode and
 * family and through a nat. Each ordinary packet of a forwarded flow leaves both with the same bytes, verdict and
 * counters.
 *
 *   kernel_express [SEED [FILES [PACKETS]]]
 *
 * The worker's tables replace the earlier stages, which would find the key, the flow, its recipe and the decision.
 * Skipped if eBPF programs may not be loaded. LONG=1: twenty times as many. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/asker.h"
#include "tests/lib/compiled.h"
#include "tests/lib/kernel_load.h"
#include "tests/lib/rng.h"
#include "tests/lib/talk.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/ordinary.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { TALKS = 24, MODES = 8, TEXT = 4000, SLOTS = 32, SLOT = 2048, TALK_MOST = TALK_FRAME_MAX + 16 };
enum { VIP = 0xcb00710a, INSIDE = 0x0a050001, OUTSIDE = 0xc0000201, COUNTERS_MOST = 200 };

struct conversation {
    struct talk talk, answer;
    uint32_t seq[2];
    unsigned step, mode;
    bool answered;
};

struct run {
    struct rng rng;
    char text[TEXT];
    struct program *program;
    struct vm *vm;
    struct facts facts;
    uint32_t self4[1];
    struct facts_iface ifaces[2];
    uint64_t now_ns;
    struct conversation talks[TALKS];
    uint64_t ordinary, packets;
};

static struct pool *pool;
static struct kernel *kernel;
static struct asker asker;

/* ---- programs ---- */

static const char pools[] =
    "limits { flows 600; maglev 251 }\ninterface wan = \"eth0\"\ninterface lan = \"eth1\"\n"
    "pool pt { source 10.9.0.7, 2001:db8::a09:7 ports 1024-1100\n"
    "  server a 10.0.0.11:8080; server b 10.0.0.12; server c [2001:db8::a00:b]:8080 }\n"
    "pool ks { balance least_conn; server a 10.0.1.11:8080; server b 10.0.1.12 weight 3\n"
    "  server c [2001:db8::a00:10b]:8080 }\n"
    "pool raw { balance round_robin; server a 10.0.2.11 mac 02:00:00:00:02:0b; server b 10.0.2.12\n"
    "  server c 2001:db8::a00:20b }\n"
    "pool four { source 10.9.0.1; server a 10.0.3.11; server b 10.0.3.12 mac 02:00:00:00:03:0c }\n"
    "pool both { server a 10.0.5.11; server b 2001:db8::a00:50b }\n";
static const char *const modes[MODES] = {
    "mode passthrough; -> pt",
    "mode passthrough keep source; -> ks",
    "mode dsr l2; -> raw",
    "mode dsr rewrite; -> ks",
    "mode dsr ipip; -> four",
    "mode dsr gue 6080; -> both",
    "mode passthrough keep source; -> ks",
    "mode dsr gue 6080 variant 1; -> both",
};
static const char *const firewalls[] = {
    "", "firewall edge default drop { accept state established as KNOWN\n accept tcp\n accept udp\n }\n",
    "firewall edge default accept { drop ttl 3\n accept tcp }\n"};

static struct program *compiled(struct run *r)
{
    size_t len = (size_t)snprintf(r->text, sizeof r->text, "%s", pools);
    for (unsigned m = 0; m < MODES; m++)
        len += (size_t)snprintf(r->text + len, sizeof r->text - len,
                                "service s%u on 203.0.113.%u, 2001:db8::cb00:%x tcp/80, udp/80 { %s }\n", m, 10 + m,
                                0x710a + m, modes[m]);
    snprintf(r->text + len, sizeof r->text - len,
             "nat home { masquerade from 10.5.0.0/24 out on wan ports 2000-2100 }\n%s",
             firewalls[rng_below(&r->rng, 3)]);
    return compiled_text(r->text);
}

/* ---- packets ---- */

static void begin_talk(struct run *r, struct conversation *c)
{
    struct rng *g = &r->rng;
    *c = (struct conversation){.seq = {1000, 5000}, .mode = rng_below(g, MODES + 1)};
    struct talk *t = &c->talk;
    *t = (struct talk){.proto = rng_one_in(g, 2) ? IPPROTO_NR_TCP : IPPROTO_NR_UDP, .ttl = 64, .window = 65535};
    const bool nat = c->mode == MODES;
    t->v6 = !nat && rng_one_in(g, 3);
    t->src = nat ? INSIDE + rng_below(g, 3) : 0xc6120001 + rng_below(g, 6);
    t->dst = nat ? OUTSIDE : VIP + c->mode;
    t->src_port = (uint16_t)(1024 + rng_below(g, 4000));
    t->dst_port = 80;
    if (rng_one_in(g, 4)) t->tag_count = 1, t->tags[0].tpid = 0x8100, t->tags[0].vid = 5;
}

/* Draw the next packet; returns the sender. */
static unsigned go_on(struct run *r, struct conversation *c, struct talk *t)
{
    struct rng *g = &r->rng;
    const unsigned dir = !c->answered ? 0 : c->step < 3 ? c->step & 1 : rng_below(g, 2);
    *t = dir ? c->answer : c->talk;
    t->seq = c->seq[dir];
    t->ack = c->seq[!dir];
    t->flags = c->step == 0 ? TCP_SYN : c->step == 1 && dir ? TCP_SYN | TCP_ACK : TCP_ACK;
    t->payload = c->step > 2 ? (uint8_t)rng_below(g, 65) : 0;
    if (rng_one_in(g, 30)) t->ttl = (uint8_t)(2 + rng_below(g, 2));
    c->seq[dir] += t->payload + (t->flags & TCP_SYN ? 1u : 0u);
    c->step++;
    return dir;
}

static void learn(struct run *r, struct conversation *c, const struct pkt *out)
{
    struct pkt pkt;
    struct key key;
    if (c->mode == 2 || (c->mode > 3 && c->mode != 6 && c->mode < MODES))
        return; /* its client gets the server's packets directly */
    if (c->mode == 3) return;
    pkt_view(&pkt, out->data, out->head_len, out->wire_len, LINK_ETHER, IFACE_NONE);
    if (pkt_parse(&pkt, &r->facts, &key) != REASON_NONE) return;
    const unsigned word = c->talk.v6 ? 3 : 0;
    c->answer = c->talk;
    c->answer.src = key.dst[word];
    c->answer.dst = key.src[word];
    c->answer.src_port = key.dst_port;
    c->answer.dst_port = key.src_port;
    c->answered = true;
}

/* ---- comparison ---- */

/* One packet run natively, and the tables' facts about it before. */
struct native {
    struct pkt pkt;
    struct key key;
    struct track_seen seen;
    struct recipe recipe;
    uint32_t datagram;
    struct verdict verdict;
    struct pkt *out; /* NULL: no packet left */
    struct tx_entry entry;
};

/* True if forward_express would treat the packet as ordinary. */
static bool is_ordinary(struct run *r, struct native *n, const struct forward *f)
{
    if (!ordinary_headers(&n->pkt, &n->key, n->pkt.head_len == n->pkt.wire_len) ||
        !ordinary_frame(&n->pkt, &n->key, n->pkt.data))
        return false;
    track_study(f->track, &n->key, &n->pkt, &n->seen);
    track_ask(f->track, &n->seen);
    const struct recipe *found = track_ordinary(f->track, &n->key, &n->pkt, &n->seen, f->recipes);
    if (!found) return false;
    n->recipe = *found;
    (void)r;
    return recipe_takes(found, n->seen.recipe, &n->pkt, n->key.length, n->pkt.data, n->seen.twin,
                        f->longest[n->seen.recipe]);
}

/* Collect in one row the counters that an ordinary packet may change: packets and bytes. */
static unsigned counters(const struct run *r, uint64_t out[COUNTERS_MOST])
{
    const struct program *p = r->program;
    const struct vm *vm = r->vm;
    unsigned n = 0;
    const struct {
        const struct counter *at;
        uint32_t count;
    } rows[] = {{vm->rules, p->rules_count},
                {vm->counters.defaults, p->firewalls_count},
                {vm->served, 2 * p->services_count + p->servers_count},
                {vm->counters.nat->statements, p->nats_count},
                {vm->counters.verdicts, ACTION_COUNT},
                {&vm->refused, 1}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t k = 0; k < rows[i].count; k++) {
            out[n++] = rows[i].at[k].packets;
            out[n++] = rows[i].at[k].bytes;
        }
    out[n++] = vm->counters.forward->replies;
    return n;
}

static unsigned kernels(const struct run *r, uint64_t out[COUNTERS_MOST])
{
    const struct program *p = r->program;
    const struct kernel_program *rows = kernel_rows(kernel);
    const struct kernel_counters all = kernel_counters(kernel);
    const uint32_t places[][2] = {{0, p->rules_count},
                                  {rows->rules + 1, p->firewalls_count},
                                  {rows->services, 2 * p->services_count + p->servers_count},
                                  {rows->nats, p->nats_count}};
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++)
        for (uint32_t k = 0; k < places[i][1]; k++) {
            const struct counter c = kernel_counter(kernel, places[i][0] + k);
            out[n++] = c.packets;
            out[n++] = c.bytes;
        }
    for (unsigned i = 0; i < ACTION_COUNT; i++) out[n++] = all.verdicts[i].packets, out[n++] = all.verdicts[i].bytes;
    out[n++] = all.refused.packets;
    out[n++] = all.refused.bytes;
    out[n++] = all.replies;
    return n;
}

static struct kpkt *slot_of(const struct native *n, bool judged)
{
    struct kpkt *k = asker.k;
    memset(k, 0, offsetof(struct kpkt, head));
    k->pkt = n->pkt;
    k->pkt.data = NULL;
    k->key = n->key;
    k->seen = n->seen;
    k->recipe = n->recipe;
    k->datagram = n->datagram;
    k->program = kernel_rows(kernel)->serial;
    k->branch = PBC_NONE;
    k->flags = (uint16_t)(KERNEL_ASKED | KERNEL_ORDINARY | (judged ? KERNEL_JUDGED : 0));
    const enum action action = n->verdict.action == ACTION_FORWARD ? ACTION_ACCEPT : (enum action)n->verdict.action;
    k->decision = decided_as(n->verdict.rule, action, n->verdict.firewall);
    memcpy(k->head, n->pkt.data, n->pkt.head_len);
    k->head_len = n->pkt.head_len;
    return k;
}

static bool differ(const struct run *r, const char *what)
{
    printf("# %s differ after %" PRIu64 " ordinary packets\n", what, r->ordinary);
    return false;
}

/* Run the same packet through the last stage; true if the packet that left and the verdict are equal. */
static bool same(struct run *r, const struct native *n)
{
    struct kpkt *k = slot_of(n, !n->seen.twin && r->program->firewalls_count);
    const struct verdict *a = &n->verdict, *b = &k->verdict;
    memcpy(asker.frame, n->pkt.data, n->pkt.head_len);
    asker.given = n->pkt.head_len;
    if (ask_stage(&asker, KERNEL_ENTRY_act_xdp)) return differ(r, "runs");
    if (a->action != b->action || a->rule != b->rule || a->firewall != b->firewall || a->service != b->service ||
        a->server != b->server || a->reason != b->reason || a->flags != b->flags)
        return differ(r, "verdicts");
    if ((k->out == KERNEL_SEND) != (n->out != NULL)) return differ(r, "fates");
    if (!n->out) return true;
    const uint32_t out_if = n->entry.out_if == IFACE_NONE ? 0 : n->entry.out_if + 1u;
    if (k->out_if != out_if) return differ(r, "ways out");
    if (asker.len != n->out->head_len || memcmp(asker.frame, n->out->data, n->out->head_len) != 0)
        return differ(r, "bytes");
    return true;
}

/* ---- running ---- */

static bool one(struct run *r)
{
    static uint8_t frame[TALK_MOST];
    struct conversation *c = &r->talks[rng_below(&r->rng, TALKS)];
    struct native n = {0};
    struct talk t;
    uint64_t before[2][COUNTERS_MOST], after[2][COUNTERS_MOST];
    if (c->step == 0 || rng_one_in(&r->rng, 80)) begin_talk(r, c);
    const unsigned dir = go_on(r, c, &t);
    const uint32_t len = talk_build(&t, frame), pad = rng_one_in(&r->rng, 6) ? 6 : 0;
    memset(frame + len, 0xee, pad);
    frame[11] = dir ? 9 : 1;
    const uint16_t iface = (uint16_t)(dir ? IFACE_NONE : c->mode == MODES);
    struct vm_in in = {.mono_ns = r->now_ns += 1000, .facts = &r->facts};
    struct tx_entry entries[VM_TX_PER_PACKET];
    struct vm_tx tx = {.entries = entries, .cap = VM_TX_PER_PACKET};
    struct pkt own, *packet = &own;
    pkt_view(&n.pkt, frame, len + pad, len + pad, LINK_ETHER, iface);
    if (rng_one_in(&r->rng, 8)) n.pkt.flags |= PKT_CSUM_PARTIAL;
    own = n.pkt;
    pkt_parse(&n.pkt, &r->facts, &n.key);
    n.datagram = r->vm->forward->datagram;
    const bool ordinary = is_ordinary(r, &n, r->vm->forward);
    const unsigned count = counters(r, before[0]);
    vm_run(r->vm, &in, &packet, 1, &n.verdict, &tx);
    if (tx.count) n.out = entries[0].pkt, n.entry = entries[0];
    if (tx.count && !dir && n.verdict.action == ACTION_FORWARD) learn(r, c, n.out);
    bool good = true;
    if (ordinary) {
        r->ordinary++;
        counters(r, after[0]);
        kernels(r, before[1]);
        good = same(r, &n);
        kernels(r, after[1]);
        for (unsigned i = 0; good && i < count; i++)
            if (after[0][i] - before[0][i] != after[1][i] - before[1][i]) good = differ(r, "counters");
    }
    for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
    r->packets++;
    return good;
}

static void draw_facts(struct run *r)
{
    r->self4[0] = 0xcb007101;
    for (unsigned i = 0; i < 2; i++) {
        r->ifaces[i] = (struct facts_iface){.mac = rng_one_in(&r->rng, 2) ? 0x020000000050 + i : 0, .peer = IFACE_NONE};
        kernel_ways(kernel)[i].mac = r->ifaces[i].mac;
    }
    r->facts = (struct facts){.generation = 1,
                              .self4 = r->self4,
                              .self4_count = 1,
                              .ifaces = r->ifaces,
                              .ifaces_count = 2,
                              .addr4 = 0xcb007101,
                              .addr6 = {0x20010db8, 0, 0, 0x0a090001}};
}

/* Check one file. Returns 0, 1 for a difference, 2 if no program may be loaded. */
static int check_file(uint64_t seed, unsigned packets, uint64_t *ordinary)
{
    static struct run r;
    char err[300] = "";
    memset(&r, 0, sizeof r);
    r.rng.state = seed;
    r.now_ns = 1000000000000;
    r.program = compiled(&r);
    if (!r.program) return 1;
    if (!kernel) kernel = kernel_new(r.program, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (kernel) asker_init(&asker, kernel, 1);
    const bool skipped = !kernel && (errno == EPERM || errno == ENOTSUP);
    bool good = kernel && !kernel_load(kernel, r.program, err, sizeof err);
    if (!good) printf("# %s\n", err);
    if (good) draw_facts(&r);
    r.vm = good ? vm_new(r.program, &(struct vm_cfg){.pool = pool, .seed = seed}) : NULL;
    good &= r.vm != NULL;
    for (unsigned i = 0; good && i < packets; i++) good = one(&r);
    *ordinary += r.ordinary;
    if (!good && !skipped) printf("# seed %" PRIu64 ", rules:\n%s\n", seed, r.text);
    vm_free(r.vm);
    program_put(r.program);
    return skipped ? 2 : !good;
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("LONG");
    const unsigned times = wanted && *wanted ? 20 : 1;
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 12 * times;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 3000;
    const size_t bytes = (pool_bytes(SLOTS, SLOT) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    uint64_t ordinary = 0;
    int status = 0;
    pool = memory ? pool_init(memory, bytes, SLOTS, SLOT) : NULL;
    if (!pool) return 1;
    for (unsigned i = 0; !status && i < files; i++) status = check_file(seed + i, packets, &ordinary);
    if (status == 2) {
        printf("ok 1 # SKIP programs of the kernel may not be loaded\n1..1\n");
        return 0;
    }
    printf("# %u programs, %" PRIu64 " ordinary packets\n", files, ordinary);
    if (ordinary < (uint64_t)files * packets / 4) status = 1; /* too little was compared */
    printf("%sok 1 - the kernel's express way does what the worker's does\n1..1\n", status ? "not " : "");
    kernel_free(kernel);
    free(memory);
    return status;
}
