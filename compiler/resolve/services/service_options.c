/* Options of a service beside addresses, mode and branches: affinity, limits, and how connections begin */
#include "compiler/resolve/services/service_work.h"

enum {
    MSS_LEAST = 536,  /* least that every host takes (RFC 9293, 3.7.1) */
    MSS_MOST = 65495, /* largest IPv4 packet without its headers */
};

static uint8_t no_server_of(const struct node *clause)
{
    switch (clause && clause->first ? clause_of(clause->first) : CL_NONE) {
    case CL_DROP: return PBC_NO_SERVER_DROP;
    case CL_PASS: return PBC_NO_SERVER_PASS;
    default: return PBC_NO_SERVER_RESET;
    }
}

/* Read a time above 0, since 0 would count as not written. 0 after a report. */
static uint64_t time_of(struct compile *c, const struct node *clause)
{
    const uint64_t ns = clause_duration(c, clause, 0);
    const struct node_value v = clause && clause->first && !ns ? value_of(c, clause->first) : (struct node_value){0};
    if (!v.node || v.node->kind != N_DURATION) return ns;
    diag(c->diags, E_OUT_OF_RANGE, clause->span, "`%s` must be longer than 0", node_words(clause));
    diag_suggest_removal(c->diags, whole_clause(clause));
    return 0;
}

/* Report a meter whose one prefix length fits only one of the service's families. */
static void check_rate_length(const struct service_work *w, const struct symbol *meter, const struct node *clause)
{
    struct compile *c = w->c;
    node_each(per, meter->decl)
    {
        if (!is_clause(per, CL_PER)) continue;
        const struct node *len = per->first->next;
        if (!len || len->next || w->families == KIND_IP6 || (w->families == KIND_IP4 && len->v.i <= 32)) return;
        diag(c->diags, E_METER_LENGTH, clause->span,
             "the meter `%s` has one prefix length, but this service can have IPv4 and IPv6 clients", meter->name.s);
        diag_note(c->diags, per->span, "the length is here");
    }
}

/* Report a meter that a rule asks, too. */
static bool is_of_rules(struct compile *c, const struct symbol *meter, const struct node *clause)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->conds_count; i++) {
        const struct pbc_cond *cond = &img->conds[i];
        if ((cond->kind != COND_OVER && cond->kind != COND_WITHIN) || cond->first != meter->index) continue;
        diag(c->diags, E_RATE_SHARED, clause->span, "rules use the meter `%s`, so it can't be the rate of a service",
             meter->name.s);
        diag_note(c->diags, img->cond_span[i], "a rule uses the meter here");
        diag_advise(c->diags, "declare a second meter for the service");
        return true;
    }
    return false;
}

static uint32_t rate_of(const struct service_work *w, const struct node *clause)
{
    struct compile *c = w->c;
    const struct symbol *s = clause ? symbol_want(c, clause->first, SYM(METER), "meter") : NULL;
    if (!s || s->index == PBC_NONE) return 0;
    const struct pbc_meter *m = &c->image->meters[s->index];
    if (m->unit != PBC_METER_PACKETS || m->per == PBC_PER_FLOW) {
        diag(c->diags, E_RATE_METER, clause->span,
             m->per == PBC_PER_FLOW
                 ? "`%s` counts per flow, and each flow opens once, so the rate would never be exceeded"
                 : "`%s` counts bits; `rate` needs a meter that counts packets, such as 100/s",
             s->name.s);
        diag_note(c->diags, s->span, "the meter is declared here");
        return 0;
    }
    if (is_of_rules(c, s, clause)) return 0;
    check_rate_length(w, s, clause);
    return s->index + 1;
}

/* True if the service takes TCP, which options about SYNs need; else report. */
static bool takes_tcp(const struct service_work *w, const struct node *clause)
{
    if (w->tcp || !w->good) return true;
    diag(w->c->diags, E_NOT_TCP, clause->span, "`%s` needs TCP, but this service has no TCP port", node_words(clause));
    return false;
}

uint16_t mss_clamp_of(struct compile *c, const struct node *clause)
{
    static const struct number_kind kind = {.what = "a segment size",
                                            .range = "segments have from 536 to 65495 bytes",
                                            .least = MSS_LEAST,
                                            .most = MSS_MOST};
    if (!clause) return 0;
    if (clause->first && is_choice(clause->first, CL_AUTO)) return PBC_MSS_AUTO;
    return (uint16_t)clause_number(c, clause, &kind, 0);
}

static uint8_t cookies_of(const struct service_work *w, const struct node *clause, const struct node *mode)
{
    struct compile *c = w->c;
    if (!clause || !w->good) return 0;
    if (mode_is(w->mode, MODE_ONE_SIDED)) {
        diag(c->diags, E_COOKIES_DSR, clause->span,
             "`syn cookies` isn't possible in dsr modes: the server answers SYNs, so prey can't protect it");
        char all[MODE_NAMES];
        diag_advise(c->diags, "use one of the modes %s, or remove `syn cookies`",
                    mode_names(MODE_ONE_SIDED | MODE_PROXIES, all));
        diag_note(c->diags, mode->span, "the mode is named here");
        return 0;
    }
    if (mode_is(w->mode, MODE_PROXIES)) {
        diag(c->diags, E_COOKIES_DSR, clause->span,
             "`syn cookies` isn't possible in mode %s: this machine's network stack answers SYNs, and sends cookies "
             "itself",
             mode_info[w->mode].name);
        diag_suggest_removal(c->diags, clause->span);
        return 0;
    }
    return takes_tcp(w, clause) ? PBC_SERVICE_COOKIES : 0;
}

/* Read `announce`. It needs single addresses: `any` can't be announced, and the host answers for its own addresses. */
static uint8_t announce_of(const struct service_work *w, const struct node *clause)
{
    const struct node *on = node_child(w->node, N_ON);
    bool good = true;
    if (!clause) return 0;
    node_each(n, on)
    {
        if (n->kind != N_SELF && n->kind != N_ANY) continue;
        diag(w->c->diags, E_ANNOUNCE, clause->span, "`announce` needs single addresses, not `%s`",
             node_kind_name(n->kind));
        diag_note(w->c->diags, n->span,
                  n->kind == N_SELF ? "remove `announce`: the network stack answers for this machine's addresses"
                                    : "`any` means every address");
        good = false;
    }
    return good ? PBC_SERVICE_ANNOUNCE : 0;
}

void service_options(const struct service_work *w, const struct clauses *clauses, struct pbc_service *s)
{
    const struct node *const *of = clauses->of;
    struct compile *c = w->c;
    s->no_server = no_server_of(of[CL_ON_NO_SERVER]);
    s->idle_ns = time_of(c, of[CL_IDLE]);
    s->affinity_ns = time_of(c, of[CL_AFFINITY_SOURCE]);
    s->max_flows = clause_number(c, of[CL_MAX_FLOWS], &max_flows_kind, 0);
    s->max_flows_per_source = clause_number(c, of[CL_MAX_FLOWS_PER], &max_flows_kind, 0);
    s->rate = rate_of(w, of[CL_RATE]);
    s->mss = of[CL_MSS_CLAMP] && takes_tcp(w, of[CL_MSS_CLAMP]) ? mss_clamp_of(w->c, of[CL_MSS_CLAMP]) : 0;
    s->flags = cookies_of(w, of[CL_SYN_COOKIES], of[CL_MODE]) | announce_of(w, of[CL_ANNOUNCE]);
}
