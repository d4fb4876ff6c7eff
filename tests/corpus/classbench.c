/* ClassBench rule sets of about a thousand rules (classbench/), as prey rules R0, R1, …: the deciding rule of every
 * header must be the first matching one.
 *
 * Headers of TCP, UDP and SCTP are compared with the table's .expect. Of the other protocols no packet carries ports,
 * and our rule that names ports can't match one, while the table's scan looks at the numbers all the same: their
 * expectation is the same linear scan without the rules that restrict ports. That scan is first held to .expect, with
 * ports, for every header. */
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"
#include "tests/lib/frame.h"

enum { RULES = 1024, HEADERS = 20000 };

struct rule {
    uint32_t src, dst, src_mask, dst_mask;
    unsigned src_len, dst_len, src_lo, src_hi, dst_lo, dst_hi, proto, proto_mask;
};
static struct rule rules[RULES];
static unsigned rule_count;
static struct header headers[HEADERS];
static int expected[HEADERS];
static struct line lines[HEADERS];
static char text[RULES * 200];

static uint32_t mask_of(unsigned len) { return len ? ~0u << (32 - len) : 0; }

static void rules_read(const char *set)
{
    char name[64], *line = NULL;
    size_t cap = 0;
    snprintf(name, sizeof name, "classbench/%s_1k_s1.rules.gz", set);
    FILE *f = corpus_open(name);
    for (rule_count = 0; rule_count < RULES && getline(&line, &cap, f) > 0; rule_count++) {
        struct rule *r = &rules[rule_count];
        unsigned s[4], d[4];
        if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x", &s[0], &s[1], &s[2], &s[3],
                   &r->src_len, &d[0], &d[1], &d[2], &d[3], &r->dst_len, &r->src_lo, &r->src_hi, &r->dst_lo, &r->dst_hi,
                   &r->proto, &r->proto_mask) != 16)
            exit((test_ok(false, "classbench: %s, line %u is no rule", set, rule_count + 1), 1));
        r->src_mask = mask_of(r->src_len);
        r->dst_mask = mask_of(r->dst_len);
        r->src = (s[0] << 24 | s[1] << 16 | s[2] << 8 | s[3]) & r->src_mask;
        r->dst = (d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3]) & r->dst_mask;
    }
    free(line);
    corpus_close(f);
}

static void add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *fmt, ...)
{
    static size_t used;
    if (!*text) used = 0;
    va_list ap;
    va_start(ap, fmt);
    used += (size_t)vsnprintf(text + used, sizeof text - used, fmt, ap);
    va_end(ap);
}

static bool ports_any(unsigned lo, unsigned hi) { return lo == 0 && hi == 65535; }

static void rules_write(void)
{
    *text = '\0';
    add("firewall f default drop {\n");
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *r = &rules[i];
        add("accept ip");
        if (r->proto_mask) add(" proto %u", r->proto);
        if (r->src_len)
            add(" from %u.%u.%u.%u/%u", r->src >> 24, r->src >> 16 & 255, r->src >> 8 & 255, r->src & 255, r->src_len);
        if (r->dst_len)
            add(" to %u.%u.%u.%u/%u", r->dst >> 24, r->dst >> 16 & 255, r->dst >> 8 & 255, r->dst & 255, r->dst_len);
        if (!ports_any(r->src_lo, r->src_hi)) add(" source port %u-%u", r->src_lo, r->src_hi);
        if (!ports_any(r->dst_lo, r->dst_hi)) add(" to port %u-%u", r->dst_lo, r->dst_hi);
        add(" as R%u\n", i);
    }
    add("}\n");
}

/* The first matching rule, -1 for none; `portless`: rules that restrict ports don't match. */
static int scan(const struct header *h, bool portless)
{
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *r = &rules[i];
        if ((h->src & r->src_mask) != r->src || (h->dst & r->dst_mask) != r->dst) continue;
        if (r->proto_mask && h->proto != r->proto) continue;
        const bool any = ports_any(r->src_lo, r->src_hi) && ports_any(r->dst_lo, r->dst_hi);
        if (any) return (int)i;
        if (portless || h->src_port < r->src_lo || h->src_port > r->src_hi || h->dst_port < r->dst_lo ||
            h->dst_port > r->dst_hi)
            continue;
        return (int)i;
    }
    return -1;
}

static size_t expected_read(const char *set, const char *kind)
{
    char name[64], *line = NULL;
    size_t cap = 0, n = 0;
    snprintf(name, sizeof name, "classbench/%s_1k_s1%s.expect.gz", set, kind);
    FILE *f = corpus_open(name);
    for (; n < HEADERS && getline(&line, &cap, f) > 0; n++) expected[n] = atoi(line);
    free(line);
    corpus_close(f);
    return n;
}

static size_t headers_read(const char *set, const char *kind)
{
    char name[64], *v[7];
    size_t n = 0;
    snprintf(name, sizeof name, "classbench/%s_1k_s1%s_trace.gz", set, kind);
    FILE *f = corpus_open(name);
    for (; n < HEADERS && corpus_fields(f, '\t', v, 7) >= 5; n++)
        headers[n] = (struct header){(uint32_t)strtoul(v[0], NULL, 10), (uint32_t)strtoul(v[1], NULL, 10),
                                     (uint16_t)strtoul(v[2], NULL, 10), (uint16_t)strtoul(v[3], NULL, 10),
                                     (uint8_t)strtoul(v[4], NULL, 10)};
    corpus_close(f);
    return n;
}

static size_t wrong_lines(size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char want[16] = "default";
        if (expected[i] >= 0) snprintf(want, sizeof want, "R%d", expected[i]);
        if (strcmp(lines[i].rule, want) == 0) continue;
        if (wrong++ < 5) printf("# header %zu: the table says %s, we %s\n", i + 1, want, lines[i].rule);
    }
    return wrong;
}

static void trace(const char *set, const char *kind)
{
    const size_t count = headers_read(set, kind);
    size_t differs = expected_read(set, kind) != count, portless = 0;
    struct frames all = {0};
    for (size_t i = 0; i < count; i++) {
        const struct header *h = &headers[i];
        differs += scan(h, false) != expected[i];
        if (h->proto != 6 && h->proto != 17 && h->proto != 132) {
            expected[i] = scan(h, true);
            portless++;
        }
        uint8_t frame[FRAME_LEN];
        frame_build(h, frame);
        frames_add(&all, frame, FRAME_LEN, FRAME_LEN, DLT_EN10MB);
    }
    test_ok(!differs, "classbench: %s%s: our linear scan is the table's, %zu headers", set, kind, count);
    char capture[4200];
    snprintf(capture, sizeof capture, "%s", scratch("classbench"));
    frames_write(&all, capture);
    test_ok(replay(text, capture, lines, count) && !wrong_lines(count),
            "classbench: %s%s: the deciding rule of %zu headers, %zu of them of protocols without ports", set, kind,
            count, portless);
    remove(capture);
    frames_free(&all);
}

static void packets(const char *set)
{
    char capture[4200], command[9000];
    const char *dir = getenv("PREY_CORPUS");
    snprintf(capture, sizeof capture, "%s", scratch("packets"));
    snprintf(command, sizeof command, "gzip -dc '%s/classbench/%s_1k_s1_pkt.pcap.gz' >'%s'",
             dir && *dir ? dir : "../shared/corpus", set, capture);
    const size_t count = expected_read(set, "_pkt");
    test_ok(system(command) == 0 && replay(text, capture, lines, count) && !wrong_lines(count),
            "classbench: %s: the deciding rule of %zu packets among %u rules", set, count, rule_count);
    remove(capture);
}

int main(void)
{
    static const char *const sets[] = {"acl1", "fw1", "ipc1"};
    if (!corpus_dir("classbench")) return 0;
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
        rules_read(sets[i]);
        rules_write();
        packets(sets[i]);
        trace(sets[i], "");
        trace(sets[i], "_mut");
    }
    return test_status();
}
