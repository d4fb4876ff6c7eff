/* DPDK's ACL test tables (dpdk-acl/): two categories are two rule files, a priority is a place in the file, and the
 * deciding rule of each header must be the one that the table names.
 *
 * The tables' VLAN, domain and protocol are plain numbers under a mask (33024 is no VLAN id, and protocol 5 has no
 * ports), so they are in the frame's MAC addresses and are asked for by `bytes` with a mask. Addresses and ports are
 * a UDP packet's. The table of address ranges comes without headers: it is asked at each boundary and beside it, and
 * compared with a linear scan. */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"
#include "tests/lib/frame.h"

enum { RULES = 64, ROWS = 256, FIELDS = 17 };

struct rule {
    unsigned id, categories;
    int priority;
    char text[400];
};
static struct rule rules[RULES];
static unsigned rule_count;

/* " bytes l2 at 6 is x"00 64" mask x"00 7f"" or nothing for an empty mask. */
static void masked(char *to, size_t room, unsigned at, unsigned bytes, const char *value, const char *mask)
{
    const unsigned m = (unsigned)strtoul(mask, NULL, 10), v = (unsigned)strtoul(value, NULL, 10) & m;
    const int width = (int)bytes * 2;
    if (m)
        snprintf(to + strlen(to), room - strlen(to), " bytes l2 at %u is x\"%0*x\" mask x\"%0*x\"", at, width, v, width,
                 m);
}

static void ports(char *to, size_t room, const char *what, const char *low, const char *high)
{
    if (strcmp(low, "0") == 0 && strcmp(high, "65535") == 0) return;
    snprintf(to + strlen(to), room - strlen(to), " %s %s-%s", what, low, high);
}

static int by_priority(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    if (x->priority != y->priority) return x->priority > y->priority ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void rules_read(void)
{
    FILE *f = corpus_open("dpdk-acl/rules.tsv");
    char *v[FIELDS];
    corpus_fields(f, '\t', v, FIELDS);
    while (rule_count < RULES && corpus_fields(f, '\t', v, FIELDS) == FIELDS) {
        struct rule *r = &rules[rule_count++];
        char *t = r->text;
        const size_t room = sizeof r->text;
        r->id = (unsigned)strtoul(v[0], NULL, 10);
        r->categories = (unsigned)strtoul(v[1], NULL, 10);
        r->priority = (int)strtol(v[2], NULL, 10);
        snprintf(t, room, "accept udp");
        masked(t, room, 5, 1, v[3], v[4]);
        masked(t, room, 6, 2, v[5], v[6]);
        masked(t, room, 8, 2, v[7], v[8]);
        struct in_addr a;
        const char *side[2] = {"from", "to"};
        for (unsigned i = 0; i < 2; i++) {
            const unsigned bits = (unsigned)strtoul(v[10 + 2 * i], NULL, 10);
            if (bits == 0 || inet_pton(AF_INET, v[9 + 2 * i], &a) != 1) continue;
            a.s_addr &= htonl(~0u << (32 - bits)); /* the table leaves host bits set */
            snprintf(t + strlen(t), room - strlen(t), " %s %s/%u", side[i], inet_ntoa(a), bits);
        }
        ports(t, room, "source port", v[13], v[14]);
        ports(t, room, "port", v[15], v[16]);
        snprintf(t + strlen(t), room - strlen(t), " as R%u\n", r->id);
    }
    corpus_close(f);
    qsort(rules, rule_count, sizeof *rules, by_priority);
}

struct expected {
    unsigned vlan, domain, proto, verdict[2];
    struct header header;
};

static unsigned rows_read(struct expected rows[ROWS])
{
    FILE *f = corpus_open("dpdk-acl/data.tsv");
    char *v[9];
    unsigned n = 0;
    corpus_fields(f, '\t', v, 9);
    for (; n < ROWS && corpus_fields(f, '\t', v, 9) == 9; n++) {
        unsigned number[9];
        for (unsigned i = 0; i < 9; i++) number[i] = (unsigned)strtoul(v[i], NULL, 10);
        struct in_addr src = {0}, dst = {0};
        inet_pton(AF_INET, v[3], &src);
        inet_pton(AF_INET, v[4], &dst);
        rows[n] = (struct expected){
            .vlan = number[0],
            .domain = number[1],
            .proto = number[2],
            .verdict = {number[7], number[8]},
            .header = {ntohl(src.s_addr), ntohl(dst.s_addr), (uint16_t)number[5], (uint16_t)number[6], 17}};
    }
    corpus_close(f);
    return n;
}

/* 0 for the default, 7 for R7, ~0 for what is neither. */
static unsigned decided(const struct line *l)
{
    if (strcmp(l->rule, "default") == 0) return 0;
    return l->rule[0] == 'R' ? (unsigned)strtoul(l->rule + 1, NULL, 10) : ~0u;
}

static void category(unsigned which, const char *name, const struct expected rows[], unsigned count,
                     const char *capture)
{
    static struct line lines[ROWS];
    static char text[RULES * 400];
    strcpy(text, "firewall f default drop {\n");
    for (unsigned i = 0; i < rule_count; i++)
        if (rules[i].categories >> which & 1) strcat(text, rules[i].text);
    strcat(text, "}\n");
    unsigned wrong = !replay(text, capture, lines, count);
    for (unsigned i = 0; !wrong && i < count; i++) {
        if (decided(&lines[i]) == rows[i].verdict[which]) continue;
        printf("# row %u: the table says %u, we %s\n", i + 1, rows[i].verdict[which], lines[i].rule);
        wrong++;
    }
    test_ok(!wrong, "dpdk-acl: category %s: the deciding rule of %u headers", name, count);
}

static void tables(void)
{
    static struct expected rows[ROWS];
    struct frames all = {0};
    const unsigned count = rows_read(rows);
    rules_read();
    for (unsigned i = 0; i < count; i++) {
        uint8_t frame[FRAME_LEN];
        frame_build(&rows[i].header, frame);
        frame[5] = (uint8_t)rows[i].proto;
        frame[6] = (uint8_t)(rows[i].vlan >> 8);
        frame[7] = (uint8_t)rows[i].vlan;
        frame[8] = (uint8_t)(rows[i].domain >> 8);
        frame[9] = (uint8_t)rows[i].domain;
        frames_add(&all, frame, FRAME_LEN, FRAME_LEN, DLT_EN10MB);
    }
    char capture[4200];
    snprintf(capture, sizeof capture, "%s", scratch("acl"));
    frames_write(&all, capture);
    category(0, "allow", rows, count, capture);
    category(1, "deny", rows, count, capture);
    remove(capture);
    frames_free(&all);
}

struct span {
    unsigned id;
    int priority;
    uint32_t lo, hi;
};

static int by_span_priority(const void *a, const void *b)
{
    return ((const struct span *)b)->priority - ((const struct span *)a)->priority;
}

static void ranges(void)
{
    FILE *f = corpus_open("dpdk-acl/u32_range_rules.tsv");
    static struct span spans[RULES];
    static struct line lines[RULES * 6];
    static char text[RULES * 100];
    uint32_t probe[RULES * 6];
    struct frames all = {0};
    char *v[5], capture[4200];
    unsigned n = 0, wrong = 0;
    corpus_fields(f, '\t', v, 5);
    for (; n < RULES && corpus_fields(f, '\t', v, 5) == 5; n++) {
        struct in_addr lo = {0}, hi = {0};
        inet_pton(AF_INET, v[3], &lo);
        inet_pton(AF_INET, v[4], &hi);
        spans[n] = (struct span){(unsigned)atoi(v[0]), atoi(v[2]), ntohl(lo.s_addr), ntohl(hi.s_addr)};
    }
    corpus_close(f);
    qsort(spans, n, sizeof *spans, by_span_priority);
    strcpy(text, "firewall f default drop {\n");
    for (unsigned i = 0; i < n; i++) {
        const struct span *s = &spans[i];
        char lo[16], hi[16];
        const struct in_addr a = {htonl(s->lo)}, b = {htonl(s->hi)};
        inet_ntop(AF_INET, &a, lo, sizeof lo);
        inet_ntop(AF_INET, &b, hi, sizeof hi);
        sprintf(text + strlen(text), "accept from %s-%s as R%u\n", lo, hi, s->id);
        const uint32_t at[6] = {s->lo - 1, s->lo, s->lo + 1, s->hi - 1, s->hi, s->hi + 1};
        for (unsigned k = 0; k < 6; k++) {
            uint8_t frame[FRAME_LEN];
            frame_build(&(struct header){.src = at[k], .dst = 1, .proto = 17}, frame);
            probe[all.count] = at[k];
            frames_add(&all, frame, FRAME_LEN, FRAME_LEN, DLT_EN10MB);
        }
    }
    strcat(text, "}\n");
    snprintf(capture, sizeof capture, "%s", scratch("ranges"));
    frames_write(&all, capture);
    wrong = !replay(text, capture, lines, all.count);
    for (unsigned i = 0; !wrong && i < all.count; i++) {
        unsigned want = 0;
        for (unsigned k = n; k-- > 0;)
            if (spans[k].lo <= probe[i] && probe[i] <= spans[k].hi) want = spans[k].id;
        if (decided(&lines[i]) == want) continue;
        printf("# %08x: a scan says %u, we %s\n", probe[i], want, lines[i].rule);
        wrong++;
    }
    test_ok(!wrong, "dpdk-acl: %u address ranges at %zu addresses", n, all.count);
    remove(capture);
    frames_free(&all);
}

int main(void)
{
    if (!corpus_dir("dpdk-acl tables")) return 0;
    tables();
    ranges();
    return test_status();
}
