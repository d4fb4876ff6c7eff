/* `preyc --dump=ir`: the normal form, one rule per paragraph: its place and verdict, then its product, only the
 * fields that narrow, in the order of field.def. Long sets are cut, with the number left. */
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/normal/flows_over.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/words/words.h"

enum { VALUES_MAX = 8 }; /* most values of a set that a dump prints */

struct list_printer {
    FILE *out;
    unsigned most, printed;
    uint64_t left;
};

/* Print the separator before the next value; false when enough are printed. */
static bool next_value(struct list_printer *l)
{
    if (l->printed >= l->most) {
        l->left++;
        return false;
    }
    if (l->printed++) fputs(", ", l->out);
    return true;
}

static bool end_list(const struct list_printer *l)
{
    if (l->left) fprintf(l->out, " and %llu more", (unsigned long long)l->left);
    return l->left == 0;
}

enum { KNOWN = 256, IN_PLAIN = 1, IN_AH = 2 };

/* Print a run of the family's protocols, the last known being end - 1; with: the words for AH. */
static void print_protocols(struct list_printer *l, const char *family, uint32_t lo, uint32_t hi, uint32_t end,
                            const char *with)
{
    const bool all = lo == 0 && hi == end, known = lo == 0 && hi == 255;
    const char *name = lo != hi ? NULL : lo == KNOWN ? "unknown" : proto_name(lo);
    if (!next_value(l)) return;
    fputs(family, l->out);
    if (known && !all)
        fputs(" known", l->out); /* excludes later fragments that hide their protocol */
    else if (name && !all)
        fprintf(l->out, " %s", name);
    else if (!all)
        fprintf(l->out, lo == hi ? " proto %u" : " proto %u-%u", lo, hi);
    fputs(with, l->out);
}

/* Print the protocols, and the unknown one behind them, that the set has without AH, with it, or both, by `in`. */
static void print_runs(struct list_printer *l, const uint8_t of[KNOWN + 1], uint8_t in, const char *with)
{
    for (uint32_t lo = 0, hi; lo <= KNOWN; lo = hi + 1) {
        hi = lo;
        if (of[lo] != in) continue;
        while (hi < KNOWN - (lo > 0) && of[hi + 1] == in) hi++;
        print_protocols(l, "ip6", lo, hi, KNOWN, with);
    }
}

static void print_what(struct list_printer *l, const struct ir *ir, uint32_t id)
{
    struct pbc_range v4[128];
    uint8_t of[KNOWN + 1];
    const uint32_t n = what_numbers(ir, id, WHAT_IP4, v4);
    for (uint32_t i = 0; i < n; i++) print_protocols(l, "ip", v4[i].lo, v4[i].hi, KNOWN - 1, "");
    for (uint32_t i = 0; i < KNOWN; i++)
        of[i] = (uint8_t)((ir_ranges_have(ir, id, WHAT_IP6 + i) ? IN_PLAIN : 0) |
                          (ir_ranges_have(ir, id, WHAT_AH6 + i) ? IN_AH : 0));
    of[KNOWN] = (uint8_t)((ir_ranges_have(ir, id, WHAT_IP6_UNKNOWN) ? IN_PLAIN : 0) |
                          (ir_ranges_have(ir, id, WHAT_AH6_UNKNOWN) ? IN_AH : 0));
    print_runs(l, of, IN_PLAIN | IN_AH, "");
    print_runs(l, of, IN_PLAIN, " without ah");
    print_runs(l, of, IN_AH, " with ah");
    if (ir_ranges_have(ir, id, WHAT_ARP) && next_value(l)) fputs("arp", l->out);
    if (ir_ranges_have(ir, id, WHAT_OTHER) && next_value(l)) fputs("other", l->out);
}

/* Return the value for "not there", which has a name. */
static uint32_t absent_value(enum ir_field f)
{
    switch (f) {
    case IR_VLAN:
    case IR_INNER: return VLAN_ABSENT;
    case IR_ETHER: return ETHER_ABSENT;
    case IR_IFACE:
    case IR_OUT: return IFACE_ABSENT;
    case IR_URPF: return SOURCE_ABSENT;
    default: return UINT32_MAX;
    }
}

static void print_number(FILE *out, enum ir_field f, uint32_t value)
{
    static const char *const fragments[] = {"no", "first", "later"};
    static const char *const states[] = {"new", "established", "related", "invalid", "none"};
    if (f == IR_FRAGMENT)
        fputs(fragments[value], out);
    else if (f == IR_STATE)
        fputs(states[value], out);
    else if (f == IR_OPTIONS)
        fputs(value ? "any" : "none", out);
    else if (f == IR_ND)
        fputs(value ? "yes" : "no", out);
    else if (f == IR_ETHER)
        fprintf(out, "0x%04x", value);
    else
        fprintf(out, "%u", value);
}

static bool print_ranges(const struct compile *c, enum ir_field f, uint32_t id, unsigned most, FILE *out)
{
    const struct ir_ranges r = ir_ranges(c->ir, id);
    struct list_printer l = {.out = out, .most = most};
    const uint32_t absent = absent_value(f);
    const bool words = f == IR_FRAGMENT || f == IR_STATE || f == IR_OPTIONS || f == IR_ND;
    if (f == IR_WHAT) print_what(&l, c->ir, id);
    for (uint32_t i = 0; i < r.count && f != IR_WHAT; i++) {
        uint32_t lo = r.r[i].lo, hi = r.r[i].hi;
        for (; words && lo < hi; lo++)
            if (next_value(&l)) print_number(out, f, lo);
        const bool none = hi == absent;
        hi -= none;
        if ((!none || lo <= hi) && next_value(&l)) {
            print_number(out, f, lo);
            if (lo < hi) {
                fputc('-', out);
                print_number(out, f, hi);
            }
        }
        if (none && next_value(&l)) fputs("none", out);
    }
    return end_list(&l);
}

static bool print_addrs(const struct compile *c, uint32_t id, unsigned most, FILE *out);

/* Print the names of live sets, for a set with more parts than may be printed. */
static void print_lives(const struct compile *c, live_bits live, FILE *out)
{
    enum { NAMED_MOST = 4 };
    unsigned more = 0;
    const char *between = "(by members of ";
    for (unsigned n = 0; live; live &= live - 1, n++) {
        more += n >= NAMED_MOST;
        if (n < NAMED_MOST)
            fprintf(out, "%s%s", between, image_str(c->image, c->image->lives[live_bits_first(live)].name));
        between = ", ";
    }
    if (more) fprintf(out, " and %u more", more);
    fputc(')', out);
}

/* Print both parts of a split set: "(in caught: any; else none)". */
static bool print_split(const struct compile *c, const struct ir_addrs *a, unsigned most, FILE *out)
{
    if (a->ways > most) {
        print_lives(c, a->lives, out);
        return false;
    }
    fprintf(out, "(in %s: ", image_str(c->image, c->image->lives[a->split - 1].name));
    const bool in = print_addrs(c, a->in_free == IR_ALL ? IR_ALL : a->in, most, out);
    fputs("; else ", out);
    const bool all = print_addrs(c, a->out, most, out) && in;
    fputc(')', out);
    return all;
}

static bool print_addrs(const struct compile *c, uint32_t id, unsigned most, FILE *out)
{
    const struct ir_addrs *a = ir_addrs(c->ir, id);
    if (a->split) return print_split(c, a, most, out);
    struct list_printer l = {.out = out, .most = most};
    if (id == IR_ALL || id == IR_EMPTY) {
        fputs(id == IR_ALL ? "any" : "none", out);
        return true;
    }
    for (uint32_t i = 0; i < a->count4; i++)
        if (next_value(&l)) range4_print(&a->r4[i], out);
    for (uint32_t i = 0; i < a->count6; i++)
        if (next_value(&l)) range6_print(&a->r6[i], out);
    return end_list(&l);
}

static void print_flags(uint32_t mask, FILE *out)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    const char *comma = "";
    for (unsigned i = 0; i < 8; i++)
        if (mask >> i & 1) {
            fprintf(out, "%s%s", comma, names[i]);
            comma = ", ";
        }
}

static bool print_macs(const struct compile *c, uint32_t id, unsigned most, FILE *out)
{
    const struct ir_macs *m = ir_macs(c->ir, id);
    struct list_printer l = {.out = out, .most = most};
    if (m->negated) fputs(m->count || m->kinds ? "not " : "any", out);
    if (m->kinds & MAC_MULTICAST && next_value(&l)) fputs("multicast", out);
    if (m->kinds & MAC_BROADCAST && next_value(&l)) fputs("broadcast", out);
    for (uint32_t i = 0; i < m->count; i++)
        if (next_value(&l))
            for (int shift = 40; shift >= 0; shift -= 8)
                fprintf(out, "%02x%s", (unsigned)(m->macs[i] >> shift & 255), shift ? ":" : "");
    return end_list(&l);
}

static void print_hex(FILE *out, const uint8_t *bytes, unsigned len)
{
    fputs("x\"", out);
    for (unsigned i = 0; i < len; i++) fprintf(out, "%02x", bytes[i]);
    fputc('"', out);
}

static bool print_patterns(const struct compile *c, uint32_t id, unsigned most, FILE *out)
{
    static const char *const layers[] = {"l2", "l3", "l4", "payload"};
    const struct ir_patterns p = ir_patterns(c->ir, id);
    struct list_printer l = {.out = out, .most = most};
    for (uint32_t i = 0; i < p.count; i++) {
        const struct pbc_pattern *t = &c->image->patterns[p.pattern[i]];
        if (!next_value(&l)) continue;
        fprintf(out, "%s at %u is %s", layers[t->layer], t->at, t->is_not ? "not " : "");
        print_hex(out, t->value, t->len);
        fputs(" mask ", out);
        print_hex(out, t->mask, t->len);
    }
    return end_list(&l);
}

static void print_schedules(const struct compile *c, uint32_t mask, FILE *out)
{
    const char *comma = "";
    for (uint32_t i = 0; i < c->image->schedules_count; i++)
        if (mask >> i & 1) {
            fprintf(out, "%s%s", comma, image_str(c->image, c->image->schedules[i].name));
            comma = ", ";
        }
}

static bool print_meters(const struct compile *c, uint32_t id, unsigned most, FILE *out)
{
    const struct ir_patterns list = ir_patterns(c->ir, id);
    struct list_printer l = {.out = out, .most = most};
    for (uint32_t i = 0; i < list.count; i++)
        if (next_value(&l))
            fprintf(out, "%s %s", list.pattern[i] & 1 ? "within" : "over",
                    image_str(c->image, c->image->meters[list.pattern[i] / 2].name));
    return end_list(&l);
}

static void print_flows(const struct compile *c, uint32_t id, FILE *out)
{
    struct flows_demand d[PBC_GRAINS_MAX];
    const uint32_t n = flows_demands(c->ir, id, d);
    for (uint32_t i = 0; i < n; i++) {
        const struct pbc_grain g = c->ir->grains[d[i].grain];
        fprintf(out, "%sover %u per source", i ? ", " : "", d[i].over);
        if (g.len4 != 32 || g.len6 != 128) fprintf(out, "/%u,/%u", g.len4, g.len6);
    }
}

bool ir_print_value(const struct compile *c, enum ir_field f, uint32_t id, unsigned most, FILE *out)
{
    switch ((enum ir_sort)ir_fields[f].sort) {
    case IR_SORT_RANGES: return print_ranges(c, f, id, most, out);
    case IR_SORT_ADDRS: return print_addrs(c, id, most, out);
    case IR_SORT_MASK: f == IR_NOT_DURING ? print_schedules(c, id, out) : print_flags(id, out); break;
    case IR_SORT_ANY: print_schedules(c, id, out); break;
    case IR_SORT_MACS: return print_macs(c, id, most, out);
    case IR_SORT_PATTERNS: return print_patterns(c, id, most, out);
    case IR_SORT_METERS: return print_meters(c, id, most, out);
    case IR_SORT_FLOWS: print_flows(c, id, out); break;
    case IR_SORTS: break;
    }
    return true;
}

void print_rule_name(const struct compile *c, uint32_t rule, FILE *out)
{
    const struct image *img = c->image;
    const struct pbc_rule *r = &img->rules[rule];
    const uint32_t list = r->list & ~PBC_LIST_CHAIN;
    if (r->name)
        fputs(image_str(img, r->name), out);
    else
        fprintf(out, "%s:%u",
                image_str(img, r->list & PBC_LIST_CHAIN ? img->chains[list].name : img->firewalls[list].name),
                r->place.line);
}

static void print_product(const struct compile *c, const struct ir_product *p, FILE *out)
{
    bool narrows = false;
    for (enum ir_field f = 0; f < IR_FIELDS; f++) {
        const bool own = f == IR_SRC_SELF || f == IR_DST_SELF; /* printed only if it differs from the field before */
        if (own ? p->field[f] == p->field[f - 1] : p->field[f] == IR_ALL) continue;
        if (f == IR_STATE && !asks_state(c->ir, p)) continue;
        narrows = true;
        fprintf(out, "      %-8s ", ir_fields[f].name);
        ir_print_value(c, f, p->field[f], VALUES_MAX, out);
        fputc('\n', out);
    }
    if (!narrows) fputs("      everything\n", out);
}

static void print_covers(const struct compile *c, const struct ir_rule *r, FILE *out)
{
    struct list_printer l = {.out = out, .most = VALUES_MAX};
    for (uint32_t i = 0; i < r->cover_count; i++)
        if (next_value(&l)) print_rule_name(c, r->covers[i], out);
    end_list(&l);
}

static void print_rule(const struct compile *c, uint32_t rule, FILE *out)
{
    const struct pbc_rule *r = &c->image->rules[rule];
    const struct ir_rule *ir = &c->ir->rules[rule];
    fprintf(out, "  %u ", rule);
    print_rule_name(c, rule, out);
    fprintf(out, " %s", verdict_info[r->verdict].name);
    if (r->verdict == PBC_V_DO) fprintf(out, " %s", image_str(c->image, c->image->chains[r->chain].name));
    if (verdict_is(r->verdict, VERDICT_TAKES_PORT)) fprintf(out, " %u", r->port);
    if (r->flags & PBC_RULE_LOG) fputs(" log", out);
    if (ir->state == IR_IMPOSSIBLE)
        fputs(": never matches\n", out);
    else if (ir->state == IR_SHADOWED) {
        fputs(": never reached, covered by ", out);
        print_covers(c, ir, out);
        fputc('\n', out);
    } else
        fputc('\n', out);
    if (ir->state != IR_IMPOSSIBLE) print_product(c, &ir->product, out);
}

static void print_firewall(const struct compile *c, const struct pbc_firewall *f, FILE *out)
{
    static const char *const directions[] = {"", " in", " out", " forward"}, *const others[] = {"", " pass", " drop"};
    static const char *const defaults[] = {"accept", "drop", "reject"};
    const struct image *img = c->image;
    fprintf(out, "firewall %s", image_str(img, f->name));
    if (f->iface != PBC_NONE) fprintf(out, " on \"%s\"", image_str(img, img->ifaces[f->iface].device));
    fprintf(out, "%s default %s", directions[f->direction], defaults[f->default_verdict]);
    if (f->other) fprintf(out, " other frames%s", others[f->other]);
    fputc('\n', out);
    for (uint32_t i = 0; i < f->rule_count; i++) print_rule(c, f->rules + i, out);
}

void ir_dump(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->firewalls_count; i++) print_firewall(c, &img->firewalls[i], out);
    for (uint32_t i = 0; i < img->chains_count; i++) {
        fprintf(out, "chain %s\n", image_str(img, img->chains[i].name));
        for (uint32_t r = 0; r < img->chains[i].rule_count; r++) print_rule(c, img->chains[i].rules + r, out);
    }
}
