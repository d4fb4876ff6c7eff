/* Every capture of the corpus against a program for each mode and branch of proxies, as it is and with errors put into
 * it: the replay and its explanations read what clients say, and come to their end without a word of a sanitizer.
 *
 * All captures become one file, so a connection follows those of other captures. Copies have connections of their own:
 * their addresses differ. A drawn sample of errors; with LONG=1 many. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"
#include "tests/lib/rng.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

#define POOL "pool p { server s 10.9.9.9:80; server t [2001:db8::9]:80 }\n"
/* A proxy listens at 1,024 ports at most */
#define PORTS   "any tcp/1-1023, tcp/8080"
#define CROSSES "firewall f forward default accept { }\n"
#define ACCEPTS "firewall f default accept { }\n"

static const struct {
    const char *name, *rules;
} programs[] = {
    {"proxy",
     POOL "service a on " PORTS " { mode proxy accept proxy from 10.0.0.0/8, 2001:db8::/32\n"
          "when sni \"*.com\", \"*.org\" -> p; when alpn \"h2\" -> p; when bytes payload at 2 is x\"54\" -> p\n"
          "when instruction to 0.0.0.0/0 -> target; else -> p }\n" ACCEPTS},
    {"asked-nothing", POOL "service a on " PORTS " { mode proxy; splice packets; max flows 20; -> p }\n" ACCEPTS},
    {"requests", POOL "service a on " PORTS " { mode proxy http; -> p }\n" ACCEPTS},
    {"requests-chosen", POOL "service a on " PORTS " { mode proxy http accept proxy from 10.0.0.0/8\n"
                             "affinity cookie \"c\"; max flows 20; when path \"/a*\" -> p; when host \"*.com\" -> p\n"
                             "when method \"POST\" -> p; when header \"User-Agent\" \"*\" -> p }\n" ACCEPTS},
    {"tls-ends",
     POOL "service a on any tcp/80 { mode proxy http; tls cert \"c\" key \"k\"; -> p }\n"
          "service b on any tcp/443 { mode proxy tls cert \"c\" key \"k\"; when sni \"*.com\" -> p }\n" ACCEPTS},
    {"wire", "service a on any tcp/any { mode proxy inline }\n" CROSSES},
    {"wire-requests", "service a on any tcp/any { mode proxy inline http }\n" CROSSES},
    {"wire-requests-chosen", POOL "service a on any tcp/any { mode proxy inline http\n"
                                  "when path \"/a*\" -> p; when host \"*.org\" -> reject\n"
                                  "when method \"GET\" -> original; else -> p }\n" CROSSES},
    {"wire-chosen", POOL "service a on any tcp/any { mode proxy inline first bytes within 20ms\n"
                         "when sni \"*.com\" -> program \"/run/x.sock\"; when alpn \"h2\" -> pass\n"
                         "when instruction to 0.0.0.0/0 -> target; when bytes payload at 0 is x\"47\" -> p\n"
                         "when bytes payload at 0 is x\"50\" -> reject; else -> original }\n" CROSSES},
    {"wire-server-first", POOL "service a on any tcp/any { mode proxy inline; server first\n"
                               "when from 10.0.0.0/8 -> p; else -> original }\n" CROSSES},
    {"wire-spliced", POOL "service a on any tcp/any { mode proxy inline; bytes first; splice packets; max flows 20\n"
                          "when sni \"*.com\" -> pass; when bytes payload at 0 is x\"47\" -> p\n"
                          "when bytes payload at 1 is x\"01\" -> reject; else -> original }\n" CROSSES},
    {"observed",
     "service a on any tcp/any { mode observe; when sni \"*.com\" -> reject\n"
     "when bytes payload at 0 is x\"47\" -> proxy inline; when reply bytes payload at 0 is x\"48\" -> pass\n"
     "else -> ignore }\n" CROSSES},
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static char pbc[PROGRAMS][4300], said[4300], merged[4300];
static const char *b;

static bool compile_all(void)
{
    for (unsigned i = 0; i < PROGRAMS; i++) {
        snprintf(pbc[i], sizeof pbc[i], "%s-%s", scratch("proxies"), programs[i].name);
        const char *source = scratch("proxies-rules");
        FILE *f = fopen(source, "w");
        if (!f || fputs(programs[i].rules, f) < 0 || fclose(f) != 0) return false;
        const bool good =
            run_command("'%s/preyc' '%s' -o '%s' 2>'%s' || { cat '%s'; exit 1; }", b, source, pbc[i], said, said) == 0;
        remove(source);
        if (!good) return test_ok(false, "corpus: the program %s compiles", programs[i].name);
    }
    return true;
}

/* Where a frame's parts begin; false: it is no TCP segment over plain Ethernet or IP. */
static bool find_parts(const struct frame *f, struct pkt *pkt, struct key *key)
{
    const enum pkt_link link = f->dlt == DLT_EN10MB ? LINK_ETHER : LINK_RAW;
    if (f->dlt != DLT_EN10MB && f->dlt != DLT_RAW) return false;
    pkt_view(pkt, f->data, f->cap_len, f->wire_len, link, IFACE_NONE);
    return pkt_parse(pkt, NULL, key) == REASON_NONE && key->kind & KIND_TCP && key->kind & KIND_PORTS &&
           pkt->payload <= f->cap_len;
}

/* Give the frame addresses of another pair of machines, both by one number. */
static void renumber(struct frame *f, const struct pkt *pkt, const struct key *key, unsigned copy)
{
    uint8_t *ip = f->data + pkt->l3;
    const bool v6 = key->kind & KIND_IP6;
    const unsigned src = v6 ? 23 : 15, dst = v6 ? 39 : 19;
    ip[src] ^= (uint8_t)copy;
    ip[dst] ^= (uint8_t)copy;
    if (v6) return;
    wire_put16(ip + 10, 0);
    wire_put16(ip + 10, csum_of(ip, (ip[0] & 15u) * 4u));
}

/* Errors of one kind in a copy; ERROR_NOTHING_SAID is a client that connects and goes. */
enum error {
    ERROR_BITS,
    ERROR_FLAGS,
    ERROR_NUMBERS,
    ERROR_CUT,
    ERROR_LOST,
    ERROR_TWICE,
    ERROR_SWAPPED,
    ERROR_NOTHING_SAID,
    ERRORS
};

static void damage(struct frame *f, const struct pkt *pkt, enum error e, struct rng *r)
{
    uint8_t *tcp = f->data + pkt->l4, *bytes = f->data + pkt->payload;
    const uint32_t n = f->cap_len - pkt->payload;
    if (e == ERROR_BITS && n) bytes[rng_below(r, n < 200 ? n : 200)] ^= (uint8_t)(1u << rng_below(r, 8));
    if (e == ERROR_FLAGS) tcp[13] ^= (uint8_t)(1u << rng_below(r, 5));
    if (e == ERROR_NUMBERS) tcp[7] ^= (uint8_t)(1u << rng_below(r, 8));
    if (e == ERROR_CUT && n) f->cap_len -= 1 + rng_below(r, n);
}

/* Append a copy of a capture, with errors of one kind in some of its segments. */
static void add_damaged(struct frames *to, const struct frames *from, enum error e, unsigned copy, struct rng *r)
{
    for (size_t i = 0; i < from->count; i++) {
        struct pkt pkt;
        struct key key;
        const bool hit = rng_one_in(r, 4);
        const struct frame *f = &from->v[i];
        frames_add(to, f->data, f->cap_len, f->wire_len, f->dlt);
        struct frame *mine = &to->v[to->count - 1];
        if (!find_parts(mine, &pkt, &key)) continue;
        const bool speaks = key.length && mine->cap_len > pkt.payload;
        renumber(mine, &pkt, &key, copy);
        if (hit) damage(mine, &pkt, e, r);
        if (e == ERROR_TWICE && hit) frames_add(to, mine->data, mine->cap_len, mine->wire_len, mine->dlt);
        if (e == ERROR_SWAPPED && hit && to->count > 1) {
            const struct frame last = to->v[to->count - 1];
            to->v[to->count - 1] = to->v[to->count - 2];
            to->v[to->count - 2] = last;
        }
        if ((e == ERROR_LOST && hit) || (e == ERROR_NOTHING_SAID && speaks)) free(to->v[--to->count].data);
    }
}

static bool said_nothing_bad(int status)
{
    static char text[65536];
    static const char *const words[] = {"Sanitizer", "runtime error", "assert", "core dumped"};
    FILE *f = fopen(said, "r");
    const size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    text[n] = '\0';
    bool good = status == 0;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) good &= !strstr(text, words[i]);
    if (!good) printf("# status %d; %s said: %.2000s\n", status, merged, text);
    return good;
}

/* Replay the file by a program, with an explanation of a frame that says something. */
static bool one_replay(unsigned program, const struct frames *all, struct rng *r)
{
    struct pkt pkt;
    struct key key;
    size_t shown = rng_below(r, (unsigned)all->count);
    for (unsigned i = 0; i < 50 && !(find_parts(&all->v[shown], &pkt, &key) && all->v[shown].cap_len > pkt.payload);
         i++)
        shown = rng_below(r, (unsigned)all->count);
    const char *as = program % 2 ? "--format json" : "";
    return said_nothing_bad(
               run_command("'%s/preyrun' --pcap '%s' --self 10.0.0.1 %s --verdicts /dev/null '%s' >/dev/null 2>'%s'", b,
                           merged, as, pbc[program], said)) &&
           said_nothing_bad(
               run_command("'%s/preyrun' --pcap '%s' --self 10.0.0.1 %s --explain %zu '%s' >/dev/null 2>'%s'", b,
                           merged, as, shown + 1, pbc[program], said));
}

/* Replay all captures by all programs. damaged: errors are put into copies. Returns the number of frames. */
static size_t round_of(const struct frames *captures, size_t count, bool damaged, uint64_t seed)
{
    struct rng r = {seed};
    struct frames all = {0};
    for (size_t i = 0; i < count; i++)
        add_damaged(&all, &captures[i], damaged ? (enum error)rng_below(&r, ERRORS) : ERRORS,
                    damaged ? 1 + rng_below(&r, 255) : 0, &r);
    frames_write(&all, merged);
    const size_t frames = all.count;
    for (unsigned i = 0; i < PROGRAMS; i++)
        if (!one_replay(i, &all, &r))
            test_ok(false, "corpus: %s reads captures%s, seed %llu", programs[i].name, damaged ? " with errors" : "",
                    (unsigned long long)seed);
    frames_free(&all);
    return frames;
}

enum { CAPTURES_MOST = 400 };

int main(void)
{
    static struct frames captures[CAPTURES_MOST];
    const char *dir = corpus_dir("captures of the corpus against proxies");
    const char *wanted = getenv("LONG");
    const unsigned rounds = wanted && *wanted ? 60 : 1;
    b = getenv("B");
    b = b ? b : "build";
    if (!dir) return 0;
    snprintf(said, sizeof said, "%s", scratch("proxies-said"));
    snprintf(merged, sizeof merged, "%s", scratch("proxies-merged"));
    if (!compile_all()) return 1;
    size_t count = 0;
    FILE *f = corpus_open("INDEX.tsv");
    char *v[8], path[4400];
    while (corpus_fields(f, '\t', v, 8) >= 4 && count < CAPTURES_MOST) {
        snprintf(path, sizeof path, "%s/%s", dir, v[0]);
        const bool is_capture = strncmp(v[0], "pcap/", 5) == 0 || strncmp(v[0], "libpcap-apply/caps/", 19) == 0;
        if (is_capture && dlt_known(frames_read(&captures[count], path, NULL)))
            count++;
        else
            frames_free(&captures[count]);
    }
    corpus_close(f);
    size_t frames = round_of(captures, count, false, 1);
    for (unsigned i = 0; i < rounds && !test_status(); i++) frames += round_of(captures, count, true, 2 + i);
    test_ok(count > 100 && !test_status(),
            "corpus: %zu captures by %u programs of proxies, whole and with errors: %zu frames", count, PROGRAMS,
            frames);
    for (size_t i = 0; i < count; i++) frames_free(&captures[i]);
    for (unsigned i = 0; i < PROGRAMS; i++) remove(pbc[i]);
    remove(said);
    if (!test_status()) remove(merged);
    return test_status();
}
