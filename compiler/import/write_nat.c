/* Write rules of nat chains as statements of a `nat`. Rules of chains that they jump to get the conditions of the
 * jump. A statement has fewer conditions than a rule; a rule that does not fit is left out. Packets that end a chain
 * before a rule that translates are left out of its statement (except_all). */
#include <stdlib.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/heap.h"
#include "vm/words/words.h"

enum { STATEMENTS_MOST = 4096, PORTS_EACH = 64, WAYS_MOST = 100000, EXCEPTIONS_MOST = 64 };

/* A rule that leaves packets untranslated, for the statements behind it */
struct exception {
    struct rule rule;   /* with the conditions of the jumps that led to it */
    struct rule *wrote; /* the rule as read, without them */
    bool told;          /* a statement could not express it */
};

struct translating {
    struct writer *w;
    const struct chain *base;
    struct exception exceptions[EXCEPTIONS_MOST];
    unsigned exception_count;
    unsigned statements;
    uint32_t ways; /* rules visited, counted once for each path of jumps */
};

/* True if the statement has a place for all conditions: those in `allowed` (bits of enum about). */
static bool asks_only(const struct rule *r, uint32_t allowed)
{
    for (const struct condition *c = r->conditions; c; c = c->next)
        if (!(allowed >> c->about & 1)) return false;
    return !r->flags_has && !r->flags_lacks && !r->flows_over && !r->translated && !r->urpf_failed && !r->urpf_passed &&
           !r->meters;
}

static uint32_t bit(enum about about) { return UINT32_C(1) << about; }

/* Return the conditions that statements of a nat have. */
static uint32_t sayable(void)
{
    return bit(ASK_FROM) | bit(ASK_TO) | bit(ASK_PROTO) | bit(ASK_SPORT) | bit(ASK_DPORT) | bit(ASK_ON) |
           bit(ASK_OUT_ON);
}

static bool is_positive(const struct list *l) { return l && !l->negated && (l->set || l->count); }

/* True if two members have nothing in common: addresses, numbers, or names of devices that aren't patterns. */
static bool members_apart(const struct extent *x, const struct extent *y)
{
    if (x->word && y->word) return !strchr(x->word, '*') && !strchr(y->word, '*') && strcmp(x->word, y->word) != 0;
    return !x->word && !y->word && (x->family != y->family || x->lo > y->hi || y->lo > x->hi);
}

/* True if both lists ask for something, and have no value in common. */
static bool lists_apart(const struct list *a, const struct list *b)
{
    if (!is_positive(a) || !is_positive(b) || a->set || b->set) return false;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < b->count; k++)
            if (!members_apart(&a->of[i], &b->of[k])) return false;
    return true;
}

/* Exclude from the rule the packets that the exception takes: all, or those that meet its only condition that the
 * rule lacks. False if the rule can't express that. */
static bool except_one(struct writer *w, struct rule *r, const struct rule *e)
{
    const struct condition *left = NULL;
    if (e->family && r->family && e->family != r->family) return true;
    if (e->family && !r->family) return false;
    bool many = false;
    for (const struct condition *c = e->conditions; c; c = c->next) {
        const struct list *same = rule_asks(r, c->about);
        if (lists_apart(same, &c->list)) return true;
        if (same && list_same(same, &c->list)) continue;
        many |= left != NULL;
        left = c;
    }
    if (many) return false;
    if (!left) {
        r->never = true;
        return true;
    }
    struct list others = left->list;
    others.negated = !others.negated;
    rule_want(w->s, r, left->about, others);
    return !r->unsaid;
}

/* Exclude from the rule the packets that all exceptions before it take; inexpressible ones become comments. */
static void except_all(struct translating *t, struct rule *r)
{
    for (unsigned i = 0; i < t->exception_count; i++) {
        struct exception *e = &t->exceptions[i];
        if (except_one(t->w, r, &e->rule) || e->told) continue;
        e->told = true;
        put_unsaid(t->w, &e->rule, "prey can exclude packets only by one condition, so it translates these packets");
        e->wrote->told |= e->rule.told;
    }
}

/* Keep a rule that ends the chain for the packets that meet it. False: it can't be an exception of statements. */
static bool exception_keep(struct translating *t, const struct rule *both, struct rule *wrote)
{
    const bool ends = wrote->act == ACT_RETURN || wrote->act == ACT_ACCEPT;
    if (t->base->hook != HOOK_POSTROUTING || !ends || !asks_only(both, sayable())) return false;
    if (t->exception_count == EXCEPTIONS_MOST) return false;
    t->exceptions[t->exception_count++] = (struct exception){.rule = *both, .wrote = wrote};
    return true;
}

/* True if each of the addresses may belong to one host: none is unspecified, nor of a group. */
static bool are_hosts(const struct extent *e)
{
    if (e->family == 4) return e->lo >> 24 != 0 && e->hi >> 24 < 224;
    return e->lo != 0 && e->hi >> 120 != 0xff;
}

static const char *source_unsayable(const struct rule *r)
{
    enum { ADDRESSES_MOST = 65536 };
    if (r->nat.how == NAT_SOURCE && !r->nat.to.family) return "the rule names no address";
    if (r->nat.to.family && !are_hosts(&r->nat.to)) return "prey translates only to addresses of hosts";
    if (r->nat.to.family && r->nat.to.hi - r->nat.to.lo >= ADDRESSES_MOST)
        return "prey translates to at most 65,536 addresses";
    if (!rule_asks(r, ASK_OUT_ON)) return "prey needs the devices by which packets leave, or the devices to leave out";
    if (!asks_only(r, sayable())) return "a nat can choose packets only by addresses, protocol, ports and devices";
    return NULL;
}

static void put_source(struct translating *t, struct rule *r)
{
    struct writer *w = t->w;
    const bool masquerade = r->nat.how == NAT_MASQUERADE;
    const char *why = source_unsayable(r);
    if (t->base->family) rule_want_family(r, t->base->family); /* a statement without a family takes both */
    if (!why) except_all(t, r);
    if (r->never) return;
    if (why) {
        put_unsaid(w, r, why);
        return;
    }
    struct rule others = *r;
    others.conditions = NULL;
    for (const struct condition *c = r->conditions; c; c = c->next)
        if (c->about != ASK_OUT_ON) rule_want(w->s, &others, c->about, c->list);
    fputs(masquerade ? "masquerade" : "source", w->out);
    put_conditions(w, &others, 0);
    fputs(" out on ", w->out);
    put_list(w, rule_asks(r, ASK_OUT_ON), ASK_OUT_ON);
    if (!masquerade) fputs(" -> ", w->out);
    if (!masquerade) put_address(w->out, r->nat.to.family, r->nat.to.lo, r->nat.to.hi);
    if (r->nat.port_lo) fprintf(w->out, " ports %u", r->nat.port_lo);
    if (r->nat.port_hi > r->nat.port_lo) fprintf(w->out, "-%u", r->nat.port_hi);
    fputc('\n', w->out);
    t->statements++;
    w->sources = true;
}

static uint64_t ports_in(const struct list *l)
{
    const struct list *members = l->set ? &l->set->members : l;
    uint64_t n = 0;
    for (uint32_t i = 0; i < members->count; i++) n += (uint64_t)(members->of[i].hi - members->of[i].lo) + 1;
    return n;
}

static const char *protocols_unsayable(const struct list *proto, const struct list *port)
{
    if (!is_positive(proto))
        return "prey forwards only named protocols and ports; `map` translates an address in both directions";
    for (uint32_t i = 0; i < proto->count; i++) {
        if (proto->of[i].lo != proto->of[i].hi) return "prey forwards only named protocols and ports";
        if (proto_has_ports((unsigned)proto->of[i].lo) != (port != NULL))
            return "prey forwards " PROTOS_WITH_PORTS " by ports";
    }
    return NULL;
}

static const char *target_unsayable(const struct rule *r, const struct list *port)
{
    if (r->nat.how != NAT_DESTINATION) return "prey forwards to one address and one port";
    if (!r->nat.to.family || r->nat.to.lo != r->nat.to.hi) return "prey forwards to one address";
    if (!are_hosts(&r->nat.to)) return "prey forwards only to addresses of hosts";
    if (r->nat.port_lo != r->nat.port_hi) return "prey forwards to one port";
    if (r->nat.port_lo && port && ports_in(port) > PORTS_EACH) return "prey forwards several ports only in their order";
    return NULL;
}

static const char *destination_unsayable(const struct translating *t, const struct rule *r)
{
    const struct list *to = rule_asks(r, ASK_TO), *port = rule_asks(r, ASK_DPORT);
    const char *why = NULL;
    if (t->base->hook != HOOK_PREROUTING)
        return "prey doesn't translate destinations of packets that this machine sends";
    if (!asks_only(r, bit(ASK_ON) | bit(ASK_FROM) | bit(ASK_TO) | bit(ASK_PROTO) | bit(ASK_DPORT)))
        return "prey forwards only by address, interface, source, protocol and port";
    if (port && !is_positive(port)) return "prey forwards only named ports, not all ports with exceptions";
    if (to && (!is_positive(to) || to->set)) return "prey forwards only named addresses";
    for (uint32_t i = 0; to && i < to->count; i++)
        if (!to->of[i].word && to->of[i].lo != to->of[i].hi) return "prey forwards only single addresses";
    why = protocols_unsayable(rule_asks(r, ASK_PROTO), port);
    return why ? why : target_unsayable(r, port);
}

/* Write `tcp/80, tcp/443` or, without a port, `gre`. */
static void put_endpoints(struct writer *w, const struct list *proto, const struct list *port)
{
    const struct list *ports = port && port->set ? &port->set->members : port;
    unsigned said = 0;
    for (uint32_t i = 0; i < proto->count; i++) {
        const unsigned number = (unsigned)proto->of[i].lo;
        const char *name = proto_name(number);
        for (uint32_t k = 0; k < (ports ? ports->count : 1); k++) {
            fputs(said++ ? ", " : " ", w->out);
            if (!ports) {
                fprintf(w->out, number == 1 || number == 58 ? "%s" : "proto %s",
                        number == 58 ? "icmp6"
                        : name       ? name
                                     : "");
                if (!name) fprintf(w->out, "%u", number);
                continue;
            }
            const unsigned lo = (unsigned)ports->of[k].lo, hi = (unsigned)ports->of[k].hi;
            fprintf(w->out, lo == hi ? "%s/%u" : "%s/%u-%u", name, lo, hi);
        }
    }
}

static void remember(struct writer *w, const struct rule *r, struct extent at)
{
    struct forwarded *f = arena_alloc(w->s->arena, sizeof(*f));
    const struct list *port = rule_asks(r, ASK_DPORT);
    const struct list *ports = port && port->set ? &port->set->members : port;
    *f = (struct forwarded){.rule = r, .at = at, .to = r->nat.to, .port = r->nat.port_lo, .like = f};
    if (!f->port && ports && ports_in(port) == 1) f->port = (uint16_t)ports->of[0].lo;
    for (const struct forwarded *o = w->forwarded; o; o = o->next)
        if (o->to.family == f->to.family && o->to.lo == f->to.lo && o->port == f->port) {
            f->like = o->like;
            break;
        }
    *w->forwarded_end = f;
    w->forwarded_end = &f->next;
}

static void put_forward_to(struct translating *t, const struct rule *r, struct extent at)
{
    struct writer *w = t->w;
    const struct list *from = rule_asks(r, ASK_FROM), *on = rule_asks(r, ASK_ON);
    struct rule *kept = arena_alloc(w->s->arena, sizeof(*kept));
    *kept = *r;
    kept->conditions = NULL;
    fputs("forward ", w->out);
    if (at.word)
        fputs(at.word, w->out);
    else
        put_address(w->out, at.family, at.lo, at.hi);
    if (on) fputs(" on ", w->out);
    if (on) put_list(w, on, ASK_ON);
    if (on) rule_want(w->s, kept, ASK_ON, *on);
    if (from) fputs(" from ", w->out);
    if (from) put_list(w, from, ASK_FROM);
    if (from) rule_want(w->s, kept, ASK_FROM, *from);
    rule_want(w->s, kept, ASK_PROTO, *rule_asks(r, ASK_PROTO));
    if (rule_asks(r, ASK_DPORT)) rule_want(w->s, kept, ASK_DPORT, *rule_asks(r, ASK_DPORT));
    put_endpoints(w, rule_asks(r, ASK_PROTO), rule_asks(r, ASK_DPORT));
    const bool brackets = r->nat.port_lo && r->nat.to.family == 6;
    fputs(brackets ? " -> [" : " -> ", w->out);
    put_address(w->out, r->nat.to.family, r->nat.to.lo, r->nat.to.lo);
    if (brackets) fputc(']', w->out);
    if (r->nat.port_lo) fprintf(w->out, ":%u", r->nat.port_lo);
    fputc('\n', w->out);
    remember(w, kept, at);
    t->statements++;
}

/* Write a statement for each destination address. */
static void put_forward_all(struct translating *t, const struct rule *r)
{
    const struct list *to = rule_asks(r, ASK_TO);
    if (!to) put_forward_to(t, r, (struct extent){.word = "self"});
    for (uint32_t i = 0; to && i < to->count; i++) put_forward_to(t, r, to->of[i]);
}

/* Write a statement for each port, all to the one target port: a list of ports would take target ports in order. */
static void put_each_port(struct translating *t, const struct rule *r, const struct list *ports)
{
    for (uint32_t i = 0; i < ports->count; i++)
        for (wide n = ports->of[i].lo; n <= ports->of[i].hi; n++) {
            struct rule one = *r;
            struct list port = {0}, proto = *rule_asks(r, ASK_PROTO);
            one.conditions = NULL;
            list_number(&port, (uint64_t)n, (uint64_t)n, t->w->s->arena);
            for (const struct condition *c = r->conditions; c; c = c->next)
                if (c->about != ASK_DPORT && c->about != ASK_PROTO) rule_want(t->w->s, &one, c->about, c->list);
            rule_want(t->w->s, &one, ASK_PROTO, proto);
            rule_want(t->w->s, &one, ASK_DPORT, port);
            put_forward_all(t, &one);
        }
}

static void put_destination(struct translating *t, struct rule *r)
{
    const char *why = destination_unsayable(t, r);
    const struct list *port = rule_asks(r, ASK_DPORT), *to = rule_asks(r, ASK_TO);
    if (why) {
        put_unsaid(t->w, r, why);
        return;
    }
    if (!to) {
        put_why(t->w, "not imported in full", r->text,
                "prey forwards packets to this machine's own addresses; for any address, write `forward any`");
        t->w->unsaid.parts++;
    }
    if (r->nat.port_lo && port && ports_in(port) > 1)
        put_each_port(t, r, port->set ? &port->set->members : port);
    else
        put_forward_all(t, r);
}

void put_forwarded(struct writer *w, const struct forwarded *f)
{
    struct rule as_it_came = *f->rule;
    struct list at = {0};
    list_add(&at, f->at, w->s->arena);
    as_it_came.conditions = NULL;
    for (const struct condition *c = f->rule->conditions; c; c = c->next)
        rule_want(w->s, &as_it_came, c->about, c->list);
    rule_want(w->s, &as_it_came, ASK_TO, at);
    as_it_came.family = f->to.family;
    put_conditions(w, &as_it_came, 0);
    fputc('\n', w->out);
}

static void put_chain(struct translating *t, const struct chain *c, const struct rule *jump);

static bool is_self(const struct list *l)
{
    return l && !l->negated && !l->set && l->count == 1 && l->of[0].word && !strcmp(l->of[0].word, "self");
}

/* Add the conditions of a jump. If a jump for this machine's own addresses leads to a rule for an address, that
 * address is taken to be one of them. */
static void want_all(struct writer *w, struct rule *both, const struct condition *c)
{
    for (; c; c = c->next) {
        const struct list *to = c->about == ASK_TO ? rule_asks(both, ASK_TO) : NULL;
        if (is_self(&c->list) && is_positive(to)) continue;
        rule_want(w->s, both, c->about, c->list);
    }
}

/* Return the rule with the conditions of the jumps that led to it. */
static struct rule rule_joined(struct writer *w, const struct rule *r, const struct rule *jump)
{
    static const char led[] = "prey has no equivalent of a jump to this chain: ";
    struct rule both = *r;
    both.conditions = NULL;
    for (const struct condition *c = r->conditions; c; c = c->next) rule_want(w->s, &both, c->about, c->list);
    if (!jump) return both;
    want_all(w, &both, jump->conditions);
    if (jump->family) rule_want_family(&both, jump->family);
    rule_want_flags(&both, jump->flags_has, jump->flags_lacks);
    if (jump->meters || jump->flows_over || jump->urpf_failed || jump->urpf_passed)
        rule_unsaid(&both, "prey has no meters in a nat");
    if (jump->unsaid && !strncmp(jump->unsaid, led, strlen(led)))
        rule_unsaid(&both, jump->unsaid);
    else if (jump->unsaid)
        rule_unsaid(&both, import_format(w->s, "%s%s", led, jump->unsaid));
    both.never |= jump->never;
    return both;
}

/* Return the most statements that the rule can need. */
static uint64_t statements_of(const struct rule *r)
{
    const struct list *to = rule_asks(r, ASK_TO), *port = rule_asks(r, ASK_DPORT);
    const uint64_t ports = r->nat.port_lo && port && ports_in(port) <= PORTS_EACH ? ports_in(port) : 1;
    if (r->nat.how == NAT_MASQUERADE || r->nat.how == NAT_SOURCE) return 1;
    return (to && to->count ? to->count : UINT64_C(1)) * (ports ? ports : 1);
}

static void put_nat_rule(struct translating *t, struct rule *r, const struct rule *jump)
{
    struct writer *w = t->w;
    struct rule both = rule_joined(w, r, jump);
    const struct chain *to =
        r->act == ACT_JUMP || r->act == ACT_GOTO ? ruleset_find_chain(w->s, t->base->scope, r->target) : NULL;
    const bool source = both.nat.how == NAT_MASQUERADE || both.nat.how == NAT_SOURCE;
    const bool was_told = both.told;
    if (both.never || ((r->act == ACT_NONE || r->act == ACT_SILENT) && !r->unsaid && !r->apart)) return;
    const bool sent = t->base->hook == HOOK_OUTPUT && r->act == ACT_TRANSLATE && !source;
    if (to)
        put_chain(t, to, &both);
    else if (sent)
        put_unsaid(w, &both, "prey doesn't translate destinations of packets that this machine sends");
    else if (both.unsaid)
        put_unsaid(w, &both, both.unsaid);
    else if (r->act == ACT_NONE || r->act == ACT_SILENT)
        put_unsaid(w, &both, r->apart);
    else if (r->act != ACT_TRANSLATE && exception_keep(t, &both, r))
        return;
    else if (r->act != ACT_TRANSLATE)
        put_unsaid(w, &both, "a nat has no exceptions: prey translates the packets that this rule excludes");
    else if (t->statements + statements_of(&both) > STATEMENTS_MOST)
        put_unsaid(w, &both, "a nat has at most 4,096 statements");
    else if (source)
        put_source(t, &both);
    else
        put_destination(t, &both);
    r->told |= both.told && !was_told;
}

/* Forget the exceptions from the given one on that hold only for the chain that they are in. */
static void exceptions_end(struct translating *t, unsigned from)
{
    unsigned kept = from;
    for (unsigned i = from; i < t->exception_count; i++)
        if (t->exceptions[i].wrote->act == ACT_ACCEPT) t->exceptions[kept++] = t->exceptions[i];
    t->exception_count = kept;
}

static void put_rules(struct translating *t, const struct chain *c, const struct rule *jump)
{
    for (struct rule *r = c->rules; r; r = r->next) {
        /* A return or accept of all packets ends the chain. */
        if ((r->act == ACT_RETURN || (r->act == ACT_ACCEPT && !jump)) && !r->conditions && !r->unsaid && !r->meters)
            return;
        if (t->ways++ >= WAYS_MOST || is_full(t->w)) return;
        put_nat_rule(t, r, jump);
    }
}

static void put_chain(struct translating *t, const struct chain *c, const struct rule *jump)
{
    const unsigned before = t->exception_count;
    put_rules(t, c, jump);
    exceptions_end(t, before);
}

void put_nat(struct writer *w)
{
    struct translating t = {.w = w};
    FILE *file = w->out;
    char *text;
    size_t len;
    w->out = heap_stream(&text, &len);
    for (const struct chain *c = w->s->chains; c; c = c->next) {
        if (!c->nat) continue;
        t.base = c;
        t.exception_count = 0;
        put_chain(&t, c, NULL);
        if (!c->drops) continue;
        fprintf(w->out, "# NOT IMPORTED: the policy of the nat chain %.60s, which drops\n", c->name);
        w->unsaid.parts++;
        w->unsaid.wider_parts++;
    }
    if (t.ways > WAYS_MOST) {
        fputs("# NOT IMPORTED: the nat rules after this line, because more than 100,000 paths of jumps lead there\n",
              w->out);
        w->unsaid.parts++;
    }
    const bool clamps = put_segment_sizes(w);
    heap_stream_end(w->out);
    w->out = file;
    if (t.statements || clamps) {
        fprintf(w->out, "\nnat %s {\n", name_give(&w->names, "translated", "_nat"));
        fwrite(text, 1, len, w->out);
        fputs("}\n", w->out);
    } else {
        fputs(len ? "\n" : "", w->out);
        fwrite(text, 1, len, w->out);
    }
    free(text);
}
