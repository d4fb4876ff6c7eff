/* What a rule asks for, as conditions of prey; and what prey can't ask. */
#include <inttypes.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "vm/words/words.h"

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, ICMP6 = 58, SCTP = 132, AH = 51 };

static bool all_in(const struct list *l, const uint8_t *numbers, size_t n)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->of[i].lo != l->of[i].hi || l->of[i].lo > 255) return false;
        if (!memchr(numbers, (int)l->of[i].lo, n)) return false;
    }
    return l->count > 0;
}

static bool is_alone(const struct list *l, unsigned number)
{
    return l && !l->not &&l->count == 1 && l->of[0].lo == number && l->of[0].hi == number;
}

static const char *ports_unsayable(const struct rule *r)
{
    static const uint8_t have_ports[] = {TCP, UDP, SCTP};
    const struct list *proto = rule_asks(r, ASK_PROTO);
    if (!rule_asks(r, ASK_DPORT) && !rule_asks(r, ASK_SPORT)) return NULL;
    if (!proto) return "prey knows ports of tcp, udp and sctp alone, and it asks for any protocol's";
    if (proto->not || !all_in(proto, have_ports, sizeof(have_ports)))
        return "prey knows ports of tcp, udp and sctp alone";
    return NULL;
}

/* netfilter looks behind AH in IPv6, so that it never finds the protocol there; prey's rules find the header. */
static const char *ah_unsayable(const struct rule *r)
{
    const struct list *proto = rule_asks(r, ASK_PROTO);
    bool holds = false;
    if (!proto || r->family == 4 || is_alone(proto, AH)) return NULL;
    for (uint32_t i = 0; i < proto->count; i++) holds |= proto->of[i].lo <= AH && AH <= proto->of[i].hi;
    return holds ? "there no IPv6 packet is AH: its family would have to be named" : NULL;
}

bool is_only_ip4(const struct rule *r) { return is_alone(rule_asks(r, ASK_PROTO), AH); }

static const char *types_unsayable(const struct rule *r)
{
    const struct list *proto = rule_asks(r, ASK_PROTO), *type = rule_asks(r, ASK_ICMP_TYPE),
                      *code = rule_asks(r, ASK_ICMP_CODE);
    if (!type && !code) return NULL;
    if (!is_alone(proto, ICMP) && !is_alone(proto, ICMP6)) return "it asks for a type without one protocol";
    if (!code) return NULL;
    const bool one = type && !type->not &&type->count == 1 && type->of[0].lo == type->of[0].hi;
    return one ? NULL : "prey asks for a code beside one type alone";
}

static const char *devices_unsayable(const struct list *l)
{
    for (uint32_t i = 0; l && i < l->count; i++) {
        const char *name = l->of[i].word;
        const size_t len = strlen(name), plain = strcspn(name, "/*\\ \t\n:");
        if (!len || len > 15 || (plain < len && !(name[plain] == '*' && plain + 1 == len && plain)))
            return "prey has no device of that name";
        if (name[len - 1] == '+') return "prey has no device of that name";
    }
    return NULL;
}

const char *conditions_unsayable(const struct rule *r)
{
    const char *why = r->unsaid;
    for (const struct metered *m = r->meters; m && !why; m = m->next) why = meter_unsayable(m->meter);
    if (!why) why = ports_unsayable(r);
    if (!why) why = types_unsayable(r);
    if (!why) why = ah_unsayable(r);
    if (!why) why = devices_unsayable(rule_asks(r, ASK_ON));
    if (!why) why = devices_unsayable(rule_asks(r, ASK_OUT_ON));
    return why;
}

/* By words of their own where the language has them: what is of one family alone only where that fits. */
static void put_protocols(struct writer *w, const struct list *l, uint8_t family)
{
    static const uint8_t any[] = {TCP, UDP, SCTP, 4, 47, 50, 89, 103, 112, 115, ICMP, IGMP, ICMP6};
    const size_t both = 10;
    bool words = !l->not &&all_in(l, any, sizeof(any));
    for (uint32_t i = 0; words && i < l->count; i++) {
        const bool plain = memchr(any, (int)l->of[i].lo, both) != NULL;
        words = plain || family != (l->of[i].lo == ICMP6 ? 4 : 6);
    }
    for (uint32_t i = 0; words && i < l->count; i++)
        fprintf(w->out, "%s%s", i ? ", " : " ",
                l->of[i].lo == ICMP6 ? "icmp6"
                : l->of[i].lo == 4   ? "ipip"
                                     : proto_name((unsigned)l->of[i].lo));
    if (words) return;
    if (l->not &&l->count == 1 && l->of[0].word) {
        fprintf(w->out, " not %s", l->of[0].word);
        return;
    }
    fputs(" proto ", w->out);
    put_list(w, l, ASK_PROTO);
}

/* `ip` or `ip6`, unless something else says it. */
static void put_family(struct writer *w, const struct rule *r, uint8_t known)
{
    const struct list *from = rule_asks(r, ASK_FROM), *to = rule_asks(r, ASK_TO), *proto = rule_asks(r, ASK_PROTO);
    const bool said = (from && !from->not &&list_is_of(from, r->family)) ||
                      (to && !to->not &&list_is_of(to, r->family)) || is_alone(proto, r->family == 4 ? ICMP : ICMP6);
    if (r->family && r->family != known && !said)
        fputs(r->family == 4 ? " ip" : " ip6", w->out);
    else if (!r->family && !known && is_only_ip4(r))
        fputs(" ip", w->out);
}

static void put_types(struct writer *w, const struct list *l, uint8_t family)
{
    fprintf(w->out, " type %s", l->not ? "not " : "");
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

/* The file's, or one that tells the rate. */
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
    fprintf(w->out, " during %s", l->not ? "not " : "");
    for (uint32_t i = 0; i < l->count; i++) fprintf(w->out, "%s%s", i ? ", " : "", schedule_said(w, l->of[i].word));
}

static bool says_nothing(const struct list *l)
{
    const struct list *members = l->set ? &l->set->members : l;
    return l->not &&!members->count && !(l->set && l->set->left);
}

static void put_condition(struct writer *w, const struct rule *r, const struct condition *c, uint8_t family)
{
    static const char *const words[] = {
#define ABOUT(ident, words, kind) [ASK_##ident] = words,
#include "compiler/import/about.def"
    };
    if (says_nothing(&c->list)) return;
    w->asks_state |= c->about == ASK_STATE;
    w->asks_not_on |= c->about == ASK_ON && c->list.not ;
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
    put_family(w, r, family);
    for (const struct condition *c = r->conditions; c; c = c->next) put_condition(w, r, c, family);
    put_flags(w, r);
    if (r->urpf_failed) fputs(" urpf-failed", w->out);
    if (r->flows_over) fprintf(w->out, " flows over %" PRIu32 " per source", r->flows_over);
    put_meters(w, r->meters);
}
