/* Decide a claim. Its packets go down the rule list as a region (analysis/rule_walk.h), for every set of active
 * schedules and every direction. A part that is judged otherwise becomes a packet, which the vm judges: only a packet
 * that the vm confirms refutes the claim. */
#include <string.h>

#include "compiler/analysis/claim/claim.h"
#include "compiler/analysis/directions.h"
#include "compiler/analysis/sample/sample.h"
#include "compiler/normal/normal.h"
#include "vm/packet/key.h"

enum {
    WORK_MAX = 1 << 26,        /* products and ranges looked at for one claim */
    PARTS_MAX = 1 << 14,       /* parts held at once */
    WORK_ALL_MAX = 1 << 30,    /* products and ranges for all claims of a file */
    WORK_OTHERS_MAX = 1 << 22, /* part of a claim's work spent on further rules that break it */
    SAMPLES_MAX = 8,           /* packets tried of one part */
    JUDGED_MAX = 64,           /* packets judged for one claim */
    BEFORE_MAX = 1 << 16,      /* packets sent to exceed a meter */
    BREAK_MAX = 256,           /* rules that break one claim, distinguished */
    TIMES_MAX = 1024,          /* sets of schedules that are active together */
};

struct search {
    struct claims *all;
    const struct claim *claim;
    struct claim_target target; /* target, in a claim `reach` */
    struct claim_found *found;
    struct claim_others *others;
    struct breaker {
        uint32_t rule, firewall;
    } broken[BREAK_MAX]; /* [broken_count] rules that break the claim */
    uint32_t broken_count;
    uint64_t kept_back; /* work withheld from the search for further rules that break the claim */
    struct given given;
    enum pbc_direction direction;
    struct region_budget *budget;
    uint32_t judged; /* packets judged by the vm so far */
    bool any;        /* packets of the claim exist */
};

/* Return how many equal packets exceed the claim's meters; UINT32_MAX: too many to send. */
static uint32_t packets_before(const struct search *s, const struct frame_spec *p)
{
    const uint32_t bytes = p->length ? p->length : frame_least(p);
    uint64_t most = 0;
    for (uint32_t i = 0; i < s->claim->over_count; i++) {
        const struct pbc_meter *m = &s->all->program->meters[s->claim->over[i]];
        const uint64_t some = m->unit == PBC_METER_BYTES ? m->burst / bytes + 1 : m->burst;
        if (some > most) most = some;
    }
    return most > BEFORE_MAX ? UINT32_MAX : (uint32_t)most;
}

/* Return the firewall's action, before a service or a `nat` changes it. */
static uint8_t firewall_said(const struct program *p, const struct verdict *v)
{
    if (v->rule < p->rules_count && p->rules[v->rule].verdict == PBC_V_ACCEPT) return ACTION_ACCEPT;
    if (v->rule == RULE_DEFAULT && v->firewall < p->firewalls_count)
        return action_said(p->firewalls[v->firewall].default_verdict);
    /* no firewall judges it */
    const bool refused_later = v->reason >= REASON_NO_SERVER;
    return v->action == ACTION_FORWARD || refused_later ? (uint8_t)ACTION_ACCEPT : v->action;
}

static bool is_wrong(const struct claim *claim, uint8_t action)
{
    return claim->always ? action != claim->action : action == claim->action;
}

/* True if the packet is sent to the claim's pool or addresses, or if the claim has neither. */
static bool is_sent(const struct search *s, struct claim_found *f)
{
    if (s->claim->reaches) return claim_gone(s->all, &f->packet, f->own, s->given.schedules, &s->target, &f->gone);
    if (s->claim->pool == PBC_NONE) return true;
    f->branch = claim_sent(s->all->program, &f->packet, f->own, s->given.schedules, s->claim->pool);
    return f->branch != PBC_NONE;
}

/* Confirm the packet in the state that a fresh table gives it, else with an assumed state. True if it is judged
 * otherwise than claimed. */
static bool confirm(struct search *s, const struct judged *j, const struct claim_found *f, struct claim_found *out)
{
    struct program *p = s->all->program;
    /* states that the part can have, as flow marks */
    const uint32_t marks = (states_asked(s->all->c->ir, &j->product) & s->claim->states) * MARK_NEW;
    *out = *f;
    out->before = packets_before(s, &f->packet);
    if (out->before == UINT32_MAX) { /* too many packets to send */
        out->before = 0;
        out->proof = PROOF_WALKED;
        out->verdict = (struct verdict){.action = j->action, .rule = j->rule, .firewall = j->firewall};
        return !j->maybe && !j->behind_maybe;
    }
    s->judged++;
    out->proof = PROOF_JUDGED;
    sample_judge_by(p, &f->packet, f->own, s->given.schedules, out->before, &out->verdict, &out->state);
    if (!s->all->c->ir->keeps_flows || !marks || out->state & marks || f->packet.fragment == KIND_FRAG_LATER)
        return is_wrong(s->claim, firewall_said(p, &out->verdict));
    out->proof = PROOF_DECIDED;
    out->state = marks & -marks;
    const struct decision d = sample_decide(p, &f->packet, f->own, s->given.schedules, out->state);
    out->verdict = (struct verdict){.action = d.action, .rule = d.rule, .firewall = d.firewall};
    return is_wrong(s->claim, d.action);
}

/* Try packets of the part; true if one refutes the claim, which *f then holds. */
static bool refutes(struct search *s, const struct judged *j, struct claim_found *f)
{
    const struct facts *own = s->claim->own ? s->claim->own : own_default();
    f->own = s->claim->own ? own : sample_self(s->all->c, &j->product, s->direction, own);
    for (unsigned n = 0; f->own && n < SAMPLES_MAX && s->judged < JUDGED_MAX; n++) {
        struct claim_found tried = *f;
        if (!sample_packet(s->all->c, &j->product, s->direction, f->own, n, &tried.packet)) break;
        tried.made = true;
        const bool otherwise = confirm(s, j, &tried, f) && is_sent(s, f);
        if (otherwise) return true;
    }
    return false;
}

/* True if this rule or default is known to break the claim. */
static bool is_broken_by(const struct search *s, const struct judged *j)
{
    for (uint32_t i = 0; i < s->broken_count; i++)
        if (s->broken[i].rule == j->rule && s->broken[i].firewall == j->firewall) return true;
    return false;
}

static void broken_by(struct search *s, const struct claim_found *f)
{
    struct claim_others *o = s->others;
    if (s->broken_count == BREAK_MAX) {
        o->unfinished = true;
        return;
    }
    s->broken[s->broken_count++] = (struct breaker){f->part.rule, f->part.firewall};
    if (s->broken_count == 1) {
        if (s->budget->work > WORK_OTHERS_MAX) s->kept_back = s->budget->work - WORK_OTHERS_MAX;
        s->budget->work -= s->kept_back;
    } else if (o->count < CLAIM_OTHERS) {
        o->of[o->count++] = *f;
    } else {
        o->left_out++;
    }
}

/* Keep a finding that is stronger than the one before. The first refutation stays; others are kept beside it. */
static void claim_found_keep(struct search *s, struct claim_found *f, enum claim_outcome outcome)
{
    f->outcome = outcome;
    if (outcome == CLAIM_REFUTED) broken_by(s, f);
    if (s->found->outcome == CLAIM_REFUTED) return;
    if (s->found->outcome == CLAIM_PROVED || outcome == CLAIM_REFUTED ||
        (outcome == CLAIM_FAULT && s->found->outcome != CLAIM_FAULT))
        *s->found = *f;
}

/* Check a part that is let in, for a claim about a pool or addresses. */
static bool on_way(struct search *s, const struct judged *j)
{
    struct region there;
    bool more = true;
    region_init(&there);
    if (s->claim->reaches)
        claim_goes(s->all, &j->product, &s->target, s->direction, s->budget, &there);
    else
        claim_reaches(s->all->c, &j->product, s->claim->pool, s->budget, &there);
    for (uint32_t i = 0; i < there.count && more; i++) {
        struct judged part = *j;
        struct claim_found f = {.direction = s->direction, .schedules = s->given.schedules};
        part.product = there.p[i];
        f.part = part;
        more = !refutes(s, &part, &f);
        claim_found_keep(s, &f, more ? CLAIM_UNKNOWN : CLAIM_REFUTED);
    }
    region_fini(&there);
    return true;
}

static bool on_part(void *arg, const struct judged *j)
{
    struct search *s = arg;
    struct claim_found f = {.part = *j, .direction = s->direction, .schedules = s->given.schedules};
    const struct image *img = s->all->c->image;
    /* Packets inside a tunnel that the rule opens do not belong to the claim. */
    const bool opens = j->rule < img->rules_count && verdict_is(img->rules[j->rule].verdict, VERDICT_OPENS);
    if (opens || !is_wrong(s->claim, j->action) || is_broken_by(s, j)) return true;
    if (s->claim->pool != PBC_NONE || s->claim->reaches) return on_way(s, j);
    if (refutes(s, j, &f)) {
        claim_found_keep(s, &f, CLAIM_REFUTED);
        return true;
    }
    const bool sure = !j->maybe && !j->behind_maybe;
    claim_found_keep(s, &f, sure && f.made && s->judged < JUDGED_MAX ? CLAIM_FAULT : CLAIM_UNKNOWN);
    return true;
}

static bool judges_direction(const struct image *img, enum pbc_direction d)
{
    const struct iface_table ifaces = image_ifaces(img);
    return firewall_find(&ifaces, img->firewalls, img->firewalls_count, d, IFACE_ABSENT) != PBC_NONE;
}

/* True if a default, or the lack of a firewall, could refute the claim. */
static bool rest_could_refute(const struct search *s, const struct region *all)
{
    const struct image *img = s->all->c->image;
    bool sent = false;
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        if (is_wrong(s->claim, action_said(img->firewalls[i].default_verdict))) return true;
    if (!is_wrong(s->claim, ACTION_ACCEPT)) return false;
    for (uint32_t i = 0; i < all->count; i++) sent |= all->p[i].field[IR_SRC_SELF] != IR_EMPTY;
    return !judges_direction(img, PBC_DIR_IN) || !judges_direction(img, PBC_DIR_FORWARD) ||
           (sent && !judges_direction(img, PBC_DIR_OUT));
}

static bool rule_could_refute(const struct search *s, uint32_t rule, const struct region *all,
                              struct region_budget *budget)
{
    const struct compile *c = s->all->c;
    const struct pbc_rule *r = &c->image->rules[rule];
    if (r->verdict > PBC_V_REJECT || c->ir->rules[rule].state != IR_LIVE ||
        !is_wrong(s->claim, action_said(r->verdict)))
        return false;
    for (uint32_t i = 0; i < all->count; i++) {
        region_spend(budget, 1);
        if (budget->spent) return true;
        if (ir_may_meet(c->ir, &all->p[i], &c->ir->rules[rule].product)) return true;
    }
    return false;
}

static bool could_refute(const struct search *s, const struct region *all, struct region_budget *budget)
{
    if (rest_could_refute(s, all)) return true;
    for (uint32_t i = 0; i < s->all->c->image->rules_count; i++)
        if (rule_could_refute(s, i, all, budget)) return true;
    return false;
}

static uint8_t *meters_of(const struct search *s)
{
    const uint32_t count = s->all->program->meters_count;
    uint8_t *says = arena_alloc(s->all->c->arena, count + 1);
    memset(says, GIVEN_WITHIN, count + 1);
    for (uint32_t i = 0; i < s->claim->over_count; i++) says[s->claim->over[i]] = GIVEN_OVER;
    return says;
}

/* Walk the region in all directions; false if the budget is spent. */
static bool walk_all(struct search *s, const struct region *all, struct region_budget *budget)
{
    static const enum pbc_direction directions[] = {PBC_DIR_IN, PBC_DIR_FORWARD, PBC_DIR_OUT};
    for (unsigned d = 0; d < 3; d++) {
        if (s->claim->leaves && directions[d] == PBC_DIR_IN) continue;
        s->direction = directions[d];
        for (uint32_t i = 0; i < all->count; i++)
            if (!walk_region(s->all->c, &all->p[i], s->direction, &s->given, budget, on_part, s)) return false;
    }
    return true;
}

static void claim_decide(struct search *s, struct region_budget *budget)
{
    struct claims *r = s->all;
    struct region all;
    if (!r->times) {
        const struct program *const programs[] = {r->program};
        r->times = arena_alloc(r->c->arena, sizeof(*r->times));
        r->too_many_times = !times_find(r->c->arena, programs, 1, TIMES_MAX, r->times);
    }
    region_init(&all);
    claim_region(r, s->claim, budget, &all);
    if (s->claim->reaches) s->target = claim_target(r, s->claim);
    s->given = (struct given){.meters = meters_of(s)};
    s->budget = budget;
    s->any = all.count > 0;
    bool more = !budget->spent && could_refute(s, &all, budget);
    for (uint32_t i = 0; more && i < r->times->count; i++) {
        s->given.schedules = times_active(r->times, i, 0);
        more = walk_all(s, &all, budget);
    }
    region_fini(&all);
    s->others->unfinished |= budget->spent || s->judged == JUDGED_MAX;
    if (s->found->outcome == CLAIM_PROVED && (budget->spent || r->too_many_times)) s->found->outcome = CLAIM_SPENT;
    if (s->found->outcome == CLAIM_PROVED && !s->any) s->found->outcome = CLAIM_EMPTY;
}

static struct claim_found claim_find(struct claims *all, const struct claim *claim, struct claim_others *others)
{
    const uint64_t left = all->work < WORK_ALL_MAX ? WORK_ALL_MAX - all->work : 1;
    struct region_budget budget = {.work = left < WORK_MAX ? left : WORK_MAX, .parts = PARTS_MAX};
    const uint64_t before = budget.work;
    struct claim_found found = {.outcome = CLAIM_PROVED, .part.rule = RULE_NONE};
    struct search search = {.all = all, .claim = claim, .found = &found, .others = others};
    claim_decide(&search, &budget);
    all->work += before - budget.work - search.kept_back;
    return found;
}

bool claim_holds(struct claims *all, const struct claim *claim)
{
    struct claim_others others = {.count = 0};
    const struct claim_found found = claim_find(all, claim, &others);
    claim_report(all, claim, &found, &others);
    if (found.outcome == CLAIM_PROVED && claim->beyond) {
        const struct claim_found led = claim_find(all, claim->beyond, &others);
        if (led.outcome == CLAIM_REFUTED && led.gone.nat != PBC_NONE) claim_report_led(all, claim->beyond, &led);
    }
    return found.outcome == CLAIM_PROVED || found.outcome == CLAIM_EMPTY;
}
