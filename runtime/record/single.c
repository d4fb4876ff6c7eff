/* See single.h. */
#include "runtime/record/single.h"

#include <string.h>

#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/judge/ways.h"

enum { FRAME_MOST = 1 << 17 };

void single_packet(struct actor *a, const struct scene *s)
{
    if (s->left) return; /* what it went by is not here */
    if (a->got >= a->want || s->frame.port >= a->story->start.ports || s->frame.cap_len > FRAME_MOST)
        a->counters.passed_over++;
    else
        actor_take(a, s);
}

/* ---- judging ---- */

/* What the packet hangs on is known. */
struct single {
    const struct program *program;
    struct pkt *pkt;
    struct key key;
    struct tape_verdict recorded;
    struct decision own;
};

static bool parse(const struct actor *a, struct single *x)
{
    const struct facts *facts = &a->world->facts;
    x->pkt->iface = a->program ? a->program->iface[x->pkt->cookie] : a->story->other_iface[x->pkt->cookie];
    pkt_parse(x->pkt, facts, &x->key);
    x->key.marks |= (uint32_t)(x->recorded.asked >> 4) << (4 + TAPE_STATES);
    if (facts->self4_count | facts->self6_count) key_settle(x->program, &x->key);
    if (x->program->meta->flags & PBC_ASKS_ROUTES) ways_settle(x->program->meta->flags, facts, &x->key, x->pkt);
    return x->pkt->reason == REASON_NONE;
}

/* More than the packet is asked for. */
static bool asks_more(const struct single *x)
{
    const struct program *p = x->program;
    const bool cut = x->pkt->cap_len < x->pkt->wire_len && x->pkt->cap_len < p->meta->reach;
    return cut || p->meters_count || p->meta->flags & PBC_COUNTS_FLOWS || x->key.kind & KIND_FRAG_LATER;
}

/* A rule that accepts may lead to a drop, where no server is there; then a reason is said. */
static bool same_action(const struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (x->own.action != ACTION_ACCEPT) return v->action == x->own.action;
    return v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->reason != REASON_NONE;
}

static bool same_service(const struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (v->action != ACTION_FORWARD || v->service == PBC_NONE || v->flags & VERDICT_REPLY) return true;
    const uint32_t branch = service_branch(x->program, &x->key, x->pkt);
    return branch != PBC_NONE && x->program->branches[branch].service == v->service;
}

/* By another program only what becomes of it is compared. */
static void compare(struct actor *a, struct single *x)
{
    const bool parses = parse(a, x), malformed = x->recorded.reason != REASON_NONE;
    struct actor_counters *c = &a->counters;
    if (!(x->recorded.asked & TAPE_BY_RULES) || !parses) {
        const bool same = !parses && malformed && x->pkt->reason == x->recorded.reason;
        c->verdicts += same;
        c->unclaimed += !same;
        return;
    }
    x->own = program_decide(x->program, &x->key, x->pkt);
    const bool same = same_action(x) && (!a->program || (x->own.rule == x->recorded.rule && same_service(x)));
    c->verdicts += same;
    c->verdicts_other += !same && !asks_more(x);
    c->unclaimed += !same && asks_more(x);
}

static struct verdict verdict_of(const struct tape_verdict *v)
{
    return (struct verdict){.action = v->action,
                            .reason = v->reason,
                            .flags = v->flags,
                            .rule = v->rule,
                            .firewall = PBC_NONE,
                            .service = v->service,
                            .server = v->server};
}

/* Numbers are hostile: names are asked by them. */
static bool is_of(const struct program *p, const struct verdict *v)
{
    const bool rule = v->rule < p->rules_count || v->rule >= RULE_DEFAULT;
    const bool service = v->service < p->services_count || v->service == PBC_NONE;
    return rule && service && (v->server < p->servers_count || v->server == PBC_NONE) && v->action < ACTION_COUNT &&
           v->reason < REASON_COUNT;
}

static void judge(struct actor *a, const uint8_t *body)
{
    const unsigned n = a->want;
    const struct program *ran = a->program ? a->program->p : a->story->other;
    struct verdict verdicts[VM_BATCH];
    if (a->watch->before && a->program && a->watch->before(a->watch->arg, a, n)) return;
    for (unsigned i = 0; i < n; i++) {
        struct single x = {.program = ran, .pkt = a->views[i]};
        memcpy(&x.recorded, body + i * sizeof x.recorded, sizeof x.recorded);
        verdicts[i] = verdict_of(&x.recorded);
        if (a->program && !is_of(ran, &verdicts[i])) {
            actor_stop(a, "a verdict is none");
            return;
        }
        compare(a, &x);
    }
    if (a->watch->judged && a->program) a->watch->judged(a->watch->arg, a, n, ran, verdicts);
}

/* ---- steps ---- */

static void begin(struct actor *a, const struct tape_record *r)
{
    const struct told_program *k = story_program(a->story, r->number >> 32);
    a->want = a->got = 0;
    a->program = a->story->other ? NULL : k;
    a->world = story_world(a->story, (uint32_t)r->number);
    if (!k || !a->world || !r->count || r->count > VM_BATCH || !actor_room(a)) {
        actor_stop(a, "a program or a world is missing");
        return;
    }
    a->want = r->count;
}

void single_step(struct actor *a, const struct scene *s)
{
    struct tape_record r;
    struct cursor c = {s->body, s->len};
    if (!cursor_copy(&c, &r, sizeof r) || r.kind == TAPE_GAP) {
        a->missed = "the recorder had no room";
        a->want = a->got = 0;
        return;
    }
    if (r.kind == TAPE_SINGLE) {
        a->stopped = NULL; /* each is by itself */
        begin(a, &r);
    }
    if (r.kind != TAPE_VERDICTS) return;
    const bool whole = r.bytes == s->len && r.bytes - sizeof r == r.count * sizeof(struct tape_verdict);
    if (whole && a->want && a->got == a->want && r.count == a->want) judge(a, c.at);
    a->want = a->got = 0;
}
