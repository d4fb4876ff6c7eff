/* Write a rule's conditions, and find those that prey can't ask. */
#include <inttypes.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "vm/packet/key.h"
#include "vm/words/words.h"

enum { ICMP = 1, ICMP6 = 58, AH = 51 };

static bool is_alone(const struct list *l, unsigned number)
{
    return l && !l->negated && l->count == 1 && l->of[0].lo == number && l->of[0].hi == number;
}

static const char *ports_unsayable(const struct rule *r)
{
    const char *unknown = "prey compares ports only of " PROTOS_WITH_PORTS " alone";
    const struct list *proto = rule_asks(r, ASK_PROTO);
    if (!rule_asks(r, ASK_DPORT) && !rule_asks(r, ASK_SPORT)) return NULL;
    if (!proto) return "prey compares ports only of " PROTOS_WITH_PORTS ", but this rule has no protocol";
    if (proto->negated || !proto->count) return unknown;
    for (uint32_t i = 0; i < proto->count; i++)
        if (proto->of[i].lo != proto->of[i].hi || proto->of[i].lo > 255 || !proto_has_ports((unsigned)proto->of[i].lo))
            return unknown;
    return NULL;
}

/* Reject rules on AH for IPv6: netfilter looks behind AH and never finds it; prey's rules find the header. */
static const char *ah_unsayable(const struct rule *r)
{
    const struct list *proto = rule_asks(r, ASK_PROTO);
    bool holds = false;
    if (!proto || r->family == 4 || is_alone(proto, AH)) return NULL;
    for (uint32_t i = 0; i < proto->count; i++) holds |= proto->of[i].lo <= AH && AH <= proto->of[i].hi;
    return holds ? "prey finds AH in IPv6, but netfilter doesn't: name the family in the rule" : NULL;
}

bool is_only_ip4(const struct rule *r) { return is_alone(rule_asks(r, ASK_PROTO), AH); }

static const char *types_unsayable(const struct rule *r)
{
    const struct list *proto = rule_asks(r, ASK_PROTO), *type = rule_asks(r, ASK_ICMP_TYPE),
                      *code = rule_asks(r, ASK_ICMP_CODE);
    if (!type && !code) return NULL;
    if (!is_alone(proto, ICMP) && !is_alone(proto, ICMP6)) return "the rule has a type without exactly one protocol";
    if (!code) return NULL;
    const bool one = type && !type->negated && type->count == 1 && type->of[0].lo == type->of[0].hi;
    return one ? NULL : "prey compares a code only with exactly one type";
}

static const char *devices_unsayable(const struct list *l)
{
    for (uint32_t i = 0; l && i < l->count; i++) {
        const char *name = l->of[i].word;
        const size_t len = strlen(name), plain = strcspn(name, "/*\\ \t\n:");
        if (!len || len > 15 || (plain < len && !(name[plain] == '*' && plain + 1 == len && plain)))
            return "prey's rules can't contain this device name";
        if (name[len - 1] == '+') return "prey's rules can't contain this device name";
    }
    return NULL;
}

const char *conditions_unsayable(const struct rule *r)
{
    const char *why = r->unsaid;
    for (const struct metered *m = r->meters; m && !why; m = m->next) why = meter_unsayable(m->meter);
    if (!why) why = ports_unsayable(r);
    if (!why) why = types_unsayable(r);
    if (!why && r->urpf_passed) why = "prey has a condition only for a missing return route (`urpf-failed`)";
    const struct list *fragment = rule_asks(r, ASK_FRAGMENT);
    if (!why && fragment && list_has_word(fragment, FRAGMENT_HEADER))
        why = "prey matches fragments, not packets with a fragment header that aren't fragments";
    if (!why) why = ah_unsayable(r);
    if (!why) why = devices_unsayable(rule_asks(r, ASK_ON));
    if (!why) why = devices_unsayable(rule_asks(r, ASK_OUT_ON));
    return why;
}

/* Return the protocol's word if the language has one for the family (0: either); else NULL. */
static const char *word_of(const struct extent *e, uint8_t family)
{
    static const struct {
        uint8_t number;
        uint32_t families;
        const char *word;
    } rows[] = {
#define PROTO(...)
#define CARRIED(...)
#define SPOKEN(ident, number, name, families, ...) {number, families, name},
#define UPPER                                      SPOKEN
#include "vm/proto.def"
    };
    const uint32_t fits = family == 4 ? KIND_IP4 : family == 6 ? KIND_IP6 : KIND_IP;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (e->lo == e->hi && e->lo == rows[i].number) return rows[i].families & fits ? rows[i].word : NULL;
    return NULL;
}

/* Write the protocols, by words if each has one. */
static void put_protocols(struct writer *w, const struct list *l, uint8_t family)
{
    bool words = !l->negated && l->count > 0;
    for (uint32_t i = 0; i < l->count; i++) words &= word_of(&l->of[i], family) != NULL;
    for (uint32_t i = 0; words && i < l->count; i++)
        fprintf(w->out, "%s%s", i ? ", " : " ", word_of(&l->of[i], family));
    if (words) return;
    if (l->negated && l->count == 1 && l->of[0].word) {
        fprintf(w->out, " not %s", l->of[0].word);
        return;
    }
    fputs(" proto ", w->out);
    put_list(w, l, ASK_PROTO);
}

static void put_types(struct writer *w, const struct list *l, uint8_t family)
{
    fprintf(w->out, " type %s", l->negated ? "not " : "");
    for (uint32_t i = 0; i < l->count; i++) {
        const unsigned lo = (unsigned)l->of[i].lo, hi = (unsigned)l->of[i].hi;
        const char *name = lo == hi ? icmp_type_name(family, lo) : NULL;
        fputs(i ? ", " : "", w->out);
        if (name)
            fputs(name, w->out);
        else
            fprintf(w->out, lo == hi ? "%u" : "%u-%u", lo, hi);
    }
}

static void put_flags(struct writer *w, const struct rule *r)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    const uint8_t masks[] = {r->flags_has, r->flags_lacks};
    static const char *const words[] = {" has ", " lacks "};
    if (!masks[0] && !masks[1]) return;
    fputs(" flags", w->out);
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0, said = 0; i < 8; i++)
            if (masks[k] >> i & 1) fprintf(w->out, "%s%s", said++ ? ", " : words[k], names[i]);
}

/* Return the meter's name in the file, or one made of its rate. */
static const char *name_of_meter(struct writer *w, const struct meter *m)
{
    const char *unit = m->unit == 1 ? "second" : m->unit == 60 ? "minute" : m->unit == 3600 ? "hour" : "days";
    if (m->name) return name_give(&w->names, m->name, "_rate");
    return name_give(&w->names,
                     import_format(w->s, "max_%" PRIu64 "%s_per_%s", m->rate, m->bytes ? "_bytes" : "", unit), "_rate");
}

static void put_meters(struct writer *w, const struct metered *m)
{
    if (!m) return;
    put_meters(w, m->next);
    if (!m->meter->said) m->meter->said = name_of_meter(w, m->meter);
    fprintf(w->out, " %s %s", m->over ? "over" : "within", m->meter->said);
}

static const char *schedule_said(struct writer *w, const char *text)
{
    struct schedule **at = &w->schedules;
    while (*at && strcmp((*at)->text, text) != 0) at = &(*at)->next;
    if (!*at) {
        *at = arena_alloc(w->s->arena, sizeof(**at));
        **at = (struct schedule){.text = text, .name = name_give(&w->names, "hours", "")};
    }
    return (*at)->name;
}

static void put_hours(struct writer *w, const struct list *l)
{
    fprintf(w->out, " during %s", l->negated ? "not " : "");
    for (uint32_t i = 0; i < l->count; i++) fprintf(w->out, "%s%s", i ? ", " : "", schedule_said(w, l->of[i].word));
}

static void put_condition(struct writer *w, const struct rule *r, const struct condition *c, uint8_t family)
{
    static const char *const words[] = {
#define ABOUT(ident, words, kind) [ASK_##ident] = words,
#include "compiler/import/about.def"
    };
    const struct list *members = c->list.set ? &c->list.set->members : &c->list;
    const bool more = c->list.set && (c->list.set->left || set_is_live(c->list.set));
    if (c->list.negated && !members->count && !more) return;
    w->asks_state |= c->about == ASK_STATE;
    w->asks_not_on |= c->about == ASK_ON && c->list.negated;
    switch (c->about) {
    case ASK_PROTO: put_protocols(w, &c->list, r->family ? r->family : family); return;
    case ASK_ICMP_TYPE: put_types(w, &c->list, is_alone(rule_asks(r, ASK_PROTO), ICMP) ? 4 : 6); return;
    case ASK_DURING: put_hours(w, &c->list); return;
    case ASK_DPORT: fputs(rule_asks(r, ASK_TO) ? " port " : " to port ", w->out); break;
    default: fprintf(w->out, " %s ", words[c->about]); break;
    }
    put_list(w, &c->list, c->about);
}

void put_conditions(struct writer *w, const struct rule *r, uint8_t family)
{
    /* `ip` or `ip6`, unless another condition implies it */
    const struct list *from = rule_asks(r, ASK_FROM), *to = rule_asks(r, ASK_TO), *proto = rule_asks(r, ASK_PROTO);
    const bool said = (from && !from->negated && list_is_of(from, r->family)) ||
                      (to && !to->negated && list_is_of(to, r->family)) ||
                      is_alone(proto, r->family == 4 ? ICMP : ICMP6);
    if (r->family && r->family != family && !said)
        fputs(r->family == 4 ? " ip" : " ip6", w->out);
    else if (!r->family && !family && is_only_ip4(r))
        fputs(" ip", w->out);
    for (const struct condition *c = r->conditions; c; c = c->next) put_condition(w, r, c, family);
    put_flags(w, r);
    if (r->urpf_failed) fputs(" urpf-failed", w->out);
    if (r->flows_over) {
        fprintf(w->out, " flows over %" PRIu32 " per source", r->flows_over);
        put_lengths(w, r->flows_length4, r->flows_length6);
    }
    put_meters(w, r->meters);
}
