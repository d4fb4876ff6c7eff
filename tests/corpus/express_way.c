/* The corpus by the express way and by the careful one (tests/lib/ways.h): every frame of every capture through a
 * service that takes everything, in every mode, through a nat, and through a firewall only. With IN_KERNEL it prints
 * how many took the long way there, by reason. What was sent on comes back as a reply, with its ends exchanged. Own
 * addresses, MTU and health change every few hundred frames. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/corpus.h"
#include "tests/lib/ways.h"
#include "vm/packet/parse/header.h"

enum { PATH = 4400, CHANGES_EVERY = 7 /* batches */, ADDR = 16 };

static const char firewall[] = "firewall f default accept {\n"
                               "  accept state established as KNOWN\n"
                               "  drop tcp port 23 as TELNET\n"
                               "}\n";
static const char *const programs[] = {
    "pool p { source 10.9.0.7, 2001:db8:9::7 ports 1024-65535; server a 10.0.0.11; server b 2001:db8:1::11 }\n"
    "service s on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode passthrough; -> p }\n",
    "pool p { server a 10.0.0.11; server b 2001:db8:1::11 }\n"
    "service s on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode passthrough keep source; -> p }\n",
    "pool p { server a 10.0.0.11; server b 2001:db8:1::11 }\n"
    "service s on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode dsr l2; -> p }\n",
    "pool p { server a 10.0.0.11; server b 2001:db8:1::11 }\n"
    "service s on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode dsr rewrite; -> p }\n",
    "pool p { source 10.9.0.1, 2001:db8:9::1; server a 10.0.0.11; server b 2001:db8:1::11 }\n"
    "service s on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode dsr ipip; -> p }\n",
    "pool p { server a 10.0.0.11; server b 2001:db8:1::11 }\n"
    "service s on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode dsr gue 6080; -> p }\n",
    "interface wan = \"eth0\"\ninterface lan = \"eth1\"\n"
    "nat n { masquerade from 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 out on wan ports 2000-60000 }\n",
    "",
};
static const char *const names[] = {"passthrough", "keep source", "dsr l2", "dsr rewrite",
                                    "dsr ipip",    "dsr gue",     "nat",    "a firewall alone"};
enum { PROGRAMS = sizeof programs / sizeof *programs };

struct trial {
    struct ways *ways;
    struct facts facts;
    uint8_t down[2];
    struct vm_in in;
    uint16_t iface; /* that frames of captures come by */
    uint64_t frames, batches;
    bool good;
};

static struct program *compiled(const char *rules)
{
    char text[1000];
    snprintf(text, sizeof text, "limits { flows 4000; half_open 1000 }\n%s%s", rules, firewall);
    return compiled_text(text);
}

static void change_facts(struct trial *t)
{
    static const uint32_t mtus[] = {1500, 600, 0, 1400};
    struct facts *f = &t->facts;
    f->generation++;
    f->mtu = mtus[f->generation % 4];
    f->addr4 = 0x0a090001 + f->generation % 2;
    t->down[f->generation % 2] ^= f->generation % 5 == 0;
}

static void run_batch(struct trial *t, const struct pkt views[], unsigned n)
{
    t->in.mono_ns += 1000000;
    t->frames += n;
    t->good = t->good && ways_run(t->ways, &t->in, views, n) && ++t->batches;
    if (t->good && t->batches % CHANGES_EVERY == 0) change_facts(t);
}

static void exchange(uint8_t *a, uint8_t *b, unsigned len)
{
    uint8_t kept[ADDR];
    memcpy(kept, a, len);
    memcpy(a, b, len);
    memcpy(b, kept, len);
}

/* The packet as its receiver would answer it: ends exchanged, which leaves sums as they are. False: of no ports. */
static bool turn(uint8_t *frame, uint32_t cap_len, uint32_t len)
{
    struct pkt pkt;
    struct key key;
    pkt_view(&pkt, frame, cap_len, len, LINK_ETHER, IFACE_NONE);
    if (pkt_parse(&pkt, NULL, &key) != REASON_NONE || !(key.kind & KIND_PORTS)) return false;
    exchange(frame, frame + 6, 6);
    if (key.kind & KIND_IP4)
        exchange(frame + pkt.l3 + IP4_SRC, frame + pkt.l3 + IP4_DST, 4);
    else
        exchange(frame + pkt.l3 + IP6_SRC, frame + pkt.l3 + IP6_DST, ADDR);
    exchange(frame + pkt.l4, frame + pkt.l4 + 2, 2);
    return true;
}

static void answer(struct trial *t)
{
    static uint8_t frames[VM_BATCH][WAYS_FRAME_MAX];
    struct pkt views[VM_BATCH];
    unsigned n = 0;
    for (unsigned i = 0; i < ways_sent(t->ways) && n < VM_BATCH; i++) {
        const struct way_sent s = ways_sent_at(t->ways, i);
        if (s.cause != TX_CAUSE_PACKET || s.cap_len > WAYS_FRAME_MAX) continue;
        memcpy(frames[n], s.bytes, s.cap_len);
        if (!turn(frames[n], s.cap_len, s.len)) continue;
        pkt_view(&views[n], frames[n], s.cap_len, s.len, LINK_ETHER, IFACE_NONE);
        n++;
    }
    if (n) run_batch(t, views, n);
}

static void run_capture(struct trial *t, const struct frames *all)
{
    for (size_t i = 0; i < all->count && t->good;) {
        struct pkt views[VM_BATCH];
        unsigned n = 0;
        for (; n < VM_BATCH && i < all->count; i++) {
            const struct frame *f = &all->v[i];
            if (f->dlt != DLT_EN10MB && f->dlt != DLT_RAW) continue;
            const enum pkt_link link = f->dlt == DLT_RAW ? LINK_RAW : LINK_ETHER;
            pkt_view(&views[n++], f->data, f->cap_len, f->wire_len, link, t->iface);
        }
        if (!n) return;
        run_batch(t, views, n);
        if (t->good) answer(t);
        if (t->good) t->good = ways_tick(t->ways, &t->in);
    }
}

static void run_corpus(struct trial trials[], const char *dir)
{
    FILE *index = corpus_open("INDEX.tsv");
    char *fields[8], path[PATH];
    while (corpus_fields(index, '\t', fields, 8)) {
        if (strncmp(fields[0], "pcap/", 5) != 0) continue;
        struct frames all = {0};
        snprintf(path, sizeof path, "%s/%s", dir, fields[0]);
        frames_read(&all, path, NULL);
        for (unsigned i = 0; i < PROGRAMS; i++)
            if (trials[i].ways) run_capture(&trials[i], &all);
        frames_free(&all);
    }
    corpus_close(index);
}

/* A fifth of the large capture. */
static void run_mix(struct trial trials[])
{
    enum { EVERY = 5 };
    struct frames all = {0};
    frames_read_mix(&all, EVERY);
    for (unsigned i = 0; i < PROGRAMS; i++)
        if (trials[i].ways) run_capture(&trials[i], &all);
    frames_free(&all);
}

int main(void)
{
    static struct trial trials[PROGRAMS];
    const char *dir = corpus_dir("express_way");
    uint64_t in_place = 0;
    if (!dir) return 0;
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct trial *t = &trials[i];
        struct program *p = compiled(programs[i]);
        t->ways = p ? ways_new(p, i) : NULL;
        t->good = t->ways;
        t->iface = p && p->ifaces_count ? 1 : IFACE_NONE;
        t->facts =
            (struct facts){.generation = 1, .down = t->down, .addr4 = 0x0a090001, .addr6 = {0x20010db8, 9, 0, 1}};
        t->in = (struct vm_in){.mono_ns = 1000000000, .facts = &t->facts};
        program_put(p);
    }
    run_corpus(trials, dir);
    run_mix(trials);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct trial *t = &trials[i];
        test_ok(t->good, "%s: %llu frames and answers, both ways equal", names[i], (unsigned long long)t->frames);
        if (t->ways) ways_tell(t->ways, names[i]);
        if (t->ways) in_place += ways_in_place(t->ways);
        ways_free(t->ways);
    }
    test_ok(in_place > 1000, "%llu of them left where they lay", (unsigned long long)in_place);
    return test_status();
}
