/* The program file (.pbc): one header, one section table, flat little-endian sections; no pointers.
 *
 *   struct pbc_header | struct pbc_section[header.sections] | section bytes, each aligned to 64
 *
 * The digest covers every byte after itself up to header.size. A section is an array of `count` entries of
 * `entry_size` bytes. Kinds and entry types are the rows of PBC_SECTIONS; a kind occurs at most once, and an absent
 * kind is empty. The loader (load.c) copies the file into private memory and pads tables that the data path indexes
 * to a power of two; the verifier (verify.c) proves every index. The compiler writes the file
 * (compiler/image/emit.c). Strings are offsets into STRINGS, where offset 0 is the empty string; PBC_NONE (~0) means
 * "none" for indices.
 *
 * A process that takes over reads the program of another version (runtime/live/control/takeover/). So a change follows
 * these rules, and raises PBC_VERSION:
 *     - A field takes bytes that were reserved, or is added at the end of its record, and means at 0 what held without
 *       it. A record at most doubles.
 *     - A kind of section, an instruction, a value of an enum gets a number behind the existing ones.
 *     - The verifier's conditions also hold for earlier programs.
 *     - A program that uses nothing of the change has the earlier version (version_of in file.c) and entries of the
 *       earlier length, so a downgrade takes over, too.
 *
 * A change that can't keep to these rules raises PBC_OLDEST to the same number: an upgrade is a restart then, which
 * ends connections that are balanced or translated. tests/golden/layouts/ holds where each field is, and all
 * numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc/code.h"
#include "vm/pbc/file.h"
#include "vm/pbc/rules.h"
#include "vm/pbc/services.h"
#include "vm/tables.h"

/* Return the longest path in instructions, calls expanded, which meta.longest_path must equal: through function 0
 * and then functions `services` and `would` (unless 0), or through function `streams`, whichever is longer. An
 * instruction counts 1; a CALL, 1 and the callee's longest path. A CLASSIFY counts 1, its searches, and code of its
 * entries. There is one search, and one more behind each entry with code that may run in turn; a search counts the
 * words, blocks and lines that it reads. The code counts as the longest paths of that many entries. Saturates at
 * UINT32_MAX. The code need not be verified: a jump outside counts as an end. Return 0 if out of memory. */
struct pbc_code {
    const struct pbc_func *funcs;
    const struct insn *code;
    const struct pbc_classifier *classifiers;
    const struct pbc_entry *entries;
    uint32_t funcs_count, code_count, classifiers_count, entries_count;
    uint32_t services, streams, would;
};
uint32_t pbc_longest_path(const struct pbc_code *c);

/* Return the flags of meta that follow from the rules' conditions, the services and the nats (PBC_NEEDS). meta must
 * hold these; other flags are left out. The operands of conditions and the conditions of rules must be in bounds.
 * `scratch`: room for conds_count + 1. */
#define PBC_ASKS_ROUTES (PBC_ASKS_WAY | PBC_ASKS_SOURCE)
/* The program needs routes: its rules or its nats ask for them. */
#define PBC_NEEDS_ROUTES (PBC_ASKS_ROUTES | PBC_NATS_BY_WAY)
#define PBC_NEEDS                                                                                                      \
    (PBC_KEEPS_FLOWS | PBC_COUNTS_FLOWS | PBC_FOLLOWS_FRAGMENTS | PBC_NAMES_FRAGMENT | PBC_OPENS | PBC_NEEDS_ROUTES |  \
     PBC_CLAMPS)
struct pbc_lists {
    const struct pbc_rule *rules;
    const struct pbc_cond *conds;
    const struct pbc_pattern *patterns;
    const struct pbc_meter *meters;
    const struct pbc_nat *nats;
    uint32_t rules_count, conds_count, services_count, nats_count;
    const struct pbc_rule *would; /* rules as they would decide without `audit` */
    uint32_t would_count;
    const struct pbc_iface *ifaces;
    uint32_t ifaces_count;
};
uint32_t pbc_needs(const struct pbc_lists *l, uint32_t *scratch);

/* pbc_asks_flow: true if the result is the same for all established packets of one direction of a flow on one
 * interface; the type of an ICMP query belongs to the flow, AH to the packet. pbc_asks_stream: true if the result
 * belongs to a connection, so that a `when` of a proxy service may ask it. */
bool pbc_asks_flow(const struct pbc_cond *c);
bool pbc_asks_stream(const struct pbc_cond *c);

/* A section of a file in the making. */
struct pbc_part {
    uint32_t kind, entry_size;
    uint64_t count;
    const void *bytes;
    uint32_t stride; /* bytes from entry to entry of `bytes`; 0: entry_size */
};
/* Lay out the sections one after the other, then the digest; they must be in order of their kinds, and not empty.
 * version 0: the oldest version that can read the file. Return the file, malloc'd, of *len bytes; NULL: out of
 * memory. */
uint8_t *pbc_file(const struct pbc_part parts[], unsigned n, uint32_t version, uint64_t *len);

/* Write the digest of `len` bytes (BLAKE2b-256, unkeyed, RFC 7693). */
void pbc_digest(const void *bytes, uint64_t len, uint8_t out[PBC_DIGEST_LEN]);

/* Families of a pool's servers; the function returns a set of them. */
enum pbc_families { PBC_FAMILY_4 = 1, PBC_FAMILY_6 = 2 };
unsigned pbc_pool_families(const struct pbc_pool *pool, const struct pbc_server *servers);
/* Return the slots of all tables that a worker makes for these pools, each at `slots`; a pool with servers of both
 * families has three tables. A table of fewer than 4,096 slots counts as 4,096, because of the memory beside it. */
uint64_t pbc_pool_slots(const struct pbc_pool *pools, uint32_t count, const struct pbc_server *servers, uint64_t slots);
