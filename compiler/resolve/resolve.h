/* Public functions of the room, and those shared by its stages; each folder below has its own header */
#pragma once

#include "compiler/resolve/conditions/conditions.h"

/* Read the `allow` lines of the file and its includes, before anything that may warn. */
void resolve_allowed(struct compile *c, const struct node *file);

/* Return the frames of the firewall's direction, as bits of in, forward and out. */
unsigned firewall_frames(const struct pbc_firewall *f);

/* Check `audit` before a verdict, and `default audit`. Split the finished lists into those that decide and those
 * without `audit` (audit.c). */
void check_audit(struct compile *c, const struct node *audit, const struct node *verdict);
void check_audit_default(struct compile *c, const struct node *verdict);
void part_audited(struct compile *c);

/* Report chains that call themselves, nest too deep or grow too long (chains.c). */
void check_chains(struct compile *c);

/* Enter the copies of a rule that mirrors (mirrors.c); return its row, 0 after a report. Report targets that the
 * rules judge, once interfaces are settled (second function). */
uint32_t mirror_of(struct compile *c, const struct node *verdict, uint32_t rule);
void check_mirrors(struct compile *c);
/* Enter a rule's addition to a live set; the rule's conditions begin at `conds` (adds.c); return 1 + its row, 0
 * after a report. live_of: return the live set of a name; PBC_NONE after a report. */
uint32_t add_of(const struct rule_work *w, const struct node *verdict, uint32_t rule, uint32_t conds);
uint32_t live_of(struct compile *c, const struct node *name);

void check_ways_out(
    struct compile *c); /* report `out on` in firewalls whose packets do not leave (ways_out.c); after check_chains */
