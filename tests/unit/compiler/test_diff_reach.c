/* compiler/diff: new reachability, compared with all packets of a small world; and no drawn edit of services, pools,
 * nats and meters is missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/compiler.h"
#include "tests/lib/rng.h"

enum { PORTS = 6, ADDRESSES = 4, SERVERS = 6, POOLS = 3, SERVICES = 3, FORWARDS = 4, PROTOS = 2 };
enum {
    IFACES = 3,
    SOURCES = 3,
    MAPPED = 16
}; /* for forwarded packets; the last stands for all that the rules don't name */
enum { ANY = (1 << SOURCES) - 1, NAMED = (1 << (SOURCES - 1)) - 1 };

/* A world: services 0..2 on 203.0.113.(1+i), the last on any address; forwards on 203.0.113.9; 203.0.113.64/28
 * mapped to 10.9.0.map, directly, in halves or in exchanged halves. */
struct world {
    struct {
        uint8_t addr, port, weight; /* server 10.0.0.addr; port 0: kept */
    } server[POOLS][SERVERS];
    uint8_t servers[POOLS];
    struct {
        uint8_t pool, proto, lo, hi;
    } service[SERVICES];
    struct {
        uint8_t lo, hi, addr, port, on, from; /* on, from: bits of IFACES and SOURCES */
    } forward[FORWARDS];
    uint8_t map;
    enum { WHOLE, HALVES, CROSSED, HALF, MAPS } maps;
    unsigned rate;
};

/* Draw some of the named interfaces or sources, all but some of them, or any. */
static uint8_t some_drawn(struct rng *r)
{
    const uint8_t some = (uint8_t)rng_below(r, ANY + 1);

    return some ? some : ANY;
}

static void draw(struct world *w, struct rng *r)
{
    memset(w, 0, sizeof(*w));
    for (unsigned p = 0; p < POOLS; p++) {
        w->servers[p] = (uint8_t)(1 + rng_below(r, SERVERS - 1));
        for (unsigned s = 0; s < w->servers[p]; s++) {
            w->server[p][s].addr = (uint8_t)(1 + s + p * SERVERS);
            w->server[p][s].port = (uint8_t)(rng_one_in(r, 3) ? 0 : 1 + rng_below(r, 3));
            w->server[p][s].weight = (uint8_t)(rng_one_in(r, 5) ? 0 : 1);
        }
        w->server[p][0].weight = 1;
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        w->service[i].pool = (uint8_t)rng_below(r, POOLS);
        w->service[i].proto = (uint8_t)rng_below(r, PROTOS);
        w->service[i].lo = (uint8_t)(1 + rng_below(r, PORTS));
        w->service[i].hi = (uint8_t)(w->service[i].lo + rng_below(r, PORTS + 1u - w->service[i].lo));
    }
    for (unsigned i = 0; i < FORWARDS; i++) {
        w->forward[i].lo = (uint8_t)(1 + rng_below(r, PORTS));
        w->forward[i].on = some_drawn(r);
        w->forward[i].from = some_drawn(r);
        w->forward[i].hi = (uint8_t)(w->forward[i].lo + rng_below(r, 3));
        w->forward[i].addr = (uint8_t)(100 + rng_below(r, 2));
        w->forward[i].port = (uint8_t)(rng_below(r, 2) ? 0 : 1 + rng_below(r, 9));
    }
    w->map = (uint8_t)(16 * rng_below(r, 2));
    w->maps = rng_below(r, MAPS);
    w->rate = 1 + (unsigned)rng_below(r, 9);
}

/* Change one thing of the world. */
static void edit(struct world *w, struct rng *r)
{
    const unsigned p = (unsigned)rng_below(r, POOLS), s = (unsigned)rng_below(r, w->servers[p]);
    const unsigned i = (unsigned)rng_below(r, SERVICES), f = (unsigned)rng_below(r, FORWARDS);

    switch (rng_below(r, 14)) {
    case 0: w->server[p][s].addr = (uint8_t)(50 + s); return;
    case 1: w->server[p][s].port = (uint8_t)((w->server[p][s].port + 1) % 4); return;
    case 2:
        if (s) w->server[p][s].weight ^= 1;
        return;
    case 3:
        if (w->servers[p] > 1) w->servers[p]--;
        return;
    case 4: w->service[i].pool = (uint8_t)((w->service[i].pool + 1) % POOLS); return;
    case 5: w->service[i].hi = (uint8_t)(w->service[i].lo + rng_below(r, PORTS + 1u - w->service[i].lo)); return;
    case 6: w->forward[f].addr ^= 1; return;
    case 7: w->forward[f].port = (uint8_t)((w->forward[f].port + 1) % 10); return;
    case 8: w->forward[f].on = some_drawn(r); return;
    case 9: w->forward[f].from = some_drawn(r); return;
    case 10: w->forward[f] = w->forward[(f + 1) % FORWARDS]; return;
    case 11: w->map ^= 16; return;
    case 12: w->maps = rng_below(r, MAPS); return;
    default: w->rate++; return;
    }
}

/* Write a condition on these, after `not` if the unnamed ones are among them. */
static void put_some(const char *what, unsigned some, const char *const names[], FILE *out)
{
    const unsigned listed = some > NAMED ? some ^ ANY : some;
    const char *before = "";

    if (some == ANY) return;
    fprintf(out, " %s %s", what, some > NAMED ? "not " : "");
    for (unsigned i = 0; i < SOURCES - 1; i++) {
        if (!(listed >> i & 1)) continue;
        fprintf(out, "%s%s", before, names[i]);
        before = ", ";
    }
}

static char *text_of(const struct world *w)
{
    static const char *const protos[] = {"tcp", "udp"};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fprintf(out, "meter m = %u/s burst 10\nfirewall f default accept { drop tcp over m }\n", w->rate);
    for (unsigned p = 0; p < POOLS; p++) {
        fprintf(out, "pool p%u {\n", p);
        for (unsigned s = 0; s < w->servers[p]; s++) {
            fprintf(out, "  server s%u 10.0.0.%u", s, w->server[p][s].addr);
            if (w->server[p][s].port) fprintf(out, ":%u", w->server[p][s].port);
            fprintf(out, " weight %u\n", w->server[p][s].weight);
        }
        fputs("}\n", out);
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        fprintf(out, "service v%u on ", i);
        i + 1 == SERVICES ? fputs("any", out) : fprintf(out, "203.0.113.%u", i + 1);
        fprintf(out, " %s/%u-%u { mode passthrough; -> p%u }\n", protos[w->service[i].proto], w->service[i].lo,
                w->service[i].hi, w->service[i].pool);
    }
    fputs("nat n {\n", out);
    for (unsigned i = 0; i < FORWARDS; i++) {
        static const char *const eths[] = {"\"eth0\"", "\"eth1\""}, *const from[] = {"192.0.2.0/25", "192.0.2.128/25"};

        fputs("  forward 203.0.113.9", out);
        put_some("on", w->forward[i].on, eths, out);
        put_some("from", w->forward[i].from, from, out);
        fprintf(out, " tcp/%u-%u -> 10.0.0.%u", w->forward[i].lo, w->forward[i].hi, w->forward[i].addr);
        if (w->forward[i].port) fprintf(out, ":%u", w->forward[i].port);
        fputc('\n', out);
    }
    if (w->maps == WHOLE) {
        fprintf(out, "  map 203.0.113.64/28 <-> 10.9.0.%u/28\n", w->map);
    } else {
        const unsigned first = w->maps == CROSSED ? 8 : 0;

        fprintf(out, "  map 203.0.113.64/29 <-> 10.9.0.%u/29 on \"eth0\"\n", w->map + first);
        if (w->maps != HALF) fprintf(out, "  map 203.0.113.72/29 <-> 10.9.0.%u/29\n", w->map + (8 - first));
    }
    fputs("}\n", out);
    fclose(out);
    return text;
}

/* Destinations of packets, a byte for each server and port: by address, protocol and port those of services; by each
 * interface, or none, and from each source and to each port those that are forwarded; and those of each outside
 * address. */
typedef struct {
    uint8_t served[ADDRESSES][PROTOS][PORTS + 4][256][32];
    uint8_t forwarded[IFACES + 1][SOURCES][PORTS + 4][256][32];
    uint8_t mapped[MAPPED][2 * MAPPED];
} reached;

static void reach_mapped(const struct world *w, reached *to)
{
    const unsigned end = w->maps == HALF ? MAPPED / 2 : MAPPED, turned = w->maps == CROSSED ? MAPPED / 2 : 0;

    for (unsigned i = 0; i < end; i++) to->mapped[i][w->map + (i ^ turned)] = 1;
}

/* Find the destinations of forwarded packets: the first forward that matches. */
static void reach_forwarded(const struct world *w, reached *to, unsigned iface, unsigned source, unsigned port)
{
    for (unsigned i = 0; i < FORWARDS; i++) {
        const unsigned lo = w->forward[i].lo, first = w->forward[i].port ? w->forward[i].port : lo;

        if (port < lo || port > w->forward[i].hi || !(w->forward[i].from >> source & 1)) continue;
        if (w->forward[i].on != ANY && !(w->forward[i].on >> iface & 1)) continue;
        to->forwarded[iface][source][port][w->forward[i].addr][first + port - lo] = 1;
        return;
    }
}

static void reach_all(const struct world *w, reached *to)
{
    memset(to, 0, sizeof(*to));
    for (unsigned i = 0; i < SERVICES; i++)
        for (unsigned a = 0; a < ADDRESSES; a++)
            for (unsigned port = w->service[i].lo; port <= w->service[i].hi; port++) {
                const unsigned p = w->service[i].pool;

                if (i + 1 != SERVICES && a != i) continue;
                for (unsigned s = 0; s < w->servers[p]; s++)
                    if (w->server[p][s].weight)
                        to->served[a][w->service[i].proto][port][w->server[p][s].addr]
                                  [w->server[p][s].port ? w->server[p][s].port : 20] = 1;
            }
    for (unsigned iface = 0; iface <= IFACES; iface++)
        for (unsigned source = 0; source < SOURCES; source++)
            for (unsigned port = 0; port < PORTS + 4; port++) reach_forwarded(w, to, iface, source, port);
    reach_mapped(w, to);
}

static struct program *program_of(const char *text)
{
    char err[256] = "";
    struct compile c;

    compile_init(&c);
    c.doubts = 0;
    if (compile_text(&c, "t.prey", text, strlen(text)) < 0) {
        diags_print_text(c.diags, stderr, false);
        fail_msg("%s", text);
    }
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof(err));
    compile_fini(&c);
    assert_string_equal(err, "");
    return p;
}

static bool any_of(const struct reaches *r, uint8_t kind)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->r[i].kind == kind) return true;
    return false;
}

/* True if `a` reaches something that `b` doesn't. */
static bool more(const reached *a, const reached *b)
{
    const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;

    for (size_t i = 0; i < sizeof(*a); i++)
        if (x[i] > y[i]) return true;
    return false;
}

static void edit_conditions(struct world *w, struct rng *r)
{
    const unsigned f = (unsigned)rng_below(r, FORWARDS);

    if (rng_one_in(r, 2))
        w->forward[f].on = some_drawn(r);
    else
        w->forward[f].from = some_drawn(r);
}

static void check(const struct world *old, const struct world *new, bool same)
{
    static reached was, now;
    char *text[SIDES] = {text_of(old), text_of(new)}, err[256];
    struct program *p[SIDES] = {program_of(text[OLD]), program_of(text[NEW])};
    struct beyond b = {0};
    struct diff d;

    reach_all(old, &was);
    reach_all(new, &now);
    assert_true(diff_find(&d, p[OLD], p[NEW], 0, err, sizeof(err)));
    find_reaches(&d, &b.reaches);
    const bool widened = any_of(&b.reaches, DIFF_WIDENED), narrowed = any_of(&b.reaches, DIFF_NARROWED);
    find_routes(&d, false, &b); /* packets that one branch takes from another aren't checked here */
    find_meters(&d, &b.meters);
    if (widened != more(&now, &was) || narrowed != more(&was, &now) ||
        (b.meters.count == 1) != (old->rate != new->rate) ||
        (!same && !b.routes.count && !b.meters.count) != (strcmp(text[OLD], text[NEW]) == 0 && !same) ||
        (same && b.routes.count + b.reaches.count + b.meters.count + b.bounds.count + d.change_count))
        fail_msg("%u routes, %u reaches, %u meters; old:\n%s\nnew:\n%s", b.routes.count, b.reaches.count,
                 b.meters.count, text[OLD], text[NEW]);
    if (b.meters.count) assert_int_equal(b.meters.m[0].kind, new->rate > old->rate ? DIFF_WIDENED : DIFF_NARROWED);
    for (uint32_t i = 0; i < b.routes.count; i++) {
        free(b.routes.r[i].was);
        free(b.routes.r[i].now);
    }
    free(b.routes.r);
    free(b.reaches.r);
    free(b.meters.m);
    free(b.bounds.m);
    diff_fini(&d);
    for (unsigned s = 0; s < SIDES; s++) {
        program_put(p[s]);
        free(text[s]);
    }
}

/* Return the number of draws; LONG=1: ten times as many. */
static unsigned draws(void)
{
    const char *longer = getenv("LONG");

    return longer && *longer ? 1000 : 100;
}

static void drawn_edits_are_told(void **state)
{
    struct rng r = {1};
    const unsigned n = draws();

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        struct world old, new;

        draw(&old, &r);
        new = old;
        for (unsigned edits = 1 + (unsigned)rng_below(&r, 2); edits--;) edit(&new, &r);
        check(&old, &old, true);
        check(&old, &new, false);
    }
}

static void drawn_conditions_of_forwards_are_told(void **state)
{
    struct rng r = {1};
    const unsigned n = draws();

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        struct world old, new;

        draw(&old, &r);
        new = old;
        edit_conditions(&new, &r);
        check(&old, &new, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(drawn_edits_are_told),
                                       cmocka_unit_test(drawn_conditions_of_forwards_are_told)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
