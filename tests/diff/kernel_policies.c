/* Differential test: policy rules and tables of routes against the kernel (`ip route get`), in a network namespace.
 * Drawn rules and routes are given to the kernel. For packets between places that they name, three must find the
 * kernel's route: the table read from the kernel, the table read from the output of `ip`, and the program in the
 * kernel (by test run, beside vm/judge/ways.c). If this machine's stack may set marks, a known route is the kernel's
 * for every mark.
 *
 *   kernel_policies [SEED [WORLDS [PACKETS]]]
 *
 * Skipped if no network namespace may be made. LONG=1: twenty times as many, and 100,000 routes. */
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/host/view/routing.h"
#include "runtime/kernel/executor.h"
#include "runtime/kernel/kernel.h"
#include "runtime/report/given/given_routes.h"
#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"
#include "vm/packet/reply/frame.h"
#include "vm/words/words.h"

enum { DEVICES = 4, SERVED = 2, BATCH = 32, MOST = 200000, RULES = 12, ROUTES = 40 };

static const char text[] = "interface a = \"p0\"\n"
                           "interface b = \"p1\"\n"
                           "interface c = \"p2\"\n"
                           "interface d = \"p3\"\n"
                           "allow W0513\n"
                           "firewall f forward default accept {\n"
                           "  drop out on a as A\n"
                           "  drop out on b as B\n"
                           "  drop out on c as C\n"
                           "  drop out on d as D\n"
                           "}\n";
static const struct facts_iface ifaces[DEVICES] = {
    {.peer = UINT16_MAX}, {.peer = UINT16_MAX}, {.peer = UINT16_MAX}, {.peer = UINT16_MAX}};

struct run {
    struct rng rng;
    struct program *program;
    struct executor *here, *there; /* there NULL: no program may be loaded */
    struct host *host;
    struct mnl_socket *socket;
    struct routes *table;
    struct known_routes printed;
    unsigned ifindex[DEVICES];
    struct facts facts, printed_facts;
    char file[64];
    uint64_t packets, known, refused, failed, marked;
};

static uint32_t below(struct run *r, uint32_t n) { return rng_below(&r->rng, n); }
static bool one_in(struct run *r, uint32_t n) { return rng_one_in(&r->rng, n); }

/* ---- worlds ---- */

static bool shell(const char *line)
{
    const int status = system(line);
    if (status) printf("# %s: status %d\n", line, status);
    return !status;
}

static bool open_links(void)
{
    return shell("ip link set lo up; for i in 0 1 2 3; do ip link add p$i type veth peer name q$i && "
                 "echo 0 >/proc/sys/net/ipv6/conf/p$i/accept_dad && echo 0 >/proc/sys/net/ipv4/conf/p$i/rp_filter && "
                 "ip link set p$i up && ip link set q$i up && ip addr add 10.0.$i.1/24 dev p$i && "
                 "ip -6 addr add fd00:0:0:$i::1/64 dev p$i nodad || exit 1; done; "
                 "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 1 >/proc/sys/net/ipv4/ip_forward; "
                 "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
}

/* Draw an address. It has few random bits, so that places repeat. */
static void draw_address(struct run *r, uint8_t family, uint32_t addr[4])
{
    memset(addr, 0, 16);
    if (family == 4) {
        addr[0] = 0x0a400000 | below(r, 4) << 16 | below(r, 4) << 8 | below(r, 4);
        return;
    }
    addr[0] = 0xfd400000 | below(r, 4);
    addr[1] = below(r, 4) << 16;
    addr[3] = 1 + below(r, 4);
}

static void print_prefix(struct run *r, uint8_t family, FILE *out)
{
    uint32_t addr[4];
    char words[64];
    draw_address(r, family, addr);
    const unsigned most = family == 4 ? 32 : 128;
    const unsigned bits = one_in(r, 4) ? most : family == 4 ? 10 + below(r, 23) : 12 + below(r, 60);
    for (unsigned i = 0; i < 4; i++) {
        const unsigned left = bits > 32 * i ? bits - 32 * i : 0;
        addr[i] &= left >= 32 ? UINT32_MAX : left ? UINT32_MAX << (32 - left) : 0;
    }
    fprintf(out, "%s/%u ", address_text(family, addr, words), bits);
}

static void print_condition(struct run *r, uint8_t family, FILE *out)
{
    const unsigned first = 1 + below(r, 4);
    switch (below(r, 10)) {
    case 0: fprintf(out, "from "), print_prefix(r, family, out); break;
    case 1: fprintf(out, "to "), print_prefix(r, family, out); break;
    case 2: fprintf(out, "iif %s ", (const char *[]){"p0", "p1", "nowhere", "lo"}[below(r, 4)]); break;
    case 3: fprintf(out, "ipproto %s ", (const char *[]){"tcp", "udp", "47"}[below(r, 3)]); break;
    case 4: fprintf(out, "ipproto tcp dport %u-%u ", first, first + below(r, 3)); break;
    case 5: fprintf(out, "ipproto udp sport %u ", first); break;
    case 6: fprintf(out, "tos 0x%x ", 4 << below(r, 3)); break;
    case 7: fprintf(out, "fwmark %s ", (const char *[]){"1", "0/2", "2/2"}[below(r, 3)]); break;
    case 8: fprintf(out, "oif p3 "); break;
    default: fprintf(out, "uidrange %u-70000 ", below(r, 2)); break;
    }
}

/* Draw one of few tables, so that rules find tables with routes. */
static const char *draw_table(struct run *r) { return (const char *[]){"101", "102", "103", "main"}[below(r, 4)]; }

static void print_rule(struct run *r, uint8_t family, unsigned at, FILE *out)
{
    fprintf(out, "rule add pref %u ", 10 * at);
    if (one_in(r, 4)) fprintf(out, "not ");
    const unsigned conditions = below(r, 3);
    bool met[10] = {0};
    struct rng before;
    for (unsigned i = 0; i < conditions; i++) {
        before = r->rng; /* undo a repeated condition, of which `ip` would take the last */
        const unsigned which = below(r, 10), kind = which == 4 || which == 5 ? 3 : which;
        r->rng = before;
        if (met[kind]) break;
        met[kind] = true;
        print_condition(r, family, out);
    }
    switch (below(r, 10)) {
    case 0: fprintf(out, "%s\n", (const char *[]){"blackhole", "unreachable", "prohibit"}[below(r, 3)]); break;
    case 1: fprintf(out, "goto %u\n", 10 * (at + 1 + below(r, 6))); break;
    case 2: fprintf(out, "nop\n"); break;
    case 3:
    case 4: fprintf(out, "lookup %s suppress_prefixlength %u\n", draw_table(r), below(r, family == 4 ? 20 : 40)); break;
    default: fprintf(out, "lookup %s\n", draw_table(r)); break;
    }
}

static void print_route(struct run *r, uint8_t family, unsigned at, FILE *out)
{
    static const char *const kinds[] = {"throw", "blackhole", "unreachable", "prohibit"};
    const char *kind = one_in(r, 3) ? kinds[below(r, 4)] : "";
    fprintf(out, "route add %s ", kind);
    if (one_in(r, 8))
        fprintf(out, "default ");
    else
        print_prefix(r, family, out);
    const unsigned by = below(r, DEVICES);
    const char *via = family == 4 ? "10.0." : "fd00:0:0:", *end = family == 4 ? "." : "::";
    fprintf(out, "table %s metric %u ", draw_table(r), 10 + at);
    if (*kind)
        fprintf(out, "\n");
    else if (one_in(r, 4))
        fprintf(out, "nexthop via %s%u%s8 dev p%u nexthop via %s%u%s9 dev p%u\n", via, by, end, by, via, by, end, by);
    else
        fprintf(out, "via %s%u%s7 dev p%u\n", via, by, end, by);
}

/* Remove all rules and routes except those of a machine that has just started. */
static void reset_world(void)
{
    shell("for f in -4 -6; do for t in 101 102 103; do ip $f route flush table $t 2>/dev/null; done; "
          "ip $f route flush proto boot; ip $f rule flush; "
          "ip $f rule show | grep -q '^0:' || ip $f rule add pref 0 lookup local; "
          "ip $f rule add pref 32766 lookup main; done; ip -4 rule add pref 32767 lookup default");
}

/* Draw a world and give it to the kernel, which may reject some lines. */
static void draw_world(struct run *r)
{
    reset_world();
    for (uint8_t family = 4; family <= 6; family += 2) {
        FILE *out =
            popen(family == 4 ? "ip -4 -force -batch - >/dev/null 2>&1" : "ip -6 -force -batch - >/dev/null 2>&1", "w");
        if (!out) return;
        const unsigned rules = below(r, RULES), routes = 5 + below(r, ROUTES);
        for (unsigned i = 0; i < routes; i++) print_route(r, family, i, out);
        for (unsigned i = 0; i < rules; i++) print_rule(r, family, i + 1, out);
        if (one_in(r, 6)) fprintf(out, "rule del pref 32766\n");
        pclose(out);
    }
}

/* Read the kernel's tables, and the output of `ip` for them. */
static bool read_world(struct run *r, uint64_t number)
{
    static struct facts_device devices[64];
    const struct served_ports ports = {r->ifindex, SERVED};
    char err[400] = "", line[400];
    uint32_t count;
    routes_put(r->table);
    r->table = NULL;
    known_routes_fini(&r->printed);
    if (r->host) host_close(r->host);
    r->host = host_open(err, sizeof err);
    if (!r->host || host_routes(r->host, &ports, MOST, &r->table, &count)) return false;
    r->table->number = number;
    for (uint32_t i = 0; i < r->table->size.devices && i < 64; i++) {
        const char *name = r->table->devices[i].name;
        const bool ours = name[0] == 'p' && name[1] >= '0' && name[1] < '0' + DEVICES && !name[2];
        const uint16_t id = ours ? (uint16_t)(name[1] - '0') : IFACE_OTHER;
        devices[i] = (struct facts_device){id < SERVED ? id : IFACE_NONE, id, FACTS_UNTAGGED, 0};
    }
    r->facts.routes = r->table;
    r->facts.devices = devices;
    r->facts.generation++;
    snprintf(line, sizeof line, "{ ip rule; ip -6 rule; ip route show table all; ip -6 route show table all; } >%s",
             r->file);
    const char *files[] = {r->file};
    const struct route_options said = {.files = files, .files_count = 1};
    if (!shell(line)) return false;
    if (known_routes_read(&r->printed, &said, r->program, err, sizeof err)) {
        printf("# %s\n", err);
        return false;
    }
    r->printed_facts = r->facts;
    known_routes_tell(&r->printed, &r->printed_facts, true);
    return true;
}

/* ---- packets ---- */

struct asked {
    struct frame_spec spec;
    uint8_t tos;
    uint16_t in;
};

static void set_tos(uint8_t *frame, uint8_t family, uint8_t tos)
{
    uint8_t *ip = frame + 14;
    if (family == 6) ip[0] = (uint8_t)(0x60 | tos >> 4);
    ip[1] = family == 4 ? tos : (uint8_t)((ip[1] & 0xf) | tos << 4);
}

static struct asked draw_packet(struct run *r, uint8_t frame[FRAME_MOST], struct pkt *pkt)
{
    struct asked a = {
        .spec = {.form = FORM_UDP, .proto = 17, .family = one_in(r, 2) ? 4 : 6, .ttl = 64, .fragment = KIND_FRAG_NO},
        .in = (uint16_t)below(r, SERVED)};
    if (one_in(r, 2)) a.spec.form = FORM_TCP, a.spec.proto = 6;
    draw_address(r, a.spec.family, a.spec.src);
    draw_address(r, a.spec.family, a.spec.dst);
    a.spec.src_port = (uint16_t)(1 + below(r, 6));
    a.spec.dst_port = (uint16_t)(1 + below(r, 6));
    if (one_in(r, 3)) a.tos = (uint8_t)(4 << below(r, 3));
    const uint32_t len = frame_write(&a.spec, frame);
    if (a.tos) set_tos(frame, a.spec.family, a.tos);
    pkt_view(pkt, frame, len, len, LINK_ETHER, a.in);
    return a;
}

static void put_address(struct nlmsghdr *nlh, uint16_t type, uint8_t family, const uint32_t addr[4])
{
    uint32_t raw[4];
    for (unsigned i = 0; i < 4; i++) raw[i] = __builtin_bswap32(addr[i]);
    mnl_attr_put(nlh, type, family == 4 ? 4 : 16, raw);
}

static int take_answer(const struct nlattr *at, void *arg)
{
    if (mnl_attr_get_type(at) == RTA_OIF) *(uint32_t *)arg = mnl_attr_get_u32(at);
    return MNL_CB_OK;
}

/* Ask the kernel. Returns 1 + the device; 0: it leaves nowhere; -1: the reply can't be compared. */
static int oracle(struct run *r, const struct asked *a, uint32_t mark)
{
    char bytes[8192];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
    const struct frame_spec *s = &a->spec;
    nlh->nlmsg_type = RTM_GETROUTE;
    nlh->nlmsg_flags = NLM_F_REQUEST;
    nlh->nlmsg_seq = 1;
    struct rtmsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof *info);
    *info = (struct rtmsg){.rtm_family = s->family == 4 ? AF_INET : AF_INET6,
                           .rtm_dst_len = s->family == 4 ? 32 : 128,
                           .rtm_src_len = s->family == 4 ? 32 : 128,
                           .rtm_tos = a->tos};
    put_address(nlh, RTA_DST, s->family, s->dst);
    put_address(nlh, RTA_SRC, s->family, s->src);
    mnl_attr_put_u32(nlh, RTA_IIF, r->ifindex[a->in]);
    mnl_attr_put_u8(nlh, RTA_IP_PROTO, s->proto);
    mnl_attr_put_u16(nlh, RTA_SPORT, (uint16_t)__builtin_bswap16(s->src_port));
    mnl_attr_put_u16(nlh, RTA_DPORT, (uint16_t)__builtin_bswap16(s->dst_port));
    mnl_attr_put_u32(nlh, RTA_UID, 0);
    if (mark) mnl_attr_put_u32(nlh, RTA_MARK, mark);
    if (mnl_socket_sendto(r->socket, nlh, nlh->nlmsg_len) < 0) return -1;
    const ssize_t len = mnl_socket_recvfrom(r->socket, bytes, sizeof bytes);
    if (len < (ssize_t)sizeof *nlh) return -1;
    nlh = (struct nlmsghdr *)(void *)bytes;
    if (nlh->nlmsg_type == NLMSG_ERROR) return 0;
    uint32_t oif = 0;
    info = mnl_nlmsg_get_payload(nlh);
    mnl_attr_parse(nlh, sizeof *info, take_answer, &oif);
    if (info->rtm_type != RTN_UNICAST) return 0;
    for (int i = 0; i < DEVICES; i++)
        if (r->ifindex[i] == oif) return i + 1;
    return 0; /* by lo: rejected */
}

static void tell(struct run *r, const char *who, const struct asked *a, const struct way_found *way, int right)
{
    char from[64], to[64];
    if (r->failed++ > 8) return;
    printf("# world of seed, packet %" PRIu64
           ": %s: from %s to %s proto %u %u > %u tos 0x%x iif p%u: by %u (kind %u, %s), "
           "the kernel: %d\n",
           r->packets, who, address_text(a->spec.family, a->spec.src, from),
           address_text(a->spec.family, a->spec.dst, to), a->spec.proto, a->spec.src_port, a->spec.dst_port, a->tos,
           a->in, way->out, way->kind, way_why_words((enum way_why)way->why)->name, right);
    if (r->failed == 1)
        shell("ip rule; ip -6 rule; ip route show table all | grep -v local; ip -6 route show table all");
}

/* Compare a route with the kernel's. hidden: tests of the TOS may be unknown. */
static void check(struct run *r, const char *who, const struct facts *facts, const struct asked *a,
                  const struct pkt *pkt, int right)
{
    struct pkt copy = *pkt;
    struct key key;
    pkt_parse(&copy, facts, &key);
    const struct way_found way = way_find(facts, &key, &copy, key.dst);
    if (way.kind == ROUTE_ASK) {
        if (way.why != WAY_OTHER || !a->tos) tell(r, who, a, &way, right);
        return;
    }
    r->known++;
    r->refused += !right;
    if (way.out != right) tell(r, who, a, &way, right);
}

/* Check that a route known for all marks is the kernel's for each mark. */
static void check_marks(struct run *r, const struct asked *a, const struct pkt *pkt)
{
    struct facts facts = r->facts;
    struct pkt copy = *pkt;
    struct key key;
    facts.host_routes4 = facts.host_routes6 = true;
    pkt_parse(&copy, &facts, &key);
    const struct way_found way = way_find(&facts, &key, &copy, key.dst);
    r->marked += way.why == WAY_MARK;
    for (uint32_t mark = 0; mark < 4 && way.kind != ROUTE_ASK; mark++) {
        const int right = oracle(r, a, mark);
        if (right >= 0 && right != way.out) tell(r, "whatever the mark", a, &way, right);
    }
}

static void run_batch(struct run *r)
{
    static uint8_t frames[BATCH][FRAME_MOST];
    struct pkt a[BATCH], b[BATCH], *as[BATCH], *bs[BATCH];
    struct verdict here[BATCH], there[BATCH];
    const struct vm_in in = {.mono_ns = 1, .facts = &r->facts};
    struct vm_tx tx = {0};
    for (unsigned i = 0; i < BATCH; i++) {
        const struct asked asked = draw_packet(r, frames[i], &a[i]);
        const int right = oracle(r, &asked, 0);
        b[i] = a[i];
        as[i] = &a[i];
        bs[i] = &b[i];
        r->packets++;
        if (right < 0) continue;
        check(r, "the table", &r->facts, &asked, &a[i], right);
        check(r, "what ip prints", &r->printed_facts, &asked, &a[i], right);
        if (i % 4 == 0) check_marks(r, &asked, &a[i]);
    }
    if (!r->there) return;
    executor_run(r->here, &in, as, BATCH, here, &tx);
    executor_run(r->there, &in, bs, BATCH, there, &tx);
    for (unsigned i = 0; i < BATCH; i++)
        if (here[i].rule != there[i].rule && r->failed++ < 8)
            printf("# packet %u: rule %d here, %d in the kernel\n", i, (int)here[i].rule, (int)there[i].rule);
}

/* ---- many routes ---- */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void many_routes(struct run *r)
{
    reset_world();
    FILE *out = popen("ip -batch - && ip rule add pref 5 ipproto udp lookup 101", "w");
    for (unsigned i = 0; out && i < 100000; i++)
        fprintf(out, "route add 10.%u.%u.%u/32 via 10.0.%u.7 table %s\n", 128 + i / 65536, i / 256 % 256, i % 256,
                i % 4, i % 2 ? "main" : "101");
    if (out) pclose(out);
    const uint64_t began = now_ms();
    const bool read = read_world(r, UINT64_MAX);
    printf("# 100,000 routes are read, twice, in %" PRIu64 " ms\n", now_ms() - began);
    r->failed += !read || r->table->size.ranges4 < 100000 || r->table->size.rules4 != 1;
    const uint64_t written = now_ms();
    if (read) run_batch(r);
    printf("# and are in the kernel after %" PRIu64 " ms\n", now_ms() - written);
}

static int sum_up(const struct run *r)
{
    const bool met = r->known && r->refused && r->refused < r->known && r->marked;
    printf("# %" PRIu64 " packets, %" PRIu64 " answers, %" PRIu64 " refused, %" PRIu64 " unknown for a mark\n",
           r->packets, r->known, r->refused, r->marked);
    printf("%s - ways are the kernel's, by policy rules and tables%s\n", r->failed ? "not ok" : "ok",
           r->there ? ", in the kernel, too" : "");
    printf("%s - ways of every kind were met\n", met ? "ok" : "not ok");
    return r->failed || !met;
}

int main(int argc, char **argv)
{
    static struct run r;
    char err[300] = "";
    const uint64_t more = getenv("LONG") ? 20 : 1, worlds = argc > 2 ? strtoull(argv[2], NULL, 0) : 16 * more;
    const uint64_t packets = argc > 3 ? strtoull(argv[3], NULL, 0) : 256;
    r.rng.state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    printf("# seed %" PRIu64 "\n", r.rng.state);
    snprintf(r.file, sizeof r.file, "/tmp/prey-policies-%d", (int)getpid());
    if (unshare(CLONE_NEWNET) || !open_links()) {
        printf("ok - # SKIP no network namespace may be made\n");
        return 0;
    }
    for (unsigned i = 0; i < DEVICES; i++) r.ifindex[i] = if_nametoindex((const char *[]){"p0", "p1", "p2", "p3"}[i]);
    r.program = compiled_text(text);
    r.socket = mnl_socket_open(NETLINK_ROUTE);
    if (!r.program || !r.socket || mnl_socket_bind(r.socket, 0, MNL_SOCKET_AUTOPID) < 0) return 1;
    r.facts = (struct facts){
        .self4 = (const uint32_t[]){0x0a000001}, .self4_count = 1, .ifaces = ifaces, .ifaces_count = DEVICES};
    r.there = executor_new(r.program, &(struct vm_cfg){0}, KERNEL_XDP, err, sizeof err);
    if (!r.there) printf("# without the kernel: %s\n", err);
    r.here = executor_new(r.program, &(struct vm_cfg){0}, 0, err, sizeof err);
    bool ready = r.here;
    for (uint64_t w = 0; w < worlds && ready; w++) {
        draw_world(&r);
        ready = read_world(&r, w + 1);
        for (uint64_t i = 0; i < packets && ready; i += BATCH) run_batch(&r);
    }
    if (ready && more > 1) many_routes(&r);
    const int failed = sum_up(&r) || !ready;
    r.facts.routes = NULL;
    r.facts.generation++;
    executor_free(r.here);
    executor_free(r.there);
    routes_put(r.table);
    known_routes_fini(&r.printed);
    if (r.host) host_close(r.host);
    mnl_socket_close(r.socket);
    program_put(r.program);
    unlink(r.file);
    return failed;
}
