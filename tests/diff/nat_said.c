/* A drawn nat's statements as --diff writes them compile to a nat with the same meaning. A change of one statement
 * is shown unless its packets and their outcomes stay the same.
 *
 *   nat_said [SEED [NATS]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many nats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "tests/lib/compiled.h"
#include "tests/lib/diff_text.h"
#include "tests/lib/rng.h"

#define HEAD                                                                                                           \
    "allow W0201, W0310, W0401, W0515, W0805\nset lan = 10.0.0.0/8, fd00::/8\nset vpn = 10.8.0.0/16\n"                 \
    "interface wan = \"eth0\"\nfirewall f default drop { accept icmp6 type nd; accept tcp from lan to vpn }\n"
#define SAME      "no difference for any packet that the rules judge\n"
#define LEN(list) (sizeof(list) / sizeof(*(list)))

static const char *const ends[] = {"lan",
                                   "vpn",
                                   "not vpn",
                                   "10.1.0.0/16",
                                   "10.1.0.0/16, 10.3.0.0/16, 192.0.2.7",
                                   "not 10.0.0.0/9",
                                   "not 10.1.0.1, 10.3.0.0/16",
                                   "fd00::/8",
                                   "2001:db8::/32, 10.0.0.0/8"};
static const char *const protocols[] = {"tcp",          "udp",     "tcp, udp",    "not tcp", "icmp",
                                        "not icmp",     "esp, ah", "gre, sctp",   "ah",      "proto 41, 9-12",
                                        "not proto 41", "ip",      "ip not icmp", "ip6",     "ip tcp",
                                        "not esp, udp"};
static const char *const ports[] = {"80", "80, 443", "not 53", "1024-", "not 1-1023, 8080"};
static const char *const ways[] = {"wan",          "\"eth1\"",           "\"eth1\", wan", "not wan",
                                   "not \"eth*\"", "\"eth*\", \"ppp0\"", "\"ppp*\""};
static const char *const own_ports[] = {"", " ports 5000", " ports 61000-65535", " ports 1-9, 20-30, 40"};
static const char *const outside[] = {"203.0.113.1", "203.0.113.4-203.0.113.9", "203.0.113.0/28, 203.0.113.77",
                                      "2001:db8:1::1", "203.0.113.1, 2001:db8:1::1"};
static const char *const forwarded[] = {"tcp/80", "udp/53, tcp/53", "tcp/any", "sctp/1-5", "gre", "proto 41", "icmp"};

/* A run of draws in which one may differ from those of the same seed */
struct draws {
    uint64_t seed;
    unsigned at, changed;
};
enum { DRAWS_MOST = 10 };

static unsigned draw(struct draws *d, unsigned n)
{
    struct rng r = {(d->seed << 8) + d->at + (d->at == d->changed ? UINT64_C(1) << 60 : 0)};
    d->at++;
    return rng_below(&r, n);
}

static bool one_in(struct draws *d, unsigned n) { return draw(d, n) == 0; }

static const char *one(struct draws *d, const char *const *list, size_t count)
{
    return list[draw(d, (unsigned)count)];
}
#define ONE(r, list) one(r, list, LEN(list))

/* Draw the conditions of an outgoing statement; half of them have few. */
static void draw_conditions(struct draws *d, FILE *out)
{
    const bool from = one_in(d, 2), to = one_in(d, 3);
    if (from) fprintf(out, " from %s", ONE(d, ends));
    if (to) fprintf(out, " to %s", ONE(d, ends));
    if (one_in(d, 2)) fprintf(out, " %s", ONE(d, protocols));
    if (one_in(d, 4)) fprintf(out, " source port %s", ONE(d, ports));
    if (one_in(d, 3)) fprintf(out, " to port %s", ONE(d, ports));
    if (one_in(d, 3)) fprintf(out, " on %s", ONE(d, ways));
    fprintf(out, " out on %s", ONE(d, ways));
}

static void draw_statement(struct draws *d, FILE *out)
{
    switch (draw(d, 4)) {
    case 0:
        fputs("masquerade", out);
        draw_conditions(d, out);
        fputs(ONE(d, own_ports), out);
        break;
    case 1:
        fputs("source", out);
        draw_conditions(d, out);
        fprintf(out, " -> %s%s", ONE(d, outside), ONE(d, own_ports));
        break;
    case 2:
        fprintf(out, "forward %s", ONE(d, ((const char *const[]){"self", "any", "203.0.113.9"})));
        if (one_in(d, 2)) fprintf(out, " on %s", ONE(d, ways));
        if (one_in(d, 2)) fprintf(out, " from %s", ONE(d, ends));
        fprintf(out, " %s -> 10.7.0.%u", ONE(d, forwarded), draw(d, 3) + 1);
        break;
    default:
        fprintf(out, "map 198.51.100.%u <-> 10.6.0.%u", draw(d, 200), draw(d, 200));
        if (one_in(d, 2)) fprintf(out, " out on %s", ONE(d, ways));
    }
    fputc('\n', out);
}

static char *drawn_statement(uint64_t seed, unsigned changed)
{
    struct draws d = {.seed = seed, .changed = changed};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    draw_statement(&d, out);
    fclose(out);
    return text;
}

/* Compile a file with these statements, or without a nat. Returns NULL if it has an error. */
static struct program *with_nat(const char *statements)
{
    char *text = NULL;
    if (asprintf(&text, statements ? HEAD "nat n {\n%s}\n" : HEAD, statements) < 0) abort();
    struct program *p = compiled_if_right(text);
    free(text);
    return p;
}

/* Return the nat's statements as --diff shows them against a file without a nat. */
static char *shown(struct program *none, struct program *p)
{
    char *text = diff_text(none, p, false), *at = strstr(text, "new         nat n\n"), *lines = NULL;
    size_t len;
    FILE *out = open_memstream(&lines, &len);
    for (char *line = at ? strtok(strchr(at, '\n'), "\n") : NULL; line && strncmp(line, "            + ", 14) == 0;
         line = strtok(NULL, "\n"))
        fprintf(out, "%s\n", line + 14);
    fclose(out);
    free(text);
    return lines;
}

struct run {
    struct program *none;
    uint64_t nats, told, same;
    bool failed;
};

static void fail(struct run *r, const char *what, const char *a, const char *b)
{
    printf("# %s\n# %s# %s", what, a, b);
    r->failed = true;
}

/* Check the words for one statement, and that --diff shows a difference from another one if their words differ. */
static void check(struct run *r, const char *a, const char *b)
{
    struct program *p[SIDES] = {with_nat(a), with_nat(b)};
    if (p[OLD] && p[NEW]) {
        char *words[SIDES] = {shown(r->none, p[OLD]), shown(r->none, p[NEW])};
        const bool empty = strstr(words[OLD], " for nothing"); /* conditions that exclude each other */
        struct program *again = empty ? NULL : with_nat(words[OLD]);
        char *difference = again ? diff_text(p[OLD], again, false) : NULL, *other = diff_text(p[OLD], p[NEW], false);
        const bool same = strcmp(words[OLD], words[NEW]) == 0;
        if (!again && !empty) fail(r, "what is shown does not compile", a, words[OLD]);
        if (difference && strcmp(difference, SAME) != 0) fail(r, "what is shown means something else", a, words[OLD]);
        if (same != (strcmp(other, SAME) == 0)) fail(r, "a change is told if the words differ", a, b);
        r->nats++;
        r->told += !same;
        r->same += same;
        program_put(again);
        for (unsigned s = 0; s < SIDES; s++) free(words[s]);
        free(difference);
        free(other);
    }
    program_put(p[OLD]);
    program_put(p[NEW]);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const uint64_t more = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const uint64_t nats = argc > 2 ? strtoull(argv[2], NULL, 0) : 300 * more;
    struct run r = {.none = with_nat(NULL)};
    printf("# seed %" PRIu64 "\n", seed);
    if (!r.none) return 1;
    for (uint64_t i = 0; i < nats && !r.failed; i++) {
        struct rng which = {seed + i};
        char *a = drawn_statement(seed + i, DRAWS_MOST), *b = drawn_statement(seed + i, rng_below(&which, DRAWS_MOST));
        check(&r, a, b);
        if (r.failed) printf("# again with: nat_said %" PRIu64 " 1\n", seed + i);
        free(a);
        free(b);
    }
    printf("# %" PRIu64 " nats, %" PRIu64 " changes told, %" PRIu64 " that say the same\n", r.nats, r.told, r.same);
    printf("%s - statements of a nat are shown in the language's words\n", r.failed ? "not ok" : "ok");
    const bool fair = r.nats * 3 > nats && r.told;
    printf("%s - most nats that are drawn compile\n", fair ? "ok" : "not ok");
    program_put(r.none);
    return r.failed || !fair;
}
