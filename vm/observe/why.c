/* Names of the reasons for which observed connections end, and bytes of them are missing */
#include "vm/observe/observe.h"

const char *const observe_why_name[] = {
#define OBSERVE_WHY(ident, name, doc) [OBSERVE_WHY_##ident] = name,
#include "vm/observe/why.def"
};

const char *const observe_hole_name[] = {
#define OBSERVE_HOLE(ident, name, doc) [OBSERVE_HOLE_##ident] = name,
#include "vm/observe/hole.def"
};

const char *const observe_state_name[] = {
    [OBSERVE_OPENS] = "opens", [OBSERVE_OPEN] = "open", [OBSERVE_CLOSES] = "closes"};
