/* Run `expect split shop 5:3:1 within 2% over 10000 flows`: send new flows from drawn sources to the services that
 * use the pool until that number has reached the pool. Then compare their spread over its servers.
 *
 * Sources are drawn from all unicast addresses, by a generator with a fixed seed. If the firewall lets none of them
 * through to the pool, sources are drawn from the sets of the file; if it lets too few through, every second source
 * is drawn from these sets.
 *
 * The flows run in a separate state beside the test: they fill no table and take no port of the test's
 * conversations. At a limit of one machine (source ports, `max flows`) the rest goes to another empty state. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest_priv.h"
#include "lang/heap.h"
#include "vm/forward/service.h"

enum { TRIES_PER_FLOW = 100, TRIES_MOST = 10 * TEST_REPEAT_MAX, PATIENCE = 2000 };

struct split {
    struct test_run *r;
    const struct test_step *step;
    uint64_t seed;
    uint32_t *endpoints, endpoint_count; /* endpoints whose service may lead to the pool */
    uint64_t *flows;                     /* flows that reached each server of the pool */
    uint64_t tries, reached;
    bool from_sets;
    struct vm *vm;           /* state that is separate from the test's */
    struct chooser *chooser; /* separate from the test's; NULL: no service is a proxy */
    uint64_t before;         /* part of `reached` that was counted in earlier states */
    bool odd;                /* odd_packet holds the first packet that did not reach the pool */
    struct frame_spec odd_packet;
};

/* Return the next number of xorshift64*, which is reproducible everywhere. */
static uint64_t split_draw(struct split *s)
{
    s->seed ^= s->seed >> 12;
    s->seed ^= s->seed << 25;
    s->seed ^= s->seed >> 27;
    return s->seed * UINT64_C(2685821657736338717);
}

static uint64_t draw_below(struct split *s, uint64_t n) { return n ? split_draw(s) % n : 0; }

static bool service_uses(const struct program *p, const struct pbc_service *service, uint32_t pool)
{
    for (uint32_t b = service->branches; b < service->branches + service->branch_count; b++)
        for (uint32_t i = 0; i < branch_shares(&p->branches[b]); i++)
            if (p->shares[p->branches[b].shares + i].pool == pool) return true;
    return false;
}

static void find_endpoints(struct split *s)
{
    const struct program *p = s->r->program;
    s->endpoints = heap_zeroed(p->endpoints_count, sizeof(*s->endpoints));
    for (uint32_t i = 0; i < p->endpoints_count; i++)
        if (service_uses(p, &p->services[p->endpoints[i].service], s->step->pool))
            s->endpoints[s->endpoint_count++] = i;
}

/* Draw from 1.0.0.0 to 223.255.255.255 without 127.0.0.0/8, or from 2000::/3 (global unicast). */
static void draw_anywhere(struct split *s, uint8_t family, uint32_t w[4])
{
    for (unsigned i = 0; i < 4; i++) w[i] = (uint32_t)split_draw(s);
    if (family == 4) {
        const uint32_t first = 1 + (uint32_t)draw_below(s, 222);
        w[0] = (w[0] & 0xffffff) | (first + (first >= 127)) << 24;
        w[1] = w[2] = w[3] = 0;
    } else {
        w[0] = (w[0] & 0x1fffffff) | 0x20000000;
    }
}

static void draw_from_range6(struct split *s, const struct pbc_range6 *r, uint32_t w[4])
{
    const u128 lo = span6(r).lo, hi = span6(r).hi;
    const u128 any = (u128)split_draw(s) << 64 | split_draw(s),
               at = hi - lo == ~(u128)0 ? any : lo + any % (hi - lo + 1);
    for (unsigned i = 0; i < 4; i++) w[i] = (uint32_t)(at >> (96 - 32 * i));
}

static void draw_from_sets(struct split *s, uint8_t family, uint32_t w[4])
{
    const struct program *p = s->r->program;
    if (family == 4 ? !p->set4_count : !p->set6_count) {
        draw_anywhere(s, family, w);
    } else if (family == 4) {
        const struct pbc_range *r = &p->set4[draw_below(s, p->set4_count)];
        w[0] = r->lo + (uint32_t)draw_below(s, (uint64_t)r->hi - r->lo + 1);
    } else {
        draw_from_range6(s, &p->set6[draw_below(s, p->set6_count)], w);
    }
}

static uint8_t form_of(uint8_t proto)
{
    for (uint8_t i = 0; i < UPPERS; i++)
        if (endpoint_info[proto].kinds == uppers[i].kind) return i;
    return FORM_TCP;
}

/* Return the first packet of a new flow to the endpoint. */
static struct frame_spec flow_to(struct split *s, const struct pbc_endpoint *e)
{
    const struct facts *self = s->r->self;
    struct frame_spec p = {
        .form = form_of(e->proto), .ttl = 64, .iface = IFACE_NONE, .fragment = KIND_FRAG_NO, .flags = TCP_SYN};
    p.proto = uppers[p.form].number;
    p.type = p.form == FORM_ICMP ? 8 : p.form == FORM_ICMP6 ? 128 : 0;
    p.family = e->to == PBC_TO_ADDRESS                                         ? e->family
               : p.form == FORM_ICMP6 || (p.form != FORM_ICMP && !self->addr4) ? 6
                                                                               : 4;
    if (e->to == PBC_TO_ADDRESS)
        memcpy(p.dst, e->addr, sizeof(p.dst));
    else
        own_address(self, p.family, p.dst);
    if (s->from_sets)
        draw_from_sets(s, p.family, p.src);
    else
        draw_anywhere(s, p.family, p.src);
    p.src_port = (uint16_t)(1024 + draw_below(s, 64512));
    p.dst_port = (uint16_t)(e->port_lo + draw_below(s, (uint64_t)e->port_hi - e->port_lo + 1));
    return p;
}

static bool begin_anew(struct split *s)
{
    const struct vm_cfg cfg = {.seed = 1, .pool = s->r->pool, .no_cookies = true};
    chooser_free(s->chooser);
    vm_free(s->vm);
    s->vm = vm_new(s->r->program, &cfg);
    s->chooser = s->r->program->proxies_count ? chooser_new(s->r->program, &cfg) : NULL;
    s->before = s->reached;
    return s->vm && (s->chooser || !s->r->program->proxies_count);
}

/* Choose the server, if the vm gave the packet to a proxy service. */
static void connect_drawn(struct split *s, struct pkt *pkt, struct verdict *v)
{
    const struct program *p = s->r->program;
    struct served served;
    struct key key;
    if (v->action != ACTION_FORWARD || v->service >= p->services_count || !p->services[v->service].proxy) return;
    test_parse(s->r, pkt, &key);
    const uint32_t branch = stream_branch_to(p, v->service, &key, s->step->pool, (uint32_t)s->reached);
    if (branch != PBC_NONE) said_give(s->r, s->chooser, branch, &key, 0, v, &served);
}

/* Judge the packet in the separate state. */
static void split_judge(struct split *s, const struct frame_spec *packet, struct verdict *v)
{
    struct vm *const vm = s->r->vm;
    struct pkt pkt;
    test_build(s->r, packet, &pkt);
    s->r->vm = s->vm;
    test_judge(s->r, &pkt, v);
    connect_drawn(s, &pkt, v);
    s->r->vm = vm;
}

static bool is_full(const struct verdict *v)
{
    return v->reason == REASON_NO_SOURCE_PORT || v->reason == REASON_MAX_FLOWS;
}

static void try_flow(struct split *s)
{
    const struct program *p = s->r->program;
    const struct frame_spec packet = flow_to(s, &p->endpoints[s->endpoints[s->tries % s->endpoint_count]]);
    struct verdict v;
    split_judge(s, &packet, &v);
    if (is_full(&v) && s->reached > s->before && begin_anew(s)) split_judge(s, &packet, &v);
    s->tries++;
    if (v.action == ACTION_FORWARD && v.server < p->servers_count && p->servers[v.server].pool == s->step->pool) {
        s->reached++;
        s->flows[v.server - p->pools[s->step->pool].servers]++;
    } else if (!s->odd) {
        s->odd = true;
        s->odd_packet = packet;
    }
}

static void report_unreached(struct split *s)
{
    struct test_run *r = s->r;
    struct pkt pkt;
    struct key key;
    struct verdict v;
    diag(r->c->diags, E_TEST_FAILED, s->step->span,
         "test \"%s\": of %" PRIu64 " packets from random sources, %" PRIu64
         " reached the pool `%s`, too few for %" PRIu64 " flows",
         r->test->name.s, s->tries, s->reached, program_str(r->program, r->program->pools[s->step->pool].name),
         s->step->count);
    if (!s->endpoint_count) diag_note(r->c->diags, SPAN_NONE, "no service uses this pool");
    if (!s->odd) return;
    split_judge(s, &s->odd_packet, &v);
    test_build(r, &s->odd_packet, &pkt);
    test_parse(r, &pkt, &key);
    test_note_packet(r, "a packet that didn't reach the pool", &pkt, &key);
    test_note_decider(r, &v, &key);
    const struct served served = test_served(r, &pkt, &key);
    test_note_service(r, &served, &v);
}

/* Return the share in hundredths of a percent. */
static unsigned split_share(uint64_t part, uint64_t all)
{
    return all ? (unsigned)((part * 10000 + all / 2) / all) : 0;
}

/* Return the part that the step expects of this server; `next`: index of the first part not yet given. */
static uint32_t server_part(const struct split *s, const struct pbc_server *server, uint32_t *next)
{
    const struct pbc_pool *pool = &s->r->program->pools[s->step->pool];
    const bool spare = server->flags & PBC_SERVER_BACKUP && s->step->part_count < pool->server_count;
    return spare ? 0 : s->step->parts[(*next)++];
}

static bool near_enough(const struct split *s, uint64_t flows, uint64_t part, uint64_t parts)
{
    const uint64_t a = flows * parts, b = part * s->step->count;
    return (a > b ? a - b : b - a) * 100 <= s->step->percent * s->step->count * parts;
}

/* Add one note: "a 55.61 % (expected 55.56 %), b ...". */
static void note_shares(struct split *s, uint64_t parts)
{
    const struct program *p = s->r->program;
    const struct pbc_pool *pool = &p->pools[s->step->pool];
    char text[1000];
    size_t n = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < pool->server_count && n < sizeof(text) - 200; i++) {
        const struct pbc_server *server = &p->servers[pool->servers + i];
        const uint32_t part = server_part(s, server, &next);
        const unsigned found = split_share(s->flows[i], s->step->count), want = split_share(part, parts);
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s`%s` %u.%02u%% (expected %u.%02u%%)", i ? ", " : "",
                              program_str(p, server->name), found / 100, found % 100, want / 100, want % 100);
    }
    diag_note(s->r->c->diags, test_span_of(s->r, &pool->place), "%s", text);
}

static bool check_shares(struct split *s)
{
    const struct program *p = s->r->program;
    const struct pbc_pool *pool = &p->pools[s->step->pool];
    const struct pbc_server *worst = NULL;
    uint64_t parts = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < s->step->part_count; i++) parts += s->step->parts[i];
    for (uint32_t i = 0; i < pool->server_count; i++) {
        const struct pbc_server *server = &p->servers[pool->servers + i];
        const uint32_t part = server_part(s, server, &next);
        if (!near_enough(s, s->flows[i], part, parts) && !worst) worst = server;
    }
    if (!worst) return true;
    diag(s->r->c->diags, E_TEST_FAILED, s->step->span,
         "test \"%s\": the share of `%s` in %" PRIu64 " flows is more than %" PRIu64
         " percentage point%s away from the expected share",
         s->r->test->name.s, program_str(p, worst->name), s->step->count, s->step->percent,
         s->step->percent == 1 ? "" : "s");
    note_shares(s, parts);
    return false;
}

bool test_split(struct test_run *r, const struct test_step *step)
{
    const struct program *p = r->program;
    struct split s = {.r = r, .step = step, .seed = 0x9e3779b97f4a7c15};
    const uint64_t wanted = step->count * TRIES_PER_FLOW, most = wanted < TRIES_MOST ? wanted : TRIES_MOST;
    bool good = false, scarce = false;
    s.flows = heap_zeroed(p->pools[step->pool].server_count, sizeof(*s.flows));
    find_endpoints(&s);
    if (begin_anew(&s)) {
        while (s.endpoint_count && s.vm && s.reached < step->count && s.tries < most) {
            if (s.tries >= 2 * PATIENCE && !s.reached) break;
            if (s.tries == PATIENCE) scarce = s.reached < PATIENCE / TRIES_PER_FLOW;
            s.from_sets = scarce && (!s.reached || s.tries % 2);
            try_flow(&s);
        }
        good = s.reached == step->count && check_shares(&s);
        if (s.vm && s.reached < step->count) report_unreached(&s);
    }
    chooser_free(s.chooser);
    vm_free(s.vm);
    free(s.flows);
    free(s.endpoints);
    return good;
}
