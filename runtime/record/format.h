/* A recording's files: pcapng (draft-ietf-opsawg-pcapng) that any tool opens. Frames are enhanced packet blocks, on the
 * interface that they came or left by; what pcapng has no word for stands in custom blocks and options, which tools
 * pass over. All is little-endian.
 *
 *      section, an interface a port and one that is this machine
 *      START     what the workers were made with
 *      PROGRAM   each that ran so far, in order; the file is in the first with its digest
 *      ROUTES    the table of routes that the world has, if it has one
 *      WORLD     facts and next hops, as published last
 *      then, as it happens: PROGRAM, ROUTES, WORLD; of each worker in its order STEP and packets; of each proxy loop
 *      in its order SESSION, which only tells; NEXT or, of the last file, END
 *
 * Of each worker one of the first steps of a file is its state, from which it can go on as it did: a file can be gone
 * through without those before it. What stands before that step belongs to the file before.
 *
 * A step is a record of the worker's tape (runtime/exchange/tape.h) without its frames: those follow as packets. */
#pragma once

#include "runtime/exchange/snapshot.h"
#include "runtime/exchange/tape.h"
#include "vm/pbc.h"

enum {
    RECORD_VERSION = 8,
    RECORD_FOLLOWED = 7 /* has RECORD_NEXT */,
    RECORD_BOUNDED = 8 /* programs have bounds of flows */,
    RECORD_OLDEST = 5 /* that is read: it has no TAPE_MET, and before 7 worlds no ports */
};
enum { NG_SECTION = 0x0a0d0d0a, NG_INTERFACE = 1, NG_PACKET = 6, NG_CUSTOM = 0xbad, NG_ORDER = 0x1a2b3c4d };
enum {
    NG_OPT_END = 0,
    NG_OPT_COMMENT = 1,
    NG_OPT_NAME = 2,
    NG_OPT_FLAGS = 2,
    NG_OPT_RESOLUTION = 9,
    NG_OPT_CUSTOM = 2989
};
/* The enterprise number that RFC 5612 keeps for examples: whose blocks they are, the second word says. */
enum { RECORD_ENTERPRISE = 32473, RECORD_MAGIC = 0x79657270 /* "prey" */ };

enum record_kind {
    RECORD_START = 1,
    RECORD_PROGRAM,
    RECORD_WORLD,
    RECORD_STEP,
    RECORD_ROUTES,  /* the table that worlds behind it name by its number */
    RECORD_END,     /* the workers have ended: nothing is missing */
    RECORD_SESSION, /* a struct session_moment of the proxy loop of that worker (runtime/exchange/moments.h) */
    RECORD_NEXT,    /* the file is whole, and another one follows */
    RECORD_KINDS,
};
struct record_block {
    uint32_t type, bytes; /* NG_CUSTOM; of the block */
    uint32_t enterprise, magic;
    uint16_t kind; /* enum record_kind */
    uint16_t worker;
    uint32_t body; /* bytes that follow, padded to 4; then `bytes` again */
};
/* The option of a packet. */
struct record_tag {
    uint32_t enterprise, magic;
    uint16_t worker, left; /* left: 1, it left */
    uint32_t zero;
    struct tape_frame frame;
};
static_assert(sizeof(struct record_block) == 24 && sizeof(struct record_tag) == 40, "as written: no padding");

/* Port i is of device i % devices. Then their names: devices times RECORD_NAME bytes, 0 behind each. */
enum { RECORD_NAME = 16 };
struct record_start {
    uint32_t version, ports, devices, workers;
    uint64_t session;  /* by chance: files of one run have the same */
    uint64_t seed;     /* of the workers */
    uint32_t snap;     /* bytes of a frame */
    uint8_t forwards;  /* the host's stack forwards packets */
    uint8_t fresh;     /* the workers began with this file */
    uint8_t torn;      /* what came just before it found no room on the disk */
    uint8_t in_kernel; /* the kernel judged, and told of some packets: the last worker is it; steps are TAPE_SINGLE */
    struct {
        uint8_t peer;   /* of a bridge: the other port; PORT_ANY */
        uint8_t hidden; /* the host saw nothing of what came by it */
    } port[PORTS_MOST];
    uint64_t began_ns; /* on the wall, since 1970 */
    uint64_t wall_ns;  /* what that was ahead of the workers' clocks */
};
static_assert(sizeof(struct record_start) == 88, "as written: no padding");

/* Then ids[ids], padded to 8 bytes; gone[gone], as remap_new was told, padded likewise; then the program's file, left
 * out where one of this digest stood before. */
struct record_program {
    uint64_t number;                /* from 1 on */
    uint64_t remap_ns, prepare_ns;  /* as remap_new and vm_prepare were told; of the first 0 */
    uint64_t world;                 /* the snapshot that vm_prepare was told */
    uint32_t ids, file;             /* by id in the program before, the interface's in this; bytes of the file */
    uint32_t gone, zero;            /* 0: nothing is; else remap_gone_count of the program before */
    uint8_t digest[PBC_DIGEST_LEN]; /* of the file */
    uint64_t flows, half_open;      /* bounds it ran with (program_bound); versions before RECORD_BOUNDED lack both */
};
static_assert(sizeof(struct record_program) == 96, "as written: no padding");

/* Then the arrays of a struct snapshot, own addresses first: self4 words, self6 ranges (world.c). */
struct record_world {
    uint64_t number, program, generation, mac, routes;
    uint32_t schedules, addr4, addr6[4], mtu;
    uint32_t self4, self6, ifaces, servers, nats, hops;
    uint8_t bridges, drop_bad_checksum, devices, elsewhere, patterns, zero[3];
    uint64_t port_mac[PORTS_MOST];
};
static_assert(sizeof(struct record_world) == 232, "as written: no padding");
