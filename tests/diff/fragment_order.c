/* Differential test: rules that name `fragment`, in chains that call each other at random, some of them several
 * times. A later fragment is decided and counted by the rules of a plain walk that knows the path of the first
 * fragment.
 *
 *   fragment_order [SEED [FILES]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/note.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "vm/vm.h"

enum { FILES = 300, DATAGRAMS = 60, LISTS = 5, RULES_MOST = 7, ALL_RULES = LISTS * RULES_MOST, DEPTH = LISTS + 1 };
enum { FIREWALL = 0 }; /* the list; others are chains and call those of higher numbers */
enum { FIRST = 1, LATER = 2, NO = 4 };

struct rule {
    uint8_t verdict; /* enum pbc_verdict */
    uint8_t chain;
    uint8_t fragment; /* kinds of fragments that it matches; 0: no condition */
    int8_t from, ttl; /* -1: no condition */
};
struct list {
    struct rule rules[RULES_MOST];
    unsigned count;
};
struct lists {
    struct list at[LISTS];
};

struct packet {
    uint8_t kind;
    int8_t from, ttl;
};

/* ---- the plain walk ---- */

/* Path from the firewall's rule to the deciding one; len 0: the default. */
struct way {
    unsigned at[DEPTH], len;
};

static bool matches(const struct rule *r, const struct packet *p)
{
    return (!r->fragment || r->fragment & p->kind) && (r->from < 0 || r->from == p->from) &&
           (r->ttl < 0 || r->ttl == p->ttl);
}

static bool walk_first(const struct lists *l, unsigned list, const struct packet *p, struct way *way, unsigned depth,
                       uint64_t counts[])
{
    for (unsigned i = 0; i < l->at[list].count; i++) {
        const struct rule *r = &l->at[list].rules[i];
        if (!matches(r, p)) continue;
        counts[list * RULES_MOST + i]++;
        way->at[depth] = i;
        way->len = depth + 1;
        if (r->verdict <= PBC_V_REJECT) return true;
        if (r->verdict == PBC_V_RETURN) break;
        if (r->verdict == PBC_V_DO && walk_first(l, r->chain, p, way, depth + 1, counts)) return true;
    }
    if (depth == 0) way->len = 0;
    return false;
}

static bool leads(const struct lists *l, unsigned list)
{
    for (unsigned i = 0; i < l->at[list].count; i++) {
        const struct rule *r = &l->at[list].rules[i];
        if (r->fragment || (r->verdict == PBC_V_DO && leads(l, r->chain))) return true;
    }
    return false;
}

enum walked { ON, DECIDED, AT_FIRSTS };

/* Walk a list for a later fragment. way: the rest of the first's path, from this list on; NULL: the path doesn't
 * enter it. *by: the deciding rule. */
static enum walked walk_later(const struct lists *l, unsigned list, bool all, const struct packet *p,
                              const struct way *way, unsigned depth, uint64_t counts[], unsigned *by)
{
    for (unsigned i = 0; i < l->at[list].count; i++) {
        const struct rule *r = &l->at[list].rules[i];
        const bool here = way && i == way->at[depth], last = here && depth + 1 == way->len;
        const bool tried = all || r->fragment || (r->verdict == PBC_V_DO && leads(l, r->chain));
        if (last) return AT_FIRSTS;
        if (tried && matches(r, p)) {
            counts[list * RULES_MOST + i]++;
            *by = list * RULES_MOST + i;
            if (r->verdict <= PBC_V_REJECT) return DECIDED;
            if (r->verdict == PBC_V_RETURN) return here ? AT_FIRSTS : ON;
            if (r->verdict == PBC_V_DO) {
                const enum walked below =
                    walk_later(l, r->chain, all || r->fragment, p, here ? way : NULL, depth + 1, counts, by);
                if (below != ON) return below;
            }
        }
        if (here) return AT_FIRSTS;
    }
    return ON;
}

/* ---- rules ---- */

static void draw_rule(struct rng *r, unsigned list, struct rule *out)
{
    static const uint8_t kinds[] = {LATER, FIRST | LATER, FIRST, NO, LATER | NO};
    static const uint8_t verdicts[] = {PBC_V_ACCEPT, PBC_V_DROP, PBC_V_COUNT, PBC_V_DO, PBC_V_DO};
    *out = (struct rule){.from = -1, .ttl = -1, .verdict = verdicts[rng_below(r, 5)]};
    if (list != FIREWALL && rng_one_in(r, 8)) out->verdict = PBC_V_RETURN;
    if (out->verdict == PBC_V_DO && list == LISTS - 1) out->verdict = PBC_V_COUNT;
    if (out->verdict == PBC_V_DO) out->chain = (uint8_t)(list + 1 + rng_below(r, LISTS - 1 - list));
    if (rng_one_in(r, 3)) out->fragment = kinds[rng_below(r, 5)];
    if (out->verdict != PBC_V_DO || rng_one_in(r, 2)) out->from = (int8_t)rng_below(r, 4);
    if (rng_one_in(r, 3)) out->ttl = (int8_t)(1 + rng_below(r, 2));
}

static void print_rule(FILE *f, const struct rule *r, unsigned list, unsigned at)
{
    static const char *const verdicts[] = {
        [PBC_V_ACCEPT] = "accept", [PBC_V_DROP] = "drop", [PBC_V_COUNT] = "count", [PBC_V_RETURN] = "return"};
    static const char *const kinds[] = {
        [LATER] = "later", [FIRST | LATER] = "any", [FIRST] = "first", [NO] = "no", [LATER | NO] = "not first"};
    if (r->verdict == PBC_V_DO)
        fprintf(f, "  do c%u", r->chain);
    else
        fprintf(f, "  %s", verdicts[r->verdict]);
    if (r->fragment) fprintf(f, " fragment %s", kinds[r->fragment]);
    if (r->from >= 0) fprintf(f, " from 10.0.0.%d", r->from);
    if (r->ttl >= 0) fprintf(f, " ttl %d", r->ttl);
    fprintf(f, " as R%u\n", list * RULES_MOST + at);
}

static char *draw_lists(struct rng *r, struct lists *l)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f) abort();
    for (unsigned list = 0; list < LISTS; list++) {
        l->at[list].count = 1 + rng_below(r, RULES_MOST);
        fprintf(f, list == FIREWALL ? "firewall f default drop {\n" : "chain c%u {\n", list);
        for (unsigned i = 0; i < l->at[list].count; i++) {
            draw_rule(r, list, &l->at[list].rules[i]);
            print_rule(f, &l->at[list].rules[i], list, i);
        }
        if (list == FIREWALL) fputs("  count port 1\n", f); /* a field that later fragments lack */
        fputs("}\n", f);
    }
    fclose(f);
    return text;
}

/* ---- comparison ---- */

struct world {
    const struct lists *lists;
    struct program *p;
    struct executor *worker;
    uint64_t counts[ALL_RULES], now;
};

static void take(struct world *w, const struct packet *p, unsigned id, struct verdict *v)
{
    struct note n;
    struct pkt pkt, *pkts[] = {&pkt};
    char text[160], err[160];
    struct vm_tx tx = {.cap = 0};
    const struct facts facts = {.generation = 1};
    const struct vm_in in = {.mono_ns = w->now, .facts = &facts};
    snprintf(text, sizeof text, "ip4 10.0.0.%d > 10.9.9.9 id %u ttl %d %s proto gre / zeros 8", p->from, id, p->ttl,
             p->kind == FIRST ? "more" : "frag 8");
    if (note_parse(text, &n, err, sizeof err) != 0) abort();
    note_view(&n, IFACE_NONE, &pkt);
    executor_run(w->worker, &in, pkts, 1, v, &tx);
}

/* True if the verdict's rule has that number ("R17"), or is "default". */
static bool is_rule(const struct world *w, const struct verdict *v, int rule)
{
    char name[16];
    if (rule < 0) return v->rule == RULE_DEFAULT;
    snprintf(name, sizeof name, "R%d", rule);
    return v->rule < RULE_DEFAULT && strcmp(program_str(w->p, w->p->rules[v->rule].name), name) == 0;
}

static bool same_counts(const struct world *w)
{
    for (uint32_t i = 0; i < w->p->rules_count; i++) {
        const char *name = program_str(w->p, w->p->rules[i].name);
        if (name[0] != 'R') continue;
        const uint64_t got = executor_counters(w->worker)->rules[i].packets,
                       want = w->counts[strtoul(name + 1, NULL, 10)];
        if (got == want) continue;
        printf("# %s counted %" PRIu64 ", expected %" PRIu64 "\n", name, got, want);
        return false;
    }
    return true;
}

static bool one_datagram(struct world *w, struct rng *r, unsigned id)
{
    struct packet first = {FIRST, (int8_t)rng_below(r, 4), (int8_t)(1 + rng_below(r, 2))};
    struct packet later = {LATER, first.from, (int8_t)(1 + rng_below(r, 2))};
    struct way way = {.len = 0};
    struct verdict v;
    int decider = -1;
    unsigned list = FIREWALL, by = 0;
    walk_first(w->lists, FIREWALL, &first, &way, 0, w->counts);
    for (unsigned i = 0; i < way.len; i++) {
        decider = (int)(list * RULES_MOST + way.at[i]);
        list = w->lists->at[list].rules[way.at[i]].chain;
    }
    take(w, &first, id, &v);
    if (!is_rule(w, &v, decider)) return false;
    if (walk_later(w->lists, FIREWALL, false, &later, way.len ? &way : NULL, 0, w->counts, &by) == DECIDED)
        decider = (int)by;
    else if (decider >= 0)
        w->counts[decider]++;
    take(w, &later, id, &v);
    if (!is_rule(w, &v, decider))
        printf("# from 10.0.0.%d ttl %d, then %d: not R%d\n", first.from, first.ttl, later.ttl, decider);
    return is_rule(w, &v, decider) && same_counts(w);
}

static bool one_file(uint64_t seed)
{
    static struct lists lists;
    struct rng r = {seed};
    bool good = true;
    char *text = draw_lists(&r, &lists);
    struct world w = {.lists = &lists, .p = compiled_text(text)};
    w.worker = w.p ? one_kernel_worker(w.p, &(struct vm_cfg){.seed = seed, .naive = seed % 2}) : NULL;
    if (!w.worker) good = false;
    for (unsigned i = 0; good && i < DATAGRAMS; i++) good = one_datagram(&w, &r, i);
    if (!good) printf("# seed %" PRIu64 "\n%s", seed, text);
    one_kernel_free(w.worker);
    program_put(w.p);
    free(text);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const char *longer = getenv("LONG");
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : FILES * (longer && *longer ? 20 : 1);
    bool good = true;
    for (unsigned i = 0; good && i < files; i++) good = one_file(seed + i);
    printf("%sok - %u files from seed %" PRIu64 ": rules that name fragment stand where they were written\n",
           good ? "" : "not ", files, seed);
    return !good;
}
