/* The parent learns the sockets of all branches at the start, and looks at those of a reload */
#include "runtime/live/carry/proxy/middle.h"

#include "runtime/parent/parent.h"

/* Return the path of the socket that a branch leads to; NULL: none. */
static const char *middle_path(const struct program *p, const struct pbc_branch *b)
{
    return branch_goes(b) == PBC_GOES_PROGRAM ? program_str(p, b->share_count) : NULL;
}

void middle_known(const struct carry *carry, struct parent *parent)
{
    const struct program *p = carry->now.program;
    for (uint32_t i = 0; i < p->branches_count; i++) {
        const char *path = middle_path(p, &p->branches[i]);
        if (path) parent_knows_middle(parent, path);
    }
}

bool middle_look(const struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    for (uint32_t i = 0; i < p->branches_count; i++) {
        const char *path = middle_path(p, &p->branches[i]);
        if (path && ask_MIDDLE_LOOK(carry->tell->channel, path, err, err_len)) return false;
    }
    return true;
}
