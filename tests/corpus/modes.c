/* The corpus through a service that takes everything, in every mode: whatever the packets are, each is in one verdict
 * counter, each slot comes back, what leaves has the lengths that it says and decodes.
 *
 * Every frame of every capture goes through one worker a mode, in batches, a millisecond apart. What leaves is parsed
 * again, and some of each capture is laid before tshark beside what it came from: what was not malformed may not become
 * so, and where nothing was put around it, each checksum is as good or bad as before. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/corpus.h"
#include "tests/lib/one_kernel.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

enum { SLOTS = 1024, SLOT_BYTES = 4096, SHOWN_A_CAPTURE = 400, LINE = 300, PATH = 4400 };

static const char *const modes[] = {
    "passthrough",  "passthrough keep source", "dsr l2", "dsr rewrite", "dsr ipip",
    "dsr gue 6080", "dsr gue 6080 variant 1",
};

static struct pool *pool;
static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];

/* One mode's worker, and what came of the frames. */
struct trial {
    const char *mode;
    bool wraps;
    struct program *program;
    struct executor *worker;
    struct vm_in in;
    struct vm_tx tx;
    uint64_t frames, left, bad;
    struct frames before, after; /* for tshark; one after for one before */
    unsigned shown;              /* of the capture at hand */
};

static struct program *compiled(const char *mode, bool wraps)
{
    char text[1000];
    snprintf(text, sizeof text,
             "pool web { %s server a 10.0.0.11; server b 2001:db8:1::11 }\n"
             "service www on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode %s; -> web }\n",
             strcmp(mode, "passthrough") == 0 ? "source 10.9.0.7, 2001:db8:9::7 ports 1024-65535;"
             : wraps                          ? "source 10.9.0.1, 2001:db8:9::1;"
                                              : "",
             mode);
    return compiled_text(text);
}

static int link_of(int dlt)
{
    static const int dlts[LINK_COUNT] = {
        [LINK_ETHER] = DLT_EN10MB,  [LINK_RAW] = DLT_RAW,         [LINK_IP4] = DLT_IPV4, [LINK_IP6] = DLT_IPV6,
        [LINK_SLL] = DLT_LINUX_SLL, [LINK_SLL2] = DLT_LINUX_SLL2, [LINK_BSD] = DLT_NULL, [LINK_LOOP] = DLT_LOOP,
    };
    for (int i = 0; i < LINK_COUNT; i++)
        if (dlts[i] == dlt) return i;
    return -1;
}

/* What left, parsed again: its lengths are those of the frame. */
static bool is_right(const struct pkt *out)
{
    struct pkt again;
    struct key key;
    pkt_view(&again, out->data, out->cap_len, out->wire_len, (enum pkt_link)out->link, IFACE_NONE);
    const enum pkt_reason reason = pkt_parse(&again, NULL, &key);
    return reason == REASON_NONE && again.l3 + (uint32_t)key.length <= out->wire_len;
}

static void see_left(struct trial *t, const struct frame *batch)
{
    for (unsigned i = 0; i < t->tx.count; i++) {
        const struct tx_entry *e = &entries[i];
        const bool known = e->kind == TX_SEND && e->cause == TX_CAUSE_PACKET && e->input != INPUT_NONE;
        if (e->kind == TX_SEND) {
            t->left++;
            if (!is_right(e->pkt) && t->bad++ < 3)
                printf("#   %s: what left after frame %llu has wrong lengths\n", t->mode,
                       (unsigned long long)t->frames);
        }
        if (known && batch[e->input].dlt == DLT_EN10MB && t->shown++ < SHOWN_A_CAPTURE) {
            const struct frame *f = &batch[e->input];
            frames_add(&t->before, f->data, f->cap_len, f->wire_len, f->dlt);
            frames_add(&t->after, e->pkt->data, e->pkt->cap_len, e->pkt->wire_len, DLT_EN10MB);
        }
        if (e->pkt) pool_put(e->pkt);
    }
    t->tx.count = 0;
}

static void run_batch(struct trial *t, const struct frame *batch, unsigned n)
{
    struct pkt pkts[VM_BATCH], *pointers[VM_BATCH];
    struct verdict verdicts[VM_BATCH];
    for (unsigned i = 0; i < n; i++) {
        pkt_view(&pkts[i], batch[i].data, batch[i].cap_len, batch[i].wire_len, (enum pkt_link)link_of(batch[i].dlt),
                 IFACE_NONE);
        pointers[i] = &pkts[i];
    }
    t->in.mono_ns += 1000000;
    t->frames += n;
    executor_run(t->worker, &t->in, pointers, n, verdicts, &t->tx);
    see_left(t, batch);
    executor_tick(t->worker, &t->in, &t->tx);
    see_left(t, batch);
}

static void run_capture(struct trial *t, const struct frames *all)
{
    t->shown = 0;
    for (size_t i = 0; i < all->count;) {
        unsigned n = 0;
        while (n < VM_BATCH && i + n < all->count && link_of(all->v[i + n].dlt) >= 0) n++;
        if (n) run_batch(t, &all->v[i], n);
        i += n ? n : 1;
    }
}

/* ---- tshark ---- */

static const char *configured(void)
{
    static char dir[PATH - 100];
    char command[4 * PATH];
    if (dir[0]) return dir;
    snprintf(dir, sizeof dir, "%s.shark", scratch("modes"));
    snprintf(command, sizeof command,
             "mkdir -p '%s' && tshark -G protocols 2>'%s/err' | awk -F'\\t' 'BEGIN { n = split(\"frame eth ethertype "
             "vlan ieee8021ad ip ipv6 ipv6.hopopts ipv6.dstopts ipv6.fraghdr ipv6.routing ah tcp udp sctp icmp icmpv6 "
             "data\", a, \" \"); for (i = 1; i <= n; i++) keep[a[i]] = 1 } !($3 in keep) { print $3 }' "
             ">'%s/disabled_protos'",
             dir, dir, dir);
    if (system(command) != 0) exit(1);
    return dir;
}

/* A line of checksum states and complaints a frame. */
static char (*decode(const struct frames *f, size_t *count))[LINE]
{
    const char *dir = configured();
    char path[PATH + 100], command[4 * PATH], (*lines)[LINE] = calloc(f->count + 1, LINE);
    if (!lines) exit(1);
    *count = 0;
    snprintf(path, sizeof path, "%s/frames.pcapng", dir);
    frames_write(f, path);
    snprintf(command, sizeof command,
             "WIRESHARK_CONFIG_DIR='%s' tshark -n -r '%s' -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o "
             "udp.check_checksum:TRUE -o 'sctp.checksum:CRC 32c' -o udp.ignore_ipv6_zero_checksum:TRUE -o "
             "ip.defragment:FALSE -T fields -e ip.checksum.status -e tcp.checksum.status -e udp.checksum.status -e "
             "icmp.checksum.status -e icmpv6.checksum.status -e sctp.checksum.status -e _ws.malformed 2>'%s/err'",
             dir, path, dir);
    FILE *in = popen(command, "r");
    while (in && *count < f->count && fgets(lines[*count], LINE, in))
        lines[*count][strcspn(lines[*count], "\n")] = '\0', ++*count;
    if (!in || pclose(in) != 0) *count = 0;
    return lines;
}

static void show(struct trial *t)
{
    size_t before_count, after_count, worse = 0;
    char(*before)[LINE] = decode(&t->before, &before_count), (*after)[LINE] = decode(&t->after, &after_count);
    for (size_t i = 0; i < before_count && i < after_count; i++) {
        const bool malformed = strstr(after[i], "alformed") && !strstr(before[i], "alformed");
        const bool differs = !t->wraps && strcmp(before[i], after[i]) != 0;
        if ((malformed || differs) && worse++ < 5)
            printf("#   %s, frame %zu: '%s' became '%s'\n", t->mode, i + 1, before[i], after[i]);
    }
    test_ok(worse == 0 && after_count == t->after.count && before_count == after_count,
            "%s: tshark thinks no worse of %zu frames that left than of what came", t->mode, after_count);
    free(before);
    free(after);
}

/* ---- all of it ---- */

static void check_sums(const struct trial *t)
{
    const struct vm_counters *c = executor_counters(t->worker);
    uint64_t verdicts = 0, reasons = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) verdicts += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    test_ok(verdicts == t->frames && reasons == c->verdicts[ACTION_DROP].packets,
            "%s: each of %llu frames is in one counter, each drop of one reason", t->mode,
            (unsigned long long)t->frames);
    test_ok(t->bad == 0 && t->left > t->frames / 4, "%s: what left, %llu packets, is as long as it says", t->mode,
            (unsigned long long)t->left);
}

static bool begin(struct trial *t, const char *mode, const struct facts *facts)
{
    *t = (struct trial){.mode = mode, .wraps = strstr(mode, "ipip") || strstr(mode, "gue")};
    t->in = (struct vm_in){.mono_ns = 1000000000, .facts = facts};
    t->tx = (struct vm_tx){.entries = entries, .cap = sizeof entries / sizeof *entries};
    t->program = compiled(mode, t->wraps);
    t->worker = t->program ? one_kernel_worker(t->program, &(struct vm_cfg){.pool = pool, .seed = 1}) : NULL;
    test_ok(t->worker, "%s: a service on any address and port", mode);
    return t->worker;
}

static void end(struct trial *t, bool tshark)
{
    /* What is held leaves in time. */
    for (unsigned i = 0; i < 300; i++) {
        t->in.mono_ns += 1000000000;
        executor_tick(t->worker, &t->in, &t->tx);
        see_left(t, NULL);
    }
    check_sums(t);
    if (tshark) show(t);
    one_kernel_free(t->worker);
    program_put(t->program);
    frames_free(&t->before);
    frames_free(&t->after);
}

static void run_corpus(struct trial trials[], unsigned n, const char *dir)
{
    FILE *index = corpus_open("INDEX.tsv");
    char *fields[8], path[PATH];
    while (corpus_fields(index, '\t', fields, 8)) {
        if (strncmp(fields[0], "pcap/", 5) != 0) continue;
        struct frames all = {0};
        snprintf(path, sizeof path, "%s/%s", dir, fields[0]);
        frames_read(&all, path, NULL);
        for (unsigned i = 0; i < n; i++) run_capture(&trials[i], &all);
        frames_free(&all);
    }
    corpus_close(index);
}

/* A fifth of the large capture. */
static void run_mix(struct trial trials[], unsigned n)
{
    enum { EVERY = 5 };
    struct frames all = {0};
    frames_read_mix(&all, EVERY);
    for (unsigned i = 0; i < n; i++) run_capture(&trials[i], &all);
    frames_free(&all);
}

int main(void)
{
    enum { MODES = sizeof modes / sizeof *modes };
    static struct trial trials[MODES];
    const struct facts facts = {.addr4 = 0x0a090001, .addr6 = {0x20010db8, 0x90000, 0, 1}};
    const char *dir = corpus_dir("the corpus in every mode");
    if (!dir) return 0;
    const bool tshark = system("command -v tshark >/dev/null 2>&1") == 0;
    if (!tshark) printf("ok - what left in every mode, as tshark decodes it # SKIP no tshark\n");
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    pool = memory ? pool_init(memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    if (!pool) return 1;
    for (unsigned i = 0; i < MODES; i++)
        if (!begin(&trials[i], modes[i], &facts)) return 1;
    run_corpus(trials, MODES, dir);
    run_mix(trials, MODES);
    for (unsigned i = 0; i < MODES; i++) end(&trials[i], tshark);
    test_ok(pool->free_count == SLOTS, "every slot came back");
    char command[PATH];
    if (tshark) snprintf(command, sizeof command, "rm -r '%s'", configured());
    test_ok(!tshark || system(command) == 0, "nothing is left behind");
    free(memory);
    return test_status();
}
