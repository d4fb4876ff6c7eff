/* Print a comparison for people. It has one paragraph for each region, the largest first; then the destinations of
 * accepted traffic; then the parts that were not computed; and one line that sums it up. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/diag/diag.h"
#include "lang/heap.h"
#include "vm/words/words.h"

enum { REGIONS_SHOWN = 50, PRODUCTS_SHOWN = 4, UNDECIDED_SHOWN = 10 };

const char *const diff_kind_names[DIFF_KIND_COUNT] = {
#define KIND(ident, name) name,
    DIFF_KINDS(KIND)
#undef KIND
};

void print_outcome(const struct outcome *o, FILE *out)
{
    static const char *const answers[] = {[PBC_ANSWER_DEFAULT] = "",
                                          [PBC_ANSWER_RST] = " with rst",
                                          [PBC_ANSWER_UNREACHABLE] = " with unreachable",
                                          [PBC_ANSWER_PROHIBITED] = " with prohibited"};
    fputs(o->verdict == OUT_PASS ? "passed" : verdict_info[o->verdict].done, out);
    if (o->verdict == PBC_V_REJECT) fputs(answers[o->answer], out);
    if (o->port) fprintf(out, " %u", o->port);
}

static const struct pbc_firewall *firewall_by(const struct diff *d, unsigned side, const struct decider *by)
{
    const struct side *s = &d->side[side];
    return by->firewall == PBC_NONE ? NULL : &s->program->firewalls[by->firewall - s->firewalls];
}

void print_decider(const struct diff *d, unsigned side, const struct decider *by, FILE *out)
{
    const struct side *s = &d->side[side];
    const struct pbc_firewall *f = firewall_by(d, side, by);
    char name[256];
    if (by->rule < RULE_DEFAULT)
        put_name(rule_name(s->program, by->rule - s->rules, name, sizeof(name)), out);
    else if (!f)
        fputs("no firewall", out);
    else
        fputs(by->outcome.verdict == OUT_PASS ? "no rule of " : "the default of ", out);
    if (by->rule >= RULE_DEFAULT && f) put_name(program_str(s->program, f->name), out);
}

struct pbc_place decider_place(const struct diff *d, unsigned side, const struct decider *by)
{
    const struct side *s = &d->side[side];
    const struct pbc_firewall *f = firewall_by(d, side, by);
    if (by->rule < RULE_DEFAULT) return s->program->rules[by->rule - s->rules].place;
    return f ? f->place : (struct pbc_place){0};
}

static void print_place(const struct diff *d, unsigned side, const struct pbc_place *place, FILE *out)
{
    if (!place->line) return;
    fputs(" (", out);
    put_name(program_str(d->side[side].program, place->file), out);
    fprintf(out, ":%u)", place->line);
}

static void print_by(const struct diff *d, unsigned side, const struct decider *by, FILE *out)
{
    const struct pbc_place place = decider_place(d, side, by);
    print_outcome(&by->outcome, out);
    if (by->firewall == PBC_NONE) {
        fputs(", because no firewall judges the packet\n", out);
        return;
    }
    fputs(" by ", out);
    print_decider(d, side, by, out);
    print_place(d, side, &place, out);
    fputc('\n', out);
}

static void print_change(struct diff *d, const struct change *c, FILE *out)
{
    static const char *const may[] = {"may widen", "may narrow", "may change"};
    for (uint32_t i = 0; i < c->region.count && i < PRODUCTS_SHOWN; i++) {
        fprintf(out, "%-11s ", i ? "" : c->maybe ? may[c->kind] : diff_kind_names[c->kind]);
        region_text_print(&d->text, &c->region.p[i], c->dirs, out);
        fputc('\n', out);
    }
    if (c->region.count > PRODUCTS_SHOWN)
        fprintf(out, "            and %u smaller part%s\n", c->region.count - PRODUCTS_SHOWN,
                c->region.count == PRODUCTS_SHOWN + 1 ? "" : "s");
    fputs("            was   ", out);
    print_by(d, OLD, &c->by[OLD], out);
    fputs("            now   ", out);
    print_by(d, NEW, &c->by[NEW], out);
    fputs("            e.g.  ", out);
    put_name(c->has_example ? c->example
             : !c->maybe    ? "none: preyc couldn't write a test for such a packet"
             : product_is_plain(d->c.ir, &c->region.p[0])
                 ? "none: the result depends on too many schedules"
                 : "none: the result depends on a meter, a number of connections or bytes",
             out);
    fputs("\n\n", out);
}

static void print_undecided(struct diff *d, FILE *out)
{
    if (d->undecided_count)
        fputs("preyc didn't compare the packets that match these rules, because the comparison would take too long:\n",
              out);
    for (uint32_t i = 0; i < d->undecided_count && i < UNDECIDED_SHOWN; i++) {
        const struct undecided *u = &d->undecided[i];
        const struct decider by = {.rule = u->rule, .firewall = u->firewall};
        const struct pbc_place place = decider_place(d, u->side, &by);
        fprintf(out, "  %s ", u->side == OLD ? "old" : "new");
        if (u->rule == RULE_NONE)
            fputs("all rules, chains written out", out);
        else
            print_decider(d, u->side, &by, out);
        print_place(d, u->side, &place, out);
        fputc('\n', out);
    }
    if (d->undecided_count > UNDECIDED_SHOWN) fprintf(out, "  and %u more\n", d->undecided_count - UNDECIDED_SHOWN);
    if (d->undecided_count) fputc('\n', out);
}

static void count_print(FILE *out, const char *before, uint32_t n, const char *what)
{
    if (n) fprintf(out, "%s%u %s", before, n, what);
}

static void print_sum(const struct diff *d, const struct beyond *b, FILE *out)
{
    uint32_t kinds[DIFF_KIND_COUNT] = {0}, maybe[DIFF_KIND_COUNT] = {0};
    for (uint32_t i = 0; i < d->change_count; i++) (d->changes[i].maybe ? maybe : kinds)[d->changes[i].kind]++;
    if (d->change_count) {
        const char *before = ": ";
        fprintf(out, "%u region%s", d->change_count, d->change_count == 1 ? "" : "s");
        for (unsigned k = 0; k < DIFF_KIND_COUNT; k++) {
            static const char *const may[] = {"that may widen", "that may narrow", "that may change"};
            count_print(out, before, kinds[k], diff_kind_names[k]);
            if (kinds[k]) before = ", ";
            count_print(out, before, maybe[k], may[k]);
            if (maybe[k]) before = ", ";
        }
    } else if (d->undecided_count) {
        fputs("no difference found", out);
    } else if (b->reaches.count || b->reaches.too_many || b->meters.count || b->bounds.count || b->routes.count) {
        fputs("the rules judge every packet in the same way", out);
    } else {
        fputs("no difference for any packet that the rules judge", out);
    }
    print_sum_beyond(b, out);
    if (d->undecided_count)
        fprintf(out, "; %u rule%s couldn't be compared, and may let more packets through", d->undecided_count,
                d->undecided_count == 1 ? "" : "s");
    fputc('\n', out);
}

/* Print text safely: names may come from a stranger's program, and must not reach the terminal as commands. */
static void put_safe(char *text, FILE *out)
{
    for (char *line = text; *line;) {
        char *end = strchrnul(line, '\n');
        const bool ends = *end == '\n';
        *end = '\0';
        diag_put_text(line, out);
        if (ends) fputc('\n', out);
        line = end + ends;
    }
}

void diff_put_text(struct diff *d, const struct beyond *b, FILE *out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = heap_stream(&text, &len);
    for (uint32_t i = 0; i < d->change_count && i < REGIONS_SHOWN; i++) print_change(d, &d->changes[i], to);
    if (d->change_count > REGIONS_SHOWN)
        fprintf(to, "and %u smaller region%s: --format=json lists them\n\n", d->change_count - REGIONS_SHOWN,
                text_plural(d->change_count - REGIONS_SHOWN));
    print_beyond(d, b, to);
    print_undecided(d, to);
    print_sum(d, b, to);
    heap_stream_end(to);
    put_safe(text, out);
    free(text);
}

/* Names of address sets in either program. A region whose addresses are a complete set, or all but a set, is printed
 * by that name. */
struct set_name {
    uint32_t addrs; /* id in the ir of both */
    const char *name;
    uint8_t side;
};

static void add_names(struct diff *d, unsigned side)
{
    const struct program *p = d->side[side].program;
    uint32_t last = 0;
    for (uint32_t i = 0; i < p->sets_count; i++) {
        const struct pbc_set *s = &p->sets[i];
        if (!s->name || s->name == last) continue;
        last = s->name;
        d->set_names = heap_grown(d->set_names, (size_t)d->set_name_count + 1, sizeof(*d->set_names), &d->set_name_cap);
        d->set_names[d->set_name_count++] = (struct set_name){
            .addrs = ir_addrs_ranges(d->c.ir, p->set4 + s->first4, s->count4, p->set6 + s->first6, s->count6),
            .name = program_str(p, s->name),
            .side = (uint8_t)side};
    }
}

void note_set_names(struct diff *d)
{
    add_names(d, NEW);
    add_names(d, OLD);
}

/* True if the name means other addresses in the other program. */
static bool differs(const struct diff *d, const struct set_name *n)
{
    for (uint32_t i = 0; i < d->set_name_count; i++)
        if (d->set_names[i].addrs != n->addrs && strcmp(d->set_names[i].name, n->name) == 0) return true;
    return false;
}

/* Find the name of these addresses, from *next on, and move *next behind it; NULL: no other name. */
static const struct set_name *next_name(const struct diff *d, uint32_t addrs, unsigned families, uint32_t *next)
{
    struct ir *ir = d->c.ir;
    for (; *next < d->set_name_count; ++*next) {
        const struct set_name *n = &d->set_names[*next];
        if (n->addrs == addrs ||
            ir_addrs_of_families(ir, n->addrs, families) == ir_addrs_of_families(ir, addrs, families))
            return &d->set_names[(*next)++];
    }
    return NULL;
}

/* Return a name that means these addresses in each program that has it. A set that changed is written out, so that a
 * reader sees what changed. */
static const char *steady_name_of(const void *diff, uint32_t addrs, unsigned families)
{
    uint32_t next = 0;
    for (const struct set_name *n; (n = next_name(diff, addrs, families, &next));)
        if (!differs(diff, n)) return n->name;
    return NULL;
}

struct region_text statement_text(struct diff *d)
{
    struct region_text text = d->text;
    text.set_name = steady_name_of;
    text.compared = true;
    return text;
}

const char *set_name_of(const void *diff, uint32_t addrs, unsigned families)
{
    const struct diff *d = diff;
    uint32_t next = 0;
    for (const struct set_name *n; (n = next_name(d, addrs, families, &next));) {
        if (!differs(d, n)) return n->name;
        char *text = arena_alloc(d->c.arena, strlen(n->name) + 8);
        memcpy(text, n->name, strlen(n->name));
        memcpy(text + strlen(n->name), n->side == OLD ? " (old)" : " (new)", 6);
        return text;
    }
    return NULL;
}
