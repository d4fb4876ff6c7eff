/* act CAPTURE: nanoseconds per packet for the actions of the modes, against a plain copy of the same packets into
 * slots.
 *
 * Each figure includes the copy and the action, so the ratio shows the action's share; keys and offsets are computed
 * before. TCP and UDP of the capture, in the order they came, in batches, IPv4 and IPv6 apart. Time is the thread's
 * processor time. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"
#include "vm/forward/splice/splice.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/pkt.h"
#include "vm/vm.h"

enum { PACKETS_MOST = 20000, BATCH = 32, SLOTS = 64 };

struct packet {
    struct pkt view;
    struct key key;
};
static struct packet *packets;
static unsigned packet_count;
static struct pool *pool;
static struct splice splice;
static volatile uint64_t sink;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "act: %s: %s\n", what, why);
    exit(2);
}

/* Load TCP and UDP of one family: complete frames that fit a slot. */
static void load(const char *path, uint32_t family)
{
    char err[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, err);
    if (!p) die(path, err);
    struct pcap_pkthdr *h;
    const u_char *data;
    packet_count = 0;
    while (packet_count < PACKETS_MOST && pcap_next_ex(p, &h, &data) == 1) {
        struct packet *at = &packets[packet_count];
        if (h->caplen > 1600) continue;
        pkt_view(&at->view, data, h->caplen, h->len, LINK_ETHER, IFACE_NONE);
        if (pkt_parse(&at->view, NULL, &at->key) || !(at->key.kind & family) ||
            !(at->key.kind & (KIND_TCP | KIND_UDP)) || !(at->key.kind & KIND_FRAG_NO))
            continue;
        uint8_t *bytes = aligned_alloc(64, (h->caplen + 63) / 64 * 64);
        if (!bytes) die(path, "out of memory");
        memcpy(bytes, data, h->caplen);
        at->view.data = bytes;
        packet_count++;
    }
    pcap_close(p);
}

static void unload(void)
{
    for (unsigned i = 0; i < packet_count; i++) free(packets[i].view.data);
}

static struct translation ends;
static struct tunnel tunnel;

typedef void act_fn(struct pkt *pkt, const struct key *key);
static void act_nothing(struct pkt *pkt, const struct key *key)
{
    (void)pkt;
    (void)key;
}
static void act_translate(struct pkt *pkt, const struct key *key) { translate(pkt, key, &ends); }
static void act_hop(struct pkt *pkt, const struct key *key) { ttl_decrement(pkt, key); }
static void act_tunnel(struct pkt *pkt, const struct key *key) { tunnel_encap(pkt, key, &tunnel, key->src[0], 1); }
static void act_splice(struct pkt *pkt, const struct key *key)
{
    struct splice_out out;
    splice_pass(&splice, 0, pkt, key, 1, pool, &out);
}

struct contender {
    act_fn *act;
    unsigned passes;
    struct series ns;
};

static void pass(const struct contender *c)
{
    struct pkt *batch[BATCH];
    uint64_t sum = 0;
    for (unsigned i = 0; i < packet_count; i += BATCH) {
        unsigned n = packet_count - i < BATCH ? packet_count - i : BATCH;
        for (unsigned k = 0; k < n; k++) batch[k] = pool_copy(pool, &packets[i + k].view);
        for (unsigned k = 0; k < n; k++) {
            c->act(batch[k], &packets[i + k].key);
            sum += batch[k]->head_len;
        }
        for (unsigned k = 0; k < n; k++) pool_put(batch[k]);
    }
    sink += sum;
}

static void race(struct contender *const cs[], unsigned n)
{
    const uint64_t pass_ns = bench_size(20000000, 1);
    for (unsigned i = 0; i < n; i++) {
        uint64_t begin = bench_cpu_ns();
        pass(cs[i]);
        uint64_t took = bench_cpu_ns() - begin + 1;
        cs[i]->passes = took >= pass_ns ? 1 : (unsigned)(pass_ns / took);
    }
    for (unsigned r = 0; r < bench_runs(); r++)
        for (unsigned i = 0; i < n; i++) {
            uint64_t begin = bench_cpu_ns();
            for (unsigned k = 0; k < cs[i]->passes; k++) pass(cs[i]);
            series_add(&cs[i]->ns, (double)(bench_cpu_ns() - begin) / cs[i]->passes / packet_count);
        }
}

static void family(const char *capture, const char *name, uint32_t bit)
{
    load(capture, bit);
    if (packet_count == 0) return;
    bool v6 = bit == KIND_IP6;
    ends = (struct translation){.src = {v6 ? 0x20010db8 : 0x0a000001, 0, 0, 1},
                                .dst = {v6 ? 0xfd000000 : 0x0a000002, 0, 0, 2},
                                .src_port = 61000,
                                .dst_port = 8080,
                                .what = 15};
    tunnel = (struct tunnel){.src = {0x0a000001}, .dst = {0x0a000002}, .port = 6080, .mtu = 2000};
    struct contender copy = {.act = act_nothing}, rewrite = {.act = act_translate}, hop = {.act = act_hop},
                     ipip = {.act = act_tunnel}, gue = {.act = act_tunnel}, join = {.act = act_splice};
    struct contender *first[] = {&copy, &rewrite, &hop, &join}, *second[] = {&copy, &ipip}, *third[] = {&copy, &gue};
    struct contender *all[] = {&rewrite, &hop, &ipip, &gue, &join};
    static const char *const what[] = {"translate both sides", "one hop (TTL)", "ipip encapsulation",
                                       "gue encapsulation", "splice: numbers and timestamps"};
    race(first, 4);
    copy.ns.count = 0;
    race(second, 2);
    tunnel.kind = TUNNEL_GUE;
    copy.ns.count = 0;
    race(third, 2);
    for (unsigned i = 0; i < 5; i++) {
        char row[80];
        snprintf(row, sizeof row, "%s, %s", name, what[i]);
        bench_row(&(struct bench_row){row, "ns/pkt", &all[i]->ns, "plain copy", &copy.ns, GOAL_NONE, 0});
    }
    uint64_t bytes = 0;
    for (unsigned i = 0; i < packet_count; i++) bytes += packets[i].view.cap_len;
    bench_note("act: %u %s packets of %llu bytes on average, copied into slots; each figure is copy and action",
               packet_count, name, (unsigned long long)(bytes / packet_count));
    unload();
}

int main(int argc, char **argv)
{
    if (argc != 2) die("usage", "act CAPTURE");
    size_t bytes = pool_bytes(SLOTS, 2048);
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    pool = memory ? pool_init(memory, bytes, SLOTS, 2048) : NULL;
    packets = aligned_alloc(64, PACKETS_MOST * sizeof *packets);
    if (!pool || !packets) die("memory", "none");
    const struct splice_end end = {.in = 1, .out = 2, .mss = 1460, .has = SPLICE_STAMPS | SPLICE_SACK};
    splice_join(&splice, (const struct splice_end[]){end, end}, 0);
    family(argv[1], "IPv4", KIND_IP4);
    family(argv[1], "IPv6", KIND_IP6);
    free(packets);
    free(memory);
    return 0;
}
