/* Format of a recording's files: pcapng (draft-ietf-opsawg-pcapng), which any pcapng tool opens. Frames are enhanced
 * packet blocks, on their incoming or outgoing interface, whose link shows if they are Ethernet frames or bare IP
 * packets. Custom blocks and options, which tools skip, hold what pcapng cannot express. All numbers are
 * little-endian.
 *
 *      section, one interface for each port and one for this machine
 *      START     what the workers were made with
 *      PROGRAM   each program so far, in order; a file with one digest is only in the first
 *      ROUTES    the world's table of routes, if any
 *      WORLD     facts and next hops, as last published
 *      then, as it happens: PROGRAM, ROUTES, WORLD; for each worker, in order, STEP and packets; for each proxy loop,
 *      in order, SESSION, for information; at the end NEXT, or END in the last file
 *
 * One of each worker's first steps in a file is its state, from which it can go on: a file can be replayed without
 * earlier ones. Steps before that state belong to the file before.
 *
 * A step is a record of the worker's tape (runtime/exchange/tape.h) without its frames, which follow as packets. */
#pragma once

#include "runtime/copies/blocks.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/exchange/tape.h"
#include "vm/pbc.h"

enum {
    RECORD_VERSION = 19, /* version that is written, with answers of live sets */
    RECORD_HEARD = 19 /* first version with answers of live sets, and with flows that cuts end */,
    RECORD_GIVEN = 18 /* first version with facts_ports.given */,
    RECORD_DRAINS = 17 /* first version with facts.drains */,
    RECORD_DOWN = 14 /* first version with facts_iface.down */,
    RECORD_FOLLOWED = 7 /* first version with RECORD_NEXT */,
    RECORD_POLICIES = 13 /* first version whose tables of routes are read: they hold policy rules */,
    RECORD_ORDERED = 13 /* first version with an order of observed segments, interfaces that are shut, inquiries, and
                           classes of flows */
    ,
    RECORD_BOUNDED = 8 /* first version with bounds of flows in programs */,
    /* First version whose states another process reads (parent/between/handoff.h); other changes of a takeover's
     * file are versioned by this number, too. */
    RECORD_HANDED = 18,
    RECORD_OLDEST = 5 /* oldest version that is read: it has no TAPE_MET; before 7 worlds have no ports */
};
/* The enterprise number that RFC 5612 reserves for examples; the magic marks the blocks as prey's. */
enum { RECORD_ENTERPRISE = 32473, RECORD_MAGIC = 0x79657270 /* "prey" */ };

enum record_kind {
    RECORD_START = 1,
    RECORD_PROGRAM,
    RECORD_WORLD,
    RECORD_STEP,
    RECORD_ROUTES,  /* a table that later worlds name by its number */
    RECORD_END,     /* the workers have ended, and nothing is missing */
    RECORD_SESSION, /* a struct session_moment of that worker's proxy loop (runtime/exchange/moments.h) */
    RECORD_NEXT,    /* the file is complete, and another one follows */
    RECORD_KINDS,
};
struct record_block {
    uint32_t type, bytes; /* type: NG_CUSTOM; bytes: length of the block */
    struct record_head {
        uint32_t enterprise, magic;
        uint16_t kind; /* enum record_kind */
        uint16_t worker;
        uint32_t body; /* number of bytes that follow, padded to 4; then `bytes` again */
    } head;
};
/* The custom option of a packet. */
struct record_tag {
    uint32_t enterprise, magic;
    uint16_t worker, left; /* left: 1 if the packet left */
    uint32_t zero;
    struct tape_frame frame;
};
static_assert(sizeof(struct record_block) == 24 && sizeof(struct record_tag) == 40, "as written: no padding");

/* Start of a file. Port i belongs to device i % devices. The devices' names follow, each with RECORD_NAME bytes, the
 * last of them 0. */
enum { RECORD_NAME = 16 };
/* Bits of a port. HIDDEN: the host did not see packets that came by it; BARE: it has no Ethernet. */
enum { RECORD_HIDDEN = 1, RECORD_BARE = 2 };
struct record_start {
    uint32_t version, ports, devices, workers;
    uint64_t session;  /* random number of the run, the same in all its files */
    uint64_t seed;     /* seed of the workers */
    uint32_t snap;     /* most bytes kept of a frame */
    uint8_t forwards;  /* bits: 1: the host's stack forwards packets; 2: IPv4 packets, 4: IPv6 packets, if known */
    uint8_t fresh;     /* the workers began with this file */
    uint8_t torn;      /* the last records before this file did not fit on the disk */
    uint8_t in_kernel; /* the kernel judged: the last worker has the reported packets, in steps TAPE_SINGLE */
    struct {
        uint8_t peer; /* the bridge's other port; PORT_ANY: none */
        uint8_t how;  /* bits RECORD_HIDDEN and RECORD_BARE */
    } port[PORTS_MOST];
    uint64_t began_ns; /* wall time of the file's beginning, in ns since 1970 */
    uint64_t wall_ns;  /* wall clock minus the workers' clocks */
};
static_assert(sizeof(struct record_start) == 88, "as written: no padding");

/* A program. Behind it: ids[ids], padded to 8 bytes; gone[gone], as given to remap_new, padded to 8; then the program's
 * file, unless an earlier record has one with this digest. */
struct record_program {
    uint64_t number;               /* number of the program, from 1 on */
    uint64_t remap_ns, prepare_ns; /* as given to remap_new and vm_prepare; first program: 0 */
    uint64_t world;                /* number of the snapshot given to vm_prepare */
    uint32_t ids, file;        /* number of the old program's interface ids, each with its new id; bytes of the file */
    uint32_t gone;             /* number of leftovers, remap_gone_count of the former program; 0: none */
    uint32_t inline_half_open; /* as in struct inline_share; 0 also in files of versions without this bound */
    uint8_t digest[PBC_DIGEST_LEN]; /* digest of the program's file */
    uint64_t flows, half_open;      /* bounds of the program (program_bound); missing before RECORD_BOUNDED */
};
static_assert(sizeof(struct record_program) == 96, "as written: no padding");

/* A world. The arrays of a struct snapshot follow, own addresses first: self4 words, self6 ranges (world_bytes.c). */
struct record_world {
    uint64_t number, program, generation, mac, routes;
    uint32_t schedules, addr4, addr6[4], mtu;
    uint32_t self4, self6, ifaces, servers, nats, hops;
    uint8_t bridges, drop_bad_checksum, devices, elsewhere, patterns, host_routes4, host_routes6, shuts;
    uint64_t port_mac[PORTS_MOST]; /* MAC addresses; RECORD_NO_MAC: interface i has no Ethernet */
};
#define RECORD_NO_MAC (UINT64_C(1) << 63)
static_assert(sizeof(struct record_world) == 232, "as written: no padding");
