/* Notices about live sets that the rules lack */
#include "runtime/live/rules/members/granted.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/options/run_options.h"
#include "runtime/live/rules/rules_state.h"

enum { NAME_SHOWN = 100 };

static bool has_set(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->lives_count; i++)
        if (!strcmp(program_str(p, p->lives[i].name), name)) return true;
    return false;
}

void granted_notice(const struct rules *rules)
{
    const struct options *o = rules->o;
    char name[256];
    for (unsigned i = 0; i < o->sets_group_count; i++) {
        for (const char *at = o->sets_groups[i].sets; *at; at += *at == ',') {
            const size_t len = strcspn(at, ",");
            snprintf(name, sizeof name, "%.*s", (int)len, at);
            at += len;
            if (has_set(rules->carry->now.program, name)) continue;
            complain("notice: --sets-group lets group %u change %.*s, but the rules have no live set of that name",
                     (unsigned)o->sets_groups[i].gid, NAME_SHOWN, name);
        }
    }
}
