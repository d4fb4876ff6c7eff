/* Exhaustive test of dead rules: random short lists over a small world (a few addresses, ports, tags, states …)
 * whose every kind of frame is tried. A rule reported as dead must be the first match of none of them; a rule found
 * alive, if that was decided, the first match of at least one. In random files with all conditions, a rule reported
 * as dead must be the first match of no drawn frame.
 *
 *   covers [SEED [LISTS [FILES]]]      LONG=1: twenty times as many */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/draw.h"
#include "tests/lib/in_product.h"
#include "vm/vm.h"

enum { TEXT_MAX = 16384, RULES_MAX = 64 };

struct world {
    struct rng r;
    bool asks[16]; /* conditions that this list draws from */
    char text[TEXT_MAX];
    size_t len;
};
enum ask { FROM, TO, SOURCE_PORT, PORT, STATE, FLAGS, FRAGMENT, VLAN, ON, DURING, TTL, TYPE, MACS, LENGTH, ASKS };

static void put(struct world *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    w->len += (size_t)vsnprintf(w->text + w->len, TEXT_MAX - w->len, format, args);
    va_end(args);
    if (w->len >= TEXT_MAX) abort();
}

/* ---- rules ---- */

static const char *one_of(struct world *w, const char *const *words, unsigned count)
{
    return words[rng_below(&w->r, count)];
}
#define ONE_OF(w, ...)                                                                                                 \
    one_of(w, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool asks(struct world *w, enum ask a) { return w->asks[a] && rng_below(&w->r, 2); }

static void put_address(struct world *w, const char *word)
{
    put(w, " %s %s", word,
        ONE_OF(w, "10.0.0.0/31", "10.0.0.2/31", "10.0.0.0", "10.0.0.1-10.0.0.2", "not 10.0.0.1", "self", "not self",
               "10.0.0.0/30", "2001:db8::/127", "2001:db8::1", "self, 10.0.0.3", "not self, 10.0.0.0/31", "0.0.0.0/0",
               "::/0", "not 10.0.0.0/31, 2001:db8::/127", "any"));
}

static void put_ports(struct world *w, const char *word)
{
    put(w, " %s %s", word, ONE_OF(w, "80", "81", "80-81", "82-83", "not 82", "-80", "81-", "80, 83", "not 80-82"));
}

static void put_ported(struct world *w)
{
    put(w, " %s", ONE_OF(w, "tcp", "udp", "tcp, udp", "ip tcp", "ip6 udp", "tcp"));
    if (asks(w, FROM)) put_address(w, "from");
    if (asks(w, SOURCE_PORT)) put_ports(w, "source port");
    if (asks(w, TO)) put_address(w, "to");
    if (asks(w, PORT)) put_ports(w, "to port");
}

static void put_plain(struct world *w)
{
    put(w, " %s", ONE_OF(w, "", "", "ip", "ip6", "icmp", "icmp6", "tcp", "proto 47", "not tcp", "not udp", "ip, ip6"));
    if (asks(w, FROM)) put_address(w, "from");
    if (asks(w, TO)) put_address(w, "to");
}

static void put_conditions(struct world *w)
{
    const bool flags = asks(w, FLAGS), type = !flags && asks(w, TYPE), six = rng_below(&w->r, 2);

    if (flags)
        put(w, " tcp flags %s",
            ONE_OF(w, "has syn", "lacks syn", "has syn lacks ack", "has ack", "lacks ack", "has rst", "has syn, ack"));
    else if (type)
        put(w, " %s type %s", six ? "icmp6" : "icmp",
            six ? ONE_OF(w, "nd", "not nd", "133-136", "128", "1-127", "not 1")
                : ONE_OF(w, "8", "0", "0-7", "9-", "3", "not 3"));
    else if (rng_below(&w->r, 2))
        put_ported(w);
    else
        put_plain(w);
    if (asks(w, STATE))
        put(w, " state %s",
            ONE_OF(w, "new", "established", "established, related", "invalid", "not new", "not invalid",
                   "new, established"));
    if (asks(w, FRAGMENT)) put(w, " fragment %s", ONE_OF(w, "no", "any", "first", "later", "no, first"));
    if (asks(w, VLAN)) put(w, " vlan %s", ONE_OF(w, "5", "6", "5-6", "not 5", "any", "none"));
    if (asks(w, ON)) put(w, " on %s", ONE_OF(w, "i0", "i1", "not i0", "i0, i1"));
    if (asks(w, DURING)) put(w, " during %s", ONE_OF(w, "s0", "s1", "not s0", "s0, s1", "not s0, s1"));
    if (asks(w, TTL)) put(w, " ttl %s", ONE_OF(w, "255", "-254", "64", "65-", "-64"));
    if (asks(w, LENGTH)) put(w, " length %s", ONE_OF(w, "-100", "101-", "-39", "40-", "-19", "20-"));
    if (asks(w, MACS))
        put(w, " ether from %s",
            ONE_OF(w, "multicast", "not multicast", "02:00:00:00:00:01", "not 02:00:00:00:00:01", "broadcast",
                   "not broadcast, multicast"));
}

static void put_rule(struct world *w, unsigned chains, bool in_chain)
{
    switch (rng_below(&w->r, 10)) {
    case 0: put(w, " count"); break;
    case 1:
        if (chains)
            put(w, " do c%u", rng_below(&w->r, chains));
        else
            put(w, " drop");
        break;
    case 2: put(w, in_chain ? " return" : " accept"); break;
    case 3:
    case 4: put(w, " accept"); break;
    default: put(w, " drop");
    }
    put_conditions(w);
    put(w, "\n");
}

/* Draw a list; names are declared if they are used. */
static void draw_list(struct world *w, uint64_t seed)
{
    const unsigned chains = seed % 3 ? 0 : 1 + (unsigned)(seed / 3 % 2);

    w->r = (struct rng){seed};
    w->len = 0;
    memset(w->asks, 0, sizeof(w->asks));
    for (unsigned n = 1 + rng_below(&w->r, 3); n; n--) w->asks[rng_below(&w->r, ASKS)] = true;
    put(w, "interface i0 = \"eth0\"\ninterface i1 = \"eth1\"\nschedule s0 = 08:00-10:00\nschedule s1 = 09:00-11:00\n");
    for (unsigned c = 0; c < chains; c++) {
        put(w, "chain c%u {\n", c);
        for (unsigned n = 1 + rng_below(&w->r, 4); n; n--) put_rule(w, c, true);
        put(w, "}\n");
    }
    put(w, "firewall f%s default accept {\n", seed % 7 ? "" : " on i0");
    for (unsigned n = 2 + rng_below(&w->r, 9); n; n--) put_rule(w, chains, false);
    put(w, "}\n");
}

/* ---- frames ---- */

/* The current program, and the rules that were the first match of some frame. */
struct judged_list {
    struct compile c;
    struct moment at;
    bool reached[RULES_MAX];
};

static bool match_list(struct judged_list *j, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const struct pbc_rule *r = &j->c.image->rules[i];

        if (!in_product(&j->c, &j->c.ir->rules[i].product, &j->at)) continue;
        j->reached[i] = true;
        if (pbc_decides(r->verdict)) return true;
        if (r->verdict == PBC_V_RETURN) return false;
        if (r->verdict != PBC_V_DO) continue;
        const struct pbc_chain *chain = &j->c.image->chains[r->chain];
        if (match_list(j, chain->rules, chain->rule_count)) return true;
    }
    return false;
}

/* Judge a chain's rules as if all frames entered it, because the report makes the same assumption. */
static void match_all(struct judged_list *j)
{
    const struct image *img = j->c.image;

    for (uint32_t i = 0; i < img->chains_count; i++) match_list(j, img->chains[i].rules, img->chains[i].rule_count);
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        if (img->firewalls[i].iface == PBC_NONE || img->firewalls[i].iface == j->at.key->iface)
            match_list(j, img->firewalls[i].rules, img->firewalls[i].rule_count);
}

static void with_states(struct judged_list *j, struct key *k)
{
    uint32_t states[4] = {MARK_NONE};

    for (unsigned n = j->c.ir->keeps_flows ? states_of(k, states) : 1; n-- > 0;) {
        k->marks = (k->marks & ~(uint32_t)MARK_STATES) | states[n];
        match_all(j);
    }
}

static void each_value(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask);

/* Set a field, continue with the next ones, and restore it. */
#define WITH(field, value)                                                                                             \
    do {                                                                                                               \
        const struct key kept = *k;                                                                                    \
        field = (value);                                                                                               \
        each_value(j, w, k, p, ask + 1);                                                                               \
        *k = kept;                                                                                                     \
    } while (0)

static void each_address(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask)
{
    uint32_t *a = ask == FROM ? k->src : k->dst;
    const uint32_t self = ask == FROM ? KIND_SRC_SELF : KIND_DST_SELF;

    for (unsigned i = 0; i < 10; i++) {
        const struct key kept = *k;

        if (k->kind & KIND_IP4)
            a[0] = i / 2 < 4 ? 0x0a000000 + i / 2 : 0xc0000201;
        else if (i / 2 < 3)
            a[0] = i / 2 < 2 ? 0x20010db8 : 0x20010db9, a[3] = i / 2;
        else
            continue;
        k->kind |= i & 1 ? self : 0;
        each_value(j, w, k, p, ask + 1);
        *k = kept;
    }
}

static void each_fragment(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask)
{
    static const uint32_t kinds[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};
    const uint32_t header = KIND_PORTS | KIND_TCP_FLAGS | KIND_ICMP_HEADER;

    for (unsigned i = 0; i < 3; i++) {
        if (!(k->kind & KIND_PROTO) && i < 2) continue;
        const uint32_t kind = k->kind & ~(uint32_t)(KIND_FRAG_NO | (i == 2 ? header : 0));

        WITH(k->kind, kind | kinds[i]);
    }
}

static void each_flags(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask)
{
    static const uint8_t flags[] = {0,       TCP_SYN,           TCP_ACK,           TCP_SYN | TCP_ACK,
                                    TCP_RST, TCP_RST | TCP_ACK, TCP_SYN | TCP_RST, TCP_SYN | TCP_RST | TCP_ACK};

    for (size_t i = 0; i < sizeof(flags); i++) WITH(k->marks, k->marks | flags[i]);
}

static void each_type(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask)
{
    static const uint8_t types[] = {0, 1, 2, 3, 8, 9, 11, 14, 100, 128, 129, 133, 134, 136, 137};

    for (size_t i = 0; i < sizeof(types); i++) WITH(k->icmp_type, types[i]);
}

static void each_mac(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask)
{
    static const uint8_t macs[][6] = {
        {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {1, 0, 94, 0, 0, 1}, {255, 255, 255, 255, 255, 255}};
    static uint8_t frame[14];

    for (unsigned i = 0; i < 5; i++) {
        if (i < 4) memcpy(frame + 6, macs[i], 6);
        p->data = frame;
        p->link = LINK_ETHER;
        p->head_len = p->cap_len = 14;
        WITH(k->kind, i < 4 ? k->kind | KIND_ETHER : k->kind);
    }
}

static void each_nd(struct key *k)
{
    k->kind &= ~(uint32_t)KIND_ND;
    if (k->kind & KIND_ICMP6 && k->kind & KIND_ICMP_HEADER && k->ttl == 255 && k->icmp_type >= 133 &&
        k->icmp_type <= 136)
        k->kind |= KIND_ND;
}

/* Later fragments have none of these fields, so they are separate frames. */
static bool asks_headers(const struct world *w)
{
    return w->asks[STATE] || w->asks[PORT] || w->asks[SOURCE_PORT] || w->asks[FLAGS] || w->asks[TYPE];
}

/* Try every value that the list tests, and one for all others. */
static void each_value(struct judged_list *j, const struct world *w, struct key *k, struct pkt *p, unsigned ask)
{
    static const uint16_t ports[] = {79, 80, 81, 82, 83, 84}, ttls[] = {63, 64, 65, 254, 255},
                          lengths[] = {20, 39, 40, 100, 101}, ifaces[] = {0, 1, IFACE_OTHER, IFACE_NONE};

    if (ask == ASKS) {
        each_nd(k);
        with_states(j, k);
        return;
    }
    const bool ip = k->kind & KIND_IP, asked = w->asks[ask];

    if ((ask == FROM || ask == TO) && ip && asked) {
        each_address(j, w, k, p, ask);
    } else if (ask == FRAGMENT && ip && (asked || asks_headers(w))) {
        each_fragment(j, w, k, p, ask);
    } else if (ask == FLAGS && k->kind & KIND_TCP && (asked || w->asks[STATE])) {
        each_flags(j, w, k, p, ask);
    } else if (ask == TYPE && k->kind & (KIND_ICMP | KIND_ICMP6) && (asked || w->asks[STATE])) {
        each_type(j, w, k, p, ask);
    } else if (ask == MACS && asked) {
        each_mac(j, w, k, p, ask);
    } else if (asked && k->kind & KIND_PORTS && (ask == PORT || ask == SOURCE_PORT)) {
        for (unsigned i = 0; i < 6; i++)
            if (ask == PORT)
                WITH(k->dst_port, ports[i]);
            else
                WITH(k->src_port, ports[i]);
    } else if (asked && ask == VLAN) {
        each_value(j, w, k, p, ask + 1);
        for (uint16_t i = 4; i < 8; i++) {
            k->vlan_outer = i;
            WITH(k->kind, k->kind | KIND_VLAN);
        }
        k->vlan_outer = 0;
    } else if ((asked && ask == ON) || (ask == ON && j->c.image->firewalls[0].iface != PBC_NONE)) {
        for (unsigned i = 0; i < 4; i++) WITH(k->iface, ifaces[i]);
    } else if (asked && ask == DURING) {
        for (uint32_t i = 0; i < 4; i++) WITH(k->marks, k->marks | i << MARK_SCHEDULES);
    } else if (ip && ((asked && ask == TTL) || (ask == TTL && w->asks[TYPE]))) {
        for (unsigned i = 0; i < 5; i++) WITH(k->ttl, ttls[i]);
    } else if (asked && ip && ask == LENGTH) {
        for (unsigned i = k->kind & KIND_IP6 ? 2 : 0; i < 5; i++) WITH(k->length, lengths[i]);
    } else {
        each_value(j, w, k, p, ask + 1);
    }
}

static void each_frame(struct judged_list *j, const struct world *w)
{
    static const struct {
        uint32_t kind;
        uint16_t proto;
    } kinds[] = {
        {KIND_IP4 | KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS | KIND_PROTO | KIND_FRAG_NO, 6},
        {KIND_IP6 | KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS | KIND_PROTO | KIND_FRAG_NO, 6},
        {KIND_IP4 | KIND_UDP | KIND_PORTS | KIND_PROTO | KIND_FRAG_NO, 17},
        {KIND_IP6 | KIND_UDP | KIND_PORTS | KIND_PROTO | KIND_FRAG_NO, 17},
        {KIND_IP4 | KIND_SCTP | KIND_PORTS | KIND_PROTO | KIND_FRAG_NO, 132},
        {KIND_IP6 | KIND_SCTP | KIND_PORTS | KIND_PROTO | KIND_FRAG_NO, 132},
        {KIND_IP4 | KIND_ICMP | KIND_ICMP_HEADER | KIND_PROTO | KIND_FRAG_NO, 1},
        {KIND_IP6 | KIND_ICMP6 | KIND_ICMP_HEADER | KIND_PROTO | KIND_FRAG_NO, 58},
        {KIND_IP4 | KIND_PROTO | KIND_FRAG_NO, 47},
        {KIND_IP6 | KIND_PROTO | KIND_FRAG_NO, 47},
        {KIND_IP4 | KIND_PROTO | KIND_FRAG_NO, 200},
        {KIND_IP6 | KIND_PROTO | KIND_FRAG_NO, 200},
        {KIND_IP6 | KIND_FRAG_LATER, 0},
        {KIND_ARP, 0},
        {0, 0},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct key k = {.kind = kinds[i].kind, .proto = kinds[i].proto, .iface = IFACE_NONE, .ttl = 64, .length = 100};
        struct pkt p = {0};

        k.ether_type = k.kind & KIND_IP4 ? 0x0800 : k.kind & KIND_IP6 ? 0x86dd : k.kind & KIND_ARP ? 0x0806 : 0x88cc;
        k.kind |= KIND_ETHERTYPE;
        if (k.kind & KIND_IP) k.src[0] = k.dst[0] = k.kind & KIND_IP4 ? 0xc0000201 : 0x20010db9;
        if (k.kind & KIND_PORTS) k.src_port = k.dst_port = 79;
        if (k.kind & KIND_ICMP_HEADER) k.icmp_type = 200;
        j->at = (struct moment){.key = &k, .pkt = &p};
        each_value(j, w, &k, &p, 0);
    }
}

/* ---- comparison ---- */

struct totals {
    uint32_t lists, rules, dead, together, never, alive, undecided, drawn, drawn_dead;
};

static bool complain(const char *what, uint64_t seed, const struct compile *c, uint32_t rule, const char *text)
{
    printf("# seed %" PRIu64 ": the rule at line %u is %s\n", seed, c->image->rules[rule].place.line, what);
    for (unsigned line = 1; *text; line++) {
        const size_t len = strcspn(text, "\n");

        printf("# %3u %.*s\n", line, (int)len, text);
        text += len + (text[len] == '\n');
    }
    return false;
}

static bool check_list(uint64_t seed, struct totals *t)
{
    static struct world w;
    struct judged_list j = {0};
    bool good = true;

    draw_list(&w, seed);
    compile_init(&j.c);
    j.c.doubts = DOUBTS_FEW;
    if (compile_text(&j.c, "random.prey", w.text, w.len) != 0 || j.c.ir->rule_count > RULES_MAX) {
        diags_print_text(j.c.diags, stdout, false);
        return complain("refused", seed, &j.c, 0, w.text);
    }
    each_frame(&j, &w);
    t->lists++;
    t->undecided += j.c.ir->undecided;
    if (j.c.ir->undecided && getenv("SHOW")) complain("not decided", seed, &j.c, 0, w.text);
    for (uint32_t i = 0; i < j.c.ir->rule_count && good; i++) {
        const struct ir_rule *r = &j.c.ir->rules[i];

        t->rules++;
        t->dead += r->state == IR_SHADOWED;
        t->together += r->state == IR_SHADOWED && r->cover_count > 1;
        t->never += r->state == IR_IMPOSSIBLE;
        t->alive += r->state == IR_LIVE;
        if (r->state != IR_LIVE && j.reached[i]) good = complain("called dead, and is not", seed, &j.c, i, w.text);
        if (r->state == IR_LIVE && !j.reached[i] && !j.c.ir->undecided)
            good = complain("called alive, and no frame shows it", seed, &j.c, i, w.text);
    }
    compile_fini(&j.c);
    return good;
}

/* ---- files with all conditions ---- */

static bool check_file(uint64_t seed, struct totals *t)
{
    static uint8_t bytes[DRAWN_FRAME_MAX];
    struct rng r = {seed};
    struct stock s;
    struct text text = {0};
    struct judged_list j = {0};
    bool good = true;
    struct facts facts = {0};

    stock_draw(&s, &r);
    rules_draw(&text, &s, &r, 12);
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] == DRAW_SPLIT || text.s[i] == DRAW_LINE) text.s[i] = ' ';
    compile_init(&j.c);
    j.c.doubts = DOUBTS_FEW;
    good = compile_text(&j.c, "random.prey", text.s, text.len) == 0;
    facts = (struct facts){.self4 = s.self4, .self4_count = STOCK_SELF};
    for (unsigned n = 0; n < 200 && good && j.c.ir->rule_count <= RULES_MAX; n++) {
        struct pkt p;
        struct key k;

        frame_draw(bytes, &p, &s, &r, j.c.image->ifaces_count);
        ways_draw(&p, &r, j.c.image->ifaces_count);
        facts.schedules = rng_below(&r, 8);
        if (pkt_parse(&p, &facts, &k) != REASON_NONE) continue;
        k.marks = (k.marks & ((1u << MARK_SCHEDULES) - 1)) | facts.schedules << MARK_SCHEDULES;
        j.at = (struct moment){.key = &k, .pkt = &p, .over = rng_next(&r), .flows = 1 + rng_below(&r, 5)};
        with_states(&j, &k);
    }
    for (uint32_t i = 0; i < j.c.ir->rule_count && good && j.c.ir->rule_count <= RULES_MAX; i++) {
        t->drawn++;
        t->drawn_dead += j.c.ir->rules[i].state == IR_SHADOWED;
        if (j.c.ir->rules[i].state != IR_LIVE && j.reached[i])
            good = complain("called dead, and is not", seed, &j.c, i, "(a drawn file)");
    }
    compile_fini(&j.c);
    text_free(&text);
    return good;
}

#ifdef __SANITIZE_ADDRESS__
enum { LISTS = 600, FILES = 250 };
#else
enum { LISTS = 1500, FILES = 600 };
#endif

int main(int argc, char **argv)
{
    const unsigned more = getenv("LONG") ? 20 : 1;
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned lists = argc > 2 ? (unsigned)atoi(argv[2]) : LISTS * more,
                   files = argc > 3 ? (unsigned)atoi(argv[3]) : FILES * more;
    struct totals t = {0};
    bool good = true;

    for (unsigned i = 0; i < lists && good; i++) good = check_list(seed + i, &t);
    printf("%s - covers: what is called dead is no frame's first match, what is called alive is one's\n",
           good ? "ok" : "not ok");
    printf("# %u lists, %u rules: %u alive, %u dead (%u by several together), %u match nothing, %u undecided\n",
           t.lists, t.rules, t.alive, t.dead, t.together, t.never, t.undecided);
    bool drawn = true;
    for (unsigned i = 0; i < files && drawn; i++) drawn = check_file(seed + i, &t);
    printf("%s - covers: nor is it any drawn frame's, in files of every condition\n", drawn ? "ok" : "not ok");
    printf("# %u rules, %u dead\n", t.drawn, t.drawn_dead);
    return !(good && drawn);
}
