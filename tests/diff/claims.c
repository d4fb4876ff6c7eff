/* Differential test: random rule files and random claims about every packet. No random frame that the plain rule
 * list judges contradicts a proved claim. Each refuted claim names a packet that a test, written as printed, finds
 * judged as reported. No claim that tests only values is undecided.
 *
 *   claims [SEED [FILES [FRAMES]]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "runtime/schedule/schedule.h"
#include "tests/lib/draw.h"
#include "tests/lib/note.h"
#include "vm/flow/flow.h"
#include "vm/forward/service.h"
#include "vm/judge/ways.h"

enum { CLAIMS = 6, TEXT_MOST = 4096 };
enum side_kind { SIDE_ANY, SIDE_SELF, SIDE_V4, SIDE_V6 };

struct side {
    enum side_kind kind;
    bool negated;
    unsigned at; /* index in the stock */
};

struct drawn_claim {
    bool always, pinned;
    uint8_t action;
    uint32_t protocols; /* bits of key.kind */
    struct side from, to;
    bool asks_sport, asks_dport, not_on, leaves;
    const char *on; /* a device or pattern by which the packet came, or (leaves) by which it goes; NULL: no condition */
    uint16_t sport_lo, sport_hi, dport_lo, dport_hi;
    uint32_t marks; /* states named; 0: none */
    bool proved;
};

struct trial {
    struct rng r;
    struct stock s;
    struct pbc_range6 self6[2];
    struct facts facts;
    struct text rules;
    struct drawn_claim claims[CLAIMS];
    char *text; /* rules, then claims */
    struct program *p;
};

struct totals {
    uint64_t files, proved, refuted, unknown, empty, met, written;
};

/* ---- text ---- */

struct buffer {
    char *s;
    size_t len, cap;
};

static void say(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct buffer *b, const char *format, ...)
{
    va_list args;

    if (b->cap - b->len < TEXT_MOST) {
        b->cap = b->cap * 2 + 2 * TEXT_MOST;
        b->s = realloc(b->s, b->cap);
        if (!b->s) abort();
    }
    va_start(args, format);
    b->len += (size_t)vsnprintf(b->s + b->len, b->cap - b->len, format, args);
    va_end(args);
}

static void say_v6(struct buffer *b, const uint8_t a[16])
{
    for (unsigned i = 0; i < 8; i++) say(b, "%s%x", i ? ":" : "", (unsigned)(a[2 * i] << 8 | a[2 * i + 1]));
}

static void say_v4(struct buffer *b, uint32_t a)
{
    say(b, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void say_side(struct buffer *b, const struct trial *t, const struct side *side)
{
    say(b, " %s", side->negated ? "not " : "");
    if (side->kind == SIDE_ANY) say(b, "any");
    if (side->kind == SIDE_SELF) say(b, "self");
    if (side->kind == SIDE_V4) say_v4(b, t->s.v4[side->at].addr), say(b, "/%u", t->s.v4[side->at].len);
    if (side->kind == SIDE_V6) say_v6(b, t->s.v6[side->at].addr), say(b, "/%u", t->s.v6[side->at].len);
}

static void say_self(struct buffer *b, const struct trial *t)
{
    say(b, "  self ");
    for (unsigned i = 0; i < STOCK_SELF; i++) say_v4(b, t->s.self4[i]), say(b, ", ");
    say_v6(b, t->s.self6[0]);
    say(b, ", ");
    say_v6(b, t->s.self6[1]);
    say(b, "\n");
}

static const struct {
    uint32_t bits;
    const char *word;
} protocols[] = {{KIND_TCP, "tcp"},
                 {KIND_UDP, "udp"},
                 {KIND_TCP | KIND_UDP, "tcp, udp"},
                 {KIND_SCTP | KIND_UDP, "sctp, udp"},
                 {KIND_ICMP, "icmp"},
                 {KIND_ICMP6, "icmp6"},
                 {KIND_IP4, "ip"},
                 {KIND_IP6, "ip6"}};

static void say_claim(struct buffer *b, const struct trial *t, const struct drawn_claim *c, unsigned number)
{
    static const char *const states[] = {"new", "established", "related", "invalid"};
    const char *word = NULL;

    say(b, "test \"c%u\" {\n", number);
    if (c->pinned) say_self(b, t);
    say(b, "  %s %s", c->always ? "always" : "never", action_name(c->action));
    for (unsigned i = 0; i < 4; i++) {
        if (!(c->marks >> i & MARK_NEW)) continue;
        say(b, "%s%s", word ? ", " : " state ", states[i]);
        word = states[i];
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (protocols[i].bits == c->protocols) word = protocols[i].word;
    say(b, ": %s", word);
    say_side(b, t, &c->from);
    if (c->asks_sport) say(b, " port %u-%u", c->sport_lo, c->sport_hi);
    say(b, " ->");
    say_side(b, t, &c->to);
    if (c->asks_dport) say(b, " port %u-%u", c->dport_lo, c->dport_hi);
    if (c->on) say(b, " %son %s\"%s\"", c->leaves ? "out " : "", c->not_on ? "not " : "", c->on);
    say(b, "\n}\n");
}

/* ---- claims ---- */

static struct side draw_side(struct trial *t)
{
    struct side side = {.negated = rng_one_in(&t->r, 4)};
    const unsigned kind = rng_below(&t->r, 6);

    side.kind = kind < 2 ? SIDE_ANY : kind < 3 ? SIDE_SELF : kind < 5 ? SIDE_V4 : SIDE_V6;
    if (side.kind == SIDE_ANY) side.negated = false;
    if (side.kind == SIDE_V4) side.at = rng_below(&t->r, STOCK_V4);
    if (side.kind == SIDE_V6) side.at = rng_below(&t->r, STOCK_V6);
    return side;
}

static void draw_ports(struct trial *t, bool *asks, uint16_t *lo, uint16_t *hi)
{
    *asks = rng_one_in(&t->r, 2);
    *lo = t->s.ports[rng_below(&t->r, STOCK_PORTS)];
    *hi = rng_one_in(&t->r, 2) ? *lo : (uint16_t)(*lo + rng_below(&t->r, 200));
    if (*hi < *lo) *hi = *lo;
}

static void draw_claim(struct trial *t, struct drawn_claim *c)
{
    static const uint8_t actions[] = {ACTION_ACCEPT, ACTION_ACCEPT, ACTION_DROP, ACTION_REJECT};
    static const char *const devices[] = {"eth0", "eth*", "wg7", "w*"};

    *c = (struct drawn_claim){.always = rng_one_in(&t->r, 3), .pinned = rng_one_in(&t->r, 2)};
    c->action = actions[rng_below(&t->r, 4)];
    c->protocols = protocols[rng_below(&t->r, sizeof(protocols) / sizeof(protocols[0]))].bits;
    c->from = draw_side(t);
    c->to = draw_side(t);
    if (!(c->protocols & ~(uint32_t)KIND_WITH_PORTS)) {
        draw_ports(t, &c->asks_sport, &c->sport_lo, &c->sport_hi);
        draw_ports(t, &c->asks_dport, &c->dport_lo, &c->dport_hi);
    }
    if (rng_one_in(&t->r, 2)) c->on = devices[rng_below(&t->r, 4)];
    c->not_on = rng_one_in(&t->r, 3);
    c->leaves = rng_one_in(&t->r, 3);
    if (rng_one_in(&t->r, 3)) c->marks = MARK_NEW * (1 + rng_below(&t->r, 15));
}

static bool in_prefix(const uint32_t addr[4], const uint8_t bytes[16], unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        if ((addr[i / 32] >> (31 - i % 32) & 1) != ((uint32_t)bytes[i / 8] >> (7 - i % 8) & 1)) return false;
    return true;
}

static bool holds_side(const struct trial *t, const struct side *side, const struct key *key, bool dst)
{
    const uint32_t *addr = dst ? key->dst : key->src;
    bool in = true;

    if (side->kind == SIDE_SELF) in = key->kind & (dst ? KIND_DST_SELF : KIND_SRC_SELF);
    if (side->kind == SIDE_V4) {
        const struct prefix_v4 *p = &t->s.v4[side->at];
        in = key->kind & KIND_IP4 && ((addr[0] ^ p->addr) & ~(p->len == 32 ? 0 : UINT32_MAX >> p->len)) == 0;
    }
    if (side->kind == SIDE_V6)
        in = key->kind & KIND_IP6 && in_prefix(addr, t->s.v6[side->at].addr, t->s.v6[side->at].len);
    return in != side->negated;
}

/* True if the packet is on the claim's interface. No rule distinguishes the devices of one id, so one of them means
 * all, except with `not`. */
static bool holds_on(const struct trial *t, const struct drawn_claim *c, const struct key *key, const struct pkt *pkt)
{
    const struct iface_table ifaces = program_ifaces(t->p);
    const uint32_t iface = c->leaves ? pkt_way(pkt, key) : key->iface;
    const char *device = iface < ifaces.count ? program_str(t->p, ifaces.ifaces[iface].device) : NULL;
    const bool inside = device && (!strcmp(device, c->on) || iface_holds(c->on, device));
    const uint32_t around = iface_match(&ifaces, c->on);

    if (iface == IFACE_NONE || c->not_on) return iface != IFACE_NONE && !inside;
    return inside || (device ? around == iface : around == PBC_NONE);
}

/* True if the claim covers the packet's path. Few claims cover packets that this machine sends
 * (docs/guide/reference/language/claims.md). */
static bool speaks_of_way(const struct trial *t, const struct drawn_claim *c, const struct key *key)
{
    bool judged = false;

    if (!(key->kind & KIND_OUT)) return true;
    if (c->from.kind == SIDE_SELF && !c->from.negated) return true;
    for (uint32_t i = 0; i < t->p->firewalls_count; i++) judged |= t->p->firewalls[i].direction == PBC_DIR_OUT;
    if (key->kind & KIND_DST_SELF || !judged || (c->on && !c->leaves)) return false;
    return c->from.kind == SIDE_ANY || c->from.negated || c->pinned;
}

/* True if the packet is one of the claim's, apart from its state. */
static bool speaks_of(const struct trial *t, const struct drawn_claim *c, const struct key *key, const struct pkt *pkt)
{
    const uint32_t flags = t->p->meta->flags;

    if (!(key->kind & KIND_IP) || !(key->kind & c->protocols)) return false;
    if (!holds_side(t, &c->from, key, false) || !holds_side(t, &c->to, key, true)) return false;
    if ((c->asks_sport || c->asks_dport) && !(key->kind & KIND_PORTS)) return false;
    if (c->asks_sport && (key->src_port < c->sport_lo || key->src_port > c->sport_hi)) return false;
    if (c->on && !holds_on(t, c, key, pkt)) return false;
    if (c->asks_dport && (key->dst_port < c->dport_lo || key->dst_port > c->dport_hi)) return false;
    if (key->kind & KIND_FRAG_LATER && (c->marks || (flags & PBC_FOLLOWS_FRAGMENTS && !(flags & PBC_NAMES_FRAGMENT))))
        return false;
    return speaks_of_way(t, c, key);
}

/* True if the packet contradicts the proved claim. */
static bool contradicts(const struct trial *t, const struct drawn_claim *c, const struct key *key,
                        const struct pkt *pkt)
{
    const struct decision d = program_decide_naive(t->p, key, pkt);
    const bool tunnel = d.rule < t->p->rules_count && verdict_is(t->p->rules[d.rule].verdict, VERDICT_OPENS);

    if (tunnel) return false;
    return c->always ? d.action != c->action : d.action == c->action;
}

/* Try all states that the packet can have and the claim covers. If connections are followed, a segment with only ACK
 * is new while `pickup` lasts. */
static bool contradicted(const struct trial *t, const struct drawn_claim *c, struct key *key, const struct pkt *pkt,
                         struct totals *totals)
{
    const uint32_t wanted = c->marks ? c->marks : MARK_NEW;
    const bool keeps = t->p->meta->flags & PBC_KEEPS_FLOWS;
    const bool picks_up = keeps && flow_picks_up(t->p->settings_count ? t->p->settings : NULL);
    uint32_t states[4] = {MARK_NONE};

    if (!speaks_of(t, c, key, pkt)) return false;
    if (key->kind & KIND_FRAG_LATER) return contradicts(t, c, key, pkt);
    for (unsigned n = states_of(key, states); n-- > 0;) {
        struct key k = *key;

        if (!(states[n] & wanted)) continue;
        if (states[n] == MARK_NEW && k.kind & KIND_TCP_FLAGS && !(k.marks & TCP_SYN) && !picks_up) continue;
        if (keeps) k.marks |= states[n];
        totals->met++;
        if (contradicts(t, c, &k, pkt)) return true;
    }
    return false;
}

/* ---- compiling ---- */

static void fail(const struct trial *t, const char *what, const char *more)
{
    printf("# %s\n# %s\n", what, more);
    for (const char *line = t->text; *line;) {
        const size_t len = strcspn(line, "\n");
        printf("#   %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

static cJSON *diagnostics(struct compile *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) abort();
    fputs("{\"all\":", out);
    diags_print_json_with(c->diags, out, NULL, NULL);
    fputc('}', out);
    fclose(out);
    cJSON *json = cJSON_Parse(text);
    if (!json) { /* because the list may have its own braces */
        char *inner = strchr(text + 1, '{');
        json = inner ? cJSON_Parse(inner) : NULL;
    }
    free(text);
    return json;
}

static const cJSON *first_list(const cJSON *json)
{
    while (json && !cJSON_IsArray(json)) json = json->child;
    return json;
}

static const char *text_of_item(const cJSON *item, const char *name)
{
    const cJSON *text = cJSON_GetObjectItem(item, name);

    return text && text->valuestring ? text->valuestring : "";
}

/* Return the packet of a refutation if a test can be written with it unchanged, else NULL. */
static const char *packet_of(const cJSON *d)
{
    const cJSON *note;
    const char *packet = NULL;

    cJSON_ArrayForEach(note, cJSON_GetObjectItem(d, "notes"))
    {
        const char *s = text_of_item(note, "message");

        if (strncmp(s, "the packet: ", 12) == 0 && !strchr(s, '#')) packet = s + 12;
        if (strstr(s, "preyc assumes that ") || strstr(s, "an address of this machine") || strncmp(s, "while ", 6) == 0)
            return NULL;
    }
    return packet;
}

/* Write the `expect` line of a refutation. */
static void say_refutation(struct buffer *b, const struct trial *t, const struct drawn_claim *c, const cJSON *d,
                           unsigned n)
{
    const char *packet = packet_of(d), *found = strstr(text_of_item(d, "message"), "found ");

    if (!packet || !found || t->p->services_count || t->p->nats_count) return;
    say(b, "test \"r%u\" {\n", n);
    if (c->pinned) say_self(b, t);
    say(b, "  expect %s: %s\n}\n", found + 6, packet);
}

static bool asks_residue(const struct trial *t)
{
    for (uint32_t i = 0; i < t->p->conds_count; i++)
        if (t->p->conds[i].kind == COND_BYTES) return true;
    return false;
}

/* Read the outcome of each claim; refutations go to `b` as tests. */
static bool read_outcomes(struct trial *t, struct compile *c, struct buffer *b, struct totals *totals)
{
    cJSON *json = diagnostics(c);
    const cJSON *d;
    bool good = true;

    for (unsigned i = 0; i < CLAIMS; i++) t->claims[i].proved = true;
    cJSON_ArrayForEach(d, first_list(json))
    {
        const char *code = text_of_item(d, "code"), *message = text_of_item(d, "message");
        unsigned n = 0;

        if (strcmp(code, "E0616") == 0) {
            fail(t, "the program and the rule list differ", message);
            good = false;
        }
        if (sscanf(message, "test \"c%u\"", &n) != 1 || n >= CLAIMS) continue;
        totals->empty += strcmp(code, "W0702") == 0;
        if (code[0] != 'E') continue;
        t->claims[n].proved = false;
        if (strcmp(code, "E0715") == 0) {
            totals->refuted++;
            say_refutation(b, t, &t->claims[n], d, n);
        } else if (good) {
            totals->unknown++;
            good = asks_residue(t);
            if (!good) fail(t, "not decided, where nothing but values is asked for", message);
        }
    }
    cJSON_Delete(json);
    for (unsigned i = 0; i < CLAIMS; i++) totals->proved += t->claims[i].proved;
    return good;
}

/* Compile the rules again with the refutations as expectations. */
static bool expect_found(struct trial *t, const struct buffer *b, struct totals *totals)
{
    struct compile c;
    char *said = NULL;
    size_t len = 0;
    bool good = true;

    if (!strstr(b->s, "test \"r")) return true;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    good = compile_text(&c, "again.prey", b->s, b->len) == 0;
    if (good) compile_test(&c);
    good = good && tests_passed(&c);
    totals->written += c.tests ? c.tests->count : 0;
    if (!good) {
        FILE *out = open_memstream(&said, &len);
        diags_print_json_with(c.diags, out, NULL, NULL);
        fclose(out);
        fail(t, "a packet of a refutation, written as a test, is judged otherwise", said);
        free(said);
    }
    compile_fini(&c);
    return good;
}

/* ---- trials ---- */

static void world_of(struct trial *t)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t hi = 0, lo = 0;

        for (unsigned k = 0; k < 8; k++) {
            hi = hi << 8 | t->s.self6[i][k];
            lo = lo << 8 | t->s.self6[i][8 + k];
        }
        t->self6[i] = (struct pbc_range6){hi, lo, hi, lo};
    }
    t->facts = (struct facts){.self4 = t->s.self4, .self4_count = STOCK_SELF, .self6 = t->self6, .self6_count = 2};
}

static bool judge_frames(struct trial *t, unsigned frames, struct totals *totals)
{
    static uint8_t bytes[DRAWN_FRAME_MAX];
    static char note[8192];

    for (unsigned n = 0; n < frames; n++) {
        struct pkt pkt;
        struct key key;

        frame_draw(bytes, &pkt, &t->s, &t->r, t->p->ifaces_count);
        ways_draw(&pkt, &t->r, t->p->ifaces_count);
        t->facts.schedules = schedules_on(t->p, rng_below(&t->r, 7), rng_below(&t->r, 1440));
        if (pkt_parse(&pkt, &t->facts, &key) != REASON_NONE) continue;
        key_settle(t->p, &key);
        for (unsigned i = 0; i < CLAIMS; i++) {
            if (!t->claims[i].proved || !contradicted(t, &t->claims[i], &key, &pkt, totals)) continue;
            note_print(pkt.data, pkt.cap_len, pkt.link, note, sizeof(note));
            printf("# claim c%u was proved; interface %d, schedules %x\n", i, pkt.iface == 0xffff ? -1 : (int)pkt.iface,
                   t->facts.schedules);
            fail(t, "a frame contradicts it", note);
            return false;
        }
    }
    return true;
}

static bool try_claims(struct trial *t, struct compile *c, unsigned frames, struct totals *totals)
{
    struct buffer again = {0};
    char why[256];
    bool good = true;

    compile_test(c);
    say(&again, "%.*s", 0, "");
    for (const char *s = t->text; *s; s++) {
        if (strncmp(s, "test \"c", 7) == 0) break;
        say(&again, "%c", *s);
    }
    t->p = program_load(c->pbc, c->pbc_len, why, sizeof(why));
    good = good && t->p && read_outcomes(t, c, &again, totals) && judge_frames(t, frames, totals) &&
           expect_found(t, &again, totals);
    program_put(t->p);
    free(again.s);
    return good;
}

static bool check_file(uint64_t seed, unsigned frames, struct totals *totals)
{
    struct trial t = {.r = {seed}};
    struct buffer b = {0};
    struct compile c;

    stock_draw(&t.s, &t.r);
    world_of(&t);
    rules_draw(&t.rules, &t.s, &t.r, rng_one_in(&t.r, 20) ? 200 : rng_one_in(&t.r, 4) ? 40 : 8);
    for (size_t i = 0; i < t.rules.len; i++)
        say(&b, "%c", t.rules.s[i] == DRAW_SPLIT || t.rules.s[i] == DRAW_LINE ? ' ' : t.rules.s[i]);
    for (unsigned i = 0; i < CLAIMS; i++) {
        draw_claim(&t, &t.claims[i]);
        say_claim(&b, &t, &t.claims[i], i);
    }
    t.text = b.s;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    bool good = compile_text(&c, "random.prey", b.s, b.len) == 0;
    if (!good) {
        diags_print_json_with(c.diags, stdout, NULL, NULL);
        fail(&t, "does not compile", "");
    }
    good = good && try_claims(&t, &c, frames, totals);
    totals->files++;
    compile_fini(&c);
    text_free(&t.rules);
    free(b.s);
    return good;
}

#ifdef __SANITIZE_ADDRESS__
enum { FILES = 40 };
#else
enum { FILES = 120 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : FILES * long_run;
    const unsigned frames = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 1000;
    struct totals t = {0};

    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, frames, &t)) {
            printf("not ok - claims hold as they are decided\n# again with: claims %" PRIu64 " 1 %u\n", first + i,
                   frames);
            return 1;
        }
    printf("ok - claims hold as they are decided: %" PRIu64 " rule files, %" PRIu64 " claims proved, %" PRIu64
           " refuted, %" PRIu64 " undecided, %" PRIu64 " of no packet; %" PRIu64
           " packets that proofs speak of, %" PRIu64 " refutations written as tests\n",
           t.files, t.proved, t.refuted, t.unknown, t.empty, t.met, t.written);
    const bool fair = files < 20 || (t.proved > t.files / 4 && t.refuted > t.files && t.met > 5 * t.files &&
                                     t.written > t.files / 10 && t.unknown * 20 < t.proved);
    if (!fair) printf("not ok - the run meets enough of everything\n");
    return !fair;
}
