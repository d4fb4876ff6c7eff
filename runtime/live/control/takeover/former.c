/* Times are absolute, because both processes have the host's monotonic clock. A lingering guard rule, for which a
 * flow has since asked for more time, is looked at once it is due, as any other. */
#include "runtime/live/control/takeover/former.h"

#include "runtime/live/control/control_state.h"
#include "runtime/live/control/programs/confirm.h"
#include "vm/keyed/keyed.h"
#include "vm/vm.h"

const char *former_lacks(const struct control *control)
{
    const struct carry *carry = control->carry;
    const bool follows = carry->now.program->meta->flags & PBC_KEEPS_FLOWS;
    if (follows || !vm_keeps_flows(carry->workers[0]->vm)) return NULL;
    return "previous rules tracked connections, some of which may still be open, and the rules in force track none";
}

void former_write(const struct control *control, struct archive *a)
{
    struct carry *carry = control->carry;
    uint8_t dealt = carry->now.owners != NULL;
    program_past_write(carry->now.program, a);
    lingering_archive(&carry->guard.lingering, a);
    confirm_back_write(control, a);
    ARCHIVE(a, dealt);
    if (dealt) owners_write(carry->now.owners, a);
}

struct program *former_program(struct program *file, struct archive *a, char *err, size_t err_len)
{
    return program_past_read(file, a, err, err_len);
}

bool former_rest(struct control *control, struct archive *a)
{
    lingering_archive(&control->carry->guard.lingering, a);
    return confirm_back_read(control, a);
}

bool former_owners(struct program *p, const struct owners_cfg *cfg, unsigned workers, struct archive *a,
                   struct owners **owners)
{
    uint8_t dealt = 0;
    *owners = NULL;
    ARCHIVE(a, dealt);
    if (!archive_sound(a, dealt == (workers > 1))) return false;
    if (dealt && !(*owners = owners_read(p, cfg, a))) return false;
    if (!archive_sound(a, !a->left)) return false;
    if (workers == cfg->workers) return true;
    if (*owners) owners_guests(*owners, NULL); /* flows are dealt again */
    if (*owners && cfg->workers == 1) owners_free(*owners), *owners = NULL;
    if (!*owners && cfg->workers > 1) *owners = owners_new(p, cfg, NULL, 0);
    return cfg->workers == 1 || *owners;
}
