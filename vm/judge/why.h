/* Causes of a way that cannot be known before this machine's stack has routed. */
#pragma once

enum way_why {
#define WHY(ident, name, doc) WAY_##ident,
#include "vm/judge/why.def"
    WAY_WHYS
};
const char *way_why_name(enum way_why why);
