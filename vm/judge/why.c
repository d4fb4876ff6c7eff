/* Names of the causes (why.def). */
#include "vm/judge/why.h"

const char *way_why_name(enum way_why why)
{
    static const char *const names[] = {
#define WHY(ident, name, doc) name,
#include "vm/judge/why.def"
    };
    return why < WAY_WHYS ? names[why] : "";
}
