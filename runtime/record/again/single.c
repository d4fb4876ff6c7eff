/* A packet is completed with the data recorded beside it, then judged and compared, or found to depend on more */
#include "runtime/record/again/single.h"

#include <string.h>

#include "runtime/record/again/bound.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/judge/routes.h"

enum { FRAME_MOST = 1 << 17 };

void single_packet(struct actor *a, const struct scene *s)
{
    if (s->left) return; /* the state of the packet's flow is not recorded */
    if (a->got >= a->want || s->frame.port >= a->story->start.ports || s->frame.cap_len > FRAME_MOST)
        a->counters.passed_over++;
    else
        actor_take(a, s);
}

/* A packet, and everything known on which its verdict depends. */
struct single {
    const struct program *program;
    const struct facts *facts;
    bool other;  /* another program than the one that ran */
    bool routed; /* this machine's stack has routed the packet: the rules decided before, and a nat may translate it */
    bool taken;  /* a nat translates the packet */
    struct pkt *pkt;
    struct key key;
    struct tape_verdict recorded;
    struct flow_met met; /* flow that the packet met, if `looked` */
    bool looked;
    struct track_seen seen; /* the flow's view of the packet */
    struct decision own;    /* decision of the rules, if `judged` */
    bool judged;
    struct actor *actor;
    struct kernel_members members; /* answers of live sets to the kernel */
    bool by_kernel;                /* the kernel did this step's work */
    unsigned missing;              /* questions of live sets without a recorded answer */
};

/* An answer: known, not known, or several that differ. */
enum said { SAID_NOT, SAID, SAID_SEVERAL };

/* Answer as a live set answered the kernel. */
static enum said kernel_said(const struct single *x, uint32_t live, const uint32_t addr[4], bool v6, bool *held)
{
    const struct actor *a = x->actor;
    const uint32_t known = a->members.same ? a->members.same[live] : live;
    if (known >= PBC_LIVES_MAX || !(x->key.kind & (v6 ? KIND_IP6 : KIND_IP4))) return SAID_NOT;
    for (unsigned dst = 0; dst < 2; dst++) {
        const bool asked = x->members.asked[dst] >> known & 1;
        *held = x->members.held[dst] >> known & 1;
        if ((asked || *held) && address_equal(addr, dst ? x->key.dst : x->key.src)) return asked ? SAID : SAID_SEVERAL;
    }
    return SAID_NOT;
}

/* Answer as a live set answered the worker, or the kernel when the worker asked it to judge once more. False: that is
 * not known. */
static bool worker_heard_of(const struct single *x, uint32_t live, const uint32_t addr[4], bool v6, bool *held)
{
    struct heard_again *h = &x->actor->members;
    const uint64_t before = h->missing;
    *held = h->ear.hear(h->ear.arg, live, addr, v6, false);
    const bool known = h->missing == before;
    h->missing = before;
    return known;
}

/* Answer a question of the judgement: to the kernel's stages as the kernel was answered, to the rest as the worker
 * was. If that one did not ask, the other's answer is used. A question that neither asked has an unknown answer. */
static bool single_hear(void *arg, uint32_t live, const uint32_t addr[4], bool v6, bool held)
{
    struct single *x = arg;
    const enum said said = kernel_said(x, live, addr, v6, &held);
    if (said == SAID && x->by_kernel) return held;
    bool told = false;
    if ((said != SAID_SEVERAL || !x->by_kernel) && worker_heard_of(x, live, addr, v6, &told)) return told;
    if (said == SAID) return held;
    x->missing++;
    return false;
}

/* Return the program's id of that device or pattern; PBC_NONE: the program does not have it. */
static uint32_t same_iface(const struct program *p, const struct program *of, uint32_t iface)
{
    const char *device = program_str(of, of->ifaces[iface].device);
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (!strcmp(program_str(p, p->ifaces[i].device), device)) return i;
    return PBC_NONE;
}

/* Return the id in rules of the device by which a packet came in, for a packet first seen where it leaves;
 * IFACE_NONE: unknown. Another program has its own id for a device. It is unknown which device of a pattern it was,
 * or which of those that rules do not name; this matters unless the recorded program names everything that the other
 * one names. */
static uint16_t came_by(const struct actor *a, const struct single *x)
{
    const struct program *ran = a->ran->p, *p = x->program;
    const uint32_t id = x->met.came - 1u;
    const char *device = id < ran->ifaces_count ? program_str(ran, ran->ifaces[id].device) : "*";
    const struct iface_table t = program_ifaces(p);
    bool more = false;
    if (!x->other) return id < p->ifaces_count ? (uint16_t)id : IFACE_OTHER;
    if (!iface_is_pattern(device)) {
        const uint32_t known = iface_match(&t, device);
        return known == PBC_NONE ? IFACE_OTHER : (uint16_t)known;
    }
    for (uint32_t i = 0; i < p->ifaces_count; i++) more |= same_iface(ran, p, i) == PBC_NONE;
    const uint32_t same = id < ran->ifaces_count ? same_iface(p, ran, id) : PBC_NONE;
    if (same != PBC_NONE && !more) return (uint16_t)same;
    return id < ran->ifaces_count || more ? IFACE_NONE : IFACE_OTHER;
}

static bool parse(const struct actor *a, struct single *x)
{
    x->pkt->iface = a->program ? a->program->iface[x->pkt->cookie] : a->story->other_iface[x->pkt->cookie];
    pkt_parse(x->pkt, &a->world->facts, &x->key);
    /* Complete the key with facts that the parser cannot know. */
    const struct facts *facts = &a->world->facts;
    const bool own = facts->self4_count | facts->self6_count;
    struct key *key = &x->key;
    if (own && x->met.has & MET_OUT && key->kind & KIND_IN) key->kind ^= KIND_IN | KIND_OUT;
    const uint16_t out = x->key.kind & KIND_VLAN ? IFACE_OTHER : facts_known_as(x->facts, x->pkt->iface);
    if (x->met.came && !(x->key.kind & KIND_OUT)) {
        /* For a packet first seen where it leaves: set the device by which it came, whether its source is reached
         * there, and the device by which it leaves. */
        x->key.iface = came_by(a, x);
        x->pkt->way = (uint16_t)(out + 1);
        x->pkt->source = (uint8_t)ways_source(x->facts, &x->key, x->key.iface);
        x->pkt->flags |= PKT_WAY_SAID | PKT_SOURCE_SAID;
    }
    if (own) key_settle(x->program, key);
    return x->pkt->reason == REASON_NONE;
}

/* Forget a met flow that the program did not begin, or could not send on in that way. */
static void doubt_flow(const struct actor *a, struct single *x)
{
    struct flow_met *m = &x->met;
    if (x->other && m->has & MET_FLOW && unmade_has(a->watch->unmade, &m->own)) m->has &= (uint8_t)~MET_FLOW;
    if (!(m->has & MET_BOUND)) return;
    if (x->other ? !bound_could_be(x->program, m) : !bound_is_of(x->program, m)) m->has &= (uint8_t)~MET_FLOW;
}

/* Look at the packet's flow; if the flow is unknown, take the recorded states. When a packet came up decided, the
 * kernel had looked at its flow earlier. False: the flow was in another state then, so the verdict depends on packets
 * in between. */
static bool single_look(const struct actor *a, struct single *x)
{
    const uint32_t states = (uint32_t)(x->recorded.asked >> 4) << (4 + TAPE_STATES);
    const bool came_up = a->at + 1 < a->story->start.workers && x->recorded.asked & TAPE_BY_RULES;
    x->looked = x->met.has & MET_SAID && !(x->met.has & MET_CHANGED);
    x->seen.class = SEEN_NONE;
    if (x->program->meta->flags & PBC_KEEPS_FLOWS && x->looked) {
        doubt_flow(a, x);
        met_look(&x->met, &x->key, x->pkt, &x->seen);
        return !came_up || x->other || x->seen.mark == states || x->seen.class >= SEEN_REPLY;
    }
    x->looked = x->looked && !(x->program->meta->flags & PBC_KEEPS_FLOWS);
    x->key.marks |= states;
    return true;
}

/* True if the rules ask for more than the recorded packet holds. */
static bool asks_more(const struct single *x)
{
    const struct program *p = x->program;
    const bool cut = x->pkt->cap_len < x->pkt->wire_len && x->pkt->cap_len < p->meta->reach;
    return cut || p->meters_count || p->meta->flags & PBC_COUNTS_FLOWS || x->key.kind & KIND_FRAG_LATER;
}

/* True if the packet's flow determines its destination. */
static bool is_bound(const struct single *x)
{
    return x->looked && x->met.has & MET_BOUND && (x->seen.class == SEEN_ORIGINAL || x->seen.class >= SEEN_REPLY);
}

/* True if the recorded service and server are those of the packet's flow. */
static bool same_bound(const struct single *x)
{
    const struct flow_met *m = &x->met;
    const struct tape_verdict *v = &x->recorded;
    if (m->kind != BIND_SERVICE) return v->service == PBC_NONE && v->server == PBC_NONE;
    return v->service == x->program->branches[m->branch].service && v->server == m->server;
}

/* True if the program sends the packet on, as the recorded program did. For nat the address does not matter. */
static bool is_sent_on(const struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (is_bound(x)) return true;
    if (v->flags & VERDICT_REPLY) return false;
    if (v->service == PBC_NONE) return program_all_nats(x->program);
    return service_branch(x->program, &x->key, x->pkt) != PBC_NONE;
}

static bool stands_in_wire(const struct program *p, uint32_t service)
{
    return service < p->services_count && mode_is(p->services[service].mode, MODE_INLINE);
}

/* True unless a service would now take a packet that no service took. A service in the wire ignores packets that
 * open no connection, cross to no other interface, or find no room. */
static bool is_left_alone(const struct single *x)
{
    if (is_bound(x)) return false;
    if (x->recorded.service != PBC_NONE || !x->looked || x->seen.class != SEEN_NEW) return true;
    const uint32_t branch = service_branch(x->program, &x->key, x->pkt);
    return branch == PBC_NONE || stands_in_wire(x->program, x->program->branches[branch].service);
}

/* True if the packet is where it leaves, and a nat handles it next: it passed, and comes again as a routed one. */
static bool is_let_out(const struct single *x)
{
    struct pkt out = *x->pkt;
    bool unknown;
    if (!is_bound(x) || x->seen.class != SEEN_ORIGINAL || x->met.kind == BIND_SERVICE) return false;
    out.way = (uint16_t)(facts_known_as(x->facts, out.iface) + 1);
    out.flags |= PKT_WAY_SAID;
    return nat_takes_routed(x->program, x->facts, &x->key, &out, &unknown) || unknown;
}

/* True if only the host can know the way of a translated flow's packet: it passed, and comes again as a routed one,
 * unless the flow's next hop was known. */
static bool is_hosts(const struct single *x)
{
    if (!is_bound(x) || x->seen.class != SEEN_ORIGINAL || x->met.kind != BIND_NAT_SOURCE) return false;
    return address_equal(x->met.to_dst, x->key.dst) &&
           way_find(x->facts, &x->key, x->pkt, x->key.dst).kind == ROUTE_ASK;
}

/* True if service and server are the same; for a new flow the server may be any that the service can give. */
static bool same_service(const struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (v->action != ACTION_FORWARD) return true;
    if (is_bound(x)) return same_bound(x);
    if (v->service == PBC_NONE) return true;
    const uint32_t branch = service_branch(x->program, &x->key, x->pkt);
    if (branch == PBC_NONE || x->program->branches[branch].service != v->service) return false;
    return v->server == PBC_NONE || !x->looked || bound_may_begin(x->program, branch, v->server);
}

/* True if the action is the same. Without a server an accepted packet is dropped; then there is a reason. */
static bool same_action(const struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (x->own.action != ACTION_ACCEPT) return v->action == x->own.action;
    if (v->reason != REASON_NONE) return true;
    if (v->action == ACTION_FORWARD) return is_sent_on(x);
    return v->action == ACTION_ACCEPT && (is_left_alone(x) || is_let_out(x) || is_hosts(x));
}

/* True if the rules decide as recorded. */
static bool same_by_rules(struct single *x)
{
    x->by_kernel = true;
    if (x->program->meta->flags & PBC_ASKS_ROUTES) ways_settle(x->program, x->facts, &x->key, x->pkt);
    x->own = program_decide(x->program, &x->key, x->pkt);
    /* No firewall judges the packet at the device by which it came; that of the outgoing interface judges it, as if
     * it came by that interface. */
    if (x->met.came && x->own.action == ACTION_ACCEPT && x->own.rule == RULE_NONE && x->own.firewall == PBC_NONE) {
        x->key.iface = facts_known_as(x->facts, x->pkt->iface);
        x->own = program_decide(x->program, &x->key, x->pkt);
    }
    x->judged = true;
    x->by_kernel = false;
    if (!same_action(x)) return false;
    return x->other || (x->own.rule == x->recorded.rule && same_service(x) && !(x->recorded.flags & VERDICT_REPLY));
}

/* True if a reply or error of a sent-on flow went to its other side, for which no rule is asked. */
static bool same_reply(const struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (v->action != ACTION_FORWARD && v->reason == REASON_NONE) return false;
    return x->other || (v->flags & VERDICT_REPLY && v->rule == RULE_NONE && same_bound(x));
}

/* True for an error about a sent-on flow where it leaves, from this machine or from a host behind an unserved
 * interface: no rule is asked, and it passes. If its flow is a nat's, it comes again as a routed packet. */
static bool passes_as_error(const struct single *x)
{
    return x->looked && x->seen.class == SEEN_ERROR && (x->met.has & MET_OUT || x->met.came);
}

enum found { AS_RECORDED, OTHERWISE, HANGS_ON_MORE };

/* Parse a packet that was routed, as the worker did. Its outgoing interface is known. */
static bool parse_routed(const struct actor *a, struct single *x)
{
    const struct facts *facts = x->facts;
    x->pkt->iface = a->program ? a->program->iface[x->pkt->cookie] : a->story->other_iface[x->pkt->cookie];
    if (pkt_parse(x->pkt, facts, &x->key)) return false;
    x->key.iface = x->met.came ? came_by(a, x) : IFACE_NONE;
    x->pkt->way = (uint16_t)(facts_known_as(facts, x->pkt->iface) + 1);
    x->pkt->flags |= PKT_WAY_SAID;
    return true;
}

/* Judge a packet that was routed. Its flow translates it, or the first statement that takes it; any other packet
 * leaves unchanged. The reason of a packet that did not leave depends on more, and so does the way of a packet to an
 * outside address. */
static enum found judge_routed(const struct actor *a, struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    if (!parse_routed(a, x) || !single_look(a, x) || !x->looked || v->reason != REASON_NONE) return HANGS_ON_MORE;
    const bool begins = x->seen.class <= SEEN_UNBOUND;
    bool unknown = false;
    x->taken = begins ? nat_takes_routed(x->program, x->facts, &x->key, x->pkt, &unknown)
                      : is_bound(x) && x->seen.class == SEEN_ORIGINAL && x->met.kind != BIND_SERVICE;
    if (unknown) return HANGS_ON_MORE;
    if (x->taken == (v->action == ACTION_FORWARD)) return AS_RECORDED;
    return x->taken || x->seen.class == SEEN_ERROR ? HANGS_ON_MORE : OTHERWISE;
}

static enum found judge_one(const struct actor *a, struct single *x)
{
    const struct tape_verdict *v = &x->recorded;
    const bool by_rules = v->asked & TAPE_BY_RULES;
    if (x->routed) return judge_routed(a, x);
    if (x->met.came && x->other && came_by(a, x) == IFACE_NONE) return HANGS_ON_MORE;
    if (!parse(a, x)) return v->reason == x->pkt->reason ? AS_RECORDED : HANGS_ON_MORE;
    /* A connection in the wire took the packet; a recording of single packets knows nothing of these connections. */
    if (!single_look(a, x) ||
        (!x->other && x->recorded.flags & VERDICT_REPLY && stands_in_wire(x->program, x->recorded.service)))
        return HANGS_ON_MORE;
    if (passes_as_error(x))
        return v->action == ACTION_ACCEPT && (x->other || v->rule == RULE_NONE) ? AS_RECORDED : OTHERWISE;
    if (x->looked && x->seen.class >= SEEN_REPLY) return same_reply(x) ? AS_RECORDED : OTHERWISE;
    if (x->looked && v->flags & VERDICT_REPLY && !x->other) return OTHERWISE;
    if (!by_rules && !x->looked) return HANGS_ON_MORE;
    if (same_by_rules(x)) return AS_RECORDED;
    return (by_rules || v->flags & VERDICT_REPLY) && !asks_more(x) ? OTHERWISE : HANGS_ON_MORE;
}

/* Compare the packet and count the result. Under another program only actions are compared. */
static bool is_otherwise(struct actor *a, struct single *x)
{
    struct actor_counters *c = &a->counters;
    const struct lives_ear ear = {single_hear, x};
    lives_listen(&ear);
    enum found found = judge_one(a, x);
    lives_listen(NULL);
    if (x->missing) {
        found = HANGS_ON_MORE;
        x->judged = false;
    }
    c->unheard += x->missing;
    const bool made = x->recorded.action == ACTION_ACCEPT || x->recorded.action == ACTION_FORWARD;
    if (x->other && x->looked && x->seen.class == SEEN_NEW && x->seen.mark == MARK_NEW && made) {
        /* Under another program, note if the first packet of a recorded flow still begins the flow. */
        unmade_note(a->watch->unmade, &x->seen.id, found != OTHERWISE);
    }
    c->verdicts += found == AS_RECORDED;
    c->verdicts_other += found == OTHERWISE;
    c->untold += found == HANGS_ON_MORE;
    return found == OTHERWISE;
}

/* Return the verdict now, or the recorded action if the verdict depends on more than was recorded. */
static struct verdict verdict_now(const struct single *x)
{
    struct verdict v = {.action = x->recorded.action, .rule = RULE_NONE, .firewall = PBC_NONE};
    v.service = v.server = PBC_NONE;
    if (x->routed) {
        v.action = x->taken ? ACTION_FORWARD : ACTION_ACCEPT;
    } else if (passes_as_error(x)) {
        v.action = ACTION_ACCEPT;
    } else if (x->looked && x->seen.class >= SEEN_REPLY) {
        v.action = ACTION_FORWARD;
        v.flags = VERDICT_REPLY;
    } else if (x->judged) {
        const bool goes = x->own.action == ACTION_ACCEPT && x->recorded.action == ACTION_FORWARD && is_sent_on(x);
        v.action = goes ? ACTION_FORWARD : x->own.action;
        v.rule = x->own.rule;
        v.firewall = x->own.firewall;
    }
    return v;
}

/* True if the numbers are valid in the program. They are hostile, and used to find names. */
static bool names_are_known(const struct program *p, const struct verdict *v)
{
    const bool rule = v->rule < p->rules_count || v->rule >= RULE_DEFAULT;
    const bool service = v->service < p->services_count || v->service == PBC_NONE;
    return rule && service && (v->server < p->servers_count || v->server == PBC_NONE) && v->action < ACTION_COUNT &&
           v->reason < REASON_COUNT;
}

static void singles_judge(struct actor *a, const uint8_t *body)
{
    const unsigned n = a->want;
    const struct program *judges = a->program ? a->program->p : a->story->other;
    struct verdict verdicts[VM_BATCH];
    struct judged j = {.n = n, .program = judges, .now = verdicts, .ran = a->ran};
    if (a->watch->before && a->watch->before(a->watch->arg, a, n)) return;
    for (unsigned i = 0; i < n; i++) {
        struct single x = {.program = judges,
                           .facts = &a->world->facts,
                           .other = !a->program,
                           .routed = a->routed,
                           .pkt = a->views[i],
                           .actor = a};
        if (a->told_count == n) x.members = a->told[i];
        if (a->met == n) x.met = a->mets[i];
        memcpy(&x.recorded, body + i * sizeof x.recorded, sizeof x.recorded);
        j.was[i] = x.recorded;
        verdicts[i] = (struct verdict){.action = x.recorded.action,
                                       .reason = x.recorded.reason,
                                       .flags = x.recorded.flags,
                                       .rule = x.recorded.rule,
                                       .firewall = PBC_NONE,
                                       .service = x.recorded.service,
                                       .server = x.recorded.server};
        if (a->program ? !names_are_known(judges, &verdicts[i]) : x.recorded.action >= ACTION_COUNT) {
            actor_stop(a, "a verdict has an unknown kind");
            return;
        }
        j.otherwise[i] = is_otherwise(a, &x);
        if (!a->program || j.otherwise[i]) verdicts[i] = verdict_now(&x);
    }
    if (a->watch->judged) a->watch->judged(a->watch->arg, a, &j);
}

static void worker_begin(struct actor *a, const struct tape_record *r)
{
    const struct told_program *k = story_program(a->story, r->number >> 32);
    a->want = a->got = a->met = a->told_count = 0;
    heard_again_clear(&a->members);
    a->ran = k;
    a->program = a->story->other ? NULL : k;
    if (k) actor_members(a);
    a->world = story_world(a->story, (uint32_t)r->number);
    if (!k || !a->world)
        actor_stop(a, "a program or a record of the machine's state is missing");
    else if (!r->count || r->count > VM_BATCH)
        actor_stop(a, "a record has an impossible number of packets");
    else if (actor_room(a))
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
    if (r.kind == TAPE_SINGLE || r.kind == TAPE_ROUTED) {
        a->routed = r.kind == TAPE_ROUTED;
        a->stopped = NULL; /* single packets are independent of earlier ones */
        worker_begin(a, &r);
    }
    if (r.kind == TAPE_MET) {
        const bool whole = r.bytes == s->len && r.bytes - sizeof r == r.count * sizeof *a->mets;
        a->met = 0;
        if (whole && a->want && r.count == a->want) {
            memcpy(a->mets, c.at, r.count * sizeof *a->mets);
            a->met = r.count;
        }
    }
    if (r.kind == TAPE_MEMBERS) {
        const bool whole = r.bytes == s->len && r.bytes - sizeof r == r.count * sizeof *a->told;
        a->told_count = 0;
        if (whole && a->want && r.count == a->want) {
            memcpy(a->told, c.at, r.count * sizeof *a->told);
            a->told_count = r.count;
        }
    }
    /* Damaged answers count as not recorded. */
    if (r.kind == TAPE_HEARD && (r.bytes != s->len || heard_again_add(&a->members, c.at, r.bytes - sizeof r, r.number)))
        heard_again_clear(&a->members);
    if (r.kind != TAPE_VERDICTS) return;
    const bool whole = r.bytes == s->len && r.bytes - sizeof r == r.count * sizeof(struct tape_verdict);
    if (whole && a->want && a->got == a->want && r.count == a->want) singles_judge(a, c.at);
    a->want = a->got = 0;
}
