/* The parser in the kernel against pkt_parse: the same key, offsets, flags and reason for every frame on every link,
 * with own addresses and without. Frames of the corpus, then drawn ones with bytes changed, cut and padded; MORE in
 * all, LONG=1 twenty times as many. Skipped if eBPF programs may not be loaded. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/run/world_says.h"
#include "tests/lib/compiled.h"
#include "tests/lib/corpus.h"
#include "tests/lib/draw.h"
#include "tests/lib/kernel_load.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"
#include "vm/pbc.h"

enum { MORE = 60000, MOST = 4096 };

static struct kernel *kernel;
static struct asker asker;
static uint64_t compared, well_formed, reasons[REASON_COUNT], ups[KERNEL_UPS];

/* ---- facts for both ---- */

/* Add an address of a family to its map, or remove it. */
static void own(enum kernel_map map, const void *address, bool stands)
{
    const uint8_t yes = 1;
    const int fd = kernel_map(kernel, map)->fd;
    if (stands && bpf_map_update_elem(fd, address, &yes, BPF_ANY)) exit(1);
    if (!stands) bpf_map_delete_elem(fd, address);
}

static void own_all(const struct facts *f, bool stand)
{
    for (unsigned i = 0; i < f->self4_count; i++) own(KERNEL_MAP_own4, &f->self4[i], stand);
    for (unsigned i = 0; i < f->self6_count; i++) {
        const struct pbc_range6 *r = &f->self6[i];
        const uint32_t words[4] = {(uint32_t)(r->lo_hi >> 32), (uint32_t)r->lo_hi, (uint32_t)(r->lo_lo >> 32),
                                   (uint32_t)r->lo_lo};
        own(KERNEL_MAP_own6, words, stand);
    }
}

static void tell(const struct facts *f)
{
    static const struct facts *before;
    struct facts *told = &kernel_world(kernel)->facts;
    struct kernel_way *ways = kernel_map(kernel, KERNEL_MAP_ways)->memory;
    if (before) own_all(before, false);
    own_all(f, true);
    before = f;
    world_own(kernel_world(kernel), f);
    *told = *f;
    told->self4 = NULL;
    told->self6 = NULL;
    told->ifaces = NULL;
    for (unsigned i = 0; i < f->ifaces_count; i++) ways[i].bridged = f->ifaces[i].peer != IFACE_NONE;
}

/* ---- one frame ---- */

static void show(const char *who, const struct pkt *p, const struct key *key)
{
    printf("#   %s: %s, l3 %u l4 %u payload %u end %u flags %x tags %u extensions %u; key", who,
           reason_name((enum pkt_reason)p->reason), p->l3, p->l4, p->payload, p->l3_end, p->flags, p->tags_in_frame,
           p->ext_headers);
    for (unsigned s = 0; s < 16; s++) printf(" %08x", key->slot[s]);
    printf("\n");
}

static bool differs(const char *what, const struct pkt *frame, const struct pkt *want, const struct key *key,
                    const struct kpkt *k)
{
    printf("# %s: link %u, %u of %u bytes, %u tags taken off:", what, frame->link, frame->cap_len, frame->wire_len,
           frame->tag_count);
    for (uint32_t i = 0; i < frame->cap_len && i < 160; i++) printf(" %02x", frame->data[i]);
    printf("\n");
    show("pkt_parse", want, key);
    show("the kernel", &k->pkt, &k->key);
    return false;
}

/* Compare a frame. The kernel may have only its first bytes; if it is longer, it is passed up like a segment. */
static bool compare(const struct pkt *frame, enum kernel_hook hook, const struct facts *facts)
{
    struct pkt want = *frame;
    struct pkt_seg rest = {frame->data + KERNEL_HEAD, 0};
    struct key key;
    struct kpkt *k;
    if (want.head_len > KERNEL_HEAD) {
        rest.len = want.head_len - KERNEL_HEAD;
        want.head_len = KERNEL_HEAD;
        want.segs = &rest;
        want.seg_count = 1;
    }
    pkt_parse(&want, facts, &key);
    const int failed = ask_frame(&asker, hook, frame, compared, &k);
    if (failed) {
        printf("# a frame of %u bytes does not run: %s\n", frame->cap_len, strerror(-failed));
        return false;
    }
    compared++;
    well_formed += want.reason == REASON_NONE;
    reasons[want.reason]++;
    ups[k->up]++;
    if (memcmp(&k->key, &key, sizeof key)) return differs("another key", frame, &want, &key, k);
    if (k->pkt.offsets != want.offsets || k->pkt.outcome != want.outcome)
        return differs("another place or reason", frame, &want, &key, k);
    const uint32_t head = least_len(k->pkt.head_len, 256);
    if (memcmp(k->head, frame->data, head)) return differs("other bytes", frame, &want, &key, k);
    if ((k->up == KERNEL_UP_HEAD) != !!(want.flags & PKT_NOT_LINEAR)) return differs("up?", frame, &want, &key, k);
    return true;
}

/* ---- many addresses ---- */

static const uint32_t self4[] = {0x0a000001, 0x0a000009, 0xc0a80001};
static const struct pbc_range6 self6[] = {
    {.lo_hi = 0x20010db800000000, .lo_lo = 9, .hi_hi = 0x20010db800000000, .hi_lo = 9},
    {.lo_hi = 0xfe80000000000000, .lo_lo = 1, .hi_hi = 0xfe80000000000000, .hi_lo = 1},
};
/* More addresses than are compared one by one. */
static const uint32_t many4[] = {0x0a000001, 0x0a000002, 0x0a000003, 0x0a000004, 0x0a000005,
                                 0x0a000009, 0xc0a80001, 0xc0a80002, 0xc0a80003, 0xe0000005};
static const uint32_t some4[] = {0x0a000001, 0x0a000002, 0x0a000003, 0x0a000004, 0x0a000009, 0xc0a80001};
static const struct facts_iface bridged[] = {{.peer = 1}, {.peer = 0}, {.peer = IFACE_NONE}};
static const struct facts worlds[] = {
    {0},
    {.drop_bad_checksum = true, .schedules = 5},
    {.self4 = self4, .self4_count = 3, .self6 = self6, .self6_count = 2},
    {.self6 = self6, .self6_count = 1, .drop_bad_checksum = true, .schedules = 0xfffff},
    {.self4 = many4, .self4_count = 10, .self6 = self6, .self6_count = 2},
    {.self4 = some4, .self4_count = 6},
    {.self4 = self4, .self4_count = 3, .ifaces = bridged, .ifaces_count = 3, .bridges = true},
};
enum { WORLDS = sizeof worlds / sizeof worlds[0] };

/* Change one to three bytes, mostly within the headers, to values that matter. */
static void edit(uint8_t *bytes, uint32_t len, struct rng *r)
{
    static const uint8_t telling[] = {0,  1,    4,    5,    6,  7,  8,    17,   0x20, 40,
                                      44, 0x45, 0x46, 0x50, 58, 60, 0x81, 0x86, 132,  255};
    for (unsigned n = rng_below(r, 4); len && n > 0; n--) {
        const uint32_t at = rng_one_in(r, 4) ? rng_below(r, len) : rng_below(r, len < 64 ? len : 64);
        bytes[at] = rng_one_in(r, 2) ? telling[rng_below(r, sizeof telling)] : (uint8_t)rng_next(r);
    }
}

/* Make the packet one of a device without Ethernet */
static void bare(struct pkt *pkt)
{
    pkt->data += ETHER_LEN;
    pkt->cap_len -= ETHER_LEN;
    pkt->wire_len -= ETHER_LEN;
    pkt->link = LINK_RAW;
}

/* Put the same bytes on another link, take tags off, or cut them short as a capture does. */
static void vary(struct pkt *pkt, struct rng *r)
{
    if (rng_one_in(r, 20)) pkt->link = (uint8_t)rng_below(r, LINK_COUNT);
    if (pkt->link == LINK_ETHER && rng_one_in(r, 4) && pkt->cap_len > ETHER_LEN) bare(pkt);
    if (rng_one_in(r, 4)) {
        pkt->tag_count = (uint8_t)rng_below(r, 3);
        pkt->tags[0].tci = 0xa005;
        pkt->tags[1].tci = 6;
    }
    pkt->iface = rng_one_in(r, 4) ? IFACE_NONE : (uint16_t)rng_below(r, 4);
    if (rng_one_in(r, 4)) pkt->cap_len = rng_below(r, pkt->cap_len + 1);
    if (rng_one_in(r, 4)) pkt->wire_len = pkt->cap_len + rng_below(r, 20);
    if (pkt->wire_len < pkt->cap_len) pkt->wire_len = pkt->cap_len;
    pkt->head_len = pkt->cap_len;
    pkt->flags = rng_one_in(r, 3) ? PKT_SNAPPED | PKT_BAD_CSUM | PKT_NOT_LINEAR : 0;
}

static bool compare_edited(const uint8_t *bytes, const struct pkt *as, struct rng *r, const struct facts *facts)
{
    static uint8_t copy[MOST];
    struct pkt pkt = *as;
    memcpy(copy, bytes, pkt.cap_len);
    edit(copy, pkt.cap_len, r);
    pkt.data = copy;
    vary(&pkt, r);
    static const enum kernel_hook hooks[] = {KERNEL_XDP, KERNEL_TC, KERNEL_IN};
    return compare(&pkt, hooks[rng_below(r, 3)], facts);
}

/* Compare frames from random rules' stock. */
static bool compare_drawn(uint64_t seed, unsigned count)
{
    for (unsigned w = 0; w < WORLDS; w++) {
        struct rng r = {seed + w};
        struct stock stock;
        stock_draw(&stock, &r);
        tell(&worlds[w]);
        for (unsigned i = 0; i < count / WORLDS; i++) {
            uint8_t bytes[DRAWN_FRAME_MAX];
            struct pkt pkt;
            frame_draw(bytes, &pkt, &stock, &r, 3);
            if (!compare_edited(bytes, &pkt, &r, &worlds[w])) return false;
        }
    }
    return true;
}

/* Compare options of every length before a TCP header: beyond the bytes that are copied in advance, and beyond the
 * head. */
static bool compare_far(struct rng *r)
{
    static uint8_t frame[MOST];
    tell(&worlds[0]);
    for (unsigned units = 0; units <= UINT8_MAX; units++) {
        const unsigned options = 8 * (units + 1), len = ETHER_LEN + IP6_LEN + options + TCP_LEN;
        uint8_t *ip = frame + ETHER_LEN, *tcp = ip + IP6_LEN + options;
        struct pkt pkt;
        memset(frame, 0, sizeof frame);
        wire_put16(frame + ETHER_TYPE_AT, ETHER_IP6);
        ip[0] = 0x60;
        wire_put16(ip + IP6_PAYLOAD, (uint16_t)(options + TCP_LEN));
        ip[IP6_NEXT] = IPPROTO_NR_DSTOPTS;
        ip[IP6_LEN] = IPPROTO_NR_TCP;
        ip[IP6_LEN + 1] = (uint8_t)units;
        tcp[TCP_OFFSET] = 0x50;
        pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
        if (!compare(&pkt, KERNEL_XDP, &worlds[0]) || !compare(&pkt, KERNEL_TC, &worlds[0])) return false;
        if (!compare(&pkt, KERNEL_IN, &worlds[0])) return false;
        for (unsigned n = 0; n < 8; n++)
            if (!compare_edited(frame, &pkt, r, &worlds[0])) return false;
    }
    return true;
}

/* ---- the corpus ---- */

static bool link_of(int dlt, uint8_t *link)
{
    switch (dlt) {
#define LINKTYPE(number, as)                                                                                           \
    case number:                                                                                                       \
        *link = LINK_##as;                                                                                             \
        return true;
#include "runtime/capture/linktype.def"
    default: return false;
    }
}

/* Compare each frame as it is, and edited. */
static bool compare_all(const struct frames *all, struct rng *r, const struct facts *facts)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct frame *f = &all->v[i];
        struct pkt pkt;
        uint8_t link;
        if (!link_of(f->dlt, &link)) continue;
        pkt_view(&pkt, f->data, f->cap_len, f->wire_len, link, IFACE_NONE);
        if (!compare(&pkt, i & 1 ? KERNEL_TC : KERNEL_XDP, facts)) return false;
        if (f->cap_len <= MOST && !compare_edited(f->data, &pkt, r, facts)) return false;
    }
    return true;
}

static bool compare_corpus(struct rng *r)
{
    FILE *index = corpus_open("INDEX.tsv");
    const char *dir = corpus_dir("the corpus");
    char *fields[8], path[4200];
    bool good = true;
    for (unsigned n = 0; good && corpus_fields(index, '\t', fields, 8); n++) {
        if (strncmp(fields[0], "pcap/", 5) != 0) continue;
        struct frames all = {0};
        snprintf(path, sizeof path, "%s/%s", dir, fields[0]);
        frames_read(&all, path, NULL);
        tell(&worlds[n % WORLDS]);
        good = compare_all(&all, r, &worlds[n % WORLDS]);
        if (!good) printf("# of %s\n", fields[0]);
        frames_free(&all);
    }
    corpus_close(index);
    return good;
}

static bool compare_mix(struct rng *r, unsigned every)
{
    struct frames all = {0};
    frames_read_mix(&all, every);
    tell(&worlds[2]);
    const bool good = compare_all(&all, r, &worlds[2]);
    frames_free(&all);
    return good;
}

/* ---- */

/* Load the program; false if the test is skipped or failed. */
static bool start(const struct program *p)
{
    char err[300] = "";
    kernel = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC | KERNEL_BARE}, err, sizeof err);
    if (!kernel && (errno == EPERM || errno == ENOTSUP))
        printf("ok - frames parsed in the kernel # SKIP %s\n", err);
    else if (!kernel || kernel_load(kernel, p, err, sizeof err))
        test_ok(false, "the stages load: %s", err);
    else
        asker_init(&asker, kernel, 0);
    return asker.kernel;
}

int main(void)
{
    const char *seed = getenv("SEED");
    const unsigned times = getenv("LONG") ? 20 : 1;
    struct rng r = {seed ? strtoull(seed, NULL, 10) : 12};
    struct program *p = compiled_text("firewall f default drop { accept tcp port 80 }");
    if (!p) return 1;
    if (start(p)) {
        test_ok(compare_drawn(r.state, MORE * times), "drawn frames, changed and cut (SEED=%" PRIu64 ")", r.state);
        test_ok(compare_far(&r), "headers far behind");
        if (corpus_dir("frames of the corpus")) {
            test_ok(compare_corpus(&r), "frames of the corpus, as they are and changed");
            test_ok(compare_mix(&r, times > 1 ? 1 : 20), "frames of the large capture");
        }
        unsigned kinds = 0;
        for (unsigned i = 0; i < REASON_COUNT; i++) kinds += reasons[i] != 0;
        test_ok(well_formed > compared / 4 && well_formed < compared && kinds > 20 && ups[KERNEL_UP_HEAD],
                "%" PRIu64 " frames: %" PRIu64 " well formed, %u reasons, %" PRIu64 " with headers past the head",
                compared, well_formed, kinds, ups[KERNEL_UP_HEAD]);
    }
    kernel_free(kernel);
    program_put(p);
    return test_status();
}
