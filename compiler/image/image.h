/* The program in the making: one growable array per section of the .pbc (vm/pbc.h), strings interned.
 *
 * The front end (names, sets, rules) fills the rule list: strings, rules, conds, ranges, sets, ifaces, chains,
 * firewalls. That list is already the meaning of the file: the naive executor runs it. The back end reads it, makes the
 * normal form (ir.h) and adds maps, funcs and code. emit.c writes everything out. */
#pragma once

#include <stdbool.h>

#include "lang/sources.h"
#include "vm/pbc.h"
#include "vm/program/program.h"

struct image {
    /* image->rules, image->rules_count, image->rules_cap, ... */
#define X(ident, field, type, most)                                                                                    \
    type *field;                                                                                                       \
    uint32_t field##_count, field##_cap;
    PBC_SECTIONS(X)
#undef X
    struct span *rule_span;     /* [rules_count]: place of the verdict's keyword, for diagnostics */
    struct span *cond_span;     /* [conds_count]: place of each condition */
    struct span *firewall_span; /* [firewalls_count]: place of each firewall */
    bool *rule_told;            /* [rules_count]: a warning at a condition reported that the rule never matches */
    struct span *would_rule_span, *would_firewall_span; /* the same for the sections of rules without `audit` */
    bool *would_rule_told;
    bool compares;                          /* the image holds two programs, and the live sets of both */
    bool audits;                            /* some rule, firewall or default is audited (resolve/audit.c) */
    struct run_table *runs_seen[PBC_KINDS]; /* runs in the sections (share.c) */
};

struct image *image_new(void);
void image_free(struct image *img);

/* Append one zeroed entry and return it: struct pbc_rule *r = image_add_rules(img); the pointer holds until the next
 * append to the same section. Past the section's bound (PBC_SECTIONS) return NULL: the caller reports E_TOO_MANY. */
#define X(ident, field, type, most) type *image_add_##field(struct image *img);
PBC_SECTIONS(X)
#undef X

/* Exchange rules, chains, firewalls and memos for those without `audit`, and back. */
void image_swap(struct image *img);

/* Return the offset of the string in STRINGS; equal strings share one. "" is 0. */
uint32_t image_string(struct image *img, const char *s, size_t len);
const char *image_str(const struct image *img, uint32_t offset);

/* Return the place of a run of entries in RANGES, SET4, SET6, MACS, PATTERNS or SETS; equal runs share one (share.c).
 * `n` 0: 0. PBC_NONE past the section's bound. */
uint32_t image_share(struct image *img, enum pbc_kind kind, const void *entries, uint32_t n);
void image_share_free(struct image *img);

/* Settle interfaces once all are known: nest the patterns, and expand conditions that name a pattern to all ids within
 * it (ifaces.c). False: past the bound of ranges. */
bool image_ifaces_settle(struct image *img);
struct iface_table image_ifaces(const struct image *img);
/* Add a value to n ascending ranges, all of whose values are smaller. Return the new number of ranges. */
static inline uint32_t range_add(struct pbc_range *r, uint32_t n, uint32_t value)
{
    if (n && r[n - 1].hi + 1 == value) return r[n - 1].hi = value, n;
    r[n] = (struct pbc_range){value, value};
    return n + 1;
}
/* Write the ids of the devices that `named` ids name, as ranges in order; `out`: room for ifaces_count + 1. */
uint32_t image_ifaces_within(const struct image *img, const uint32_t *named, uint32_t count, struct pbc_range *out);

/* Compare pointers to endpoints of the image, for qsort, in the order of their trial: the more specific of two that
 * overlap comes first, otherwise the first in the file. */
int image_endpoint_order(const void *pa, const void *pb);

/* Add the text of the rule files, each below its name, as TEXT: as much as fits, the main file first, without lists
 * of addresses. */
void image_text(struct image *img, const struct sources *s);
/* Write the finished file: header, table, sections, digest. *bytes is malloc'd and belongs to the caller. */
void image_emit(struct image *img, uint8_t **bytes, size_t *len);
