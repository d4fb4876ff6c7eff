/* What `ipset save` writes, where it stands before the tables. */
#pragma once

#include "compiler/import/iptables/words.h"
#include "compiler/import/model.h"

/* The line is one of ipset's, `create …` or `add …`. */
bool ipset_line(const struct words *w);

/* Take it. Sets of addresses are found afterwards in the scope "ipset"; of other sets nothing is kept. False: `f` says
 * what is wrong. */
bool ipset_take(struct ruleset *s, const struct words *w, struct import_fault *f);
