/* judge CAPTURE: nanoseconds per packet to judge frames in memory, against libpcap's bpf_filter on the same
 * question.
 *
 * Every question is a rule file and a filter expression, and must match equally many packets in both before anything
 * is timed. Ours is the complete vm_run: view, parse, rules, counters. Other rows are the lower bound (touching 64
 * bytes of each packet), parsing only, only the rules on headers that were parsed before, and the naive executor of
 * the same rule list. Time is the thread's processor time. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/bench.h"
#include "vm/vm.h"

enum { TEXT = 1 << 20 };

struct packet {
    uint32_t offset, cap_len, wire_len;
};
static struct packet *packets;
static uint8_t *bytes;
static unsigned packet_count;
static volatile uint64_t sink; /* prevents the removal of loops whose result is unused */

static void die(const char *what, const char *why)
{
    fprintf(stderr, "judge: %s: %s\n", what, why);
    exit(2);
}

static const struct facts facts;
static unsigned left_out;

/* True if both sides understand the frame in the same way. bpf_filter checks no lengths, and doesn't read past an
 * IPv6 extension header. Frames that we drop as malformed, frames with such headers, and fragments, which follow
 * their first, are left out for all contenders. */
static bool is_plain(const u_char *data, const struct pcap_pkthdr *h)
{
    struct pkt pkt;
    struct key key;
    pkt_view(&pkt, data, h->caplen, h->len, LINK_ETHER, IFACE_NONE);
    return pkt_parse(&pkt, &facts, &key) == REASON_NONE && pkt.ext_headers == 0 &&
           !(key.kind & (KIND_FRAG_FIRST | KIND_FRAG_LATER));
}

/* Load all frames of the capture, packed one after the other, each on a cache line. */
static void load(const char *path)
{
    char err[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, err);
    if (!p) die(path, err);
    if (pcap_datalink(p) != DLT_EN10MB) die(path, "not Ethernet");
    size_t used = 0, room = 0, cap = 0;
    struct pcap_pkthdr *h;
    const u_char *data;
    while (pcap_next_ex(p, &h, &data) == 1) {
        if (!is_plain(data, h)) {
            left_out++;
            continue;
        }
        if (packet_count == cap) packets = realloc(packets, (cap = cap ? cap * 2 : 4096) * sizeof *packets);
        if (used + h->caplen + 64 > room) bytes = realloc(bytes, room = (room ? room * 2 : 1 << 20) + h->caplen);
        if (!packets || !bytes) die(path, "out of memory");
        packets[packet_count++] = (struct packet){(uint32_t)used, h->caplen, h->len};
        memcpy(bytes + used, data, h->caplen);
        used = (used + h->caplen + 63) & ~(size_t)63;
    }
    pcap_close(p);
    if (!packet_count) die(path, "no packets");
}

/* A contender: a pass over all packets that returns how many matched. */
struct contender {
    uint64_t (*pass)(struct contender *);
    struct vm *vm;
    const struct program *program;
    struct bpf_program bpf;
    unsigned passes; /* per run, so that it takes long enough */
    struct series ns;
};

static uint64_t pass_floor(struct contender *c)
{
    (void)c;
    uint64_t sum = 0;
    for (unsigned i = 0; i < packet_count; i++) {
        const uint8_t *p = bytes + packets[i].offset;
        for (unsigned k = 0; k < 64; k += 8) {
            uint64_t word;
            memcpy(&word, p + k, 8);
            sum += word;
        }
    }
    return sum;
}

static uint64_t pass_parse(struct contender *c)
{
    (void)c;
    uint64_t sum = 0;
    for (unsigned i = 0; i < packet_count; i++) {
        struct pkt pkt;
        struct key key;
        pkt_view(&pkt, bytes + packets[i].offset, packets[i].cap_len, packets[i].wire_len, LINK_ETHER, IFACE_NONE);
        sum += pkt_parse(&pkt, &facts, &key) + key.kind;
    }
    return sum;
}

static uint64_t pass_vm(struct contender *c)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    const struct vm_in in = {.mono_ns = 1, .facts = &facts};
    uint64_t accepted = 0;
    for (unsigned i = 0; i < packet_count; i += VM_BATCH) {
        const unsigned n = packet_count - i < VM_BATCH ? packet_count - i : VM_BATCH;
        for (unsigned k = 0; k < n; k++) {
            const struct packet *p = &packets[i + k];
            pkt_view(&pkts[k], bytes + p->offset, p->cap_len, p->wire_len, LINK_ETHER, IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {0};
        vm_run(c->vm, &in, pointers, n, verdicts, &tx);
        for (unsigned k = 0; k < n; k++) accepted += verdicts[k].action == ACTION_ACCEPT;
    }
    return accepted;
}

/* For the rules only: headers and views of all packets, made once. */
static struct key *keys;
static struct pkt *views;

static void parse_all(void)
{
    keys = aligned_alloc(64, (size_t)packet_count * sizeof *keys);
    views = calloc(packet_count, sizeof *views);
    if (!keys || !views) die("headers", "out of memory");
    for (unsigned i = 0; i < packet_count; i++) {
        pkt_view(&views[i], bytes + packets[i].offset, packets[i].cap_len, packets[i].wire_len, LINK_ETHER, IFACE_NONE);
        pkt_parse(&views[i], &facts, &keys[i]);
    }
}

static uint64_t pass_decide(struct contender *c)
{
    uint64_t accepted = 0;
    for (unsigned i = 0; i < packet_count; i++)
        accepted += program_decide(c->program, &keys[i], &views[i]).action == ACTION_ACCEPT;
    return accepted;
}

static uint64_t pass_bpf(struct contender *c)
{
    uint64_t accepted = 0;
    for (unsigned i = 0; i < packet_count; i++)
        accepted +=
            bpf_filter(c->bpf.bf_insns, bytes + packets[i].offset, packets[i].wire_len, packets[i].cap_len) != 0;
    return accepted;
}

static void passes_choose(struct contender *c)
{
    const uint64_t pass_ns = bench_size(20000000, 1), begin = bench_cpu_ns();
    sink += c->pass(c);
    const uint64_t took = bench_cpu_ns() - begin + 1;
    c->passes = took >= pass_ns ? 1 : (unsigned)(pass_ns / took);
}

static void run_once(struct contender *c)
{
    const uint64_t begin = bench_cpu_ns();
    for (unsigned i = 0; i < c->passes; i++) sink += c->pass(c);
    series_add(&c->ns, (double)(bench_cpu_ns() - begin) / c->passes / packet_count);
}

static void race(struct contender *const cs[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) passes_choose(cs[i]);
    for (unsigned r = 0; r < bench_runs(); r++)
        for (unsigned i = 0; i < n; i++) run_once(cs[i]);
}

static struct program *compiled(const char *text)
{
    struct compile c;
    char err[256];
    compile_init(&c);
    if (compile_text(&c, "bench.prey", text, strlen(text)) != 0) {
        diags_print_text(c.diags, stderr, false);
        die("rules", "do not compile");
    }
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    if (!p) die("program", err);
    compile_fini(&c);
    return p;
}

/* Measure one question in both languages: three contenders, and a row for each of ours. */
static void question(const char *name, const char *rules, const char *filter, enum bench_goal goal, double goal_value)
{
    struct contender code = {.pass = pass_vm}, naive = {.pass = pass_vm}, bpf = {.pass = pass_bpf};
    struct program *p = compiled(rules);
    struct contender alone = {.pass = pass_decide, .program = p};
    code.vm = vm_new(p, &(struct vm_cfg){.seed = 1});
    naive.vm = vm_new(p, &(struct vm_cfg){.seed = 1, .naive = true});
    pcap_t *dead = pcap_open_dead(DLT_EN10MB, 262144);
    if (!code.vm || !naive.vm || !dead) die(name, "out of memory");
    if (pcap_compile(dead, &bpf.bpf, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) die(name, pcap_geterr(dead));
    const uint64_t a = pass_vm(&code), b = pass_vm(&naive), c = pass_bpf(&bpf), d = pass_decide(&alone);
    if (a != b || a != c || a != d) {
        fprintf(stderr, "judge: %s: vm_run matches %lu packets, naive list %lu, bpf_filter %lu, program_decide %lu\n",
                name, (unsigned long)a, (unsigned long)b, (unsigned long)c, (unsigned long)d);
        exit(1);
    }
    struct contender *all[] = {&code, &bpf, &alone, &naive};
    race(all, 4);
    char what[128];
    bench_row(&(struct bench_row){name, "ns/pkt", &code.ns, "bpf_filter", &bpf.ns, goal, goal_value});
    snprintf(what, sizeof what, "%s, rules alone", name);
    bench_row(&(struct bench_row){what, "ns/pkt", &alone.ns, "bpf_filter", &bpf.ns, GOAL_NONE, 0});
    snprintf(what, sizeof what, "%s, naive list", name);
    bench_row(&(struct bench_row){what, "ns/pkt", &naive.ns, "bpf_filter", &bpf.ns, GOAL_NONE, 0});
    pcap_freecode(&bpf.bpf);
    pcap_close(dead);
    vm_free(code.vm);
    vm_free(naive.vm);
    program_put(p);
}

/* Write the destination and port of some packets of the capture, and later ones that no packet has, so that part of
 * the list matches. */
static void pair_at(unsigned i, unsigned n, char *host, size_t room, unsigned *port)
{
    const unsigned step = packet_count / n ? packet_count / n : 1;
    const uint8_t *p = bytes + packets[(size_t)i * step % packet_count].offset;
    if (i % 2 == 0 && packets[(size_t)i * step % packet_count].cap_len >= 38 && p[12] == 8 && p[13] == 0 &&
        p[14] == 0x45 && p[23] == 6) {
        snprintf(host, room, "%u.%u.%u.%u", p[30], p[31], p[32], p[33]);
        *port = (unsigned)p[36] << 8 | p[37];
        return;
    }
    snprintf(host, room, "100.64.%u.%u", i >> 8 & 255, i & 255);
    *port = 1024 + i * 7 % 60000;
}

/* Measure `n` pairs of a host and a port. Only as destination: one rule per pair. Either way, which is the meaning
 * of a filter's `host A and port P`: four rules per pair, because each may be source or destination. */
static void pairs(unsigned n, bool either_way, enum bench_goal goal, double goal_value)
{
    static const char *const one = "accept tcp vlan none to %s port %u\n";
    static const char *const four = "accept vlan none to %s port %u\naccept vlan none to %s source port %u\n"
                                    "accept vlan none from %s to port %u\naccept vlan none from %s source port %u\n";
    static char rules[TEXT], filter[TEXT];
    size_t r = (size_t)sprintf(rules, "firewall f default drop {\n"), f = 0;
    for (unsigned i = 0; i < n; i++) {
        char host[32];
        unsigned port;
        pair_at(i, n, host, sizeof host, &port);
        const char * or = i ? " or " : "";
        if (either_way) {
            r += (size_t)snprintf(rules + r, sizeof rules - r, four, host, port, host, port, host, port, host, port);
            f += (size_t)snprintf(filter + f, sizeof filter - f, "%s(host %s and port %u)", or, host, port);
        } else {
            r += (size_t)snprintf(rules + r, sizeof rules - r, one, host, port);
            f += (size_t)snprintf(filter + f, sizeof filter - f, "%s(dst host %s and tcp dst port %u)", or, host, port);
        }
    }
    snprintf(rules + r, sizeof rules - r, "}\n");
    char name[64];
    if (either_way)
        snprintf(name, sizeof name, "%u pairs either way: %u rules", n, 4 * n);
    else
        snprintf(name, sizeof name, "%u rules: to HOST port N", n);
    question(name, rules, filter, goal, goal_value);
}

/* Compare a firewall in audit with the same one enforced; `rules` go between its braces. */
static void audited(const char *name, const char *rules)
{
    static char text[2][TEXT];
    struct contender enforced = {.pass = pass_vm}, audit = {.pass = pass_vm};
    char what[128];
    snprintf(text[0], TEXT, "firewall f default drop {\n%s}\n", rules);
    snprintf(text[1], TEXT, "audit firewall f default drop {\n%s}\n", rules);
    struct program *p = compiled(text[0]), *q = compiled(text[1]);
    enforced.vm = vm_new(p, &(struct vm_cfg){.seed = 1});
    audit.vm = vm_new(q, &(struct vm_cfg){.seed = 1});
    if (!enforced.vm || !audit.vm) die(name, "out of memory");
    const uint64_t in = pass_vm(&enforced);
    const struct vm_counters *c = vm_counters(audit.vm);
    if (pass_vm(&audit) < in || c->would[ACTION_ACCEPT].decided.packets != in) {
        fprintf(stderr, "judge: %s: %lu packets pass, and %lu would\n", name, (unsigned long)in,
                (unsigned long)c->would[ACTION_ACCEPT].decided.packets);
        exit(1);
    }
    struct contender *both[] = {&audit, &enforced};
    race(both, 2);
    snprintf(what, sizeof what, "%s, in audit", name);
    bench_row(&(struct bench_row){what, "ns/pkt", &audit.ns, "enforced", &enforced.ns, GOAL_RATIO, 1.05});
    vm_free(enforced.vm);
    vm_free(audit.vm);
    program_put(p);
    program_put(q);
}

static void audited_pairs(unsigned n)
{
    static char rules[TEXT - 64];
    char name[64];
    size_t r = 0;
    for (unsigned i = 0; i < n; i++) {
        char host[32];
        unsigned port;
        pair_at(i, n, host, sizeof host, &port);
        r += (size_t)snprintf(rules + r, sizeof rules - r, "accept tcp to %s port %u\n", host, port);
    }
    snprintf(name, sizeof name, "a firewall of %u rules", n);
    audited(name, rules);
}

int main(int argc, char **argv)
{
    if (argc != 2) die("usage", "judge CAPTURE");
    load(argv[1]);
    parse_all();
    struct contender lowest = {.pass = pass_floor}, parse = {.pass = pass_parse};
    struct contender *all[] = {&lowest, &parse};
    race(all, 2);
    bench_row(&(struct bench_row){"floor: touch 64 bytes", "ns/pkt", &lowest.ns, NULL, NULL, GOAL_NONE, 0});
    bench_row(&(struct bench_row){"view and parse, no rules", "ns/pkt", &parse.ns, NULL, NULL, GOAL_NONE, 0});
    question("1 rule: tcp port 80", "firewall f default drop { accept tcp port 80 vlan none }", "tcp dst port 80",
             GOAL_RATIO, 0.7);
    question("2 rules: tcp port 80, either way",
             "firewall f default drop { accept tcp port 80 vlan none; accept tcp source port 80 vlan none }",
             "tcp port 80", GOAL_RATIO, 0.7);
    question("1 rule: port range and net",
             "firewall f default drop { accept ip tcp from 192.168.0.0/16 to port 1-1023 vlan none }",
             "src net 192.168.0.0/16 and tcp dst portrange 1-1023", GOAL_RATIO, 0.7);
    pairs(10, false, GOAL_RATIO, 0.8);
    pairs(10, true, GOAL_RATIO, 0.8);
    pairs(100, false, GOAL_VALUE, 30);
    pairs(100, true, GOAL_VALUE, 30);
    audited_pairs(10);
    audited_pairs(1000);
    audited("a firewall with state", "accept state established, related\naccept ip, ip6\n");
    bench_note("judge: %u packets in memory, all of vm_run: view, parse, rules, counters; left out are %u that are "
               "malformed, fragments, or have IPv6 extension headers",
               packet_count, left_out);
    return 0;
}
