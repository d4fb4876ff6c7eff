/* A connection leaves the stack aside (vm/flow/spliced.h). */
#include "vm/forward/inline/inline.h"

void inline_asked(const struct job *j, const struct inline_ask *ask)
{
    (void)j;
    (void)ask;
}
