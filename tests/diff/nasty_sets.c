/* Differential test: long rule lists that are difficult for a classifier. Written as text, and compiled as the
 * compiler chooses or with every list a classifier, they must judge, count and log like the plain rule list. They
 * have nested wildcards, ranges of nearly all ports, equal prefixes, many single addresses, long IPv6 prefixes, each
 * single field, all kinds of frames, sets of many members, tests that boxes can't express, and chains that count,
 * log and return.
 *
 *   nasty_sets [SEED [FILES [LARGEST]]]
 *
 * Frames are drawn around the rules' own values: just inside and just outside each. From their headers the test
 * searches for those that cost the classifier most. The same numbers give the same run. LONG=1: more files, of up to
 * 100,000 rules. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/draw.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/worst.h"
#include "vm/judge/classify/classify.h"
#include "vm/vm.h"
#include "vm/forward/service.h"

enum { BATCH = 64, NETS = 6, SETS = 4, SEEDS = 256 };

/* Conditions of a rule, as far as frames are drawn around them; `more` is the rest as text. */
struct nasty {
    bool v6, src, dst, sport, dport, tag;
    struct prefix_v4 src4, dst4;
    struct prefix_v6 src6, dst6;
    struct {
        uint16_t lo, hi;
    } sports, dports;
    uint16_t vid;
    const char *proto;
    char more[96];
};

struct file {
    struct rng *r;
    FILE *out;
    struct prefix_v4 net4[NETS];
    struct prefix_v6 net6[NETS];
    uint16_t port[NETS];
    unsigned style, field; /* for the whole file */
    struct nasty *rules;   /* [size] */
    unsigned size;
};

static unsigned below(struct file *f, unsigned n) { return rng_below(f->r, n); }
static bool one_in(struct file *f, unsigned n) { return rng_one_in(f->r, n); }

/* ---- values ---- */

static struct prefix_v4 prefix4(struct file *f, uint32_t near, unsigned kept, unsigned len)
{
    const uint32_t keep = kept ? UINT32_MAX << (32 - kept) : 0, mask = len ? UINT32_MAX << (32 - len) : 0;
    return (struct prefix_v4){((near & keep) | ((uint32_t)rng_next(f->r) & ~keep)) & mask, len};
}

static struct prefix_v6 prefix6(struct file *f, const uint8_t near[16], unsigned kept, unsigned len)
{
    struct prefix_v6 p = {.len = len};
    for (unsigned b = 0; b < 128; b++) {
        const uint8_t bit = (uint8_t)(0x80 >> b % 8);
        const bool set = b < kept ? near[b / 8] & bit : rng_one_in(f->r, 2);
        if (set && b < len) p.addr[b / 8] |= bit;
    }
    return p;
}

/* Test prefixes of both families: `kept` bits of some network, with a length near `len` (of 32 or 128). */
static void ask_src(struct file *f, struct nasty *n, unsigned kept, unsigned len)
{
    n->src = true;
    n->src4 = prefix4(f, f->net4[below(f, NETS)].addr, kept, len);
    n->src6 = prefix6(f, f->net6[below(f, NETS)].addr, 4 * kept, 4 * len);
}

static void ask_dst(struct file *f, struct nasty *n, unsigned kept, unsigned len)
{
    n->dst = true;
    n->dst4 = prefix4(f, f->net4[below(f, NETS)].addr, kept, len);
    n->dst6 = prefix6(f, f->net6[below(f, NETS)].addr, 4 * kept, 4 * len);
}

static void ask_ports(struct file *f, struct nasty *n, bool dst, unsigned lo, unsigned hi)
{
    static const char *const protos[] = {"tcp", "udp", "tcp, udp"};
    if (!n->proto) n->proto = protos[below(f, 3)];
    if (dst)
        n->dport = true, n->dports.lo = (uint16_t)lo, n->dports.hi = (uint16_t)hi;
    else
        n->sport = true, n->sports.lo = (uint16_t)lo, n->sports.hi = (uint16_t)hi;
}

/* ---- styles ---- */

static void nested(struct file *f, struct nasty *n)
{
    const unsigned len = below(f, 33);
    if (!one_in(f, 4)) ask_src(f, n, len, len);
    if (!one_in(f, 4)) ask_dst(f, n, below(f, 33), below(f, 33));
    if (one_in(f, 3)) ask_ports(f, n, one_in(f, 2), f->port[below(f, NETS)], 65535);
}

static void all_ports(struct file *f, struct nasty *n)
{
    const unsigned a = below(f, 65536), b = below(f, 65536);
    ask_ports(f, n, false, one_in(f, 3) ? 1024 : below(f, 3), 65535 - below(f, 3));
    ask_ports(f, n, true, a < b ? a : b, a < b ? b : a);
    if (one_in(f, 3)) ask_src(f, n, 32, 8 * below(f, 5));
}

static void equal(struct file *f, struct nasty *n)
{
    n->src = n->dst = true;
    n->src4 = f->net4[0], n->dst4 = f->net4[1];
    n->src6 = f->net6[0], n->dst6 = f->net6[1];
    if (!one_in(f, 20)) ask_ports(f, n, true, below(f, 2000), 65535);
    n->dports.hi = (uint16_t)(n->dports.lo + below(f, 3));
}

static void storm(struct file *f, struct nasty *n)
{
    if (!one_in(f, 5)) ask_src(f, n, 8 * below(f, 4), 32);
    if (!n->src || one_in(f, 2)) ask_dst(f, n, 8 * below(f, 4), 32);
    if (one_in(f, 10)) ask_ports(f, n, true, f->port[below(f, NETS)], 65535);
}

static void long6(struct file *f, struct nasty *n)
{
    n->v6 = true;
    ask_src(f, n, 12 + below(f, 21), 16 + below(f, 17));
    ask_dst(f, n, 12 + below(f, 21), 16 + below(f, 17));
    if (one_in(f, 3)) ask_ports(f, n, true, f->port[below(f, NETS)], f->port[0] | 0xffff);
}

static void say(struct nasty *n, const char *format, unsigned a, unsigned b)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const size_t used = strlen(n->more);
    snprintf(n->more + used, sizeof n->more - used, format, a, b);
#pragma GCC diagnostic pop
}

enum { FIELDS = 26 };
/* Test one field of the normal form, by its number here. */
static void one_field(struct file *f, struct nasty *n, unsigned field)
{
    static const char *const flags[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    static const char *const states[] = {"new", "established", "related", "invalid"};
    static const char *const fragments[] = {"any", "first", "later", "no"};
    const unsigned a = below(f, 256), over = below(f, 4), b = a + over > 255 ? 255 : a + over, port = below(f, 65536);
    switch (field) {
    case 0: ask_src(f, n, below(f, 33), below(f, 33)); break;
    case 1: ask_dst(f, n, below(f, 33), below(f, 33)); break;
    case 2: ask_ports(f, n, false, port, port + below(f, 65536 - port)); break;
    case 3: ask_ports(f, n, true, port, port); break;
    case 4: say(n, " proto %u-%u", a, b); break;
    case 5: say(n, " on i%u", a % 5, 0); break;
    case 6:
        n->tag = true, n->vid = (uint16_t)below(f, 4095);
        say(n, " vlan %u", n->vid, 0);
        break;
    case 7: say(n, " vlan any inner %u-%u", a, b); break;
    case 8: say(n, " icmp type %u-%u", a, b); break;
    case 9: say(n, " icmp6 type %u code %u", a % 140, b % 8); break;
    case 10: say(n, a & 64 ? " dscp %u" : " flowlabel %u", a % 64, 0); break;
    case 11:
        n->proto = "tcp";
        snprintf(n->more, sizeof n->more, " flags has %s lacks %s", flags[a % 8], flags[(a + 1 + b % 7) % 8]);
        if (a % 8 == (a + 1 + b % 7) % 8) n->more[0] = '\0';
        break;
    case 12: snprintf(n->more, sizeof n->more, " fragment %s", fragments[a % 4]); break;
    case 13: snprintf(n->more, sizeof n->more, " state %s", states[a % 4]); break;
    case 14: say(n, " ttl %u-%u", a, b); break;
    case 15: say(n, " length %u-%u", a, a + b); break;
    case 16: say(n, " ether 0x%04x", 0x600 + a, 0); break;
    case 17: say(n, " ether from 02:00:00:00:%02x:%02x", b % 2, a % 16); break;
    case 18: snprintf(n->more, sizeof n->more, one_in(f, 2) ? " from self" : " to self"); break;
    case 19: snprintf(n->more, sizeof n->more, " icmp6 type nd"); break;
    case 20: snprintf(n->more, sizeof n->more, one_in(f, 2) ? " options any" : " options none"); break;
    case 21: say(n, " bytes l4 at %u is x\"%02x\"", a % 8, b); break;
    case 22: say(n, " during w%u", a % 2, 0); break;
    case 23: say(n, one_in(f, 2) ? " over t%u" : " within t%u", a % 2, 0); break;
    case 24: say(n, " ip, ip6 flows over %u per source", 1 + a % 4, 0); break;
    default: snprintf(n->more, sizeof n->more, one_in(f, 2) ? " arp" : " not ip, ip6"); break;
    }
}

static void field_alone(struct file *f, struct nasty *n) { one_field(f, n, f->field); }

static void kinds(struct file *f, struct nasty *n)
{
    one_field(f, n, 4 + below(f, FIELDS - 4));
    if (strstr(n->more, "arp") || strstr(n->more, "ether 0x")) return;
    if (one_in(f, 3)) ask_src(f, n, 32, 8 * below(f, 5));
    if (one_in(f, 3)) ask_dst(f, n, 32, 8 * below(f, 5));
}

static void many_members(struct file *f, struct nasty *n)
{
    say(n, one_in(f, 3) ? " from not s%u" : " from s%u", below(f, SETS), 0);
    if (one_in(f, 3)) say(n, " to s%u", below(f, SETS), 0);
    if (one_in(f, 2)) ask_ports(f, n, false, f->port[below(f, NETS)], 65535);
}

static void unsaid(struct file *f, struct nasty *n)
{
    static const uint8_t residues[] = {14, 15, 17, 21, 22, 23, 24};
    if (!one_in(f, 4)) one_field(f, n, residues[below(f, sizeof residues)]);
    if (one_in(f, 2) && !strstr(n->more, "l4")) ask_src(f, n, 32, 8 * below(f, 4));
    if (one_in(f, 2)) ask_dst(f, n, 32, below(f, 33));
}

static void (*const styles[])(struct file *, struct nasty *) = {nested, all_ports,   equal,  storm,       long6,
                                                                kinds,  field_alone, unsaid, many_members};
enum { STYLES = sizeof styles / sizeof *styles };

/* ---- text ---- */

static void put_prefix(struct file *f, const char *word, bool v6, const struct prefix_v4 *p4,
                       const struct prefix_v6 *p6)
{
    char text[INET6_ADDRSTRLEN];
    if (v6)
        fprintf(f->out, " %s %s/%u", word, inet_ntop(AF_INET6, p6->addr, text, sizeof text), p6->len);
    else
        fprintf(f->out, " %s %u.%u.%u.%u/%u", word, p4->addr >> 24, p4->addr >> 16 & 255, p4->addr >> 8 & 255,
                p4->addr & 255, p4->len);
}

static void put_rule(struct file *f, struct nasty *n, const char *verdict)
{
    *n = (struct nasty){.v6 = one_in(f, 4)};
    styles[one_in(f, 20) ? below(f, STYLES) : f->style](f, n);
    fprintf(f->out, "  %s", verdict);
    if (n->proto) fprintf(f->out, " %s", n->proto);
    fputs(n->more, f->out);
    if (n->src && !strstr(n->more, "from ")) put_prefix(f, "from", n->v6, &n->src4, &n->src6);
    if (n->sport) fprintf(f->out, " source port %u-%u", n->sports.lo, n->sports.hi);
    const bool to = n->dst && !strstr(n->more, "to ");
    if (to) put_prefix(f, "to", n->v6, &n->dst4, &n->dst6);
    if (n->dport)
        fprintf(f->out, " %sport %u-%u", to || strstr(n->more, "to s") ? "" : "to ", n->dports.lo, n->dports.hi);
    if (one_in(f, 40)) fputs(one_in(f, 2) ? " log" : " log 5/s", f->out);
    fputs("\n", f->out);
}

static void put_sets(struct file *f)
{
    for (unsigned s = 0; s < SETS; s++) {
        fprintf(f->out, "set s%u = ", s);
        for (unsigned n = s < 2 ? 5 + below(f, 40) : 2000 + below(f, 1000), i = 0; i < n; i++) {
            const struct prefix_v4 p4 = prefix4(f, f->net4[below(f, NETS)].addr, 8, 20 + below(f, 13));
            const struct prefix_v6 p6 = prefix6(f, f->net6[below(f, NETS)].addr, 40, 48 + below(f, 81));
            if (i) fputs(",", f->out);
            put_prefix(f, "", one_in(f, 6), &p4, &p6);
        }
        fputs("\n", f->out);
    }
}

/* Draw a verdict: mostly a deciding one; in chains, and sometimes elsewhere, also one that continues. */
static const char *verdict_of(struct file *f, bool chain)
{
    static const char *const all[] = {"accept", "drop", "reject", "count", "log", "count", "return"};
    return all[one_in(f, chain ? 3 : 15) ? below(f, chain ? 7 : 6) : below(f, 3)];
}

static char *draw_text(struct file *f, unsigned chains)
{
    char *text = NULL;
    size_t len;
    unsigned at = 0;
    f->out = open_memstream(&text, &len);
    fputs("limits { maglev 251; flows 256; half_open 64; fragments 64 }\n"
          "interface i0 = \"eth0\"\ninterface i1 = \"eth1\"\ninterface i2 = \"eth2\"\ninterface i3 = \"eth3\"\n"
          "interface i4 = \"eth4\"\nmeter t0 = 3/s burst 2\nmeter t1 = 100/h burst 2 per source entries 4\n"
          "schedule w0 = mon-fri 08:00-18:00\nschedule w1 = sat, sun\n",
          f->out);
    put_sets(f);
    for (unsigned c = 0; c < chains; c++) {
        fprintf(f->out, "chain c%u {\n", c);
        for (const unsigned end = at + f->size / (2 * chains); at < end; at++)
            put_rule(f, &f->rules[at], verdict_of(f, true));
        fputs("}\n", f->out);
    }
    fprintf(f->out, "firewall f default %s {\n", one_in(f, 2) ? "drop" : "accept");
    for (; at < f->size; at++) {
        char verdict[16];
        snprintf(verdict, sizeof verdict, "do c%u", chains ? below(f, chains) : 0);
        put_rule(f, &f->rules[at], chains && one_in(f, f->size / 8 + 1) ? verdict : verdict_of(f, false));
    }
    for (unsigned c = 0; c < chains; c++) fprintf(f->out, "  do c%u\n", c);
    fputs("}\n", f->out);
    fclose(f->out);
    return text;
}

/* ---- frames ---- */

/* Make a stock of one rule's values, with those of another among them. */
static void stock_of(struct file *f, struct stock *s)
{
    for (unsigned i = 0; i < STOCK_V4; i++) {
        const struct nasty *n = &f->rules[below(f, f->size)];
        s->v4[i] = i % 2 ? n->dst4 : n->src4;
        if (i < STOCK_V6) s->v6[i] = i % 2 ? n->dst6 : n->src6;
    }
    const struct nasty *n = &f->rules[below(f, f->size)];
    for (unsigned i = 0; i < 8; i++) s->v4[i] = i % 2 ? n->dst4 : n->src4;
    for (unsigned i = 0; i < 4; i++) s->v6[i] = i % 2 ? n->dst6 : n->src6;
    for (unsigned i = 0; i < STOCK_PORTS; i++)
        s->ports[i] = i % 4 == 0 ? n->sports.lo : i % 4 == 1 ? n->sports.hi : i % 4 == 2 ? n->dports.lo : n->dports.hi;
    for (unsigned i = 0; i < STOCK_TAGS; i++) s->tags[i] = n->tag ? n->vid : (uint16_t)below(f, 260);
    for (unsigned i = 0; i < STOCK_MACS; i++)
        memcpy(s->macs[i], (uint8_t[6]){2, 0, 0, 0, (uint8_t)below(f, 3), (uint8_t)below(f, 17)}, 6);
}

struct side {
    struct executor *worker;
    struct verdict verdicts[BATCH];
    struct event events[4 * BATCH];
    struct vm_tx tx;
};

static void side_run(struct side *s, const struct pkt frames[BATCH], const struct facts *facts, uint64_t now)
{
    struct pkt copies[BATCH], *pkts[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        copies[i] = frames[i];
        pkts[i] = &copies[i];
    }
    memset(s->verdicts, 0, sizeof s->verdicts);
    s->tx = (struct vm_tx){.events = s->events, .event_cap = 4 * BATCH};
    executor_run(s->worker, &(struct vm_in){.mono_ns = now, .facts = facts}, pkts, BATCH, s->verdicts, &s->tx);
}

static bool same(const struct program *p, const struct side *a, const struct side *b)
{
    const struct vm_counters *x = executor_counters(a->worker), *y = executor_counters(b->worker);
    return memcmp(a->verdicts, b->verdicts, sizeof a->verdicts) == 0 && a->tx.event_count == b->tx.event_count &&
           a->tx.events_lost == b->tx.events_lost &&
           memcmp(a->events, b->events, a->tx.event_count * sizeof *a->events) == 0 &&
           memcmp(x->rules, y->rules, p->rules_count * sizeof *x->rules) == 0 &&
           memcmp(x->meters, y->meters, p->meters_count * sizeof *x->meters) == 0;
}

struct totals {
    uint64_t files, rules, classifiers, frames, by_rule, climbed, most;
};

struct judging {
    struct file *f;
    struct program *p;
    struct facts facts;
    struct side code, list;
    struct key seeds[SEEDS];
    uint32_t seed_count;
};

static void tell(const struct judging *j, const char *what, const struct verdict *code, const struct verdict *list)
{
    char a[256], b[256];
    const bool has_a = code->rule < RULE_DEFAULT, has_b = list->rule < RULE_DEFAULT;
    printf("# %s: code %s by %s, list %s by %s\n", what, action_name(code->action),
           has_a ? rule_name(j->p, code->rule, a, sizeof a) : "-", action_name(list->action),
           has_b ? rule_name(j->p, list->rule, b, sizeof b) : "-");
}

/* Judge a batch of frames with both; compare verdicts, counters and log events. The frames' keys become seeds for
 * climbing. */
static bool judge_frames(struct judging *j, uint64_t now, struct totals *totals)
{
    static uint8_t bytes[BATCH][DRAWN_FRAME_MAX];
    struct pkt pkts[BATCH];
    struct stock s = {.has_self = false};
    for (unsigned i = 0; i < BATCH; i++) {
        stock_of(j->f, &s);
        frame_draw(bytes[i], &pkts[i], &s, j->f->r, 5);
    }
    side_run(&j->code, pkts, &j->facts, now);
    side_run(&j->list, pkts, &j->facts, now);
    totals->frames += BATCH;
    for (unsigned i = 0; i < BATCH; i++) {
        struct key *key = &j->seeds[j->seed_count % SEEDS];
        totals->by_rule += j->list.verdicts[i].rule < RULE_DEFAULT;
        if (pkt_parse(&pkts[i], &j->facts, key) != REASON_NONE) continue;
        key_settle(j->p, key);
        uint32_t states[4] = {MARK_NONE};
        if (j->p->meta->flags & PBC_KEEPS_FLOWS) key->marks |= states[below(j->f, states_of(key, states))];
        j->seed_count++;
    }
    if (same(j->p, &j->code, &j->list)) return true;
    unsigned at = 0;
    while (at + 1 < BATCH && memcmp(&j->code.verdicts[at], &j->list.verdicts[at], sizeof(struct verdict)) == 0) at++;
    tell(j, "frames", &j->code.verdicts[at], &j->list.verdicts[at]);
    return false;
}

/* Judge the headers that cost the code most; the list must agree. They have no frames, so tests of bytes or MACs
 * read one fixed frame. */
static bool judge_worst(struct judging *j, struct totals *totals)
{
    static const uint8_t zeros[64] = {0};
    struct key keys[BATCH / 4];
    struct pkt pkt;
    const uint32_t seeds = j->seed_count < SEEDS ? j->seed_count : SEEDS;
    pkt_view(&pkt, (void *)(uintptr_t)zeros, sizeof zeros, sizeof zeros, LINK_ETHER, IFACE_NONE);
    for (uint32_t c = 0; c < j->p->classifiers_count && c < 4 && seeds; c++) {
        const uint32_t most = worst_keys(j->p, c, j->seeds, seeds, j->f->r, BATCH / 4, 60, keys, BATCH / 4);
        if (most > totals->most) totals->most = most;
        for (unsigned i = 0; i < BATCH / 4; i++) {
            const struct decision code = program_decide(j->p, &keys[i], &pkt),
                                  list = program_decide_naive(j->p, &keys[i], &pkt);
            totals->climbed++;
            if (code.rule == list.rule && code.action == list.action && code.firewall == list.firewall) continue;
            tell(j, "header", &(struct verdict){.rule = code.rule, .action = code.action},
                 &(struct verdict){.rule = list.rule, .action = list.action});
            for (unsigned s = 0; s < 16; s++) printf("%s%08x", s ? " " : "# key ", keys[i].slot[s]);
            printf("\n");
            return false;
        }
    }
    return true;
}

/* Print only the errors, because such lists have thousands of warnings. */
static void print_errors(struct diags *d)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    diags_print_json_with(d, f, NULL, NULL);
    fclose(f);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, "\"severity\":\"error\"")) printf("# %s\n", line);
    free(text);
}

static struct program *compile(const char *text, enum classify_when when)
{
    char why[256] = "";
    struct program *p = NULL;
    struct compile c;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    c.classify = when;
    if (compile_text(&c, "nasty.prey", text, strlen(text)) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p) {
        printf("# does not compile, or load: %s\n", why);
        print_errors(c.diags);
    }
    compile_fini(&c);
    return p;
}

static bool judge(struct judging *j, struct totals *totals)
{
    /* because the list tries all rules for each frame: the longer it is, the fewer batches */
    const unsigned batches = j->f->size > 5000 ? 2 : j->f->size > 1000 ? 4 : 12;
    bool good = true;
    j->code.worker = one_kernel_worker(j->p, &(struct vm_cfg){0});
    j->list.worker = executor_new(j->p, &(struct vm_cfg){.naive = true}, 0, NULL, 0);
    if (!j->code.worker || !j->list.worker) abort();
    for (unsigned n = 0; n < batches && good; n++) {
        j->facts.schedules = n & 3;
        good = judge_frames(j, 1 + n * 90000000ull, totals);
    }
    good = good && judge_worst(j, totals);
    totals->files++;
    totals->rules += j->f->size;
    totals->classifiers += j->p->classifiers_count;
    one_kernel_free(j->code.worker);
    one_kernel_free(j->list.worker);
    return good;
}

static unsigned draw_size(struct file *f, unsigned largest)
{
    switch (below(f, 16)) {
    case 0: return 200 + below(f, largest);
    case 1:
    case 2: return 200 + below(f, 2000);
    case 3:
    case 4:
    case 5:
    case 6: return 100 + below(f, 300);
    default: return 12 + below(f, 40); /* near the maximum for straight code */
    }
}

static bool check_file(uint64_t seed, unsigned largest, struct totals *totals)
{
    static struct judging j;
    struct rng r = {seed};
    struct file f = {.r = &r, .style = (unsigned)(seed % STYLES), .field = (unsigned)(seed / STYLES % FIELDS)};
    for (unsigned i = 0; i < NETS; i++) {
        f.net4[i] = prefix4(&f, 0, 0, 8 + below(&f, 25));
        f.net6[i] = prefix6(&f, (const uint8_t[16]){0x20, 1, 0xd, 0xb8}, 32, 48 + below(&f, 81));
        f.port[i] = (uint16_t)below(&f, 65536);
    }
    f.size = draw_size(&f, largest);
    f.rules = calloc(f.size, sizeof *f.rules);
    if (!f.rules) abort();
    char *text = draw_text(&f, one_in(&f, 3) ? 1 + below(&f, 4) : 0);
    j = (struct judging){.f = &f,
                         .p = compile(text, seed % 5 == 0   ? CLASSIFY_ALL
                                            : seed % 5 == 1 ? CLASSIFY_RANKED
                                                            : CLASSIFY_BY_COST)};
    const bool good = j.p && judge(&j, totals);
    if (!good && getenv("SHOW")) fputs(text, stdout);
    program_put(j.p);
    free(text);
    free(f.rules);
    return good;
}

#ifdef __SANITIZE_ADDRESS__
enum { FILES = 50, LARGEST = 1200 };
#else
enum { FILES = 100, LARGEST = 12000 };
#endif

int main(int argc, char **argv)
{
    const bool long_run = getenv("LONG") && *getenv("LONG");
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : long_run ? 10 * FILES : FILES;
    const unsigned largest = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : long_run ? 100000 : LARGEST;
    struct totals t = {0};
    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, largest, &t)) {
            printf("not ok - nasty sets are judged as the list judges\n# again with: nasty_sets %" PRIu64 " 1 %u\n",
                   first + i, largest);
            return 1;
        }
    printf("ok - nasty sets are judged as the list judges: %" PRIu64 " files of %" PRIu64 " rules, %" PRIu64
           " classifiers; %" PRIu64 " frames, %" PRIu64 " of them by a rule; %" PRIu64 " dear headers, at most %" PRIu64
           " lines\n",
           t.files, t.rules, t.classifiers, t.frames, t.by_rule, t.climbed, t.most);
    const bool fair = t.by_rule * 5 > t.frames && t.classifiers * 2 > t.files;
    printf("%s - frames meet rules, and lists are classified\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
