/* What `ipset save` writes, where it stands before the tables. */
#ifndef COMPILER_IMPORT_IPTABLES_IPSETS_H
#define COMPILER_IMPORT_IPTABLES_IPSETS_H

#include "compiler/import/iptables/words.h"
#include "compiler/import/model.h"

/* The line is one of ipset's, `create …` or `add …`. */
bool ipset_line(const struct words *w);

/* Take it. Sets of addresses are found afterwards in the scope "ipset"; of other sets nothing is kept. False: `f` says
 * what is wrong. */
bool ipset_take(struct ruleset *s, const struct words *w, struct import_fault *f);

#endif
