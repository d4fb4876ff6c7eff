/* What the proxy loop is told of connections */
#include "vm/forward/inline/conns_priv.h"

void inlines_tell_loop(struct inlines *all, uint32_t number, enum inline_told_kind kind, enum splice_why why)
{
    (void)all;
    (void)number;
    (void)kind;
    (void)why;
}

bool inlines_told(struct inlines *all, struct inline_told *told)
{
    (void)all;
    (void)told;
    return false;
}
