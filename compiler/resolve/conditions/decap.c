/* `decap ipip` and `decap gue PORT`: the packets that such a rule can match, and the check that its `from` names
 * senders.
 *
 * The verdict implies a condition: other packets go on to the next rule. The condition is written into the rule list
 * like any other, so that executors, analysis and explanations need not know it. */
#include "compiler/resolve/conditions/conditions.h"
#include "vm/packet/key.h"

static bool is_gue(const struct node *verdict) { return verdict->first && is_choice(verdict->first, CL_GUE); }

uint8_t opener_verdict(const struct node *verdict) { return is_gue(verdict) ? PBC_V_DECAP_GUE : PBC_V_DECAP_IPIP; }

static void add_numbers(struct rule_work *w, uint8_t kind, uint32_t arg, uint32_t a, uint32_t b)
{
    struct number_set numbers = {0};
    struct pbc_cond *cond = cond_add(w, kind, w->opener);
    if (!cond) return;
    cond->arg = arg;
    numbers_add(w->c, &numbers, a, a);
    if (b != a) numbers_add(w->c, &numbers, b, b);
    numbers_normalise(&numbers);
    cond_ranges(w, cond, &numbers);
}

void opener_conditions(struct rule_work *w)
{
    enum { IPV4_INNER = 4, IPV6_INNER = 41 }; /* RFC 2003, RFC 2473 */
    w->families &= KIND_IP4 | KIND_IP6;
    if (!is_gue(w->opener)) {
        w->protocols &= OTHER_PROTOCOLS;
        add_numbers(w, COND_PROTO, 0, IPV4_INNER, IPV6_INNER);
        return;
    }
    w->protocols &= KIND_UDP;
    if (!number_one(w->c, w->opener->first->next, &gue_port_kind, &w->gue_port)) {
        w->bad = true;
        return;
    }
    struct pbc_cond *udp = cond_add(w, COND_PROTO, w->opener);
    if (udp) udp->arg = KIND_UDP;
    add_numbers(w, COND_PORT, KIND_WITH_PORTS, w->gue_port, w->gue_port);
}

/* Check that `from` names the tunnel's senders, which may put any source address into the inner packet. */
void check_opener(const struct rule_work *w)
{
    const struct node *from = w->seen[N_C_FROM], *list = from ? from->first : NULL;
    bool open = !from || says_not(from);
    if (from && !list) return; /* reported before */
    for (const struct node *n = list ? list->first : NULL; n; n = n->next) open |= n->kind == N_ANY;
    if (!open) return;
    diag(w->c->diags, E_DECAP_FROM, from ? from->span : w->opener->span,
         from ? "with this `from`, anybody can send tunnel packets with forged inner addresses"
              : "without `from`, anybody can send tunnel packets with forged inner addresses");
    diag_advise(w->c->diags, "list the addresses of the tunnel's senders after `from`");
}

void check_no_opener(struct compile *c, const struct pbc_firewall *out)
{
    const struct image *img = c->image;
    for (uint32_t i = out->rules; i < out->rules + out->rule_count; i++) {
        if (!verdict_is(img->rules[i].verdict, VERDICT_OPENS)) continue;
        diag(c->diags, E_DECAP_OUT, img->rule_span[i],
             "`decap` has no effect here: this firewall judges packets that this machine sends");
        diag_advise(c->diags, "move the rule into a firewall for arriving packets");
    }
}
