/* Differential test: random rule files with live sets, random members, random claims. A model without splits decides
 * which addresses are in which list. It is the reference for three things. The first is the code (straight,
 * classified, as the compiler chooses) and the rule list. The second is a worker, packet by packet, whose members
 * come and go by a call, in a base or by rules. The third is claims about every packet: the model tries each place
 * and each membership that `in` and `never` allow.
 *
 *   live_sets [SEED [FILES]]
 *
 * The same numbers give the same run. IN_KERNEL=1: the worker's packets go through the kernel's stages. LONG=1: twenty
 * times as many. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "vm/judge/decide.h"
#include "vm/judge/lives.h"
#include "vm/packet/reply/frame.h"
#include "vm/forward/service.h"
#include "vm/vm.h"

/* Addresses are in places: 10.P.0.0/16 and 2001:db8:P::/48. A mask is a set of places. */
enum { FOUR = 6, PLACES = 9, LIVES = 3, STATICS = 3, SETS = 8, RULES = 5, ROUNDS = 60, ROOM = 8192 };

enum how { IS_STATIC, IS_LIVE, IS_UNION, IS_EXCEPT, IS_AND };
struct drawn_set {
    enum how how;
    uint32_t places; /* STATIC; LIVE: places that may have members */
    unsigned live;   /* LIVE */
    unsigned a, b;   /* other kinds: earlier sets */
};

struct list {
    bool any, negated;
    unsigned n, set[2];
};
struct drawn_rule {
    bool adds; /* adds the source to `live`, and decides nothing */
    bool accepts, tcp;
    unsigned live;
    struct list from, to;
};

struct trial {
    struct rng r;
    struct drawn_set set[SETS];
    struct drawn_rule rule[RULES];
    bool accepts; /* accepts by default */
    char text[ROOM];
    size_t len;
};

/* One side of a packet: its place, and the live sets that contain it. */
struct who {
    unsigned place;
    uint32_t in;
};

__attribute__((format(printf, 2, 3))) static void say(struct trial *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    t->len += (size_t)vsnprintf(t->text + t->len, ROOM - t->len, fmt, args);
    va_end(args);
}

static void say_places(struct trial *t, uint32_t places)
{
    const char *comma = "";
    for (unsigned p = 0; p < PLACES; p++) {
        if (!(places >> p & 1)) continue;
        say(t, p < FOUR ? "%s10.%u.0.0/16" : "%s2001:db8:%u::/48", comma, p);
        comma = ", ";
    }
}

static uint32_t some_places(struct trial *t)
{
    const uint32_t all = (1u << PLACES) - 1, places = (uint32_t)rng_next(&t->r) & (uint32_t)rng_next(&t->r) & all;
    return places ? places : 1u << rng_below(&t->r, PLACES);
}

static void draw_live(struct trial *t, unsigned i)
{
    static const uint32_t all = (1u << PLACES) - 1;
    uint32_t in = all, never = 0;
    say(t, "set s%u = live size %u", i, 20000 + rng_below(&t->r, 1000));
    if (rng_one_in(&t->r, 3)) {
        in = some_places(t);
        say(t, " in (");
        say_places(t, in);
        say(t, ")");
    }
    if (rng_one_in(&t->r, 3)) {
        never = some_places(t);
        if (in == all || in & ~never) {
            say(t, " never (");
            say_places(t, never);
            say(t, ")");
        } else {
            never = 0;
        }
    }
    say(t, "\n");
    t->set[i] = (struct drawn_set){.how = IS_LIVE, .live = i, .places = in & ~never};
}

static void draw_set(struct trial *t, unsigned i)
{
    static const char *const words[] = {[IS_UNION] = ",", [IS_EXCEPT] = " except", [IS_AND] = " and"};
    struct drawn_set *s = &t->set[i];
    if (i < LIVES) {
        draw_live(t, i);
        return;
    }
    if (i < LIVES + STATICS) {
        *s = (struct drawn_set){.how = IS_STATIC, .places = some_places(t)};
        say(t, "set s%u = ", i);
        say_places(t, s->places);
        say(t, "\n");
        return;
    }
    *s = (struct drawn_set){
        .how = (enum how)(IS_UNION + rng_below(&t->r, 3)), .a = rng_below(&t->r, i), .b = rng_below(&t->r, i)};
    say(t, "set s%u = s%u%s s%u\n", i, s->a, words[s->how], s->b);
}

static bool set_holds_now(const struct trial *t, unsigned set, const struct who *w)
{
    const struct drawn_set *s = &t->set[set];
    switch (s->how) {
    case IS_STATIC: return s->places >> w->place & 1;
    case IS_LIVE: return w->in >> s->live & 1;
    case IS_UNION: return set_holds_now(t, s->a, w) || set_holds_now(t, s->b, w);
    case IS_EXCEPT: return set_holds_now(t, s->a, w) && !set_holds_now(t, s->b, w);
    case IS_AND: return set_holds_now(t, s->a, w) && set_holds_now(t, s->b, w);
    }
    return false;
}

static struct list draw_list(struct trial *t)
{
    struct list l = {.any = rng_one_in(&t->r, 3), .negated = rng_one_in(&t->r, 3), .n = 1 + rng_below(&t->r, 2)};
    for (unsigned i = 0; i < l.n; i++) l.set[i] = rng_below(&t->r, SETS);
    return l;
}

static void say_list(struct trial *t, const struct list *l)
{
    if (l->any) {
        say(t, "any");
        return;
    }
    say(t, l->negated ? "not " : "");
    for (unsigned i = 0; i < l->n; i++) say(t, "%ss%u", i ? ", " : "", l->set[i]);
}

static bool list_holds(const struct trial *t, const struct list *l, const struct who *w)
{
    bool holds = false;
    for (unsigned i = 0; i < l->n; i++) holds |= set_holds_now(t, l->set[i], w);
    return l->any || holds != l->negated;
}

static void draw_rule(struct trial *t, unsigned i)
{
    struct drawn_rule *d = &t->rule[i];
    *d = (struct drawn_rule){.adds = rng_one_in(&t->r, 4),
                             .accepts = rng_one_in(&t->r, 2),
                             .tcp = rng_one_in(&t->r, 2),
                             .live = rng_below(&t->r, LIVES),
                             .from = draw_list(t),
                             .to = draw_list(t)};
    if (d->adds)
        say(t, "  add source to s%u for 1h%s%s", d->live, rng_one_in(&t->r, 2) ? " once" : "",
            rng_one_in(&t->r, 2) ? " cut" : "");
    else
        say(t, "  %s", d->accepts ? "accept" : "drop");
    say(t, "%s", d->tcp ? " tcp" : "");
    if (!d->from.any) {
        say(t, " from ");
        say_list(t, &d->from);
    }
    if (!d->to.any) {
        say(t, " to ");
        say_list(t, &d->to);
    }
    say(t, "\n");
}

static void draw_file(struct trial *t)
{
    t->len = 0;
    for (unsigned i = 0; i < SETS; i++) draw_set(t, i);
    t->accepts = rng_one_in(&t->r, 2);
    say(t, "firewall f default %s {\n", t->accepts ? "accept" : "drop");
    for (unsigned i = 0; i < RULES; i++) draw_rule(t, i);
    say(t, "}\n");
}

/* Return the rule that decides the packet; RULES: the default. *added: the live sets that its source is added to by
 * then. */
static unsigned model_decides(const struct trial *t, bool tcp, const struct who *src, const struct who *dst,
                              uint32_t *added)
{
    *added = 0;
    for (unsigned i = 0; i < RULES; i++) {
        const struct drawn_rule *d = &t->rule[i];
        /* a condition on an address is false without that address; every packet here has both */
        if ((d->tcp && !tcp) || !list_holds(t, &d->from, src) || !list_holds(t, &d->to, dst)) continue;
        if (!d->adds) return i;
        *added |= (t->set[d->live].places >> src->place & 1) << d->live;
    }
    return RULES;
}

static bool model_accepts(const struct trial *t, unsigned by) { return by == RULES ? t->accepts : t->rule[by].accepts; }

static void address_in(struct trial *t, unsigned place, uint32_t a[4])
{
    const uint32_t host = 1 + rng_below(&t->r, 65000);
    memset(a, 0, 16);
    if (place < FOUR) {
        a[0] = 10u << 24 | place << 16 | host;
        return;
    }
    a[0] = 0x20010db8;
    a[1] = place << 16;
    a[3] = host;
}

static uint32_t may_be_in(const struct trial *t, unsigned place)
{
    uint32_t may = 0;
    for (unsigned i = 0; i < LIVES; i++) may |= (t->set[i].places >> place & 1) << i;
    return may;
}

enum { FILLERS = 3000 /* more than are searched without a table */ };

/* Put the address into the set's base, before many that no packet has. */
static void become_base(struct trial *t, struct live_set *s, bool v6, const uint32_t a[4])
{
    static struct pbc_range r4[FILLERS + 1];
    static struct pbc_range6 r6[FILLERS + 1];
    const unsigned fillers = rng_one_in(&t->r, 2) ? FILLERS : rng_below(&t->r, 40);
    struct live_base base = {.r4 = r4, .r6 = r6};
    const uint64_t hi = (uint64_t)a[0] << 32 | a[1], lo = (uint64_t)a[2] << 32 | a[3];
    if (v6)
        r6[base.count6++] = (struct pbc_range6){hi, lo, hi, lo};
    else
        r4[base.count4++] = (struct pbc_range){a[0], a[0]};
    uint32_t at = 172u << 24;
    for (unsigned i = 0; i < fillers; i++) {
        at += 3 + rng_below(&t->r, 300);
        r4[base.count4++] = (struct pbc_range){at, at + rng_below(&t->r, 2)};
        r6[base.count6++] = (struct pbc_range6){UINT64_C(0x2002) << 48 | i, 1, UINT64_C(0x2002) << 48 | i, at};
    }
    if (!live_replace(s, &base)) abort();
}

static bool has_base(const struct live_set *s)
{
    const struct live_base base = live_base(s);
    return base.count4 || base.count6;
}

/* Add the address to the live sets in `in`, by itself or within a network, and remove it from the others. */
static void become_members(struct trial *t, const struct program *p, struct lives *l, const struct who *w,
                           const uint32_t a[4], struct live_net nets[LIVES], uint64_t now_ms)
{
    for (unsigned i = 0; i < LIVES; i++) {
        struct live_net *net = &nets[i];
        const unsigned most = w->place < FOUR ? 32 : 128;
        *net = (struct live_net){.v6 = w->place >= FOUR, .len = (uint8_t)(rng_one_in(&t->r, 3) ? most - 16 : most)};
        memcpy(net->addr, a, 16);
        if (net->len != most) net->addr[net->v6 ? 3 : 0] &= 0xffff0000;
        if (!(w->in >> i & 1)) { /* an expired member isn't one */
            if (lives_refuse(p, i, net) == LIVE_MAY && rng_one_in(&t->r, 3))
                live_add(l->sets[i], now_ms - 2, net, now_ms - rng_below(&t->r, 2), LIVE_SET);
            continue;
        }
        if (lives_refuse(p, i, net) != LIVE_MAY) abort();
        if (rng_one_in(&t->r, 4) && !has_base(l->sets[i]))
            become_base(t, l->sets[i], net->v6, a);
        else
            live_add(l->sets[i], now_ms, net, rng_one_in(&t->r, 2) ? LIVE_FOREVER : now_ms + 1 + rng_below(&t->r, 2),
                     LIVE_SET);
    }
}

static void leave_sets(struct lives *l)
{
    static const struct live_base none;
    for (unsigned i = 0; i < LIVES; i++) {
        live_clear(l->sets[i], 0);
        live_sweep(l->sets[i], UINT64_MAX, UINT32_MAX); /* removes expired members too */
        if (!live_replace(l->sets[i], &none)) abort();
    }
}

/* True if the worker decides by that rule, and the live sets contain the source if they should. */
static bool worker_agrees(struct executor *e, struct pkt *pkt, uint32_t rule, const struct lives *l, bool v6,
                          const uint32_t addr[4], uint32_t in, uint64_t now_ms)
{
    static const struct facts facts;
    const struct vm_in at = {.mono_ns = now_ms * 1000000 + 999999, .facts = &facts};
    struct verdict v;
    struct vm_tx tx = {0};
    uint32_t has = 0;
    executor_run(e, &at, (struct pkt *const[]){pkt}, 1, &v, &tx);
    for (unsigned i = 0; i < LIVES; i++) has |= (uint32_t)live_has(l->sets[i], now_ms, addr, v6) << i;
    if (v.rule == rule && has == in) return true;
    printf("# the worker: rule %u, and then in %x\n", v.rule, has);
    return false;
}

static struct program *compile(struct trial *t, enum classify_when classify)
{
    struct program *p = NULL;
    char why[256] = "";
    struct compile c;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    c.classify = classify;
    if (compile_text(&c, "random.prey", t->text, t->len) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p) diags_print_json_with(c.diags, stdout, NULL, NULL);
    compile_fini(&c);
    return p;
}

/* Judge random packets with random members. Returns false at a difference. */
static bool try_packets(struct trial *t, struct program *p)
{
    uint8_t frame[FRAME_MOST];
    const struct facts facts = {0};
    struct lives *l = lives_new(p, rng_next(&t->r));
    bool good = true;
    if (!l) abort();
    program_members(p, l);
    struct executor *e = one_kernel_worker(p, &(struct vm_cfg){.seed = t->r.state});
    if (!e) abort();
    for (unsigned i = 0; i < ROUNDS && good; i++) {
        const uint64_t now_ms = 1000 + 3 * i;
        lives_at(l, now_ms * 1000000);
        struct who src = {.place = rng_below(&t->r, PLACES)};
        struct who dst = {.place = src.place < FOUR ? rng_below(&t->r, FOUR) : FOUR + rng_below(&t->r, PLACES - FOUR)};
        const bool tcp = rng_one_in(&t->r, 2);
        struct frame_spec spec = {.form = tcp ? FORM_TCP : FORM_UDP,
                                  .family = src.place < FOUR ? 4 : 6,
                                  .proto = tcp ? 6 : 17,
                                  .src_port = 1,
                                  .dst_port = 2,
                                  .flags = TCP_SYN,
                                  .ttl = 64,
                                  .iface = IFACE_NONE,
                                  .fragment = KIND_FRAG_NO};
        struct live_net nets[2][LIVES];
        struct pkt pkt;
        struct key key;
        address_in(t, src.place, spec.src);
        address_in(t, dst.place, spec.dst);
        if (memcmp(spec.src, spec.dst, 16) == 0) continue;
        src.in = (uint32_t)rng_next(&t->r) & may_be_in(t, src.place);
        dst.in = (uint32_t)rng_next(&t->r) & may_be_in(t, dst.place);
        /* a network of one side also contains the other if both are in the same place */
        if (src.place == dst.place) dst.in = src.in;
        become_members(t, p, l, &src, spec.src, nets[0], now_ms);
        become_members(t, p, l, &dst, spec.dst, nets[1], now_ms);
        frame_spec_view(&spec, frame, frame_write(&spec, frame), &pkt);
        if (pkt_parse(&pkt, &facts, &key) != REASON_NONE) abort();
        key_settle(p, &key);
        uint32_t added;
        const unsigned by = model_decides(t, tcp, &src, &dst, &added);
        const struct decision code = program_decide(p, &key, &pkt), list = program_decide_naive(p, &key, &pkt);
        const uint32_t rule = by == RULES ? RULE_DEFAULT : by;
        good = code.rule == rule && list.rule == rule &&
               worker_agrees(e, &pkt, rule, l, src.place >= FOUR, spec.src, src.in | added, now_ms);
        if (!good)
            printf("# place %u in %x to place %u in %x, %s: the model says rule %u, the code %u, the list %u\n",
                   src.place, src.in, dst.place, dst.in, tcp ? "tcp" : "udp", by, code.rule, list.rule);
        leave_sets(l);
    }
    one_kernel_free(e);
    program_members(p, NULL);
    lives_free(l);
    return good;
}

/* True if the model accepts some packet of the claim, or without `accepts` rejects one. *some: the claim covers at
 * least one packet. */
static bool model_finds(const struct trial *t, const struct list *from, const struct list *to, bool tcp, bool accepts,
                        bool *some)
{
    bool found = false;
    *some = false;
    for (struct who src = {0}; src.place < PLACES; src.place++)
        for (src.in = 0; src.in < 1u << LIVES; src.in++) {
            if (src.in & ~may_be_in(t, src.place) || !list_holds(t, from, &src)) continue;
            for (struct who dst = {0}; dst.place < PLACES; dst.place++)
                for (dst.in = 0; dst.in < 1u << LIVES; dst.in++) {
                    if ((src.place < FOUR) != (dst.place < FOUR) || dst.in & ~may_be_in(t, dst.place)) continue;
                    if (!list_holds(t, to, &dst)) continue;
                    uint32_t added;
                    *some = true;
                    found |= model_accepts(t, model_decides(t, tcp, &src, &dst, &added)) == accepts;
                }
        }
    return found;
}

struct totals {
    uint64_t files, held, refuted;
};

/* Make a claim, and check the compiler's report on it. Lists are limited to the places, because the model would
 * otherwise need all other addresses. */
static bool try_claim(struct trial *t, struct totals *totals)
{
    const size_t rules = t->len;
    const bool always = rng_one_in(&t->r, 2), accepts = rng_one_in(&t->r, 2), tcp = rng_one_in(&t->r, 2);
    const struct list from = {.n = 1, .set = {rng_below(&t->r, SETS)}}, to = {.n = 1, .set = {rng_below(&t->r, SETS)}};
    struct compile c;
    bool some;
    say(t, "set all_places = ");
    say_places(t, (1u << PLACES) - 1);
    say(t, "\nset claim_from = s%u and all_places\nset claim_to = s%u and all_places\n", from.set[0], to.set[0]);
    say(t, "test \"c\" { %s %s: %s claim_from -> claim_to }\n", always ? "always" : "never",
        accepts ? "accept" : "drop", tcp ? "tcp" : "udp");
    const bool broken = model_finds(t, &from, &to, tcp, always ? !accepts : accepts, &some);
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const bool good = compile_text(&c, "random.prey", t->text, t->len) == 0;
    if (good) compile_test(&c);
    char *said = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&said, &len);
    if (!out) abort();
    diags_print_json_with(c.diags, out, NULL, NULL);
    fclose(out);
    const bool refuted = strstr(said, "E0715") != NULL;
    const bool agrees = good && (some ? refuted == broken && !strstr(said, "E0716") : !refuted);
    totals->refuted += broken;
    totals->held += some && !broken;
    if (!agrees) printf("# %s\n# the model: %s\n", said, broken ? "broken" : some ? "holds" : "about nothing");
    compile_fini(&c);
    free(said);
    if (agrees) t->len = rules;
    t->text[t->len] = '\0';
    return agrees;
}

static bool check_file(uint64_t seed, struct totals *totals)
{
    static const enum classify_when ways[] = {CLASSIFY_BY_COST, CLASSIFY_ALL, CLASSIFY_NONE};
    struct trial *t = calloc(1, sizeof *t);
    bool good = true;
    if (!t) abort();
    t->r.state = seed;
    draw_file(t);
    for (unsigned i = 0; i < 3 && good; i++) {
        struct program *p = compile(t, ways[i]);
        good = p && try_packets(t, p);
        program_put(p);
    }
    for (unsigned i = 0; i < 4 && good; i++) good = try_claim(t, totals);
    if (!good) fputs(t->text, stdout);
    totals->files++;
    free(t);
    return good;
}

#ifdef __SANITIZE_ADDRESS__
enum { FILES = 40 };
#else
enum { FILES = 150 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : FILES * long_run;
    struct totals t = {0};
    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, &t)) {
            printf("not ok - live sets decide and are proved as a model says\n# again with: live_sets %" PRIu64 " 1\n",
                   first + i);
            return 1;
        }
    printf("ok - live sets decide and are proved as a model says: %" PRIu64 " rule files, %" PRIu64
           " claims that hold, %" PRIu64 " refuted\n",
           t.files, t.held, t.refuted);
    const bool fair = files < 20 || (t.held > t.files / 4 && t.refuted > t.files / 2);
    if (!fair) printf("not ok - the run meets enough of everything\n");
    return !fair;
}
