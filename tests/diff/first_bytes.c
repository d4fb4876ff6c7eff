/* Differential test: random proxy services and random first bytes. The code must choose the branch that the list
 * chooses, and wait when the list waits. Bytes come in pieces, so that each condition is also tested while it isn't
 * known yet.
 *
 *   first_bytes [SEED [FILES [CONNECTIONS]]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/oracle.h"
#include "tests/lib/rng.h"
#include "vm/forward/service.h"
#include "vm/packet/key.h"
#include "vm/stream/first.h"

enum { TEXT = 8000, BRANCHES = 12, OURS = 0xc0000201 };

struct text {
    char s[TEXT];
    size_t len;
};

static void put(struct text *t, const char *s)
{
    const size_t n = strlen(s);
    if (t->len + n >= TEXT) abort();
    memcpy(t->s + t->len, s, n + 1);
    t->len += n;
}

#define ONE_OF(r, list) ((list)[rng_below(r, sizeof(list) / sizeof *(list))])

/* ---- services ---- */

static const char *const plain[] = {
    "sni \"a.example\"",
    "sni \"*.example\", \"b.c.test\"",
    "sni not \"a.example\"",
    "alpn \"h2\"",
    "alpn not \"h2\", \"x\"",
    "bytes payload at 0 is x\"16\"",
    "bytes payload at 3 is x\"2f\"",
    "bytes payload at 200 is x\"00\"",
    "instruction to 10.0.0.0/8",
    "instruction to any",
};
static const char *const requests[] = {
    "host \"a.example\"",     "host \"*.example\"",           "host not \"a.example\", \"b.test\"",
    "path \"/api/*\"",        "path \"/\", \"/a/*\"",         "path not \"/a/b\"",
    "method \"GET\", \"P*\"", "method not \"POST\"",          "header \"X-A\" \"yes\", \"n*\"",
    "header \"x-b\" \"1\"",   "header \"X-A\" not \"maybe\"",
};
static const char *const keyed[] = {"from 198.18.0.0/16 ", "from not 198.18.1.0/24 ", "ip ", "source port 1024-4000 ",
                                    ""};
static const char *const pools[] = {"p", "q", "p 30%, q 70%"};
static const char *const elsewhere[] = {"original", "reject", "p"};

/* Put conditions, without repeating one in a `when`. */
static void put_conditions(struct text *t, struct rng *r, const char *const *all, unsigned count)
{
    const unsigned first = rng_below(r, count), second = rng_below(r, count);
    put(t, ONE_OF(r, keyed));
    put(t, all[first]);
    if (strncmp(all[first], all[second], 3) == 0 || rng_one_in(r, 2)) return;
    put(t, " ");
    put(t, all[second]);
}

static void draw_service(struct text *t, struct rng *r, bool http)
{
    const bool wire = rng_one_in(r, 3);
    *t = (struct text){.len = 0};
    put(t, "pool p { server a 10.0.0.1:80 }\npool q { server b 10.0.0.2:80 }\nservice s on 192.0.2.1 tcp/80 {\n  mode "
           "proxy");
    if (wire) put(t, " inline");
    put(t, http ? " http\n" : "\n");
    for (unsigned n = 1 + rng_below(r, BRANCHES); n; n--) {
        put(t, "  when ");
        if (http)
            put_conditions(t, r, requests, sizeof requests / sizeof *requests);
        else
            put_conditions(t, r, plain, sizeof plain / sizeof *plain);
        put(t, " -> ");
        if (wire)
            put(t, !http && rng_one_in(r, 4) ? "program \"/run/s\"" : ONE_OF(r, elsewhere));
        else
            put(t, ONE_OF(r, pools));
        put(t, "\n");
    }
    put(t, rng_one_in(r, 4) ? "}\n" : "  else -> q\n}\n");
}

/* ---- first bytes ---- */

static void draw_request(struct text *t, struct rng *r)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "HEAD"},
                             *const paths[] = {"/", "/api/x", "/a/b", "/a/./b?c", "/b"},
                             *const hosts[] = {"a.example", "A.EXAMPLE:80", "x.example", "b.test"},
                             *const fields[] = {"X-A: yes", "x-a: no", "X-A: maybe", "x-b: 1", "Y: z"};
    put(t, ONE_OF(r, methods));
    put(t, " ");
    put(t, ONE_OF(r, paths));
    put(t, " HTTP/1.1\r\nHost: ");
    put(t, ONE_OF(r, hosts));
    for (unsigned n = rng_below(r, 4); n; n--) {
        put(t, "\r\n");
        put(t, ONE_OF(r, fields));
    }
    put(t, "\r\n\r\n");
}

static void byte(struct text *t, unsigned v)
{
    t->s[t->len++] = (char)v;
    t->s[t->len] = '\0';
}

/* Draw a ClientHello with the name, a protocol, both or neither. */
static void draw_hello(struct text *t, struct rng *r)
{
    static const char *const names[] = {"a.example", "X.example", "b.c.test", "other"};
    const char *name = rng_one_in(r, 4) ? "" : ONE_OF(r, names), *alpn = rng_one_in(r, 2) ? "" : "h2";
    const unsigned n = (unsigned)strlen(name), a = (unsigned)strlen(alpn);
    const unsigned extensions = (n ? n + 9 : 0) + (a ? a + 7 : 0), message = 43 + extensions;
    const uint8_t head[] = {22, 3, 1, 0, (uint8_t)(message + 4), 1, 0, 0, (uint8_t)message, 3, 3};
    for (unsigned i = 0; i < sizeof head; i++) byte(t, head[i]);
    for (unsigned i = 0; i < 33; i++) byte(t, 0);
    for (unsigned i = 0; i < 6; i++) byte(t, ((const uint8_t[]){0, 2, 0x13, 1, 1, 0})[i]);
    byte(t, 0), byte(t, extensions);
    if (n) {
        const uint8_t sni[] = {0, 0, 0, (uint8_t)(n + 5), 0, (uint8_t)(n + 3), 0, 0, (uint8_t)n};
        for (unsigned i = 0; i < sizeof sni; i++) byte(t, sni[i]);
        put(t, name);
    }
    if (a) {
        const uint8_t list[] = {0, 16, 0, (uint8_t)(a + 3), 0, (uint8_t)(a + 1), (uint8_t)a};
        for (unsigned i = 0; i < sizeof list; i++) byte(t, list[i]);
        put(t, alpn);
    }
}

static void draw_bytes(struct text *t, struct rng *r, bool http)
{
    static const char *const others[] = {"1710.0.0.1:8080", "1711.0.0.1:8080", "SSH-2.0-x\r\n", "abc/", "\026\003", ""};
    *t = (struct text){.len = 0};
    if (http)
        draw_request(t, r);
    else if (rng_one_in(r, 3))
        put(t, ONE_OF(r, others));
    else
        draw_hello(t, r);
    if (t->len && rng_one_in(r, 8)) t->s[rng_below(r, (unsigned)t->len)] ^= (char)(1 << rng_below(r, 8));
}

/* ---- comparison ---- */

static struct {
    uint64_t asked, more, bad, branches;
} seen;

static bool same(const struct program *p, const struct key *key, const struct first *f)
{
    const uint32_t code = program_stream(p, key, f), list = oracle_stream(p, key, f);
    seen.asked++;
    seen.more += list == STREAM_MORE;
    seen.branches += list < STREAM_MORE;
    if (code == list) return true;
    printf("# the code says %d, the list %d\n", (int)code, (int)list);
    return false;
}

/* Send the bytes in pieces, and then let the deadline pass. */
static bool connection(const struct program *p, struct rng *r, const struct text *bytes)
{
    static struct first f;
    const uint32_t client[4] = {0xc6120000u + rng_below(r, 1024)}, ours[4] = {OURS};
    const struct key key = stream_key(4, client, (uint16_t)(1024 + rng_below(r, 6000)), ours, 80, false, false, 0);
    struct first_at at;
    memset(&at, 0, sizeof at);
    memset(&f, 0, sizeof f);
    for (uint32_t n = 0;; n += 1 + rng_below(r, 60)) {
        const bool end = n >= bytes->len;
        struct first_asked asked = {.wants = program_wants(p, 0)};
        if (end) n = (uint32_t)bytes->len;
        if (end && rng_one_in(r, 2)) asked.end = FIRST_LATE;
        if (first_read(&f, &at, (const uint8_t *)bytes->s, n, &asked) == READ_BAD) {
            seen.bad++;
            return true;
        }
        if (!same(p, &key, &f)) return false;
        if (end) return true;
    }
}

static bool file(struct rng *r, uint64_t connections)
{
    static struct text text, bytes;
    const bool http = rng_one_in(r, 2);
    struct compile c;
    char why[256] = "";
    draw_service(&text, r, http);
    compile_init(&c);
    struct program *p =
        compile_text(&c, "random.prey", text.s, text.len) == 0 ? program_load(c.pbc, c.pbc_len, why, sizeof why) : NULL;
    bool good = p;
    if (!p) diags_print_text(c.diags, stdout, false);
    for (uint64_t i = 0; i < connections && good; i++) {
        draw_bytes(&bytes, r, http);
        good = connection(p, r, &bytes);
    }
    if (!good) printf("# %s\n%s\n# bytes: %.*s\n", why, text.s, (int)bytes.len, bytes.s);
    program_put(p);
    compile_fini(&c);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t longer = getenv("LONG") ? 20 : 1, seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const uint64_t files = (argc > 2 ? strtoull(argv[2], NULL, 10) : 150) * longer,
                   connections = argc > 3 ? strtoull(argv[3], NULL, 10) : 100;
    bool good = true;
    for (uint64_t i = 0; i < files && good; i++) {
        struct rng r = {.state = seed + i};
        good = file(&r, connections);
        if (!good) printf("# seed %" PRIu64 "\n", seed + i);
    }
    printf("# %" PRIu64 " times asked: %" PRIu64 " waited, %" PRIu64 " found a branch; %" PRIu64
           " connections were bad\n",
           seen.asked, seen.more, seen.branches, seen.bad);
    printf("%s - code and list find the same branch for first bytes\n1..1\n",
           good && seen.more && seen.branches ? "ok" : "not ok");
    return !good;
}
