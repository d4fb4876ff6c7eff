/* Every datagram of the corpus that came in fragments: where a map of its bytes says that all have come, once each, all
 * its frames pass, as they were captured and the other way round; nothing of the rest is accepted twice. */
#include <stdlib.h>
#include <string.h>

#include "runtime/capture/capture.h"
#include "tests/lib/compiled.h"
#include "tests/lib/corpus.h"
#include "tests/lib/one_kernel.h"
#include "vm/flow/fragments/frag.h"
#include "vm/packet/parse/fragment.h"
#include "vm/vm.h"

enum { SLOTS = 256, SLOT_BYTES = 4096, BYTES = 65536 };

/* A frame that holds a fragment. */
struct seen_fragment {
    struct capture_frame frame;
    struct key key;
    struct fragment part;
    uint32_t tags[TAGS_MOST];
    unsigned tag_count, datagram;
    uint8_t action;
};

struct seen_fragments {
    struct seen_fragment *v;
    size_t count;
};

static struct {
    uint64_t captures, fragments, whole, partial;
} tally;

static bool same_datagram(const struct seen_fragment *a, const struct seen_fragment *b)
{
    const uint32_t family = KIND_IP4 | KIND_IP6;
    return (a->key.kind & family) == (b->key.kind & family) && a->part.id == b->part.id &&
           memcmp(a->key.src, b->key.src, sizeof a->key.src) == 0 &&
           memcmp(a->key.dst, b->key.dst, sizeof a->key.dst) == 0 && a->tag_count == b->tag_count &&
           memcmp(a->tags, b->tags, sizeof a->tags) == 0 && (a->key.kind & KIND_IP6 || a->key.proto == b->key.proto);
}

static void read_fragments(struct capture *c, struct seen_fragments *all)
{
    struct capture_frame f;
    while (capture_next(c, &f) == 1) {
        struct pkt pkt;
        struct seen_fragment p = {.frame = f};
        pkt_view(&pkt, f.data, f.cap_len, f.wire_len, (enum pkt_link)f.link, IFACE_NONE);
        if (pkt_parse(&pkt, NULL, &p.key) != REASON_NONE || !fragment_read(&pkt, &p.key, &p.part)) continue;
        p.tag_count = tags_read(&pkt, p.tags);
        p.datagram = (unsigned)all->count;
        for (size_t i = 0; i < all->count; i++)
            if (same_datagram(&all->v[i], &p)) {
                p.datagram = all->v[i].datagram;
                break;
            }
        struct seen_fragment *bigger = realloc(all->v, (all->count + 1) * sizeof *all->v);
        if (!bigger) abort();
        all->v = bigger;
        all->v[all->count++] = p;
    }
}

/* Do the fragments of the datagram make one whole, each byte once? */
static bool is_whole(const struct seen_fragments *all, unsigned datagram)
{
    static uint8_t map[BYTES];
    uint32_t end = 0;
    memset(map, 0, sizeof map);
    for (size_t i = 0; i < all->count; i++) {
        const struct fragment *f = &all->v[i].part;
        if (all->v[i].datagram != datagram) continue;
        if (!f->more && end) return false;
        if (!f->more) end = f->offset + f->bytes;
        for (uint32_t k = f->offset; k < f->offset + f->bytes; k++)
            if (map[k]++) return false;
    }
    for (uint32_t k = 0; k < BYTES; k++)
        if (map[k] != (k < end)) return false;
    return end;
}

/* One packet a call, a millisecond apart. */
static void run(struct program *p, struct seen_fragments *all, bool backwards)
{
    static struct tx_entry entries[SLOTS];
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    const struct facts facts = {.generation = 1};
    void *memory = aligned_alloc(64, bytes);
    struct pool *pool = memory ? pool_init(memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    struct executor *worker = pool ? one_kernel_worker(p, &(struct vm_cfg){.pool = pool, .seed = 1}) : NULL;
    if (!worker) abort();
    for (size_t i = 0; i < all->count; i++) {
        const size_t at = backwards ? all->count - 1 - i : i;
        const struct capture_frame *f = &all->v[at].frame;
        struct pkt pkt, *pkts[] = {&pkt};
        struct verdict v;
        struct vm_tx tx = {.entries = entries, .cap = SLOTS};
        const struct vm_in in = {.mono_ns = 1000000 * i, .facts = &facts};
        pkt_view(&pkt, f->data, f->cap_len, f->wire_len, (enum pkt_link)f->link, IFACE_NONE);
        pkt.cookie = at;
        executor_run(worker, &in, pkts, 1, &v, &tx);
        all->v[at].action = v.action;
        for (unsigned k = 0; k < tx.count; k++) {
            if (entries[k].cause == TX_CAUSE_HELD) all->v[entries[k].cookie].action = entries[k].verdict.action;
            pool_put(entries[k].pkt);
        }
    }
    one_kernel_free(worker);
    free(memory);
}

static bool passes(const struct seen_fragments *all, unsigned datagram, bool backwards, const char *name)
{
    bool good = true;
    for (size_t i = 0; i < all->count; i++)
        if (all->v[i].datagram == datagram && all->v[i].action != ACTION_ACCEPT) {
            printf("# %s%s: fragment %zu, at %u of id %u, is %s\n", name, backwards ? " backwards" : "", i + 1,
                   all->v[i].part.offset, all->v[i].part.id, action_name(all->v[i].action));
            good = false;
        }
    return good;
}

static bool capture(struct program *p, const char *path, const char *name)
{
    char err[256];
    struct seen_fragments all = {NULL, 0};
    struct capture *c = capture_open(path, err, sizeof err);
    bool good = true;
    if (!c) return true;
    read_fragments(c, &all);
    for (unsigned backwards = 0; all.count && backwards < 2; backwards++) {
        run(p, &all, backwards);
        for (unsigned i = 0; i < all.count; i++) {
            if (all.v[i].datagram != i) continue;
            const bool whole = is_whole(&all, i);
            if (whole) good &= passes(&all, i, backwards, name);
            if (!backwards) ++*(whole ? &tally.whole : &tally.partial);
        }
    }
    tally.captures += all.count > 0;
    tally.fragments += all.count;
    capture_close(c);
    free(all.v);
    return good;
}

int main(void)
{
    const char *dir = corpus_dir("fragments of the corpus");
    if (!dir) return 0;
    struct program *p = compiled_text("firewall f default accept { count to port 1 }\n");
    if (!p) return 1;
    FILE *f = corpus_open("INDEX.tsv");
    char *fields[8], path[4200];
    bool good = true;
    while (corpus_fields(f, '\t', fields, 8) > 4) {
        const size_t len = strlen(fields[0]);
        if (len < 5 || (!strstr(fields[0], ".pcap") && !strstr(fields[0], ".cap"))) continue;
        /* Mixed from the others: datagrams of several captures have one identification, and fragments meet. */
        if (!strcmp(fields[0], "bench/mix.pcap.xz")) continue;
        snprintf(path, sizeof path, "%s/%s", dir, fields[0]);
        good &= capture(p, path, fields[0]);
    }
    corpus_close(f);
    program_put(p);
    printf("# %lu fragments in %lu captures: %lu whole datagrams, %lu that lack something\n",
           (unsigned long)tally.fragments, (unsigned long)tally.captures, (unsigned long)tally.whole,
           (unsigned long)tally.partial);
    test_ok(good && tally.whole > 0, "corpus: whole datagrams pass whole, in either direction");
    return test_status();
}
