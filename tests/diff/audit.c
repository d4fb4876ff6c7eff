/* Differential test: audit against the same rules enforced, on random rules with some in audit, and random
 * conversations. The outcome that a worker reports for each packet must be the real outcome without the word
 * `audit`, and the counts of audited rules must be equal too. Workers with and without remembered verdicts, the rule
 * list and, if eBPF programs may be loaded, the kernel executor agree.
 *
 *   audit [SEED [FILES [PACKETS]]]
 *
 * The enforced rules accept everything, so every flow that audit assumes exists. No audited rule stops single
 * packets of an open TCP connection, which would really go on (docs/guide/how-to/change-rules.md). LONG=1: twenty
 * times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/kernel/kernel.h"
#include "tests/lib/compiled.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "tests/lib/talk.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

enum {
    CHUNK = 120,
    TALKS = 24,
    EVENTS = 4 * CHUNK,
    WAYS = 5,
    KERNEL = 3,
    ENFORCED = WAYS - 1,
    TEXT = 8192,
    FRAME = 2048
};
#define S UINT64_C(1000000000)

struct conversation {
    struct talk talk; /* as its opener sends it */
    uint32_t seq[2];
    unsigned step;
};

struct way {
    struct executor *worker;
    struct event events[EVENTS];
    struct vm_tx tx;
    struct verdict verdicts[CHUNK];
};

struct run {
    struct rng rng;
    char text[2][TEXT]; /* with the word `audit`, and without */
    struct program *program[2];
    struct vm_in in;
    struct facts facts;
    struct conversation talks[TALKS];
    uint8_t bytes[CHUNK][FRAME];
    struct pkt pkts[CHUNK];
    struct way ways[WAYS];
};

struct totals {
    uint64_t files, packets, would, changed, remembered, in_kernel;
};

/* ---- drawing ---- */

/* Append to both texts; the second omits the text between `<` and `>`. */
static void put(struct run *r, const char *s)
{
    for (unsigned k = 0; k < 2; k++) {
        size_t at = strlen(r->text[k]);
        bool inside = false;
        for (const char *c = s; *c && at + 1 < TEXT; c++) {
            if (*c == '<' || *c == '>')
                inside = *c == '<';
            else if (!inside || k == 0)
                r->text[k][at++] = *c;
        }
        r->text[k][at] = 0;
    }
}

static void put_rule(struct run *r, unsigned number, bool may_refuse, const char *indent)
{
    static const char *const conds[] = {
        "tcp port 80",
        "tcp port 443, 8080",
        "udp port 53",
        "tcp, udp from 10.0.0.0/25",
        "to 10.0.1.0/25",
        "udp state new",
        "state established, related",
        "state invalid",
        "icmp state new",
        "udp ttl 3",
        "icmp, icmp6",
        "icmp ttl 3 state established",
        "udp length 0-40",
        "udp over m",
        "icmp within m",
        "tcp from 10.0.0.128/25 to port 1-30000",
        "udp source port 53 state new, established",
        "ip6",
        "tcp flags has syn lacks ack",
        "sctp",
    };
    static const char *const verdicts[] = {"accept", "drop", "reject", "do c"};
    const unsigned v = rng_below(&r->rng, 4);
    const bool refuses = v == 1 || v == 2, decides = v<3, chained = strlen(indent)> 4;
    const bool audited = refuses || rng_one_in(&r->rng, 3);
    char line[256];
    if (chained && v == 3) return;
    if (!may_refuse && refuses) return;
    snprintf(line, sizeof line, "%s%s%s %s as R%u%s\n", indent, audited ? "<audit >" : "", verdicts[v],
             conds[rng_below(&r->rng, sizeof conds / sizeof *conds)], number,
             decides && rng_one_in(&r->rng, 6) ? " log" : "");
    put(r, line);
}

static void draw_rules(struct run *r)
{
    const bool whole = rng_one_in(&r->rng, 3), in_default = !whole && rng_one_in(&r->rng, 2);
    unsigned number = 0;
    r->text[0][0] = r->text[1][0] = 0;
    put(r, "meter m = 20/s burst 5 per source\n");
    put(r, "chain c {\n");
    for (unsigned n = 1 + rng_below(&r->rng, 3); n; n--) put_rule(r, number++, true, "     ");
    put(r, "    count udp as COUNTED\n  }\n");
    if (whole && rng_one_in(&r->rng, 2)) put(r, "<firewall beside default accept { accept tcp as FIRST }\n>");
    if (whole) {
        put(r,
            rng_one_in(&r->rng, 2) ? "<audit >firewall f default drop {\n" : "<audit >firewall f default accept {\n");
    } else {
        put(r, in_default ? "firewall f default <audit >drop {\n" : "firewall f default accept {\n");
    }
    put(r, rng_one_in(&r->rng, 2) ? "  <audit >accept tcp state established as EST\n"
                                  : "  accept tcp state established as EST\n");
    for (unsigned n = 1 + rng_below(&r->rng, 7); n; n--) put_rule(r, number++, true, "  ");
    if (rng_one_in(&r->rng, 3)) put(r, "  count tcp as SEEN\n");
    put(r, "}\n");
}

static void begin_talk(struct run *r, struct conversation *c)
{
    static const uint8_t protos[] = {IPPROTO_NR_TCP, IPPROTO_NR_TCP,  IPPROTO_NR_UDP,
                                     IPPROTO_NR_UDP, IPPROTO_NR_ICMP, 47}; /* no SCTP, because `would` knows no tags */
    static const uint16_t ports[] = {80, 443, 53, 8080, 1234, 40000};
    static uint16_t next = 2000;
    *c = (struct conversation){.seq = {1000, 5000}};
    struct talk *t = &c->talk;
    *t = (struct talk){.proto = protos[rng_below(&r->rng, sizeof protos)], .ttl = 64, .window = 65535};
    t->v6 = rng_one_in(&r->rng, 5);
    t->src = 0x0a000000 + rng_below(&r->rng, 256);
    t->dst = 0x0a000100 + rng_below(&r->rng, 256);
    t->src_port =
        rng_one_in(&r->rng, 4) ? 53 : next++; /* because a TCP tuple isn't reused with other sequence numbers */
    if (t->proto == IPPROTO_NR_TCP) t->src_port = next++;
    t->dst_port = ports[rng_below(&r->rng, sizeof ports / sizeof *ports)];
    if (t->v6 && t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_ICMP6;
    if (next > 60000) next = 2000;
}

/* Draw the next packet of a conversation. The sides alternate at first, and are drawn later. */
static void go_on(struct run *r, struct conversation *c, struct talk *t)
{
    const unsigned dir = c->step < 3 ? c->step & 1 : rng_below(&r->rng, 2);
    *t = c->talk;
    if (dir) {
        t->src = c->talk.dst;
        t->dst = c->talk.src;
        t->src_port = c->talk.dst_port;
        t->dst_port = c->talk.src_port;
    }
    t->seq = c->seq[dir];
    t->ack = c->seq[!dir];
    t->flags = c->step == 0 ? TCP_SYN : c->step == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
    t->payload = c->step > 2 ? (uint8_t)(8 * rng_below(&r->rng, 4)) : 0;
    if (t->proto == IPPROTO_NR_SCTP) t->payload = 20;
    t->chunk = talk_chunk(c->step);
    t->type = t->v6 ? (uint8_t)(128 + dir) : dir ? 0 : 8;
    c->seq[dir] += t->payload + (t->flags & (TCP_SYN | TCP_FIN) ? 1u : 0u);
    if (t->proto != IPPROTO_NR_TCP && rng_one_in(&r->rng, 6)) t->ttl = 3;
    c->step++;
}

static void draw_packet(struct run *r, unsigned i)
{
    struct conversation *c = &r->talks[rng_below(&r->rng, TALKS)];
    struct talk t, about;
    if (c->step == 0 || rng_one_in(&r->rng, 30)) begin_talk(r, c);
    go_on(r, c, &t);
    if (rng_one_in(&r->rng, 12)) { /* an error about the packet instead */
        about = t;
        t.proto = t.v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
        t.type = t.v6 ? 1 : 3;
        t.src = about.dst;
        t.dst = about.src;
        t.payload = 0;
        t.quoted = &about;
    }
    const uint32_t len = talk_build(&t, r->bytes[i]);
    pkt_view(&r->pkts[i], r->bytes[i], len, len, LINK_ETHER, IFACE_NONE);
}

/* ---- judging ---- */

static void judge(struct run *r, unsigned which, unsigned n)
{
    struct way *w = &r->ways[which];
    struct pkt *views[CHUNK], copies[CHUNK];
    struct rng cut = {.state = rng_next(&r->rng) + which};
    memcpy(copies, r->pkts, n * sizeof *copies);
    for (unsigned i = 0; i < n; i++) views[i] = &copies[i];
    for (unsigned done = 0, some; done < n; done += some) {
        some = which == 1 ? 1 : 1 + rng_below(&cut, 70);
        if (some > n - done) some = n - done;
        executor_run(w->worker, &r->in, views + done, some, w->verdicts + done, &w->tx);
    }
}

static const char *rule_of(const struct program *p, uint32_t rule, char *name, size_t len)
{
    return rule == RULE_NONE ? "-" : rule == RULE_DEFAULT ? "default" : rule_name(p, rule, name, len);
}

/* True if the assumed outcome of packet i is the real outcome without the word. */
static bool is_so(struct run *r, unsigned i)
{
    const struct verdict *v = &r->ways[0].verdicts[i], *e = &r->ways[ENFORCED].verdicts[i];
    char a[128], b[128];
    const unsigned action = v->would ? v->would - 1 : v->action;
    const char *would = v->would ? rule_of(r->program[0]->would, v->would_rule, a, sizeof a)
                                 : rule_of(r->program[0], v->rule, a, sizeof a),
               *is = rule_of(r->program[1], e->rule, b, sizeof b);
    if (action == e->action && strcmp(would, is) == 0) return true;
    printf("# packet %u: would %s by %s, but is %s by %s (in fact %s)\n", i, action_name(action), would,
           action_name(e->action), is, action_name(v->action));
    return false;
}

static uint32_t named(const struct program *p, const char *name)
{
    char buf[128];
    uint32_t i = 0;
    while (i < p->rules_count && strcmp(rule_name(p, i, buf, sizeof buf), name) != 0) i++;
    return i;
}

static bool same_counter(const struct counter *a, const struct counter *b)
{
    return a->packets == b->packets && a->bytes == b->bytes;
}

/* True if audited rules and defaults have the counts that they have when enforced. */
static bool counts_agree(const struct run *r)
{
    const struct program *would = r->program[0]->would, *p = r->program[1];
    const struct vm_counters *a = executor_counters(r->ways[0].worker),
                             *e = executor_counters(r->ways[ENFORCED].worker);
    char name[128];
    for (uint32_t i = 0; i < would->rules_count; i++) {
        if (!(would->rules[i].flags & PBC_RULE_AUDIT)) continue;
        const uint32_t other = named(p, rule_name(would, i, name, sizeof name));
        if (other < p->rules_count && same_counter(&a->would_rules[i].decided, &e->rules[other])) continue;
        printf("# rule %s would count %" PRIu64 " packets, and counts %" PRIu64 "\n", name,
               a->would_rules[i].decided.packets, e->rules[other].packets);
        return false;
    }
    for (uint32_t i = 0; i < would->firewalls_count; i++)
        if (would->firewalls[i].audit && !same_counter(&a->would_defaults[i].decided, &e->defaults[i])) {
            printf("# the default would count %" PRIu64 " packets, and counts %" PRIu64 "\n",
                   a->would_defaults[i].decided.packets, e->defaults[i].packets);
            return false;
        }
    return true;
}

static bool same_woulds(const struct program *p, const struct vm_counters *a, const struct vm_counters *b)
{
    return !memcmp(a->would, b->would, sizeof a->would) &&
           !memcmp(a->would_rules, b->would_rules, p->would->rules_count * sizeof *a->would_rules) &&
           !memcmp(a->would_defaults, b->would_defaults, p->would->firewalls_count * sizeof *a->would_defaults) &&
           !memcmp(a->rules, b->rules, p->rules_count * sizeof *a->rules);
}

/* True if audited rules log like the enforced ones, and other logs equal those of the other workers. */
static bool logs_agree(const struct run *r)
{
    unsigned would[WAYS] = {0}, own[WAYS] = {0};
    for (unsigned k = 0; k < WAYS; k++)
        for (unsigned i = 0; i < r->ways[k].tx.event_count; i++) {
            if (r->ways[k].events[i].kind != EVENT_LOG) continue;
            if (r->ways[k].events[i].would)
                would[k]++;
            else
                own[k]++;
        }
    for (unsigned k = 1; k < ENFORCED && r->ways[k].worker; k++)
        if (would[k] != would[0] || own[k] != own[0]) return false;
    return true;
}

static void say_verdicts(const struct run *r, unsigned k, unsigned i)
{
    const struct verdict *a = &r->ways[0].verdicts[i], *b = &r->ways[k].verdicts[i];
    printf("# verdicts of worker %u differ, at %u: %u by %u in %u, would %u by %u in %u; %u by %u in %u, would %u by "
           "%u in %u\n",
           k, i, a->action, a->rule, a->firewall, a->would, a->would_rule, a->would_firewall, b->action, b->rule,
           b->firewall, b->would, b->would_rule, b->would_firewall);
}

static bool compare(struct run *r, unsigned n, struct totals *totals)
{
    const struct way *a = &r->ways[0];
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 1; k < ENFORCED && r->ways[k].worker; k++)
            if (memcmp(&a->verdicts[i], &r->ways[k].verdicts[i], sizeof a->verdicts[i]) != 0) {
                say_verdicts(r, k, i);
                return false;
            }
        if (!is_so(r, i)) return false;
        totals->would += a->verdicts[i].would != 0;
        totals->changed += verdict_changes(&a->verdicts[i]);
    }
    for (unsigned k = 1; k < ENFORCED && r->ways[k].worker; k++)
        if (!same_woulds(r->program[0], executor_counters(a->worker), executor_counters(r->ways[k].worker))) {
            printf("# counters differ, of worker %u\n", k);
            return false;
        }
    if (!logs_agree(r)) {
        printf("# logs differ\n");
        return false;
    }
    return counts_agree(r);
}

/* ---- running ---- */

/* True if eBPF programs may be loaded; tried once. */
static bool may_load(void)
{
    static int may = -1;
    if (may < 0) {
        const char text[] = "firewall f default accept { accept tcp }\n";
        char err[600];
        struct program *p = compiled_text(text);
        struct kernel *k = p ? kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err) : NULL;
        may = k != NULL;
        kernel_free(k);
        program_put(p);
    }
    return may;
}

static struct executor *worker_there(struct program *p, const struct vm_cfg *cfg, char *why, size_t len)
{
    return may_load() ? one_kernel_new(p, cfg, true, why, len) : NULL;
}

static bool start(struct run *r, uint64_t seed)
{
    static const struct vm_cfg cfgs[WAYS] = {{.forget = false}, {.forget = true}, {.naive = true}};
    r->rng.state = seed;
    do {
        draw_rules(r);
    } while (!strstr(r->text[0], "audit "));
    for (unsigned k = 0; k < 2; k++) {
        r->program[k] = compiled_text(r->text[k]);
        if (!r->program[k]) return false;
    }
    for (unsigned k = 0; k < WAYS; k++) {
        struct vm_cfg cfg = cfgs[k];
        cfg.seed = seed;
        char why[600] = "out of memory";
        r->ways[k].worker = k == KERNEL ? worker_there(r->program[0], &cfg, why, sizeof why)
                                        : executor_new(r->program[k == ENFORCED], &cfg, 0, why, sizeof why);
        if (!r->ways[k].worker && (k != KERNEL || may_load())) return printf("# %s\n", why), false;
        r->ways[k].tx = (struct vm_tx){.events = r->ways[k].events, .event_cap = EVENTS};
    }
    r->facts = (struct facts){.generation = 1};
    r->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &r->facts};
    return true;
}

static bool chunk(struct run *r, struct totals *totals)
{
    const unsigned n = 1 + rng_below(&r->rng, CHUNK);
    for (unsigned i = 0; i < n; i++) draw_packet(r, i);
    for (unsigned k = 0; k < WAYS; k++) {
        r->ways[k].tx.event_count = 0;
        if (r->ways[k].worker) judge(r, k, n);
    }
    totals->in_kernel += r->ways[KERNEL].worker ? n : 0;
    totals->packets += n;
    r->in.mono_ns += 1 + rng_below(&r->rng, 20000000);
    return compare(r, n, totals);
}

static bool check_file(uint64_t seed, unsigned packets, struct totals *totals)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    bool good = start(&r, seed);
    const uint64_t until = totals->packets + packets;
    while (good && totals->packets < until) good = chunk(&r, totals);
    totals->files++;
    if (r.ways[0].worker) totals->remembered += executor_counters(r.ways[0].worker)->remembered;
    if (!good) printf("# rules:\n%s\n", r.text[0]);
    for (unsigned k = 0; k < WAYS; k++) one_kernel_free(r.ways[k].worker);
    for (unsigned k = 0; k < 2; k++) program_put(r.program[k]);
    return good;
}

#ifdef __SANITIZE_ADDRESS__ /* because every file allocates its tables again, which is slow with sanitizers */
enum { FILES = 20 };
#else
enum { FILES = 60 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : FILES * long_run;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 1000;
    struct totals totals = {0};

    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, packets, &totals)) {
            printf("not ok - audit says what would be\n# again with: audit %" PRIu64 " 1 %u\n", first + i, packets);
            return 1;
        }
    printf("ok - audit says what would be: %" PRIu64 " rule files, %" PRIu64 " packets, %" PRIu64
           " decided by others, %" PRIu64 " otherwise, %" PRIu64 " remembered\n",
           totals.files, totals.packets, totals.would, totals.changed, totals.remembered);
    printf("ok - the kernel executor, too%s\n",
           totals.in_kernel ? "" : " # SKIP programs of it may not be loaded here");
    const bool fair = totals.would * 4 > totals.packets && totals.changed * 8 > totals.packets &&
                      totals.remembered * 20 > totals.packets;
    printf("%s - a fair share would be otherwise, and is remembered\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
