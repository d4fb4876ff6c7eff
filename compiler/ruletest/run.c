/* Run the tests of a rule file, each in a fresh state of the finished program, with its own clock. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/sample/sample.h"
#include "compiler/progress.h"
#include "compiler/ruletest/ruletest_priv.h"
#include "lang/heap.h"
#include "runtime/schedule/schedule.h"
#include "vm/forward/service.h"
#include "vm/judge/lives.h"
#include "vm/packet/wire.h"
#include "vm/stream/first.h"

enum {
    SLOTS = 80,                  /* slots of the pool: up to 64 held fragments, a packet and its reply */
    SLOT_BYTES = POOL_SLOT_MOST, /* room for the largest packet */
    TICKS_MOST = 100000,         /* ticks of one step, at most */
    TICK_NS = 10000000,          /* test time between ticks while packets are sent */
    HOLD_NS = 200000000,         /* time after which the vm holds nothing */
};

#define MINUTE_NS (UINT64_C(60) * 1000000000)
#define DAY_NS    (24 * 60 * MINUTE_NS)
#define WEEK_NS   (7 * DAY_NS)

static void take_self(struct test_run *r, const struct facts *self)
{
    r->self = self;
    r->facts.self4 = self->self4;
    r->facts.self4_count = self->self4_count;
    r->facts.self6 = self->self6;
    r->facts.self6_count = self->self6_count;
    r->facts.addr4 = self->addr4;
    memcpy(r->facts.addr6, self->addr6, sizeof(r->facts.addr6));
    r->facts.generation++;
}

unsigned test_wall(const struct test_run *r)
{
    return (unsigned)((r->week_ns + r->now_ns - r->began_ns) % WEEK_NS / MINUTE_NS);
}

/* Take packets that leave; a packet that was held ends its expectation. */
static void run_take_out(struct test_run *r, const struct vm_tx *tx)
{
    for (unsigned i = 0; i < tx->count; i++) {
        const struct tx_entry *e = &tx->entries[i];
        struct test_held **at = &r->held, *h;
        while ((h = *at) && h->cookie != e->cookie) at = &h->next;
        if (h && e->cause == TX_CAUSE_HELD) {
            *at = h->next;
            r->mirrored = h->mirrored | test_mirrors_sent(e->pkt, &e->verdict);
            h->left(r, h, &e->verdict);
        }
        test_left_keep(r, e);
        pool_put(e->pkt);
    }
}

static uint64_t tick_once(struct test_run *r, uint64_t at)
{
    struct tx_entry entries[SLOTS];
    const struct vm_in in = {.mono_ns = at, .facts = &r->facts};
    struct vm_tx tx = {.entries = entries, .cap = SLOTS};
    const uint64_t next = vm_tick(r->vm, &in, &tx);
    r->now_ns = r->ticked_ns = at;
    run_take_out(r, &tx);
    return next;
}

/* Advance the time without sending. Held packets leave at their time; flows that end meanwhile all end at now_ns,
 * which no test can distinguish. */
static void tick(struct test_run *r, uint64_t now_ns)
{
    const uint64_t soon = now_ns - r->now_ns < HOLD_NS ? now_ns : r->now_ns + HOLD_NS;
    struct vm_tx tx = {0};
    unsigned part = 0;
    uint64_t next = r->now_ns;
    for (unsigned i = 0; i < TICKS_MOST && next < soon; i++) {
        const uint64_t at = next;
        next = tick_once(r, at);
        if (next <= at) next = at + HOLD_NS / TICKS_MOST;
    }
    tick_once(r, now_ns);
    const struct vm_in in = {.mono_ns = now_ns, .facts = &r->facts};
    while (vm_expire(r->vm, &in, &tx, &part)) continue;
}

void test_time(struct test_run *r, uint64_t now_ns)
{
    if (r->vm && now_ns >= r->ticked_ns + r->tick_ns) tick_once(r, now_ns);
    r->now_ns = now_ns;
}

void test_clock(struct test_run *r, uint64_t now_ns)
{
    test_time(r, now_ns);
    if (!r->program->schedules_count) return;
    const unsigned minute = test_wall(r);
    if (r->dated) {
        const uint64_t minutes = r->date_minute + (r->now_ns - r->dated_ns) / (60 * UINT64_C(1000000000));
        r->facts.schedules =
            schedules_on_date(r->program, (uint32_t)(minutes / (24 * 60)), (unsigned)(minutes % (24 * 60)));
        return;
    }
    r->facts.schedules = schedules_on(r->program, minute / (24 * 60), minute % (24 * 60));
}

void test_build(const struct test_run *r, const struct frame_spec *packet, struct pkt *pkt)
{
    const uint32_t len = frame_write(packet, r->frame);
    frame_spec_view(packet, r->frame, len, pkt);
}

void test_hold(struct test_run *r, struct test_held *h, test_left_fn *left)
{
    h->cookie = r->cookie;
    h->left = left;
    h->next = r->held;
    r->held = h;
}

void test_judge(struct test_run *r, struct pkt *pkt, struct verdict *v)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    struct tx_entry entries[SLOTS];
    struct vm_tx tx = {.entries = entries, .cap = SLOTS};
    pkt->cookie = ++r->cookie;
    r->mirrored = 0;
    vm_run(r->vm, &in, &pkt, 1, v, &tx);
    const uint64_t mirrored = r->mirrored | test_mirrors_sent(pkt, v);
    run_take_out(r, &tx);
    r->mirrored = mirrored;
}

void test_parse(const struct test_run *r, struct pkt *pkt, struct key *key)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    pkt_parse(pkt, &r->facts, key);
    if (pkt->reason != REASON_NONE) return;
    key_settle(r->program, key);
    vm_state(r->vm, &in, key, pkt);
    ways_settle(r->program, &r->facts, key, pkt);
}

/* True if a service took a new flow and had no server for it. */
static bool is_turned_away(const struct verdict *v)
{
    const bool drops = v->action == ACTION_DROP || v->action == ACTION_REJECT;
    return drops && (v->reason == REASON_NO_SERVER || v->reason == REASON_MAX_FLOWS);
}

/* True if the connection goes where the step expects: to the original destination, or to the program. */
static bool goes_there(const struct test_run *r, const struct test_step *s, const struct test_search *search)
{
    if (!search || search->goes != s->goes) return false;
    const struct pbc_branch *b = &r->program->branches[search->served.branch];
    return s->goes != PBC_GOES_PROGRAM || !strcmp(program_str(r->program, b->share_count), s->socket);
}

struct verdict test_would(const struct program *p, const struct verdict *v)
{
    struct verdict would = *v;
    const struct program *w = p->would;
    if (v->would) {
        would.action = (uint8_t)((v->would - 1) % ACTION_COUNT);
        would.rule = v->would_rule;
        would.firewall = v->would_firewall;
        would.reason = REASON_NONE;
        would.service = would.server = PBC_NONE;
        return would;
    }
    if (v->rule < RULE_DEFAULT)
        for (would.rule = 0; would.rule < w->rules_count && w->would_twins[would.rule] != v->rule;) would.rule++;
    return would;
}

bool test_holds(const struct test_run *r, const struct test_step *s, const struct verdict *in_fact,
                const struct test_search *search)
{
    const struct program *p = r->program;
    const struct verdict would = s->would ? test_would(p, in_fact) : *in_fact, *const v = &would;
    const bool let =
        s->action == ACTION_ACCEPT && (v->action == ACTION_FORWARD || (s->stepped && v->action == ACTION_PASS));
    const bool rejected = search && search->goes == PBC_GOES_REJECT;
    if (s->mirrored) return test_mirrored_holds(r, s);
    if (s->refused) return (search && search->refused) || rejected || is_turned_away(v);
    if (rejected && s->asks_server) return s->action == ACTION_REJECT;
    if (s->action == ACTION_PASS && v->action == ACTION_FORWARD) return search && search->goes == PBC_GOES_PASS;
    if (v->action != s->action && !let) return false;
    if (s->state && !((search ? search->key.marks : 0) & s->state)) return false;
    if (s->goes != PBC_GOES_POOLS && !goes_there(r, s, search)) return false;
    if (s->pool != PBC_NONE && (v->server >= p->servers_count || p->servers[v->server].pool != s->pool)) return false;
    if (s->server != PBC_NONE && v->server != s->server) return false;
    return s->rule == RULE_NONE || s->rule == v->rule;
}

/* An expectation of a held packet, as it was when the packet was sent */
struct expected {
    struct test_held held;
    const struct test_step *step;
    struct test_search search;
    uint64_t sent_ns;
};

static void held_left(struct test_run *r, struct test_held *h, const struct verdict *v)
{
    const struct expected *e = (const struct expected *)h;
    const uint64_t now_ns = r->now_ns;
    if (test_holds(r, e->step, v, &e->search)) return;
    r->test->failed = true;
    r->now_ns = e->sent_ns;
    test_report(r, e->step, v, &e->search);
    r->now_ns = now_ns;
}

/* Hold the expectation with a copy of the frame, whose buffer the next packet overwrites. struct expected is aligned by
 * hand: its key needs more than the arena gives. */
static void run_hold(struct test_run *r, const struct test_step *s, const struct test_search *search)
{
    const uintptr_t room = (uintptr_t)arena_alloc(r->c->arena, sizeof(struct expected) + _Alignof(struct expected));
    struct expected *e = (struct expected *)((room + _Alignof(struct expected) - 1) & -_Alignof(struct expected));
    *e = (struct expected){.step = s, .search = *search, .sent_ns = r->now_ns};
    e->search.pkt.data = arena_alloc(r->c->arena, search->pkt.head_len);
    memcpy(e->search.pkt.data, search->pkt.data, search->pkt.head_len);
    test_hold(r, &e->held, held_left);
}

static bool expect(struct test_run *r, const struct test_step *s)
{
    /* Search before judging, which takes tokens and changes flows. */
    const bool early = r->program->meters_count || r->program->meta->flags & PBC_KEEPS_FLOWS;
    struct frame_spec packet;
    struct test_search search;
    struct pkt pkt;
    struct verdict v;
    if (!test_packet_ready(r, s, &packet)) return false;
    if (test_is_past(r, s)) {
        test_left_past(r, &packet);
        return true;
    }
    test_build(r, &packet, &pkt);
    test_look(r, s, &pkt, &search);
    if (early) test_search(r, &search);
    test_judge(r, &pkt, &v);
    if (s->asks_server) {
        search.refused = !said_connect(r, s->said, &packet.payload, &search.key, &v, &search.served);
        if (v.service != PBC_NONE && search.served.branch < r->program->branches_count)
            search.goes = branch_goes(&r->program->branches[search.served.branch]);
    }
    const bool held = v.action == ACTION_HELD, good = held || test_holds(r, s, &v, &search);
    if (held) run_hold(r, s, &search);
    if (!good && !early) test_search(r, &search);
    if (!good) test_report(r, s, &v, &search);
    test_left_note(r, &packet, &v, r->cookie); /* last, since it may build another frame */
    return good;
}

/* Source ports of repeated packets that each have a different port */
enum { PORT_LEAST = 1024, PORTS = 65536 - PORT_LEAST };

/* Send the packets evenly over the time, the first at its beginning and the last at its end, so that the next step
 * meets the flood. */
static void repeat(struct test_run *r, const struct test_step *s)
{
    const uint64_t began = r->now_ns, gaps = s->count > 1 ? s->count - 1 : 1;
    struct frame_spec packet, left = {0};
    struct pkt pkt;
    struct verdict v, let = {.action = ACTION_DROP};
    uint64_t cookie = 0;
    if (s->packet->notes & NOTE_ANY_PORT) s->packet->src_port = PORT_LEAST;
    if (!test_packet_ready(r, s, &packet)) return;
    test_build(r, &packet, &pkt);
    if (s->ns / TICKS_MOST > TICK_NS) r->tick_ns = s->ns / TICKS_MOST;
    for (uint64_t i = 0; i < s->count; i++) {
        test_clock(r, began + (uint64_t)((unsigned __int128)s->ns * i / gaps));
        if (packet.notes & NOTE_ANY_PORT && i) {
            packet.src_port = (uint16_t)(PORT_LEAST + i % PORTS);
            test_build(r, &packet, &pkt);
        }
        test_judge(r, &pkt, &v);
        if (v.action == ACTION_DROP || v.action == ACTION_REJECT) continue;
        left = packet;
        let = v;
        cookie = r->cookie;
    }
    test_clock(r, began + s->ns);
    r->tick_ns = TICK_NS;
    test_left_note(r, &left, &let, cookie);
}

/* Let time pass without sending; all timers run. */
static void pass(struct test_run *r, uint64_t ns)
{
    const uint64_t now_ns = r->now_ns + ns;
    tick(r, now_ns);
    test_clock(r, now_ns);
}

/* Advance to the next moment of the week with that time, and never back. */
static void run_set_clock(struct test_run *r, const struct test_step *s)
{
    const uint64_t period = s->day < 0 ? DAY_NS : WEEK_NS, wall = (r->week_ns + r->now_ns - r->began_ns) % period;
    const uint64_t wanted = ((s->day < 0 ? 0 : (uint64_t)s->day * DAY_NS) + s->ns) % period;
    pass(r, (wanted + period - wall) % period);
    if (!s->dated) return;
    r->dated = true;
    r->dated_ns = r->now_ns;
    r->date_minute = (uint64_t)s->date * 24 * 60 + s->ns / (60 * UINT64_C(1000000000));
    test_clock(r, r->now_ns);
}

static void health(struct test_run *r, const struct test_step *s)
{
    if (r->down[s->server] && !s->down) r->up_since_ns[s->server] = r->now_ns;
    r->down[s->server] = s->down;
    r->facts.down = r->down;
    r->facts.up_since_ns = r->up_since_ns;
    r->facts.generation++;
}

static void free_table(struct test_run *r)
{
    routes_put((struct routes *)(uintptr_t)r->facts.routes);
    free((void *)(uintptr_t)r->facts.devices);
}

static void forget_routes(struct test_run *r)
{
    free_table(r);
    route_list_fini(&r->routes);
    r->facts.routes = NULL;
    r->facts.devices = NULL;
}

static void route(struct test_run *r, const struct test_step *s)
{
    struct route_hop hop = {.weight = 1};
    const struct route_entry e = {.route = *s->route, .kind = ROUTE_VIA, .hops = 1, .hop = &hop};
    memcpy(hop.device, s->device, strnlen(s->device, sizeof(hop.device) - 1));
    struct routes *table = route_list_set(&r->routes, &e) ? NULL : route_list_table(&r->routes);
    struct facts_device *devices = table ? route_devices(table, r->program) : NULL;
    if (!devices) out_of_memory();
    free_table(r);
    r->facts.routes = table;
    r->facts.devices = devices;
    r->facts.generation++;
}

/* Decide a claim, which assumes its own members of live sets. */
static bool claim(struct test_run *r, const struct test_step *s)
{
    const bool holds = claim_holds(&r->claims, s->claim);
    sample_assume(NULL, NULL);
    program_members(r->program, r->members);
    return holds;
}

/* Run a step; false if it failed. The test goes on, so that one run reports every wrong expectation. */
static bool run_step(struct test_run *r, const struct test_step *s)
{
    switch (s->kind) {
    case STEP_EXPECT: return expect(r, s);
    case STEP_SPLIT: return test_split(r, s);
    case STEP_REPLAY: return test_replay(r, s);
    case STEP_CLAIM: return claim(r, s);
    case STEP_LIVE: return test_live(r, s);
    case STEP_REPEAT: repeat(r, s); break;
    case STEP_AFTER: pass(r, s->ns); break;
    case STEP_AT: run_set_clock(r, s); break;
    case STEP_SELF: take_self(r, s->self); break;
    case STEP_ROUTE: route(r, s); break;
    case STEP_HEALTH: health(r, s); break;
    }
    return true;
}

const struct verdict test_still_held = {
    .action = ACTION_HELD, .rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};

/* Let held packets wait out their time, and end the expectations of those that still do not leave. */
static void end_test(struct test_run *r)
{
    if (r->held) pass(r, HOLD_NS);
    for (struct test_held *h = r->held; h; h = h->next) {
        r->mirrored = h->mirrored;
        h->left(r, h, &test_still_held);
    }
}

static void run_test(struct test_run *r, struct test *t)
{
    r->test = t;
    r->began_ns = r->ticked_ns = TEST_BEGIN_NS;
    r->tick_ns = TICK_NS;
    r->week_ns = 0;
    r->dated = false;
    forget_routes(r);
    r->facts = (struct facts){0};
    r->vm = NULL;
    r->held = NULL;
    r->any_left = r->past = r->answered = false;
    r->left_cookie = 0;
    r->datagram = 0;
    memset(r->talks, 0, sizeof(r->talks));
    memset(r->datagrams, 0, sizeof(r->datagrams));
    memset(r->down, 0, r->program->servers_count);
    memset(r->up_since_ns, 0, r->program->servers_count * sizeof(*r->up_since_ns));
    r->members = lives_new(r->program, 1);
    if (!r->members) out_of_memory();
    program_members(r->program, r->members);
    take_self(r, t->self_at_start);
    test_clock(r, TEST_BEGIN_NS);
    r->pool = pool_init(r->pool_memory, pool_bytes(SLOTS, SLOT_BYTES), SLOTS, SLOT_BYTES);
    const struct vm_copies copies = {test_mirror, r};
    r->vm = vm_new(r->program, &(struct vm_cfg){.seed = 1, .pool = r->pool, .no_cookies = true, .copies = &copies});
    r->chooser = r->program->proxies_count ? chooser_new(r->program, &(struct vm_cfg){.seed = 1}) : NULL;
    if (!r->vm || (r->program->proxies_count && !r->chooser)) out_of_memory();
    for (const struct test_step *s = t->first; s; s = s->next) {
        progress_done(r->steps_done++, r->steps);
        t->failed = !run_step(r, s) || t->failed;
    }
    end_test(r);
    chooser_free(r->chooser);
    vm_free(r->vm);
    program_members(r->program, NULL);
    lives_free(r->members);
}

static void free_room(struct test_run *r)
{
    forget_routes(r);
    free(r->pool_memory);
    free(r->up_since_ns);
    free(r->down);
    free(r->left_frame);
    free(r->frame);
    free(r->first);
    program_put(r->program);
}

static uint64_t count_steps(const struct tests *tests)
{
    uint64_t n = 0;
    for (const struct test *t = tests->first; t; t = t->next)
        for (const struct test_step *s = t->first; s; s = s->next) n++;
    return n;
}

void judge_tests(struct compile *c)
{
    char err[256];
    struct test_run r = {.c = c, .steps = count_steps(c->tests)};
    struct tests *tests = c->tests;
    if (!tests->first) return;
    r.program = program_load(c->pbc, c->pbc_len, err, sizeof(err));
    if (!r.program) out_of_memory(); /* check_loads has loaded it before */
    r.claims = (struct claims){.c = c, .program = r.program};
    const size_t servers = r.program->servers_count;
    r.first = heap_zeroed(1, sizeof(*r.first));
    r.frame = heap_zeroed(FRAME_MOST, 1);
    r.left_frame = heap_zeroed(TEST_LEFT_MOST, 1);
    r.down = heap_zeroed(servers, 1);
    r.up_since_ns = heap_zeroed(servers, sizeof(*r.up_since_ns));
    r.pool_memory = aligned_alloc(64, (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64);
    if (!r.pool_memory) out_of_memory();
    for (struct test *t = tests->first; t; t = t->next) {
        run_test(&r, t);
        tests->ran++;
        tests->failed += t->failed;
    }
    free_room(&r);
}
