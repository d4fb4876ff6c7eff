/* Write one rule at its place: its conditions as they hold at this hook, and its verdict. */
#include <string.h>

#include "compiler/import/write_priv.h"

/* Return the comment's words; capitals if leaving the rule out lets its packets get further. */
static const char *effect(const struct rule *r)
{
    switch (r->act) {
    case ACT_DROP:
    case ACT_REJECT: return "NOT IMPORTED, so prey doesn't drop its packets";
    case ACT_JUMP:
    case ACT_GOTO:
    case ACT_RETURN: return "NOT IMPORTED, so all packets continue as if the rule didn't match";
    case ACT_TRANSLATE:
        if (r->nat.how == NAT_DESTINATION || r->nat.how == NAT_REDIRECT)
            return "NOT IMPORTED, so prey judges its packets with their original destination";
        return "not imported";
    case ACT_ADD: return "NOT IMPORTED, so its set gets no members";
    default: return "not imported";
    }
}

static void unsaid_count(struct writer *w, struct rule *r, uint64_t *what)
{
    if (r->told) return;
    r->told = true;
    ++*what;
    if (what == &w->unsaid.rules && effect(r)[0] == 'N') w->unsaid.wider++;
}

void put_apart(struct writer *w, struct rule *r, const char *why)
{
    put_why(w, "not imported in full", r->text, why);
    unsaid_count(w, r, &w->unsaid.parts);
}

void put_unsaid(struct writer *w, struct rule *r, const char *why)
{
    put_why(w, effect(r), r->text, why);
    unsaid_count(w, r, &w->unsaid.rules);
}

static void put_never(struct writer *w, const struct rule *r, const char *why)
{
    put_why(w, "never matches here", r->text, why);
}

static bool sent_from_here(const struct place *p) { return p->way == WAY_OUT; }

/* True if fragments were put together before they reach the rule: the kernel does so to track connections, if any
 * rule of the file needs this. */
static bool come_whole(const struct writer *w, const struct place *p, const struct rule *r)
{
    const uint8_t family = r->family ? r->family : p->family;
    return !p->before_defrag && (w->s->tracks4 || family == 6) && (w->s->tracks6 || family == 4);
}

/* Return why the rule matches no packet at this hook; NULL: it may match. */
static const char *never_here(const struct writer *w, const struct place *p, const struct rule *r)
{
    if (r->never) return "its conditions exclude each other";
    if (p->family && r->family && p->family != r->family) return "this chain gets no packets of the rule's family";
    if ((p->family == 6 || r->family == 6) && is_only_ip4(r)) return "netfilter finds no AH in IPv6 packets";
    if (rule_asks(r, ASK_OUT_ON) && (p->hook == HOOK_PREROUTING || p->hook == HOOK_INPUT || p->hook == HOOK_INGRESS))
        return "the interface by which a packet leaves isn't known here yet";
    if (rule_asks(r, ASK_ON) && sent_from_here(p)) return "packets that this machine sends have no input interface";
    const struct list *fragment = rule_asks(r, ASK_FRAGMENT);
    if (fragment && come_whole(w, p, r) && list_has_word(fragment, "no") == fragment->negated)
        return "the kernel has already reassembled fragments";
    if ((r->urpf_failed || r->urpf_passed) && sent_from_here(p))
        return "packets that this machine sends have no input interface";
    if (r->translated == MUST_BE && !p->forwarded) return "no packet is translated here";
    if (r->translated == MUST_NOT_BE && p->forwarded) return "all packets are translated here";
    return NULL;
}

static const char *unsayable_here(const struct place *p, const struct rule *r)
{
    const char *why = conditions_unsayable(r);
    if (why) return why;
    const struct list *proto = rule_asks(r, ASK_PROTO);
    const uint8_t family = r->family ? r->family : p->family;
    if (rule_asks(r, ASK_ICMP_TYPE) && family && proto->of[0].lo != (family == 4 ? 1 : 58))
        return "the type belongs to the other family's ICMP";
    if (p->forwarded && (rule_asks(r, ASK_TO) || (r->act == ACT_ADD && r->adding.destination)))
        return "the rule compares a forwarded port's target with a changing set, or adds the target to a set";
    if (rule_asks(r, ASK_OUT_ON) && p->forwarded)
        return "no rule names the device that leads to the forwarded port's target";
    if (p->before_state && (rule_asks(r, ASK_STATE) || r->flows_over))
        return "the rule compares connections before they are tracked";
    if (p->after_source && r->act == ACT_ADD && !r->adding.destination) return "the rule adds translated sources";
    if (p->after_source && (rule_asks(r, ASK_FROM) || rule_asks(r, ASK_SPORT)))
        return "the rule compares translated sources";
    if (r->act == ACT_TRANSLATE) return "the rule translates outside a nat chain";
    return NULL;
}

static bool names(const struct list *l, const char *device)
{
    for (uint32_t i = 0; l && !l->negated && i < l->count; i++) {
        const char *word = l->of[i].word;
        const size_t len = word ? strcspn(word, "*") : 0;
        if (word && !strncmp(word, device, len) && (word[len] || !device[len])) return true;
    }
    return false;
}

/* Return the reason why prey copies nothing to the device; NULL if it copies. */
static const char *uncopied(struct writer *w, const char *device)
{
    if (!*device || strlen(device) > 15 || strpbrk(device, "/:* ")) return "prey can't copy to a device with this name";
    for (const struct chain *c = w->s->chains; c; c = c->next) {
        bool judged = names(&c->devices, device);
        for (const struct rule *r = c->rules; r && !judged && ruleset_spend(w->s, 1); r = r->next)
            judged = names(rule_asks(r, ASK_ON), device) || names(rule_asks(r, ASK_OUT_ON), device);
        if (judged) return "prey can't copy to a device that rules name: prey would judge the copies again";
    }
    return NULL;
}

static bool among(const struct list *l, uint8_t family, wide n)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct extent *e = &l->of[i];
        if (!e->word && e->family == family && e->lo <= n && n <= e->hi) return true;
    }
    return false;
}

static bool in_set(const struct set *set, uint8_t family, wide n)
{
    if (!set->left) return among(&set->members, family, n);
    return in_set(set->left, family, n) && in_set(set->right, family, n) != set->except;
}

static uint64_t members(const struct list *l) { return !l->set ? l->count : l->set->left ? 1 : l->set->members.count; }

/* True if the list holds the value. Words such as `self` do not match: the packet went on to another machine. */
static bool list_holds(const struct list *l, uint8_t family, wide n)
{
    return (l->set ? in_set(l->set, family, n) : among(l, family, n)) != l->negated;
}

/* Decide conditions on the destination of a forwarded packet, and on its exit if a rule names it, and remove them.
 * False if one fails. */
static bool decide_destination(struct writer *w, const struct forwarded *f, const struct rule *r, struct rule *out)
{
    struct condition **end = &out->conditions;
    *out = *r;
    out->next = NULL;
    for (const struct condition *c = r->conditions; c; c = c->next) {
        const bool to = c->about == ASK_TO && !(c->list.set && set_is_live(c->list.set)),
                   port = c->about == ASK_DPORT && f->port, exit = c->about == ASK_OUT_ON && f->exit;
        if (exit && !list_has_device(&c->list, f->exit)) return false;
        if (exit) continue;
        if (to || port) ruleset_spend(w->s, 1 + members(&c->list));
        if (to && !list_holds(&c->list, f->to.family, f->to.lo)) return false;
        if (port && !list_holds(&c->list, 0, f->port)) return false;
        if (to || port) continue;
        *end = arena_alloc(w->s->arena, sizeof(**end));
        **end = (struct condition){.about = c->about, .list = c->list};
        end = &(*end)->next;
    }
    *end = NULL;
    out->translated = NO_MATTER;
    return !(r->family && r->family != f->to.family);
}

/* True if the rule matches every packet that comes here. */
static bool takes_all(const struct place *p, const struct rule *r)
{
    const bool asks = r->conditions || r->flags_has || r->flags_lacks || r->flows_over || r->translated != NO_MATTER ||
                      r->urpf_failed || r->urpf_passed || r->meters || r->never;
    return !asks && (!r->family || r->family == p->family);
}

static bool ends(const struct rule *r) { return r->act == ACT_ACCEPT || r->act == ACT_DROP || r->act == ACT_REJECT; }

/* True if the chain that `p` jumps to plainly decides every packet. */
static bool chain_decides(struct writer *w, const struct place *p, const struct chain *target)
{
    const struct place *there = place_of_jump(w, p, target);
    for (const struct rule *r = target->rules; r; r = r->next) {
        if (!ruleset_spend(w->s, 1) || r->act == ACT_RETURN || r->act == ACT_GOTO) return false;
        if (r->unsaid || never_here(w, there, r) || unsayable_here(there, r)) continue;
        if (ends(r) && takes_all(there, r)) return true;
    }
    return false;
}

/* True if the written rule leaves no packet for the next. */
static bool decides_all(struct writer *w, const struct place *p, const struct rule *r)
{
    if (!takes_all(p, r)) return false;
    if (r->act == ACT_JUMP) return chain_decides(w, p, ruleset_find_chain(w->s, p->chain->scope, r->target));
    return ends(r) || (p->kind != PLACE_JUMPED && (r->act == ACT_RETURN || r->act == ACT_GOTO));
}

const char *place_verdict(const struct place *p, bool end)
{
    if (end && p->chain && p->chain->drops && p->kind != PLACE_JUMPED) return "drop";
    if (p->kind == PLACE_PLAIN) return "return";
    return p->accepted ? p->accepted->name : "accept";
}

/* Write `accept`, `return`, `drop`, or `do NAME` for a place. */
static void put_verdict(struct writer *w, const struct place *p, bool end)
{
    const char *verdict = place_verdict(p, end);
    fprintf(w->out, "%s%s", p->accepted && verdict == p->accepted->name ? "do " : "", verdict);
}

static void put_prefix(struct writer *w, const char *prefix)
{
    enum { PREFIX_MOST = 64 };
    char text[PREFIX_MOST + 1];
    if (!prefix || !*prefix) return;
    snprintf(text, sizeof(text), "%s", prefix);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ') *at = ' ';
    fputc(' ', w->out);
    put_string(w->out, text);
}

void put_options(struct writer *w, const struct rule *r)
{
    static const char *const answers[] = {[ANSWER_OWN] = "",
                                          [ANSWER_RST] = " with rst",
                                          [ANSWER_UNREACHABLE] = " with unreachable",
                                          [ANSWER_PROHIBITED] = " with prohibited"};
    if (r->act == ACT_REJECT) fputs(answers[r->answer], w->out);
    if (r->log && r->act != ACT_NONE) {
        fputs(" log", w->out);
        put_prefix(w, r->prefix);
    }
    if (r->name) fprintf(w->out, " as %s", name_give(&w->names, r->name, "_rule"));
    if (r->comment && *r->comment) {
        fputs(" comment ", w->out);
        put_string(w->out, r->comment);
    }
}

void put_conditions_here(struct writer *w, const struct place *p, const struct rule *r)
{
    put_conditions(w, r, p->forwarded ? p->forwarded->to.family : p->family);
}

bool is_tcp(const struct rule *r)
{
    const struct list *proto = rule_asks(r, ASK_PROTO);
    return proto && !proto->negated && proto->count == 1 && proto->of[0].lo == 6 && proto->of[0].hi == 6;
}

static bool is_lo(const struct extent *e) { return e->word && !strcmp(e->word, "lo"); }

/* Copy the condition without `lo`, on which prey judges nothing. Return the number of members left. */
static uint32_t without_lo(struct writer *w, const struct condition *c, struct condition *out)
{
    const struct list *l = &c->list;
    *out = (struct condition){.about = c->about, .list = {.negated = l->negated}};
    for (uint32_t i = 0; i < l->count; i++)
        if (!is_lo(&l->of[i])) list_add(&out->list, l->of[i], w->s->arena);
    return out->list.count;
}

static bool asks_lo(const struct condition *c)
{
    bool asks = false;
    for (uint32_t i = 0; (c->about == ASK_ON || c->about == ASK_OUT_ON) && !c->list.set && i < c->list.count; i++)
        asks |= is_lo(&c->list.of[i]);
    return asks;
}

/* Copy the rule without `lo` in its conditions. *asked: the rule has `lo`. False: a condition asks for nothing else,
 * so the rule matches nothing. */
static bool leave_lo_out(struct writer *w, const struct rule *r, struct rule *out, bool *asked)
{
    struct condition **end = &out->conditions;
    bool any = true;
    *out = *r;
    *asked = false;
    for (const struct condition *c = r->conditions; c; c = c->next) {
        struct condition *copy = arena_alloc(w->s->arena, sizeof(*copy));
        const bool lo = asks_lo(c);
        *copy = *c;
        *asked |= lo;
        if (lo && !without_lo(w, c, copy)) {
            any &= c->list.negated;
            continue;
        }
        *end = copy;
        end = &copy->next;
    }
    *end = NULL;
    return any;
}

/* Leave out the condition on fragments if all packets are whole there. */
static void leave_fragments_out(struct writer *w, const struct place *p, struct rule *r)
{
    const struct rule from = *r;
    struct condition **end = &r->conditions;
    if (!rule_asks(r, ASK_FRAGMENT) || !come_whole(w, p, r)) return;
    for (const struct condition *c = from.conditions; c; c = c->next) {
        if (c->about == ASK_FRAGMENT) continue;
        *end = arena_alloc(w->s->arena, sizeof(**end));
        **end = (struct condition){.about = c->about, .list = c->list};
        end = &(*end)->next;
    }
    *end = NULL;
}

/* Write a reject with a reset, which answers TCP only, and a drop for the rest, as netfilter does. */
static void put_reset(struct writer *w, const struct place *p, const struct rule *r)
{
    struct rule tcp = *r;
    struct list only = {0};
    if (rule_asks(r, ASK_PROTO)) {
        put_why(w, "not imported in full", r->text,
                "the rule sends TCP resets, but may match other protocols; in prey, the rule drops the packets");
        w->unsaid.parts++;
        fputs("drop", w->out);
        put_conditions_here(w, p, r);
        fputc('\n', w->out);
        return;
    }
    list_number(&only, 6, 6, w->s->arena);
    tcp.conditions = arena_alloc(w->s->arena, sizeof(*tcp.conditions));
    *tcp.conditions = (struct condition){.next = r->conditions, .about = ASK_PROTO, .list = only};
    fputs("reject", w->out);
    put_conditions_here(w, p, &tcp);
    put_options(w, r);
    fputs("\ndrop", w->out);
    put_conditions_here(w, p, r);
    fputc('\n', w->out);
}

static void put_line(struct writer *w, const struct place *p, const struct rule *r)
{
    put_conditions_here(w, p, r);
    put_options(w, r);
    fputc('\n', w->out);
}

static void put_jump(struct writer *w, const struct place *p, const struct rule *r)
{
    const struct chain *target = ruleset_find_chain(w->s, p->chain->scope, r->target);
    fprintf(w->out, "do %s", place_of_jump(w, p, target)->name);
    put_line(w, p, r);
    if (r->act == ACT_JUMP || chain_decides(w, p, target)) return;
    if (p->kind == PLACE_JUMPED)
        fputs("return", w->out);
    else
        put_verdict(w, p, true);
    put_conditions_here(w, p, r);
    fputc('\n', w->out);
}

static void put_act(struct writer *w, const struct place *p, const struct rule *r)
{
    switch (r->act) {
    case ACT_NONE:
        fputs(r->log ? "log" : "count", w->out);
        if (r->log) put_prefix(w, r->prefix);
        break;
    case ACT_ACCEPT: put_verdict(w, p, false); break;
    case ACT_DROP: fputs("drop", w->out); break;
    case ACT_MIRROR:
        fputs("mirror to ", w->out);
        put_string(w->out, r->target);
        break;
    case ACT_REJECT: fputs("reject", w->out); break;
    case ACT_ADD: put_adding(w, &r->adding); break;
    case ACT_RETURN:
        if (p->kind == PLACE_JUMPED)
            fputs("return", w->out);
        else
            put_verdict(w, p, true);
        break;
    default: put_jump(w, p, r); return;
    }
    put_line(w, p, r);
}

/* Write the rule with the conditions that are left at this place. */
static void put_decided(struct writer *w, const struct place *p, const struct rule *r)
{
    if (r->act == ACT_REJECT && r->answer == ANSWER_RST && !is_tcp(r))
        put_reset(w, p, r);
    else
        put_act(w, p, r);
}

void put_rule(struct writer *w, const struct place *p, struct rule *r)
{
    struct rule decided = *r, by_state[2];
    const char *why = never_here(w, p, r);
    bool asked_lo;
    enum { AT_A_TARGET = 8 }; /* steps: the rules of forward are decided for each forwarded port */
    if (is_full(w) || !ruleset_spend(w->s, p->forwarded ? AT_A_TARGET : 1)) return;
    if (r->act == ACT_SILENT && !r->unsaid && !r->apart) return;
    if (r->act == ACT_ADD && r->adding.counts && !r->adding.to->asked) return;
    if (!r->unsaid && !why && p->forwarded && !decide_destination(w, p->forwarded, r, &decided)) return;
    if (!r->unsaid && why) {
        put_never(w, r, why);
        return;
    }
    if (!r->unsaid) leave_fragments_out(w, p, &decided);
    const bool elsewhere = leave_lo_out(w, &decided, &decided, &asked_lo);
    if (asked_lo && !r->unsaid)
        put_why(w, elsewhere ? "written without lo" : "left out", r->text, "prey doesn't judge packets on lo");
    if (!elsewhere && !r->unsaid) return;
    why = unsayable_here(p, &decided);
    if (!why && r->act == ACT_MIRROR) why = uncopied(w, r->target);
    if (!why && (r->act == ACT_JUMP || r->act == ACT_GOTO) && !ruleset_find_chain(w->s, p->chain->scope, r->target))
        why = "the file has no such chain";
    if (why) {
        put_unsaid(w, r, why);
        return;
    }
    const unsigned rules = rules_by_state(w, &decided, p->forwarded ? p->forwarded->to.family : p->family, by_state);
    if (!rules) {
        put_never(w, r, "packets of this rule can't have such a state");
        return;
    }
    if (r->apart) put_apart(w, r, r->apart);
    if (r->act == ACT_SILENT || (r->apart && r->act == ACT_NONE && !r->log)) return;
    for (unsigned i = 0; i < rules; i++) {
        put_by_netfilter(w, p, &by_state[i], put_decided);
        w->all_decided |= decides_all(w, p, &by_state[i]);
    }
}
