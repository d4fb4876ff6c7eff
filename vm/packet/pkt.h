/* A packet: a zero-copy view of bytes that another owner holds.
 *
 *      buf        data                    data + head_len
 *       |headroom  |link|tags|IP|L4|...    |tailroom |
 *       +----------+-----------------------+---------+      segs: more bytes of the same frame, in order
 *
 * The linear head holds the whole frame, or at least its first 256 bytes. A view into a ring or a file has no headroom
 * and is never written. `slot` packets come from a pool, may be edited, and may grow into headroom. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/thin.h"

struct key;
struct pbc_pattern;
struct facts;
struct pool;

/* Kinds of link header: LINK(ident, name, doc). */
#define PKT_LINKS(LINK)                                                                                                \
    LINK(ETHER, "ethernet", "destination, source, type or length")                                                     \
    LINK(RAW, "raw", "an IP packet, family by its version")                                                            \
    LINK(IP4, "ipv4", "an IPv4 packet")                                                                                \
    LINK(IP6, "ipv6", "an IPv6 packet")                                                                                \
    LINK(SLL, "linux-cooked", "Linux cooked capture, 16 bytes")                                                        \
    LINK(SLL2, "linux-cooked-2", "Linux cooked capture v2, 20 bytes")                                                  \
    LINK(BSD, "null", "BSD loopback: 4 bytes of family, either byte order")                                            \
    LINK(LOOP, "loop", "OpenBSD loopback: 4 bytes of family, network order")
enum pkt_link {
#define LINK(ident, name, doc) LINK_##ident,
    PKT_LINKS(LINK)
#undef LINK
        LINK_COUNT
};

/* Find the link header of a kind of device. arphrd: the kernel's number of the address type, ARPHRD_ETHER, …
 * (netdevice(7)); point: it has only one peer (IFF_POINTOPOINT). The loopback is LINK_ETHER, too, because its
 * packets have such a header. False: neither Ethernet nor bare IP packets. */
bool pkt_link_of(unsigned arphrd, bool point, enum pkt_link *link);

enum pkt_reason {
#define REASON(ident, name, doc) REASON_##ident,
#include "vm/reason.def"
    REASON_COUNT
};
const char *reason_name(enum pkt_reason r);

struct pkt_seg {
    const uint8_t *data;
    uint32_t len;
};

enum pkt_flag {
    PKT_WRITABLE = 1 << 0,     /* in a pool's slot: may be edited */
    PKT_SNAPPED = 1 << 1,      /* set by pkt_parse: headers complete, but fewer bytes than on the wire */
    PKT_BAD_CSUM = 1 << 2,     /* set by pkt_parse: wrong IPv4 header checksum */
    PKT_NOT_LINEAR = 1 << 3,   /* set with REASON_SNAPPED: headers go past the head; linearise and run again */
    PKT_CSUM_PARTIAL = 1 << 4, /* L4 checksum still to be completed (from the kernel) */
    PKT_WAY_SAID = 1 << 5,     /* set by the filler of the view: `way` is set, and routes are not looked up */
    PKT_SOURCE_SAID = 1 << 6,  /* the same for `source` */
};
#define PKT_FOUND (PKT_SNAPPED | PKT_BAD_CSUM | PKT_NOT_LINEAR) /* flags that pkt_parse sets and clears */

struct pkt {
    uint8_t *data;     /* first byte of the frame */
    uint32_t head_len; /* bytes in the head */
    uint32_t cap_len;  /* bytes in head and segs; at most wire_len */
    uint32_t wire_len; /* bytes on the wire */
    uint16_t headroom, tailroom;
    uint16_t iface;    /* interface id in the running program, or IFACE_NONE */
    uint8_t link;      /* enum pkt_link */
    uint8_t tag_count; /* number of VLAN tags that the kernel took off, outermost first */
    uint8_t seg_count;
    struct {
        uint16_t tpid, tci;
    } tags[2];
    uint16_t segment; /* payload bytes of each packet that a super-packet (GSO) becomes; 0: the packet is not one */
    const struct pkt_seg *segs;
    struct pool *pool; /* pool of the slot, or NULL */
    uint64_t cookie;   /* for the executor's own use */
    uint64_t mirrors;  /* mirrors of the program that copy it as it leaves, one bit each (vm_run) */

    /* set by pkt_parse: offsets from data; 0: the layer is not there (l4, payload: also in later fragments) */
    union {
        struct {
            uint16_t l3, l4, payload;
            uint16_t l3_end; /* one past the last byte of the IP packet by its length (saturates at 65535) */
        };
        uint64_t offsets; /* all four, for writing at once */
    };
    union {
        struct {
            uint8_t flags;  /* enum pkt_flag: PKT_FOUND is set by pkt_parse, the rest by the filler of the view */
            uint8_t reason; /* enum pkt_reason */
            uint8_t tags_in_frame; /* number of VLAN tags in the bytes */
            uint8_t ext_headers;   /* number of IPv6 extension headers walked */
        };
        uint32_t outcome; /* all four */
    };

    /* set by ways_settle (judge/ways.h) if the program needs them; 0: unknown */
    uint16_t way;    /* for a forwarded packet: 1 + the id in rules of its outgoing interface */
    uint8_t source;  /* enum pkt_source */
    uint8_t way_why; /* enum way_why: why `way` is unknown. 0: it is known, or the packet does not leave */
};
/* Result of the search for a route to the source by the interface that the packet came by. */
enum pkt_source { SOURCE_UNKNOWN, SOURCE_REACHED, SOURCE_FAILED };

/* Return the smaller length. */
static inline uint32_t least_len(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Parse the frame into `key` and pkt's own offsets. Check every length against the bytes that are there
 * (docs/semantics.md, Malformed packets). Return pkt->reason: REASON_NONE if well formed; otherwise key holds the
 * fields known so far. key->kind's SELF and direction bits and key->iface come from facts (own addresses) and
 * pkt->iface. Direction: OUT if the source is an own address; otherwise IN if the destination is an own address,
 * multicast or broadcast (IP, or the MAC if there is no IP); otherwise FORWARD. Without own addresses: IN. By the
 * port of a bridge (facts): always FORWARD, and no address is own. */
enum pkt_reason pkt_parse(struct pkt *pkt, const struct facts *facts, struct key *key);

/* Parse a batch of at most 64. Return a bit for each packet that is well formed, and so in one piece. keys: one per
 * packet. *kinds: bits of key.kind of all packets together. */
uint64_t pkt_parse_all(struct pkt *const pkts[], unsigned n, const struct facts *facts, struct key *keys,
                       uint32_t *kinds);

/* True if the byte pattern at `at` of a layer matches, and all of it is inside the captured bytes and the IP packet
 * (l2: the frame). layer: enum pbc_layer. */
bool pkt_match(const struct pkt *pkt, const struct key *key, unsigned layer, unsigned at, const uint8_t *value,
               const uint8_t *mask, unsigned len);

/* True if a program's pattern matches. One with `is_not` matches if all of its bytes exist, and differ. */
bool pkt_pattern(const struct pkt *pkt, const struct key *key, const struct pbc_pattern *t);

/* Return a MAC address as 48-bit number; 0 unless the packet is a LINK_ETHER frame of at least 14 bytes. */
uint64_t pkt_mac(const struct pkt *pkt, bool dst);
/* True for a frame to a group of stations: by its destination MAC, or by what a cooked capture states. */
bool pkt_is_to_stations(const struct pkt *pkt);

/* Return the length in bytes of the longest IP packet on the wire: `length` (key->length) or, for a super-packet,
 * that of each packet into which it is cut. */
static inline uint32_t pkt_longest(const struct pkt *pkt, uint32_t length)
{
    return __builtin_expect(pkt->segment, 0) ? (uint32_t)pkt->payload - pkt->l3 + pkt->segment : length;
}

/* Fill a view over bytes, which are not copied and not written. */
static inline void pkt_view(struct pkt *pkt, const uint8_t *bytes, uint32_t cap_len, uint32_t wire_len,
                            enum pkt_link link, uint16_t iface)
{
    *pkt = (struct pkt){
        .data = (uint8_t *)(uintptr_t)bytes, /* never written: PKT_WRITABLE is clear */
        .head_len = cap_len,
        .cap_len = cap_len,
        .wire_len = wire_len < cap_len ? cap_len : wire_len,
        .link = (uint8_t)link,
        .iface = iface,
    };
}

/* Buffers: slots of equal size in memory that the caller provides, 64-byte aligned, each with headroom in front. A pool
 * belongs to one worker, and takes no lock. An empty pool makes the caller count a drop, and never aborts. */

#define POOL_HEADROOM  128u
#define POOL_SLOT_MOST 65728u /* largest IP packet with its link header, two tags, and headroom */

/* Return the number of bytes for a pool of `slots` slots of `slot_bytes` (2048, 4096 or POOL_SLOT_MOST, with
 * headroom). */
size_t pool_bytes(unsigned slots, unsigned slot_bytes);
/* Lay a pool out in `memory` (64-byte aligned, pool_bytes long), which the caller owns. NULL: misaligned memory, or
 * an unusable size. */
struct pool *pool_init(void *memory, size_t bytes, unsigned slots, unsigned slot_bytes);
/* Do the same on the heap; the caller frees the pool with free. NULL: also if there is no memory. */
struct pool *pool_new(unsigned slots, unsigned slot_bytes);
/* Touch the first `bytes`, with headroom, of up to `slots` slots, in the order in which pool_get gives them: the
 * system provides memory page by page, as it is touched. The pool must still be full. */
void pool_touch(struct pool *p, unsigned slots, unsigned bytes);

/* Return an empty, writable packet with full headroom, or NULL: the pool is empty. */
struct pkt *pool_get(struct pool *p);
void pool_put(struct pkt *pkt); /* return the packet to its pool; a packet without a pool does not change */

/* Copy a packet (head and segments) into a slot. NULL: the pool is empty, or the frame does not fit. */
struct pkt *pool_copy(struct pool *p, const struct pkt *from);

/* Times in nanoseconds that do not overflow: a capture may name the last moment of the clock. */

/* Return the time that much later, at most UINT64_MAX, which means never. */
static inline uint64_t time_after(uint64_t at_ns, uint64_t by_ns)
{
    uint64_t later;
    return __builtin_add_overflow(at_ns, by_ns, &later) ? UINT64_MAX : later;
}

static inline uint64_t time_sooner(uint64_t a_ns, uint64_t b_ns) { return a_ns < b_ns ? a_ns : b_ns; }

/* A rate limit in one word, the time of the next conforming event (GCRA; ITU-T I.371): `rate` events per second, and
 * at most one second's worth at once. Nanoseconds are rounded so that the limit never lets through more. */
struct limit {
    uint64_t next_ns;      /* time at which the burst is full again */
    uint64_t interval_ns;  /* time between events at the full rate; 0: no event conforms */
    uint64_t tolerance_ns; /* most that next_ns may be ahead of now */
};

static inline void limit_init(struct limit *l, uint32_t rate_per_s)
{
    const uint64_t second = 1000000000;
    *l = (struct limit){0};
    if (rate_per_s == 0) return;
    l->interval_ns = (second + rate_per_s - 1) / rate_per_s;
    l->tolerance_ns = (rate_per_s - 1) * l->interval_ns;
}

/* Take one event at `now_ns`, which never runs back. False: it does not conform. */
static inline bool limit_take(struct limit *l, uint64_t now_ns)
{
    if (l->interval_ns == 0) return false;
    uint64_t next = l->next_ns > now_ns ? l->next_ns : now_ns;
    if (next - now_ns > l->tolerance_ns) return false;
    l->next_ns = next + l->interval_ns;
    return true;
}

struct archive;
/* Write or read a waiting packet as bytes (keyed/archive.h). *pkt is contiguous; reading makes it a copy in a slot of
 * the pool, which the caller puts back. Input is hostile; its cookie must be below a->cookies. False: the archive is
 * bad, and *pkt is not set. */
bool pkt_archive(struct pkt **pkt, struct pool *pool, struct archive *a);
