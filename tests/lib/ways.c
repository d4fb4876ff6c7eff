/* Workers over one program (ways.h). */
#include "tests/lib/ways.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/lib/one_kernel.h"
#include "vm/flow/fragments/frag.h"
#include "vm/flow/table/flow_table.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/service.h"
#include "vm/packet/pool_priv.h"

enum {
    SLOTS = 512,
    ENTRIES = VM_BATCH * VM_TX_PER_PACKET,
    EVENTS = 4096,
    ROOM = 128,
    LINE = 64,
    IN_PLACE = 1,
    CAREFUL = 2,
    BY_KERNEL = 3
};

struct way {
    struct executor *exec;
    struct vm *vm; /* its worker */
    void *memory;
    struct pool *pool;
    struct tx_entry entries[ENTRIES];
    struct event events[EVENTS];
    struct vm_tx tx;
    struct verdict verdicts[VM_BATCH];
};

struct ways {
    struct program *program;
    unsigned count; /* number of workers */
    bool swaps;     /* workers may swap programs; then they place flows differently than the kernel */
    struct way way[WAYS];
    uint8_t frames[VM_BATCH][ROOM + WAYS_FRAME_MAX]; /* memory of the worker that works in place */
    struct pkt pkts[WAYS][VM_BATCH];
    uint8_t sent[ENTRIES][ROOM + WAYS_FRAME_MAX];
    struct way_sent sent_at[ENTRIES];
    unsigned sent_count;
    uint64_t in_place;
    const struct facts *facts; /* the last facts, and their generation */
    uint64_t generation;
    uint64_t seed;
    bool swapped, longer;
    struct remap *remap; /* of the first worker while it is swapping */
};

struct ways *ways_new(struct program *p, uint64_t seed)
{
    struct ways *w = calloc(1, sizeof *w);
    const size_t bytes = (pool_bytes(SLOTS, 4096) + LINE - 1) / LINE * LINE;
    if (!w) return NULL;
    w->program = program_get(p);
    w->seed = seed;
    w->count = one_kernel_asked(p) ? BY_KERNEL + 1 : BY_KERNEL;
    w->swaps = w->count == BY_KERNEL;
    for (unsigned k = 0; k < w->count; k++) {
        char why[600] = "memory is out";
        struct way *a = &w->way[k];
        a->memory = aligned_alloc(LINE, bytes);
        a->pool = a->memory ? pool_init(a->memory, bytes, SLOTS, 4096) : NULL;
        const struct vm_cfg cfg = {
            .pool = a->pool, .seed = seed, .flow_events = true, .live = w->swaps, .careful = k == CAREFUL};
        a->exec = a->pool ? one_kernel_new(p, &cfg, k == BY_KERNEL, why, sizeof why) : NULL;
        a->vm = a->exec ? executor_vm(a->exec) : NULL;
        if (a->vm) continue;
        printf("# %s\n", why);
        ways_free(w);
        return NULL;
    }
    return w;
}

void ways_free(struct ways *w)
{
    if (!w) return;
    for (unsigned k = 0; k < w->count; k++) {
        one_kernel_free(w->way[k].exec);
        if (k == 0) remap_free(w->remap);
        free(w->way[k].memory);
    }
    program_put(w->program);
    free(w);
}

static void begin(struct way *a)
{
    a->tx = (struct vm_tx){.entries = a->entries, .cap = ENTRIES, .events = a->events, .event_cap = EVENTS};
}

static bool differ(const char *what, unsigned way, unsigned at)
{
    printf("# %s differ: way %u, at %u\n", what, way, at);
    return false;
}

static bool same_bytes(const struct pkt *a, const struct pkt *b)
{
    return a->head_len == b->head_len && a->cap_len == b->cap_len && a->wire_len == b->wire_len && a->link == b->link &&
           a->tag_count == b->tag_count && memcmp(a->data, b->data, a->head_len) == 0;
}

/* True if the verdicts are equal. anew: ignore the rule and the firewall if the new program's verdict has none. */
static bool same_verdict(const struct verdict *a, const struct verdict *b, bool anew)
{
    struct verdict as = *a;
    if (anew && a->rule == RULE_NONE) {
        as.rule = b->rule;
        as.firewall = b->firewall;
    }
    return memcmp(&as, b, sizeof as) == 0;
}

static bool same_entry(const struct tx_entry *a, const struct tx_entry *b, bool anew)
{
    if (a->kind != b->kind || a->cause != b->cause || a->out_if != b->out_if || a->input != b->input) return false;
    if (a->cookie != b->cookie || a->family != b->family || !same_bytes(a->pkt, b->pkt)) return false;
    if (a->kind != TX_SEND || a->cause == TX_CAUSE_HELD) return same_verdict(&a->verdict, &b->verdict, anew);
    if (!a->family) return true;
    return memcmp(a->next_hop, b->next_hop, sizeof a->next_hop) == 0 && memcmp(a->from, b->from, sizeof a->from) == 0 &&
           a->from_port == b->from_port;
}

/* True if the records are equal. The bytes after the tags belong to no field. */
static bool same_record(const struct flow_record *a, const struct flow_record *b)
{
    const size_t first = offsetof(struct flow_record, vlan) + sizeof a->vlan,
                 rest = offsetof(struct flow_record, began_ns);
    return memcmp(a, b, first) == 0 && memcmp(&a->began_ns, &b->began_ns, sizeof *a - rest) == 0;
}

static bool same_tx(const struct way *a, const struct way *b, unsigned k, bool anew)
{
    if (a->tx.count != b->tx.count || a->tx.event_count != b->tx.event_count || a->tx.events_lost != b->tx.events_lost)
        return differ("numbers of what left or was told", k, a->tx.count);
    for (unsigned i = 0; i < a->tx.count; i++)
        if (!same_entry(&a->entries[i], &b->entries[i], anew)) return differ("packets that left", k, i);
    for (unsigned i = 0; i < a->tx.event_count; i++) {
        const struct event *x = &a->events[i], *y = &b->events[i];
        const bool same = x->kind == y->kind && x->rule == y->rule;
        if (!same || (x->kind == EVENT_LOG && (x->input != y->input || x->entry != y->entry)) ||
            (x->kind == EVENT_FLOW && !same_record(&x->flow, &y->flow)))
            return differ("events", k, i);
    }
    return true;
}

static bool same_flows(const struct vm *a, const struct vm *b)
{
    struct flow_record x, y;
    for (uint32_t i = 0, k = 0;;) {
        const bool more = vm_flow_next(a, &i, &x);
        if (more != vm_flow_next(b, &k, &y)) return false;
        if (!more) return true;
        if (!same_record(&x, &y)) return false;
    }
}

#define SAME(field, count) (memcmp(a->field, b->field, (count) * sizeof *a->field) == 0)

static bool same_counters(const struct program *p, const struct vm_counters *a, const struct vm_counters *b,
                          bool swapped, bool anew)
{
    const bool judged = SAME(verdicts, ACTION_COUNT) && SAME(reasons, REASON_COUNT) &&
                        (anew || (SAME(rules, p->rules_count) && SAME(defaults, p->firewalls_count))) &&
                        SAME(meters, p->meters_count) && (swapped || a->remembered == b->remembered) &&
                        a->snapped == b->snapped && a->bad_checksum == b->bad_checksum;
    const bool sent = SAME(services, p->services_count) && SAME(unserved, p->services_count) &&
                      SAME(servers, p->servers_count) && a->answers == b->answers &&
                      a->answers_limited == b->answers_limited && a->answers_no_buffer == b->answers_no_buffer;
    if (!judged || !sent) return false;
    if (a->flows && !SAME(flows, 1)) return false;
    if (a->forward && !SAME(forward, 1)) return false;
    if (a->frags && !SAME(frags, 1)) return false;
    return !a->nat || (SAME(nat->statements, p->nats_count) && a->nat->out == b->nat->out && a->nat->in == b->nat->in);
}

static bool compare(struct ways *w, unsigned n)
{
    const struct way *c = &w->way[CAREFUL];
    for (unsigned k = 0; k < w->count; k++) {
        const struct way *a = &w->way[k];
        if (k == CAREFUL) continue;
        for (unsigned i = 0; i < n; i++)
            if (!same_verdict(&a->verdicts[i], &c->verdicts[i], w->longer && k == 0)) return differ("verdicts", k, i);
        if (!same_tx(a, c, k, w->longer && k == 0)) return false;
        if (!same_counters(w->program, executor_counters(a->exec), executor_counters(c->exec),
                           k == BY_KERNEL || (w->swapped && k == 0), w->longer && k == 0))
            return differ("counters", k, n);
        if (!same_flows(a->vm, c->vm)) return differ("flows", k, n);
    }
    return true;
}

static void keep_sent(struct ways *w)
{
    const struct way *c = &w->way[CAREFUL];
    w->sent_count = 0;
    for (unsigned i = 0; i < c->tx.count; i++) {
        const struct tx_entry *e = &c->entries[i];
        if (e->kind != TX_SEND || e->pkt->head_len > sizeof w->sent[0]) continue;
        memcpy(w->sent[w->sent_count], e->pkt->data, e->pkt->head_len);
        w->sent_at[w->sent_count] = (struct way_sent){.bytes = w->sent[w->sent_count],
                                                      .len = e->pkt->wire_len,
                                                      .cap_len = e->pkt->head_len,
                                                      .cause = e->cause,
                                                      .cookie = e->cookie};
        w->sent_count++;
    }
}

/* Return every slot to its pool, except those that hold fragments. */
static bool put_back(struct ways *w)
{
    for (unsigned k = 0; k < w->count; k++)
        for (unsigned i = 0; i < w->way[k].tx.count; i++) {
            struct pkt *pkt = w->way[k].entries[i].pkt;
            if (k == IN_PLACE && pkt >= w->pkts[k] && pkt < w->pkts[k] + VM_BATCH) w->in_place++;
            pool_put(pkt);
        }
    for (unsigned k = 0; k < w->count; k++)
        if (w->way[k].pool->free_count != w->way[CAREFUL].pool->free_count) return differ("slots", k, 0);
    return true;
}

static bool finish(struct ways *w, unsigned n)
{
    const bool good = compare(w, n);
    keep_sent(w);
    return put_back(w) && good;
}

/* Give new facts to one of the workers with balancing tables that were built separately. */
static void take_tables(struct ways *w, const struct vm_in *in)
{
    if (in->facts == w->facts && (!in->facts || in->facts->generation == w->generation)) return;
    struct balance *tables = vm_tables(w->program, w->seed, in, false);
    if (tables) vm_take_tables(w->way[IN_PLACE].vm, tables);
    balance_free(tables);
    w->facts = in->facts;
    w->generation = in->facts ? in->facts->generation : 0;
}

bool ways_run(struct ways *w, const struct vm_in *in, const struct pkt views[], unsigned n)
{
    take_tables(w, in);
    for (unsigned k = 0; k < w->count; k++) {
        struct way *a = &w->way[k];
        struct pkt *pkts[VM_BATCH];
        begin(a);
        for (unsigned i = 0; i < n; i++) {
            pkts[i] = &w->pkts[k][i];
            *pkts[i] = views[i];
            if (k != IN_PLACE || views[i].seg_count || views[i].head_len > WAYS_FRAME_MAX) continue;
            memcpy(w->frames[i] + ROOM, views[i].data, views[i].head_len);
            pkts[i]->data = w->frames[i] + ROOM;
            pkts[i]->headroom = ROOM;
            pkts[i]->flags |= PKT_WRITABLE;
        }
        executor_run(a->exec, in, pkts, n, a->verdicts, &a->tx);
    }
    return finish(w, n);
}

bool ways_swap(struct ways *w, struct program *equal, bool longer, const struct vm_in *in)
{
    struct way *a = &w->way[0];
    if (!w->swaps || vm_swapping(a->vm)) return false;
    struct program *from = w->remap ? w->remap->program : w->program;
    struct remap *r = remap_new(from, equal, NULL, 0, NULL, in->mono_ns);
    const struct vm_cfg cfg = {.pool = a->pool, .seed = w->seed, .flow_events = true, .live = true};
    struct vm *fresh = r ? vm_prepare(&cfg, r, in) : NULL;
    const bool good = fresh && vm_swap(a->vm, fresh, r) == 0;
    vm_free(fresh);
    remap_free(good ? w->remap : r);
    if (good) w->remap = r;
    w->swapped |= good;
    w->longer |= good && longer;
    return good;
}

bool ways_tick(struct ways *w, const struct vm_in *in)
{
    for (unsigned k = 0; k < w->count; k++) {
        begin(&w->way[k]);
        executor_tick(w->way[k].exec, in, &w->way[k].tx);
    }
    return finish(w, 0);
}

unsigned ways_sent(const struct ways *w) { return w->sent_count; }
struct way_sent ways_sent_at(const struct ways *w, unsigned i) { return w->sent_at[i]; }
void ways_tell(const struct ways *w, const char *name)
{
    static const char *const longs[] = {
#define LONG(ident, name, doc) name,
#include "vm/kernel/long.def"
    };
    if (w->count <= BY_KERNEL) return;
    const struct kernel_counters c = kernel_counters(w->way[BY_KERNEL].exec->kernel);
    uint64_t all = 0, slow = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) all += c.verdicts[i].packets;
    for (unsigned i = 1; i < KERNEL_UPS; i++) all += c.ups[i].packets;
    for (unsigned i = 1; i < KERNEL_LONGS; i++) slow += c.longs[i];
    printf("# %s: %" PRIu64 " packets, %" PRIu64 " by the long way:", name, all, slow);
    for (unsigned i = 1; i < KERNEL_LONGS; i++)
        if (c.longs[i]) printf(" %s %" PRIu64, longs[i], c.longs[i]);
    printf("\n");
}

uint64_t ways_in_place(const struct ways *w) { return w->in_place; }
