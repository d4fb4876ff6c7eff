/* Differential test: routes' facts about packets, in the kernel against vm/judge/ways.c. Tables are drawn one after
 * the other in the same maps: nested prefixes, several routes at once, devices that are not served or not reported,
 * policy rules of every kind. For packets between places that they name, and near them, the same rule decides in
 * both, and the same packets have unknown routes.
 *
 *   kernel_ways [SEED [TABLES [PACKETS]]]
 *
 * Skipped if eBPF programs may not be loaded. LONG=1: twenty times as many. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/executor.h"
#include "runtime/kernel/executor_priv.h"
#include "runtime/kernel/kernel.h"
#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "vm/judge/routes.h"
#include "vm/packet/reply/frame.h"

enum { DEVICES = 8, LEGS = 600, WAYS = 40, FIXED = 5, VID = 7, ROUTES = 60, RULES = 6, BATCH = 32, TRACED = 8 };
enum { PORTS = 3 + 2, IFACES = 3 + 2 /* the program's three, then w1 and x */ };

static const char text[] = "interface a = \"a\"\n"
                           "interface b = \"b\"\n"
                           "interface c = \"w*\"\n"
                           "allow W0513\n"
                           "firewall f forward default accept {\n"
                           "  drop urpf-failed out on a as FAILED_A\n"
                           "  drop urpf-failed out on b, c as FAILED_BC\n"
                           "  drop urpf-failed as FAILED\n"
                           "  drop out on a as A\n"
                           "  drop out on b as B\n"
                           "  drop out on c as C\n"
                           "  drop out on not a as OTHER\n"
                           "}\n";

/* After the program's three come w1 and x, which no rule names. */
static const struct facts_iface ifaces[IFACES] = {{.peer = UINT16_MAX},
                                                  {.peer = UINT16_MAX},
                                                  {.peer = UINT16_MAX},
                                                  {.peer = UINT16_MAX, .as = 2 + 1},
                                                  {.peer = UINT16_MAX}};
static const char *const names[DEVICES] = {"a", "b", "w1", "x", "w2", "elsewhere", "afar", "twin"};
static const struct facts_device known[DEVICES] = {{0, 0, 0, 0},
                                                   {1, 1, FACTS_UNTAGGED, 0},
                                                   {3, 2, 0, 0},
                                                   {4, IFACE_OTHER, 0, 0},
                                                   {IFACE_SEVERAL, 2, 0, 0},
                                                   {IFACE_NONE, IFACE_OTHER, 0, 0},
                                                   {IFACE_OTHER, IFACE_OTHER, 0, 0},
                                                   {1, 1, FACTS_TAGGED + VID, 0}};

struct run {
    struct rng rng;
    struct executor *here, *there;
    struct route_device devices[DEVICES]; /* in any order, some omitted */
    struct facts_device facts_devices[DEVICES];
    uint32_t devices_count;
    struct route routes[ROUTES];
    struct route_way ways[WAYS];
    struct route_leg legs[LEGS];
    struct route_policy rules[RULES + 3];
    struct routes *table;
    struct facts facts;
    uint64_t tables, packets, decided[TRACED], prefixes, failed;
};

/* ---- tables ---- */

/* Draw an address. It has few random bits, so that places repeat. */
static void draw_address(struct run *r, uint8_t family, uint32_t addr[4])
{
    static const uint32_t firsts[] = {0x0a000000, 0x0a010000, 0xac100000, 0, 0xffffff00, 0xa9fe0000, 0xe0000000};
    static const uint32_t firsts6[] = {0xfd000000, 0x20010db8, 0, 0xffffffff, 0xfe800000, 0xff020000};
    memset(addr, 0, 16);
    if (family == 4) {
        addr[0] = firsts[rng_below(&r->rng, 7)] | rng_below(&r->rng, 4) << 16 | rng_below(&r->rng, 4) << 8 |
                  rng_below(&r->rng, 4);
        return;
    }
    addr[0] = firsts6[rng_below(&r->rng, 6)];
    addr[1] = rng_below(&r->rng, 4) << 16;
    addr[3] = rng_below(&r->rng, 8);
}

static void draw_devices(struct run *r)
{
    const unsigned first = rng_below(&r->rng, DEVICES);
    r->devices_count = 0;
    for (unsigned i = 0; i < DEVICES; i++) {
        const unsigned which = (first + i) % DEVICES;
        if (rng_one_in(&r->rng, 5)) continue;
        struct route_device *d = &r->devices[r->devices_count];
        memset(d, 0, sizeof *d);
        memcpy(d->name, names[which], strlen(names[which]));
        r->facts_devices[r->devices_count++] = known[which];
    }
}

/* Draw a route's interfaces. The kernel knows up to eight; adjacent equal ones count once. */
static void draw_legs(struct run *r, struct route_way *way, uint32_t *legs)
{
    const unsigned count = rng_one_in(&r->rng, 3) ? 2 + rng_below(&r->rng, 7) : 1;
    *way = (struct route_way){.first = *legs, .legs = (uint16_t)count, .kind = ROUTE_VIA};
    for (unsigned i = 0; i < count; i++)
        r->legs[(*legs)++] = (struct route_leg){.up_to = i + 1 == count ? UINT32_MAX : UINT32_MAX / count * (i + 1),
                                                .port = ROUTE_NO_PORT,
                                                .device = (uint16_t)rng_below(&r->rng, r->devices_count + 1)};
}

static struct route draw_route(struct run *r, unsigned ways)
{
    struct route x = {.family = rng_one_in(&r->rng, 2) ? 4 : 6,
                      .table = rng_below(&r->rng, 5),
                      .metric = rng_below(&r->rng, 3),
                      .way = rng_below(&r->rng, ways)};
    draw_address(r, x.family, x.to);
    x.bits = (uint8_t)rng_below(&r->rng, x.family == 4 ? 33 : 129);
    if (rng_one_in(&r->rng, 3)) x.bits = x.family == 4 ? 32 : 128;
    return x;
}

static void draw_prefix(struct run *r, uint8_t family, uint32_t addr[4], uint8_t *bits)
{
    draw_address(r, family, addr);
    *bits = (uint8_t)((family == 4 ? 32 : 128) - rng_below(&r->rng, family == 4 ? 26 : 120));
}

/* Draw one or two conditions, so that packets often match them. */
static void draw_condition(struct run *r, struct route_rule *x)
{
    switch (rng_below(&r->rng, 9)) {
    case 0: draw_prefix(r, x->family, x->from, &x->from_bits); break;
    case 1: draw_prefix(r, x->family, x->to, &x->to_bits); break;
    case 2: x->proto = rng_one_in(&r->rng, 2) ? 6 : 17; break;
    case 3: x->src_ports[1] = (uint16_t)(1 + rng_below(&r->rng, 4)); break;
    case 4: x->dst_ports[0] = x->dst_ports[1] = (uint16_t)(1 + rng_below(&r->rng, 4)); break;
    case 5: x->tos = (uint8_t)(rng_below(&r->rng, 64) << 2); break;
    case 6:
        x->asks |= ROUTE_ASKS_ARRIVAL;
        x->device = (uint16_t)rng_below(&r->rng, r->devices_count + 1);
        break;
    case 7: x->asks |= ROUTE_ASKS_MARK | (rng_one_in(&r->rng, 2) ? ROUTE_ASKS_NO_MARK : 0); break;
    default: x->asks |= (uint8_t)(1u << rng_below(&r->rng, 8)); break;
    }
}

static struct route_policy draw_policy(struct run *r)
{
    struct route_policy x = {
        .rule = {.family = rng_one_in(&r->rng, 2) ? 4 : 6, .port = ROUTE_NO_PORT, .why = WAY_OTHER},
        .table = rng_below(&r->rng, 5),
        .suppressed = rng_one_in(&r->rng, 4) ? (int)rng_below(&r->rng, 33) : -1,
        .priority = rng_below(&r->rng, 8),
        .target = rng_below(&r->rng, 8)};
    for (unsigned n = rng_below(&r->rng, 3); n; n--) draw_condition(r, &x.rule);
    if (rng_one_in(&r->rng, 6)) x.rule.does = (uint8_t)rng_below(&r->rng, ROUTE_DOES);
    return x;
}

/* Draw rules, and behind them those for a table of either family; sometimes no rules at all. */
static unsigned draw_rules(struct run *r)
{
    const bool some = rng_one_in(&r->rng, 2);
    unsigned n = some ? rng_below(&r->rng, RULES) : 0;
    for (unsigned i = 0; i < n; i++) r->rules[i] = draw_policy(r);
    for (uint8_t family = 4; family <= 6 && !rng_one_in(&r->rng, 20); family += 2)
        r->rules[n++] = (struct route_policy){
            .rule = {.family = family}, .table = some ? rng_below(&r->rng, 5) : 0, .suppressed = -1, .priority = 9};
    return n;
}

static bool draw_table(struct run *r)
{
    static const struct route_way fixed[FIXED] = {{.kind = ROUTE_ASK, .why = WAY_OTHER},
                                                  {.kind = ROUTE_OWN},
                                                  {.kind = ROUTE_REFUSED},
                                                  {.kind = ROUTE_THROW},
                                                  {.kind = ROUTE_ASK, .why = WAY_ENCAPSULATED}};
    const unsigned ways = FIXED + 1 + rng_below(&r->rng, WAYS - FIXED - 1), routes = rng_below(&r->rng, ROUTES);
    uint32_t legs = 0;
    draw_devices(r);
    const unsigned rules = draw_rules(r);
    for (unsigned i = 0; i < ways; i++) {
        r->ways[i] = fixed[i < FIXED ? i : 0];
        if (i >= FIXED) draw_legs(r, &r->ways[i], &legs);
    }
    for (unsigned i = 0; i < routes; i++) r->routes[i] = draw_route(r, ways);
    const struct routes_said said = {r->routes, r->ways, r->legs, r->rules, r->devices,
                                     routes,    ways,    legs,    rules,    r->devices_count};
    struct routes *before = r->table;
    r->table = routes_new(&said, PORTS);
    if (r->table) r->table->number = ++r->tables;
    routes_put(before);
    r->facts.routes = r->table;
    r->facts.devices = r->facts_devices;
    r->facts.host_routes4 = rng_one_in(&r->rng, 2);
    r->facts.host_routes6 = rng_one_in(&r->rng, 2);
    r->facts.generation++;
    return r->table;
}

/* ---- packets ---- */

/* Set the TOS behind an Ethernet header with tags. The checksum, which isn't tested, stays. */
static void set_tos(uint8_t *frame, uint8_t family, uint8_t tos, unsigned tags)
{
    uint8_t *ip = frame + 14 + (size_t)4 * tags;
    if (family == 6) ip[0] = (uint8_t)(0x60 | tos >> 4);
    ip[1] = family == 4 ? tos : (uint8_t)((ip[1] & 0xf) | tos << 4);
}

static uint32_t draw_frame(struct run *r, struct pkt *pkt, uint8_t frame[FRAME_MOST])
{
    struct frame_spec s = {
        .form = FORM_UDP, .proto = 17, .family = rng_one_in(&r->rng, 2) ? 4 : 6, .ttl = 64, .fragment = KIND_FRAG_NO};
    draw_address(r, s.family, s.src);
    draw_address(r, s.family, s.dst);
    if (r->table->size.rules4 || r->table->size.rules6 ||
        rng_one_in(&r->rng, 2)) /* at or near the beginning of a route */
        memcpy(s.dst, r->routes[rng_below(&r->rng, ROUTES)].to, sizeof s.dst),
            s.dst[s.family == 4 ? 0 : 3] += rng_below(&r->rng, 3) - 1;
    if (s.family == 4) s.dst[1] = s.dst[2] = s.dst[3] = 0;
    if (rng_one_in(&r->rng, 2)) s.form = FORM_TCP, s.proto = 6;
    s.src_port = (uint16_t)rng_below(&r->rng, rng_one_in(&r->rng, 2) ? 4 : 65536);
    s.dst_port = (uint16_t)(1 + rng_below(&r->rng, rng_one_in(&r->rng, 2) ? 4 : 65535));
    if (rng_one_in(&r->rng, 5)) s.tags = 1, s.vid[0] = VID;
    const uint32_t len = frame_write(&s, frame), came = rng_below(&r->rng, IFACES + 2);
    if (rng_one_in(&r->rng, 2)) set_tos(frame, s.family, (uint8_t)rng_next(&r->rng), s.tags);
    pkt_view(pkt, frame, len, len, LINK_ETHER,
             (uint16_t)(came < IFACES    ? came
                        : came == IFACES ? IFACE_NONE
                                         : IFACE_OTHER));
    return len;
}

static void compare(struct run *r, const struct pkt *pkt, const struct verdict *here, const struct verdict *there)
{
    const uint32_t rule = here->rule < TRACED - 1 ? here->rule : TRACED - 1;
    r->decided[rule]++;
    if (here->rule == there->rule && here->action == there->action) return;
    struct pkt copy = *pkt;
    struct key key;
    char words[200];
    pkt_parse(&copy, &r->facts, &key);
    pkt_describe(&copy, &key, words, sizeof words);
    if (r->failed++ < 5)
        printf("# table %" PRIu64 ", by interface %d: %s: rule %d here, %d there\n", r->tables, (int16_t)pkt->iface,
               words, (int)here->rule, (int)there->rule);
}

static void run_batch(struct run *r)
{
    static uint8_t frames[BATCH][FRAME_MOST];
    struct pkt a[BATCH], b[BATCH], *as[BATCH], *bs[BATCH];
    struct verdict here[BATCH], there[BATCH];
    const struct vm_in in = {.mono_ns = 1, .facts = &r->facts};
    struct vm_tx tx = {0};
    for (unsigned i = 0; i < BATCH; i++) {
        draw_frame(r, &a[i], frames[i]);
        b[i] = a[i];
        as[i] = &a[i];
        bs[i] = &b[i];
    }
    executor_run(r->here, &in, as, BATCH, here, &tx);
    executor_run(r->there, &in, bs, BATCH, there, &tx);
    for (unsigned i = 0; i < BATCH; i++) compare(r, &a[i], &here[i], &there[i]);
    r->packets += BATCH;
}

/* Count the prefixes in the trie. */
static uint64_t prefixes(const struct run *r)
{
    const int map = kernel_map(r->there->kernel, KERNEL_MAP_routes)->fd;
    struct kernel_route_to at;
    uint64_t n = 0;
    for (const void *before = NULL; !bpf_map_get_next_key(map, before, &at); before = &at) n++;
    return n;
}

static int sum_up(struct run *r)
{
    const uint64_t here = executor_counters(r->here)->ways_unknown, there = executor_counters(r->there)->ways_unknown;
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < TRACED; i++) least = r->decided[i] < least ? r->decided[i] : least;
    if (here != there && ++r->failed) printf("# %" PRIu64 " are not known here, %" PRIu64 " there\n", here, there);
    if (!here && ++r->failed) printf("# none was unknown\n");
    if (!least && ++r->failed) printf("# some rule never decided\n");
    printf("# %" PRIu64 " tables, %" PRIu64 " packets, %" PRIu64 " unknown, %" PRIu64 " prefixes at the end\n",
           r->tables, r->packets, here, r->prefixes);
    printf("%s - ways are alike in the kernel\n", r->failed ? "not ok" : "ok");
    r->facts.routes = NULL;
    r->facts.generation++;
    run_batch(r);
    const bool gone = !prefixes(r) && !executor_fault(r->there);
    printf("%s - and gone with the table\n", gone ? "ok" : "not ok");
    return r->failed || !gone;
}

int main(int argc, char **argv)
{
    static struct run r;
    char err[300] = "";
    const uint64_t more = getenv("LONG") ? 20 : 1, tables = argc > 2 ? strtoull(argv[2], NULL, 0) : 60 * more;
    const uint64_t packets = argc > 3 ? strtoull(argv[3], NULL, 0) : 160;
    struct program *p = compiled_text(text);
    if (!p) return 1;
    r.rng.state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    r.facts = (struct facts){.self4 = (const uint32_t[]){0x0b000001},
                             .self4_count = 1,
                             .ifaces = ifaces,
                             .ifaces_count = IFACES,
                             .patterns = true};
    r.there = executor_new(p, &(struct vm_cfg){0}, KERNEL_XDP, err, sizeof err);
    if (!r.there) {
        const bool skipped = errno == EPERM || errno == ENOTSUP;
        printf("%s%s\n", skipped ? "ok - # SKIP " : "not ok - ", err);
        program_put(p);
        return !skipped;
    }
    r.here = executor_new(p, &(struct vm_cfg){0}, 0, err, sizeof err);
    int failed = !r.here;
    for (uint64_t t = 0; t < tables && !failed; t++) {
        failed = !draw_table(&r);
        for (uint64_t i = 0; i < packets && !failed; i += BATCH) run_batch(&r);
        r.prefixes = prefixes(&r);
    }
    failed |= sum_up(&r);
    executor_free(r.here);
    executor_free(r.there);
    routes_put(r.table);
    program_put(p);
    return failed;
}
