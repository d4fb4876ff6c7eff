/* See shapes.h. */
#include "tests/lib/shapes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rng.h"
#include "tests/lib/ruleset.h"

struct shaper {
    shape_fn *fn;
    void *arg;
    FILE *out; /* of the current text */
    char *text;
    size_t len;
};

static void begin(struct shaper *s)
{
    s->out = open_memstream(&s->text, &s->len);
    if (!s->out) abort();
}

static void end(struct shaper *s, enum classify_when when, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void end(struct shaper *s, enum classify_when when, const char *format, ...)
{
    char name[80];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    fclose(s->out);
    s->fn(s->arg, &(struct shape){.name = name, .text = s->text, .len = s->len, .classify = when});
    free(s->text);
}

/* ---- lists ---- */

/* Effects of a list's rules besides accepting, and their conditions besides addresses and ports. */
enum style { STYLE_PLAIN, STYLE_EFFECTS, STYLE_ASKS, STYLE_LINK, STYLE_STATE, STYLES };
static const char *const style_names[] = {"plain", "effects", "asks", "link", "state"};

static const char declared[] = "limits { flows 1000 }\n"
                               "meter m0 = 100/s burst 7 per source\nmeter m1 = 1Mbit/s per destination/24,/64\n"
                               "schedule work = mon-fri 08:00-18:00\ninterface i0 = \"eth0\"\n"
                               "set some = 192.0.2.0/24, 198.51.100.7, 2001:db8::/32\n";

static void put_verb(FILE *out, enum style style, struct rng *r)
{
    static const char *const verbs[] = {"accept", "accept", "drop", "reject", "count", "count", "log", "count"};
    const bool acts = style == STYLE_EFFECTS || style == STYLE_ASKS;
    fputs(acts ? verbs[rng_below(r, 8)] : style == STYLE_PLAIN ? "accept" : verbs[rng_below(r, 3)], out);
}

/* Put conditions on the packet, which is tested after the key has matched. */
static void put_asked(FILE *out, bool from, struct rng *r)
{
    switch (rng_below(r, from ? 6 : 9)) {
    case 0: fputs(" over m0", out); break;
    case 1: fputs(" within m1", out); break;
    case 2: fprintf(out, " bytes payload at %u is x\"%02x\"", rng_below(r, 5), rng_below(r, 256)); break;
    case 3: fprintf(out, " bytes l3 at 8 is x\"40\" mask x\"%02x\"", 64 | rng_below(r, 256)); break;
    case 4: fputs(" during work", out); break;
    case 5: fputs(" ether from 02:00:00:00:00:01, multicast", out); break;
    case 6: fprintf(out, " from not some, 10.%u.0.0/16", rng_below(r, 256)); break;
    default: break;
    }
}

/* Put conditions on other slots of the key, so that blocks compare more slots. */
static void put_link(FILE *out, struct rng *r)
{
    switch (rng_below(r, 8)) {
    case 0: fprintf(out, " vlan %u", 1 + rng_below(r, 100)); break;
    case 1: fprintf(out, " vlan %u inner %u", 1 + rng_below(r, 9), rng_below(r, 99)); break;
    case 2: fprintf(out, " ttl %u-%u", 1 + rng_below(r, 64), 64 + rng_below(r, 64)); break;
    case 3: fprintf(out, " dscp %u", rng_below(r, 64)); break;
    case 4: fputs(" on i0", out); break;
    case 5: fprintf(out, " length %u-", 40 + rng_below(r, 1400)); break;
    case 6: fputs(" fragment no", out); break;
    default: break;
    }
}

static void put_state(FILE *out, struct rng *r)
{
    switch (rng_below(r, 5)) {
    case 0: fputs(" state new", out); break;
    case 1: fputs(" state not established, related", out); break;
    case 2: fprintf(out, " flows over %u per source", 1 + rng_below(r, 9)); break;
    case 3: fputs(" urpf-failed", out); break;
    default: break;
    }
}

/* Put the rule of a line such as "accept ip from … as R7" in that style, without its name. */
static void put_rule(FILE *out, const char *line, enum style style, struct rng *r)
{
    const char *conditions = line + strlen("accept"), *name = strstr(line, " as R");
    put_verb(out, style, r);
    fprintf(out, "%.*s", (int)(name - conditions), conditions);
    if (style == STYLE_ASKS) put_asked(out, strstr(line, " from "), r);
    if (style == STYLE_LINK) put_link(out, r);
    if (style == STYLE_STATE) put_state(out, r);
    if (style == STYLE_EFFECTS && rng_one_in(r, 6)) fputs(rng_one_in(r, 2) ? " log" : " log 3/s", out);
    fputc('\n', out);
}

/* Put only the rules of a list, without the block around them. */
static void put_rules(FILE *out, const struct ruleset *rs, enum style style, uint64_t seed)
{
    struct rng r = {seed};
    char *text = NULL, *rest = NULL;
    size_t len = 0;
    FILE *plain = open_memstream(&text, &len);
    if (!plain) abort();
    ruleset_print(rs, plain);
    fclose(plain);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "accept", 6)) continue;
        put_rule(out, line, style, &r);
    }
    free(text);
}

struct list {
    enum ruleset_kind kind;
    bool v6;
    uint32_t count;
    enum style style;
    uint64_t seed;
    enum classify_when classify;
};

static void list(struct shaper *s, const struct list *l)
{
    static const char *const kinds[] = {"acl", "fw", "ipc"}, *const whens[] = {"", "-classified", "-straight"};
    struct ruleset rs = {0};
    ruleset_make(&rs, l->kind, l->v6, l->count, l->seed);
    begin(s);
    fprintf(s->out, "%sfirewall f default drop {\n", l->style == STYLE_PLAIN ? "" : declared);
    if (l->style == STYLE_STATE) fputs("accept state established, related\n", s->out);
    put_rules(s->out, &rs, l->style, l->seed);
    fputs("}\n", s->out);
    ruleset_fini(&rs);
    end(s, l->classify, "%s-v%u-%u-%s%s-%u", kinds[l->kind], l->v6 ? 6 : 4, l->count, style_names[l->style],
        whens[l->classify], (unsigned)l->seed);
}

/* Make lists of all kinds, in one style and family after the other. */
static void lists(struct shaper *s, bool large)
{
    static const uint32_t counts[] = {17, 33, 65, 120, 300, 700, 1500, 4000, 10000, 30000, 100000};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i] > 4000 && !large) break;
        for (unsigned n = 0; n < (counts[i] > 10000 ? 6 : 10); n++)
            list(s, &(struct list){.kind = n % 3,
                                   .v6 = n / 3 % 2,
                                   .count = counts[i],
                                   .style = counts[i] > 4000 ? n % 2 : (n + i) % STYLES,
                                   .seed = 1 + n + 10 * i,
                                   .classify = counts[i] < 100 ? CLASSIFY_ALL : CLASSIFY_BY_COST});
    }
}

static void straight(struct shaper *s)
{
    static const uint32_t counts[] = {1, 2, 5, 15, 40, 150, 999, 1000, 1001, 2500};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        for (unsigned n = 0; n < 3; n++)
            list(s, &(struct list){.kind = n,
                                   .v6 = (i + n) % 2,
                                   .count = counts[i],
                                   .style = (n + i) % STYLES,
                                   .seed = 1 + i,
                                   .classify = CLASSIFY_NONE});
}

/* ---- chains ---- */

/* Make chains that call the next one after most of their rules, and end with two more rules. */
static void chain(struct shaper *s, unsigned depth, uint32_t rules, enum style style, enum classify_when when)
{
    begin(s);
    fputs(declared, s->out);
    for (unsigned i = depth; i--;) {
        struct ruleset rs = {0};
        ruleset_make(&rs, i % 3, i % 2, rules, 1 + i);
        fprintf(s->out, "chain c%u {\n", i);
        put_rules(s->out, &rs, style, i);
        if (i + 1 < depth) fprintf(s->out, "do c%u ip\n", i + 1);
        fprintf(s->out, "count tcp port %u\nreturn udp port %u\n}\n", i + 1, i + 1);
        ruleset_fini(&rs);
    }
    fputs("firewall f default drop {\ndo c0\naccept icmp\n}\nfirewall o out default accept {\ndo c0 tcp\n}\n", s->out);
    end(s, when, "chains-%u-of-%u-%s-%u", depth, rules, style_names[style], when);
}

/* Put lists one after the other, called from one place, so that each result has its register. */
static void calls(struct shaper *s, unsigned count, uint32_t rules)
{
    struct ruleset rs = {0};
    begin(s);
    for (unsigned i = 0; i < count; i++) {
        ruleset_make(&rs, i % 3, false, rules, 50 + i);
        fprintf(s->out, "chain c%u {\n", i);
        put_rules(s->out, &rs, STYLE_PLAIN, i);
        fputs("}\n", s->out);
        ruleset_fini(&rs);
    }
    fputs("firewall f default drop {\n", s->out);
    for (unsigned i = 0; i < count; i++)
        fprintf(s->out, "do c%u from %u.0.0.0/8\ncount udp port %u\n", i, i + 1, i + 1);
    fputs("}\n", s->out);
    end(s, CLASSIFY_BY_COST, "calls-%u-of-%u", count, rules);
}

static void chains(struct shaper *s)
{
    for (unsigned depth = 1; depth <= 6; depth++) {
        chain(s, depth, 4, STYLE_ASKS, CLASSIFY_NONE);
        chain(s, depth, 20, depth % STYLES, CLASSIFY_ALL);
    }
    chain(s, 16, 2, STYLE_EFFECTS, CLASSIFY_NONE);
    chain(s, 4, 1000, STYLE_PLAIN, CLASSIFY_NONE);
    chain(s, 4, 600, STYLE_ASKS, CLASSIFY_BY_COST);
    for (unsigned count = 2; count <= 32; count *= 2) {
        calls(s, count, 3);
        calls(s, count, 40);
    }
}

/* ---- sets ---- */

static void put_members(FILE *out, const char *what, uint32_t count, struct rng *r)
{
    const bool four = !strcmp(what, "v4"), six = !strcmp(what, "v6"), ports = !strcmp(what, "ports");
    for (uint32_t i = 0; i < count; i++) {
        const unsigned some = rng_below(r, 250), a = 8 + i / 60000, b = i / 250 % 240, c = i % 250;
        fputs(i ? ", " : "", out);
        if (four) fprintf(out, "%u.%u.%u.%u", a, b, c, some);
        if (four && some % 4 == 0) fprintf(out, "-%u.%u.%u.%u", a, b, c, some + some % 5);
        if (six) fprintf(out, "2001:db8:%x:%x::%x", some, i >> 12, i & 4095);
        if (six && some % 2) fprintf(out, "-2001:db8:%x:%x:%x::", some, i >> 12, some);
        if (ports) fprintf(out, i % 5 ? "%u" : "%u-%u", 1 + 15 * i, 3 + 15 * i + some % 9);
        if (!four && !six && !ports) fprintf(out, "02:00:%02x:%02x:%02x:%02x", i >> 16, i >> 8 & 255, i & 255, some);
    }
}

static void set(struct shaper *s, const char *what, uint32_t count)
{
    struct rng r = {count};
    const bool macs = !strcmp(what, "macs"), ports = !strcmp(what, "ports");
    begin(s);
    fprintf(s->out, "%s s = ", macs || ports ? what : "set");
    put_members(s->out, what, count, &r);
    fputs("\nfirewall f default drop {\n", s->out);
    if (macs) fputs("drop ether from s\ncount ether to not s as M\nreject ether to s, multicast tcp\n", s->out);
    if (ports) fputs("drop tcp port s\ncount udp source port not s\nreject port s, 7 source port not s\n", s->out);
    if (!macs && !ports) fputs("drop from s\ncount to not s as M\nreject from not s to s, 192.0.2.1 tcp\n", s->out);
    fputs("accept ip, ip6\n}\n", s->out);
    end(s, CLASSIFY_BY_COST, "sets-%s-%u", what, count);
}

static void sets(struct shaper *s, bool large)
{
    static const char *const kinds[] = {"v4", "v6", "macs", "ports"};
    static const uint32_t counts[] = {1, 2, 3, 8, 20, 100, 1000, 4000, 20000, 200000};
    for (unsigned k = 0; k < 4; k++)
        for (unsigned i = 0; i < (large ? 10 : 8); i++)
            if (counts[i] <= (k == 3 ? 4000 : 200000)) set(s, kinds[k], counts[i]);
}

/* ---- others ---- */

/* Put a firewall for each interface and direction. */
static void firewalls(struct shaper *s, unsigned ifaces)
{
    static const char *const ways[] = {"in", "out", "forward"}, *const defaults[] = {"accept", "drop", "reject"};
    begin(s);
    for (unsigned i = 0; i < ifaces; i++) fprintf(s->out, "interface i%u = \"eth%u\"\n", i, i);
    for (unsigned i = 0; i < ifaces; i++)
        for (unsigned w = 0; w < 3; w++)
            fprintf(s->out, "firewall f%u%s on i%u %s default %s {\ncount ip on i%u\naccept tcp port %u%s\n}\n", i,
                    ways[w], i, ways[w], defaults[(i + w) % 3], i, i + 1, w ? " out on i0" : "");
    fputs("firewall rest default drop other frames pass {\naccept arp\n}\n", s->out);
    end(s, CLASSIFY_BY_COST, "firewalls-%u", ifaces);
}

static void services(struct shaper *s, unsigned count)
{
    static const char *const modes[] = {"passthrough", "passthrough keep source", "dsr l2", "dsr ipip"};
    begin(s);
    fputs("limits { flows 1000; maglev 251 }\npool p { server a 10.0.0.1 }\npool q { server b 10.0.0.2 }\n", s->out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(s->out, "service s%u on 198.%u.%u.%u %s/%u {\nmode %s\n", i, 18 + i % 2, i / 250 % 256, 1 + i % 250,
                i % 3 ? "tcp" : "udp", 1 + i % 5000, modes[i % 4]);
        if (i % 4 == 1) fprintf(s->out, "when from 10.%u.0.0/16 source port 1024- -> p 30%%, q 70%%\n", i % 256);
        if (i % 8 == 2) fputs("when from 192.0.2.0/24, 2001:db8::/32 dscp 46 -> q\n", s->out);
        fputs("-> p\n}\n", s->out);
    }
    fputs("firewall f default drop {\naccept tcp, udp\n}\n", s->out);
    end(s, CLASSIFY_BY_COST, "services-%u", count);
}

static void meters(struct shaper *s, unsigned count)
{
    static const char *const keys[] = {"", " per source", " per destination", " per flow", " per source/24,/64"},
                             *const rates[] = {"7/s", "2000/m burst 3", "90/h", "9Mbit/s", "90kbit/s burst 900B"};
    begin(s);
    for (unsigned i = 0; i < count; i++)
        fprintf(s->out, "meter m%u = %s%s%s\n", i, rates[i % 5], keys[(i / 5 + i) % 5],
                (i / 5 + i) % 5 && i % 3 == 0 ? " entries 64" : "");
    fputs("firewall f default accept {\n", s->out);
    for (unsigned i = 0; i < count; i++)
        fprintf(s->out, "drop %s %s m%u\n", i % 2 ? "tcp" : "udp", i % 3 ? "over" : "within", i);
    fputs("}\n", s->out);
    end(s, CLASSIFY_BY_COST, "meters-%u", count);
}

static void patterns(struct shaper *s, unsigned count)
{
    static const char *const layers[] = {"ip bytes l3", "tcp bytes l4", "udp bytes payload", "bytes l2"};
    begin(s);
    fputs("firewall f default accept {\n", s->out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(s->out, "%s %s at %u is %sx\"", i % 3 ? "count" : "drop", layers[i % 4], i * 7 % 200,
                i % 5 ? "" : "not ");
        for (unsigned n = 0; n <= i % 16; n++) fprintf(s->out, "%02x", (i + n) & 255);
        fputs("\"\n", s->out);
    }
    fputs("}\n", s->out);
    end(s, CLASSIFY_BY_COST, "patterns-%u", count);
}

void shapes_draw(bool large, shape_fn *fn, void *arg)
{
    struct shaper s = {.fn = fn, .arg = arg};
    lists(&s, large);
    straight(&s);
    chains(&s);
    sets(&s, large);
    for (unsigned n = 1; n <= 128; n *= 4) firewalls(&s, n < 60 ? n : 60);
    for (unsigned n = 1; n <= (large ? 4096 : 256); n *= 4) services(&s, n);
    for (unsigned n = 1; n <= 32; n *= 2) meters(&s, n);
    for (unsigned n = 1; n <= 256; n *= 4) patterns(&s, n);
}
