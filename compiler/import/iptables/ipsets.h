/* The output of `ipset save`, before the tables of iptables-save */
#pragma once

#include "compiler/import/iptables/words.h"
#include "compiler/import/model.h"

/* True if the line is `create …` or `add …` of ipset. */
bool ipset_line(const struct words *w);

/* Take such a line. Sets of addresses get the scope "ipset"; other sets are dropped. False: `f` says what is wrong. */
bool ipset_take(struct ruleset *s, const struct words *w, struct import_fault *f);
