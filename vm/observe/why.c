/* Names of the reasons for which watched connections end */
#include "vm/observe/observe.h"

const char *const observe_why_name[] = {
#define OBSERVE_WHY(ident, name, doc) [OBSERVE_WHY_##ident] = name,
#include "vm/observe/why.def"
};
