/* The kernel's flow table with several writers. Two processors send both sides of the same connections through the
 * stages while flows come and go, and processes that change the table are killed at any instant. No change is lost,
 * no lock is left, and all counts add up.
 *
 *   kernel_flows_shared [ROUNDS [KILLS]]
 *
 * Skipped if eBPF programs may not be loaded. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/run/flow_map.h"
#include "tests/lib/compiled.h"
#include "tests/lib/draw_talk.h"
#include "tests/lib/kernel_load.h"
#include "vm/flow/table/table_priv.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/track/track_priv.h"
#include "vm/kernel/kpkt.h"
#include "vm/packet/parse/header.h"

enum { LASTING = 8 /* connections that both sides send on */, CHURN = 3 };
#define NOW UINT64_C(100000000000000)

static struct program *program;
static struct kernel *kernel;
static struct flow_ops ops;

static bool compile_rules(void)
{
    static const char text[] = "limits { flows 200; half_open 50 }\nfirewall f default accept {\n"
                               "  drop state new flows over 1000 per source as MANY\n  accept state new\n}\n"
                               "pool p { server a 10.9.9.1:53 }\n"
                               "service s on 10.9.9.9 udp/53 { mode passthrough; -> p }\n";
    program = compiled_text(text);
    return program;
}

/* ---- invariants while no thread runs ---- */

static bool wrong(const char *what, uint64_t at)
{
    printf("# %s: %" PRIu64 "\n", what, at);
    return false;
}

static bool check_slot(const struct flow_table *t, uint32_t slot, uint64_t live[FLOW_CLASSES], uint64_t *counted)
{
    const struct flow *f = table_slot(t, slot);
    const uint16_t tag = *table_tag(t, slot);
    if (f->taken & TAKEN_LOCK) return wrong("a lock is left", slot);
    if (!tag != !f->taken) return wrong("tag and slot disagree", slot);
    if (!tag) return true;
    struct flow_id id;
    flow_id_of(t, (int32_t)slot, &id);
    if (table_look_up(t, &id, table_hash(t, &id)) != (int32_t)slot) return wrong("a tuple has two slots", slot);
    if (f->flags & FLOW_TWIN) return table_cold(t, f->flow)->twin == (int32_t)slot || wrong("a twin is lost", slot);
    if (tag_class(tag) != flow_state_class((enum flow_state)f->state)) return wrong("another class", slot);
    live[tag_class(tag)]++;
    *counted += (f->flags & FLOW_COUNTED) != 0;
    return true;
}

static bool check(const struct flow_table *t)
{
    uint64_t live[FLOW_CLASSES] = {0}, counted = 0, sum = 0, ended = 0, held = 0;
    const struct flow_head *head = kernel_map(kernel, KERNEL_MAP_flow_head)->memory;
    const struct map *words = kernel_map(kernel, KERNEL_MAP_source_words);
    for (uint32_t i = 0; i < t->groups * GROUP; i++)
        if (!check_slot(t, i, live, &counted)) return false;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        if (live[i] != flow_table_counters(t)->live[i]) return wrong("flows of a class are counted wrong", i);
        sum += live[i];
    }
    for (unsigned i = 0; i < FLOW_ENDS; i++) ended += flow_table_counters(t)->ended[i];
    const uint64_t added = flow_table_counters(t)->added;
    if (sum != table_common(t)->live || added != sum + ended) return wrong("counts do not add up", added);
    for (unsigned i = 0; i < FLOW_STRIPES; i++)
        if (head->adding[i]) return wrong("a tuple stays locked", i);
    for (uint32_t g = 0; g < t->groups; g++) {
        const bool any = tags_of_class(table_group(t, g), FLOW_HALF_OPEN) != 0;
        if (any && !(t->half_open[g / 64] >> g % 64 & 1)) return wrong("half-open flows that the hand misses", g);
    }
    for (uint64_t i = 0; i < words->len / 8; i++) held += (uint32_t)((const uint64_t *)words->memory)[i];
    return held == counted || wrong("flows by source are counted wrong", held);
}

/* ---- two processors ---- */

struct hand {
    unsigned number;
    unsigned rounds;
    struct asker asker;
    unsigned met; /* earlier rounds */
    struct rng rng;
    uint32_t seq[LASTING]; /* next octet's number */
    unsigned strange;      /* packets with an impossible established state */
    bool good;
};

static struct talk lasting(unsigned i, unsigned side)
{
    const struct talk t = {.src = 0x0a000001,
                           .dst = 0x0a000002,
                           .proto = IPPROTO_NR_TCP,
                           .ttl = 64,
                           .src_port = (uint16_t)(1000 + i),
                           .dst_port = 80,
                           .window = 65535};
    if (!side) return t;
    struct talk back = t;
    back.src = t.dst;
    back.dst = t.src;
    back.src_port = t.dst_port;
    back.dst_port = t.src_port;
    return back;
}

static bool sent_at(struct hand *h, const struct talk *t, uint64_t now_ns)
{
    uint8_t bytes[TALK_FRAME_MAX];
    struct pkt pkt;
    struct kpkt *k;
    const uint32_t len = talk_build(t, bytes);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    h->good &= ask_frame(&h->asker, KERNEL_XDP, &pkt, now_ns, &k) == 0;
    return h->good && k->out == KERNEL_PASS;
}

static bool sent(struct hand *h, const struct talk *t) { return sent_at(h, t, NOW); }

/* Do the handshakes before the two threads begin. */
static bool connect_all(struct hand *h)
{
    for (unsigned i = 0; i <= LASTING; i++) {
        struct talk syn = lasting(i, 0), answer = lasting(i, 1), ack = syn;
        syn.flags = TCP_SYN;
        syn.seq = 99;
        answer.flags = TCP_SYN | TCP_ACK;
        answer.seq = 99;
        answer.ack = ack.ack = ack.seq = 100;
        ack.flags = TCP_ACK;
        if (!sent(h, &syn) || !sent(h, &answer) || !sent(h, &ack)) return false;
    }
    return true;
}

/* A thread that finds a flow busy waits for the other thread, which the scheduler may have stopped in the middle. */
enum { TRIES_MOST = 1000000 };
static bool may_try(unsigned tries)
{
    if (tries == TRIES_MOST) return false;
    sched_yield();
    return true;
}

/* Send the next octet of this side; if the flow is busy, send it again. */
static void speak(struct hand *h, unsigned i)
{
    struct talk t = lasting(i, h->number);
    t.flags = TCP_ACK;
    t.seq = h->seq[i]++;
    t.ack = 100;
    t.payload = 1;
    for (unsigned tries = 0; h->good && !sent(h, &t); tries++)
        if (!may_try(tries)) h->good = wrong("a flow stays busy", i);
}

/* Send one side's octets, alternately from the two threads: every octet must be in the flow from then on. */
static void share(struct hand *h, unsigned round)
{
    struct talk t = lasting(LASTING, 0);
    t.flags = TCP_ACK;
    t.seq = 100 + 2 * round + h->number;
    t.ack = 100;
    t.payload = 1;
    for (unsigned tries = 0; h->good && !sent(h, &t); tries++)
        if (!may_try(tries)) h->good = wrong("the flow of both stays busy", round);
    const struct flow *f = table_slot(ops.table, h->asker.k->seen.slot);
    const uint32_t end = __atomic_load_n(&f->tcp.side[0].end, __ATOMIC_ACQUIRE);
    if (h->good && (int32_t)(end - (t.seq + 1)) < 0) h->good = wrong("what was said is forgotten", round);
}

/* Begin, end and evict other flows; both threads send the same ones. */
static void churn(struct hand *h)
{
    static const uint8_t flags[] = {TCP_SYN, TCP_SYN, TCP_RST, TCP_ACK, TCP_SYN | TCP_ACK};
    struct talk t = {
        .src = 0x0a010000 + rng_below(&h->rng, 300), .dst = 0x0a000002, .proto = IPPROTO_NR_TCP, .ttl = 64};
    t.v6 = rng_one_in(&h->rng, 4);
    t.src_port = 7;
    t.dst_port = 8;
    t.seq = t.ack = 1;
    t.flags = flags[rng_below(&h->rng, sizeof flags)];
    if (rng_one_in(&h->rng, 2)) t.proto = IPPROTO_NR_UDP;
    sent(h, &t);
}

/* Begin each round in both threads at the same moment, even on a busy machine; else they hardly ever meet. */
static void meet(unsigned round, const struct hand *h)
{
    static unsigned at[2]; /* atomic: the round that each thread has reached */
    __atomic_store_n(&at[h->number], round + 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; __atomic_load_n(&at[!h->number], __ATOMIC_SEQ_CST) <= round; i++)
        if (i % 200000 == 0) sched_yield();
}

static void run_on(unsigned cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

static void *work(void *arg)
{
    struct hand *h = arg;
    run_on(h->number);
    for (unsigned round = 0; round < h->rounds; round++) {
        meet(round, h);
        for (unsigned i = 0; h->good && i < LASTING; i++) speak(h, i);
        for (unsigned i = 0; h->good && i < 4; i++) share(h, 4 * round + i);
        for (unsigned i = 0; h->good && i < CHURN; i++) churn(h);
    }
    return NULL;
}

/* True if each flow has the last number of each side. */
static bool all_heard(const struct hand hands[2])
{
    const struct flow_table *t = ops.table;
    for (uint32_t slot = 0, found = 0; slot < t->groups * GROUP; slot++) {
        const struct flow *f = table_slot(t, slot);
        if (!*table_tag(t, slot) || f->low != 0x0a000001 || f->proto != IPPROTO_NR_TCP) continue;
        const unsigned i = f->low_port - 1000u;
        if (i == LASTING) continue;
        for (unsigned side = 0; side < 2; side++)
            if (f->tcp.side[side].end != hands[side].seq[i]) return wrong("a change is lost", i);
        if (++found == LASTING) return true;
    }
    return wrong("an established connection made way", 0);
}

static bool two_processors(unsigned rounds)
{
    static struct hand hands[2];
    pthread_t other;
    for (unsigned n = 0; n < 2; n++) {
        hands[n] = (struct hand){.number = n, .rounds = rounds, .rng.state = 1, .good = true};
        asker_init(&hands[n].asker, kernel, n);
        for (unsigned i = 0; i < LASTING; i++) hands[n].seq[i] = 100;
    }
    if (!connect_all(&hands[0])) return wrong("no connection", 0);
    if (pthread_create(&other, NULL, work, &hands[1])) return wrong("no thread", 0);
    work(&hands[0]);
    pthread_join(other, NULL);
    const struct flow_head *head = kernel_map(kernel, KERNEL_MAP_flow_head)->memory;
    printf("# %" PRIu64 " flows began, given up %" PRIu64 "\n", flow_table_counters(ops.table)->added, head->given_up);
    return hands[0].good && hands[1].good && check(ops.table) && all_heard(hands);
}

/* ---- a packet's own flow ---- */

/* Nobody replies. One thread's datagrams come from the low side of their tuples, the other's later and from the high
 * side; all are evicted for those. If a slot changes owner during a lookup, a packet that took the new flow for its
 * own would be its reply. */
static void *strangers(void *arg)
{
    enum { TOGETHER = 32, STATIONS = 64 };
    struct hand *h = arg;
    run_on(h->number);
    for (unsigned round = 0; round < h->rounds; round++) {
        meet(h->met + round, h);
        for (unsigned n = 0; h->good && n < TOGETHER; n++) {
            const struct talk t = {.src = (h->number ? 0x0a070000 : 0x0a060000) + rng_below(&h->rng, STATIONS),
                                   .dst = 0x0a06ffff,
                                   .proto = IPPROTO_NR_UDP,
                                   .ttl = 64,
                                   .src_port = (uint16_t)(h->number ? 1 + rng_below(&h->rng, 1000) : 5),
                                   .dst_port = 6};
            sent_at(h, &t, NOW + h->number);
            h->strange += (h->asker.k->key.marks & MARK_ESTABLISHED) != 0;
        }
    }
    return NULL;
}

static bool own_flows(unsigned rounds, unsigned met)
{
    static struct hand hands[2];
    pthread_t other;
    for (unsigned n = 0; n < 2; n++) {
        hands[n] = (struct hand){.number = n, .rounds = rounds, .met = met, .rng.state = n + 1, .good = true};
        asker_init(&hands[n].asker, kernel, n);
    }
    if (pthread_create(&other, NULL, strangers, &hands[1])) return wrong("no thread", 0);
    strangers(&hands[0]);
    pthread_join(other, NULL);
    const unsigned strange = hands[0].strange + hands[1].strange;
    if (strange) return wrong("packets that took another's flow for theirs", strange);
    return hands[0].good && hands[1].good && check(ops.table);
}

/* ---- recipes ---- */

/* Writes one recipe of a forwarded flow all the time while its packets use it. */
struct writer {
    struct track_seen seen;
    struct recipe recipes[2];
    uint8_t kinds[2];
    bool done; /* atomic */
};

static void *write_recipes(void *arg)
{
    struct writer *w = arg;
    struct track t = {.table = ops.table};
    for (unsigned i = 0; !__atomic_load_n(&w->done, __ATOMIC_RELAXED); i ^= 1)
        track_keep_recipe(&t, &w->seen, w->kinds[i], &w->recipes[i]);
    return NULL;
}

static const struct talk asked = {.src = 0x0a030001,
                                  .dst = 0x0a090909,
                                  .proto = IPPROTO_NR_UDP,
                                  .ttl = 64,
                                  .src_port = 99,
                                  .dst_port = 53,
                                  .payload = 9};

/* Fill two recipes that differ in every possible member; both accept the frame. */
static void fill_recipes(struct writer *w, const uint8_t *frame)
{
    for (unsigned i = 0; i < 2; i++) {
        struct recipe *r = &w->recipes[i];
        memset(r, i ? 0x22 : 0x44, sizeof *r);
        r->generation = 1;
        r->server = r->service = 0;
        r->out_if = (uint16_t)i;
        memcpy(r->heard_mac, frame + 6, sizeof r->heard_mac);
        r->heard_if = IFACE_NONE;
        w->kinds[i] = i ? RECIPE_REWRITE : RECIPE_FRAME;
    }
}

/* Begin the packet's flow, as a process begins a forwarded one. */
static bool begin_bound(struct hand *h, struct writer *w)
{
    uint8_t bytes[TALK_FRAME_MAX];
    struct pkt pkt;
    struct kpkt *k;
    const uint32_t len = talk_build(&asked, bytes);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    if (ask_frame(&h->asker, KERNEL_XDP, &pkt, NOW, &k)) return false;
    w->seen = k->seen;
    fill_recipes(w, bytes);
    const struct flow_tuple tuple = {.id = k->seen.id, .hash = k->seen.hash, .room = FLOW_NONE};
    const struct flow_first first = {.state = FLOW_STATE_UDP_ONE_WAY, .flags = FLOW_BOUND};
    w->seen.slot = w->seen.tuple = shared_begin(ops.table, &tuple, &first, NOW);
    w->seen.dir = FLOW_ORIGINAL;
    w->seen.twin = false;
    return w->seen.slot != FLOW_NONE;
}

static bool recipes_whole(unsigned frames)
{
    static struct hand hand;
    static struct writer w;
    struct kernel_world *world = kernel_world(kernel);
    uint8_t bytes[TALK_FRAME_MAX];
    struct pkt pkt;
    struct kpkt *k;
    pthread_t other;
    unsigned by[2] = {0}, up = 0, torn = 0;
    asker_init(&hand.asker, kernel, 0);
    if (!begin_bound(&hand, &w)) return wrong("no flow that is sent on", 0);
    memset(world->longest, 0xff, sizeof world->longest);
    world->recipes = 1;
    if (pthread_create(&other, NULL, write_recipes, &w)) return wrong("no thread", 0);
    for (unsigned i = 0; i < frames || (i < 100 * frames && !(by[0] && by[1])); i++) {
        const uint32_t len = talk_build(&asked, bytes);
        pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
        if (ask_frame(&hand.asker, KERNEL_XDP, &pkt, NOW, &k) || k->out == KERNEL_UP) {
            up++;
            continue;
        }
        const unsigned n = k->seen.recipe == w.kinds[1];
        by[n]++;
        torn += memcmp(&k->recipe, &w.recipes[n], sizeof k->recipe) != 0;
    }
    __atomic_store_n(&w.done, true, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
    shared_end(ops.table, w.seen.slot, FLOW_END_IDLE, false, NOW);
    printf("# by the one %u, by the other %u, up while it was written %u\n", by[0], by[1], up);
    if (torn) return wrong("recipes that were read half written", torn);
    return (by[0] && by[1] && check(ops.table)) || wrong("no packet by one of them", by[0]);
}

/* Steps after which a process that begins a forwarded flow is killed. */
enum step { STEP_ADDED, STEP_PAIRED, STEP_ONE_RECIPE, STEPS };

static void begin_until(enum step last, const struct flow_tuple *there, const struct flow_tuple *back, struct writer *w)
{
    const struct flow_first first = {.state = FLOW_STATE_UDP, .flags = FLOW_BOUND};
    struct track t = {.table = ops.table};
    const int32_t slot = shared_begin(ops.table, there, &first, NOW);
    if (last >= STEP_PAIRED) shared_add_twin(ops.table, slot, back, NOW);
    w->seen = (struct track_seen){.slot = slot, .tuple = slot};
    if (last >= STEP_ONE_RECIPE) track_keep_recipe(&t, &w->seen, w->kinds[0], &w->recipes[0]);
    kill(getpid(), SIGKILL);
}

/* Return where one of its packets then goes. */
static enum kernel_out out_of(const struct talk *t, struct kpkt **k)
{
    uint8_t bytes[TALK_FRAME_MAX];
    struct asker a;
    struct pkt pkt;
    const uint32_t len = talk_build(t, bytes);
    asker_init(&a, kernel, 0);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    return ask_frame(&a, KERNEL_XDP, &pkt, NOW, k) ? KERNEL_NONE : (enum kernel_out)(*k)->out;
}

/* Return the packet's tuple, whose flow no longer exists. */
static struct flow_tuple tuple_of_talk(const struct talk *t)
{
    struct kpkt *k;
    out_of(t, &k);
    if (k->seen.slot != FLOW_NONE) shared_end(ops.table, k->seen.slot, FLOW_END_IDLE, false, NOW);
    return (struct flow_tuple){.id = k->seen.id, .hash = k->seen.hash, .room = FLOW_NONE};
}

/* Check the remains: the flow's packets go to user space, or by a complete recipe, and another process can end it. */
static bool killed_at(enum step step)
{
    static struct writer w;
    const struct talk answer = {.src = 0x0a090901,
                                .dst = asked.src,
                                .proto = IPPROTO_NR_UDP,
                                .ttl = 64,
                                .src_port = 53,
                                .dst_port = asked.src_port,
                                .payload = 9};
    uint8_t bytes[TALK_FRAME_MAX];
    struct kpkt *k;
    talk_build(&asked, bytes);
    fill_recipes(&w, bytes);
    const struct flow_tuple there = tuple_of_talk(&asked), back = tuple_of_talk(&answer);
    const pid_t child = fork();
    if (!child) begin_until(step, &there, &back, &w);
    if (child < 0 || waitpid(child, NULL, 0) != child || !check(ops.table)) return wrong("after step", step);
    if (out_of(&asked, &k) != (step < STEP_ONE_RECIPE ? KERNEL_UP : KERNEL_SEND))
        return wrong("its packets, step", step);
    const int32_t slot = k->seen.slot;
    if (out_of(&answer, &k) != (step < STEP_PAIRED ? KERNEL_PASS : KERNEL_UP)) return wrong("its answers, step", step);
    shared_end(ops.table, slot, FLOW_END_IDLE, false, NOW);
    return check(ops.table) && table_look_up(ops.table, &there.id, there.hash) == FLOW_NONE;
}

static bool killed_between(void)
{
    for (unsigned step = 0; step < STEPS; step++)
        if (!killed_at((enum step)step)) return false;
    return true;
}

/* ---- packets that the host sends ---- */

/* True if the frame leaves traffic control, with no socket waiting for it. */
static bool leaves(const uint8_t *frame, uint32_t len)
{
    struct __sk_buff ctx = {0};
    LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &ctx, .ctx_size_in = sizeof ctx, .data_in = frame,
                .data_size_in = len < 60 ? 60 : len, .repeat = 1);
    return !bpf_prog_test_run_opts(kernel_program(kernel, KERNEL_ENTRY_look_tc), &o) && o.retval == UINT32_MAX;
}

/* The same while another processor keeps adding a flow with such a hash. */
static bool leaves_while_held(const uint8_t *bytes, uint32_t len, uint64_t hash)
{
    struct flow_head *head = kernel_map(kernel, KERNEL_MAP_flow_head)->memory;
    head->adding[hash % FLOW_STRIPES] = 1;
    const bool left = leaves(bytes, len);
    head->adding[hash % FLOW_STRIPES] = 0;
    return left;
}

/* Fill both groups of the tuple with forwarded flows, which the kernel may not end. */
static bool fill(const struct flow_tuple *tuple)
{
    const struct place at = table_place(ops.table, tuple->hash);
    uint32_t left = 1;
    for (unsigned i = 0; i < 2 * GROUP; i++)
        if (ops.tags[place_slot(&at, i)]) flow_end(ops.table, (int32_t)place_slot(&at, i), FLOW_END_IDLE, NOW);
    for (uint32_t i = 0; left && i < 2000000; i++) {
        struct flow_op op = {.kind = FLOW_OP_ADD, .now_ns = NOW, .state = FLOW_STATE_OPEN, .flags = FLOW_BOUND};
        op.tuple.id = tuple->id;
        op.tuple.id.low[0] = 0x0b000000 + i;
        op.tuple.hash = table_hash(ops.table, &op.tuple.id);
        op.tuple.room = FLOW_NONE;
        const struct place its = table_place(ops.table, op.tuple.hash);
        const bool there = its.group[0] == at.group[0] || its.group[0] == at.group[1];
        if (there) ops.run(ops.arg, &op);
        place_choose_of(&at, table_group(ops.table, at.group[0]), table_group(ops.table, at.group[1]), &left);
    }
    return !left;
}

static bool leaves_without_room(const uint8_t *bytes, uint32_t len, const struct flow_tuple *tuple)
{
    return fill(tuple) && leaves(bytes, len);
}

/* Nobody takes over sent packets: accepted ones leave, even if no flow can be made for them. */
static bool sent_without_flow(void)
{
    struct talk t = {.src = 0x0a040001,
                     .dst = 0x0a040002,
                     .proto = IPPROTO_NR_UDP,
                     .ttl = 64,
                     .src_port = 5,
                     .dst_port = 6,
                     .payload = 9};
    uint8_t bytes[TALK_FRAME_MAX], tagged[TALK_FRAME_MAX + 8] = {0};
    const uint32_t len = talk_build(&t, bytes);
    const struct flow_tuple tuple = tuple_of_talk(&t);
    const struct kernel_counters before = kernel_counters(kernel);
    if (!leaves_while_held(bytes, len, tuple.hash)) return wrong("dropped for another processor's sake", 0);
    if (!leaves_without_room(bytes, len, &tuple)) return wrong("dropped for want of room", 0);
    memcpy(tagged, bytes, 12);
    memcpy(tagged + 12, "\x88\xa8\0\5\x81\0\0\7", 8);
    memcpy(tagged + 20, bytes + 12, len - 12);
    if (!leaves(tagged, len + 8)) return wrong("dropped for its two VLAN tags", 0);
    const struct kernel_counters now = kernel_counters(kernel);
    if (now.given_up - before.given_up != 3) return wrong("not counted", now.given_up - before.given_up);
    if (now.lost.packets != before.lost.packets) return wrong("counted as lost", now.lost.packets);
    return check(ops.table);
}

/* ---- two tuples at once ---- */

static struct flow_ops uncounted;
static unsigned asked_for; /* number of operations */

static bool run_counted(void *arg, struct flow_op *op)
{
    asked_for++;
    return uncounted.run(arg, op);
}

/* Begin a flow with its twin. Return the number of operations, or 0 if they are wrong. */
static unsigned begin_pair(const struct flow_tuple *tuple, const struct flow_tuple *twin)
{
    const struct flow_first first = {.state = FLOW_STATE_OPEN, .flags = FLOW_BOUND, .twin = twin};
    uncounted = ops;
    ops.run = run_counted;
    asked_for = 0;
    const int32_t slot = shared_begin(ops.table, tuple, &first, NOW);
    const int32_t other = slot == FLOW_NONE ? FLOW_NONE : shared_add_twin(ops.table, slot, twin, NOW);
    ops.run = uncounted.run;
    if (slot == FLOW_NONE || other == FLOW_NONE || flow_of_twin(ops.table, other) != slot) return 0;
    if (table_look_up(ops.table, &tuple->id, tuple->hash) != slot) return 0;
    return table_look_up(ops.table, &twin->id, twin->hash) == other ? asked_for : 0;
}

/* A flow and its twin are one operation; if the twin finds no room, another flow is evicted. */
static bool begun_in_pairs(void)
{
    struct flow_tuple tuple = {.id.low[0] = 0x0a060001, .room = FLOW_NONE}, twin;
    unsigned said;
    tuple.id.rest = (uint64_t)IPPROTO_NR_TCP << 48 | 7;
    for (unsigned i = 0; i < 2; i++) {
        tuple.id.high[0] = 0x0a060002 + i;
        twin = tuple;
        twin.id.low[0] = 0x0a060010 + i;
        tuple.hash = table_hash(ops.table, &tuple.id);
        twin.hash = table_hash(ops.table, &twin.id);
        if (i && !fill(&twin)) return wrong("groups do not get full", 0);
        said = begin_pair(&tuple, &twin);
        if (i ? said < 3 : said != 1) return wrong("operations", said);
    }
    return check(ops.table);
}

/* ---- killed processes ---- */

static void change(struct rng *rng)
{
    struct flow_table *t = ops.table;
    struct flow_op op = {.kind = rng_below(rng, 4), .now_ns = NOW, .seen_ns = NOW};
    op.slot = (int32_t)rng_below(rng, t->groups * GROUP);
    op.taken = table_slot(t, op.slot)->taken;
    op.state = rng_one_in(rng, 2) ? FLOW_STATE_SYN_SENT : FLOW_STATE_OPEN;
    op.how = FLOW_END_IDLE;
    op.tuple.id.low[0] = 1 + rng_below(rng, 300);
    op.tuple.id.high[0] = 0x0a000009;
    op.tuple.id.rest = (uint64_t)IPPROTO_NR_TCP << 48 | 6;
    op.twin.id = op.tuple.id;
    op.twin.id.rest ^= 6 ^ 5;
    op.tuple.hash = table_hash(t, &op.tuple.id);
    op.twin.hash = table_hash(t, &op.twin.id);
    op.tuple.room = op.twin.room = FLOW_NONE;
    if (op.kind == FLOW_OP_ADD) op.flags = rng_one_in(rng, 3) ? FLOW_BOUND : 0;
    const bool is_new = table_look_up(t, &op.twin.id, op.twin.hash) == FLOW_NONE;
    op.pairs = op.flags & FLOW_BOUND && is_new && rng_one_in(rng, 2);
    /* like a real user of the table: no tuple twice, twins only for flows without one, and twins don't end by
     * themselves */
    const struct flow *f = table_slot(t, op.slot);
    const bool plain = !(f->flags & (FLOW_TWIN | FLOW_PAIRED));
    if (op.kind == FLOW_OP_TWIN)
        if (!(f->flags & FLOW_BOUND) || !plain || !is_new) return;
    if (op.kind >= FLOW_OP_SET && f->flags & FLOW_TWIN) return;
    ops.run(ops.arg, &op);
}

static bool killed(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        const pid_t child = fork();
        if (child < 0) return wrong("no process", i);
        if (!child) {
            struct rng rng = {.state = i};
            for (unsigned n = 0; n < 1000000; n++) change(&rng);
            _exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000 + i % 7 * 500000}, NULL);
        kill(child, SIGKILL);
        if (waitpid(child, NULL, 0) != child || !check(ops.table)) return wrong("after kill", i);
    }
    return true;
}

/* ---- reports ---- */

/* Counts of flows by VLAN stack learn each end: if the ring is full, the flow stays. */
static bool ends_are_told(void)
{
    const struct flow_head *head = kernel_map(kernel, KERNEL_MAP_flow_head)->memory;
    struct flow_op op = {.said = FLOW_OP_DONE};
    unsigned ended = 0;
    for (; op.said == FLOW_OP_DONE && ended < 20000; ended++) {
        op = (struct flow_op){.kind = FLOW_OP_ADD, .now_ns = NOW, .state = FLOW_STATE_OPEN};
        op.tuple.id.low[0] = 0x0a050001;
        op.tuple.id.rest = (uint64_t)IPPROTO_NR_UDP << 48 | UINT64_C(5000) << 32 | 1;
        op.tuple.hash = table_hash(ops.table, &op.tuple.id);
        op.tuple.room = FLOW_NONE;
        if (!ops.run(ops.arg, &op)) return wrong("not run", ended);
    }
    if (op.said != FLOW_OP_HELD || ended < 100 || !head->untold) return wrong("ended and not told", ended);
    return check(ops.table) && table_look_up(ops.table, &op.tuple.id, op.tuple.hash) != FLOW_NONE;
}

/* A worker of the next program is made beside the running one, and may be rejected. */
static bool next_waits(void)
{
    struct flow_table *t = ops.table;
    char runs, waits;
    struct flow_table_cfg cfg = track_table_cfg(program, true);
    cfg.arg = &runs;
    table_over(&ops, &cfg);
    struct flow_table_cfg next = cfg;
    for (unsigned i = 0; i < FLOW_STATES; i++) next.timeout_ns[i]++;
    next.half_open++;
    next.arg = &waits;
    table_over(&ops, &next);
    const bool told = t->arg == &runs;
    t->arg = NULL;
    return told && !memcmp(t->timeout_ns, cfg.timeout_ns, sizeof t->timeout_ns) && t->half_open_most == cfg.half_open;
}

int main(int argc, char **argv)
{
    char err[300];
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 4000;
    const unsigned kills = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 100;
    if (!compile_rules()) return 1;
    kernel = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC, .live = true}, err, sizeof err);
    if (!kernel) {
        const bool skipped = errno == EPERM || errno == ENOTSUP;
        printf("%s%s\n", skipped ? "ok - # SKIP " : "not ok - ", err);
        return !skipped;
    }
    if (kernel_load(kernel, program, err, sizeof err)) {
        printf("not ok - %s\n", err);
        return 1;
    }
    if (!flows_init(&ops, kernel)) return 1;
    const struct flow_table_cfg cfg = track_table_cfg(program, true);
    table_over(&ops, &cfg);
    const bool two = two_processors(rounds);
    printf("%s - two processors on the same flows: nothing is lost, and no lock is left\n", two ? "ok" : "not ok");
    const bool own = two && own_flows(rounds, rounds);
    printf("%s - a packet never sees another's flow\n", own ? "ok" : "not ok");
    const bool whole = own && recipes_whole(5 * rounds);
    printf("%s - a recipe is read whole, however often it is written meanwhile\n", whole ? "ok" : "not ok");
    const bool kill9 = two && killed_between() && killed(kills);
    printf("%s - a process that is killed leaves no lock, %u times\n", kill9 ? "ok" : "not ok", kills);
    const bool sends = two && sent_without_flow();
    printf("%s - what the host sends leaves, also without a flow\n", sends ? "ok" : "not ok");
    const bool pairs = two && begun_in_pairs();
    printf("%s - a flow begins with its twin in one operation, if there is room for both\n", pairs ? "ok" : "not ok");
    const bool told = two && ends_are_told();
    printf("%s - a flow whose end somebody has to know stays where he cannot be told\n", told ? "ok" : "not ok");
    const bool waits = next_waits();
    printf("%s - timeouts of a program that only waits to run are not in force\n", waits ? "ok" : "not ok");
    flows_fini(&ops);
    kernel_free(kernel);
    program_put(program);
    return !(own && whole && kill9 && sends && pairs && told && waits);
}
