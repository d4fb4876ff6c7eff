/* Servers have ids by their names; the labels of each program are mapped to these ids */
#include <stdlib.h>
#include <string.h>

#include "runtime/record/told/recording_priv.h"

/* Return the id of a server's name, made if new; PBC_NONE: out of memory. */
static uint32_t name_id(struct listed *l, const char *name)
{
    for (uint32_t i = 0; i < l->names_count; i++)
        if (!strcmp(l->names[i], name)) return i;
    char **more = realloc(l->names, (l->names_count + 1u) * sizeof *more), *copy = more ? strdup(name) : NULL;
    if (more) l->names = more;
    if (!copy) return PBC_NONE;
    l->names[l->names_count] = copy;
    l->list.servers = l->names;
    return l->names_count++;
}

/* Map the servers of this program from now on. False if memory ran out. */
static bool names_follow(struct listed *l, const struct labels *labels)
{
    if (l->of == labels->program) return true;
    const uint32_t n = labels->program->servers_count;
    uint32_t *ids = malloc((n + 1u) * sizeof *ids);
    if (!ids) return false;
    for (uint32_t i = 0; i < n; i++) ids[i] = name_id(l, labels->server[i]);
    free(l->ids);
    l->ids = ids;
    l->of = labels->program;
    return true;
}

void listed_add(struct listed *l, const struct labels *labels, const struct actor *a, const struct flow_record *f)
{
    struct flow_record g = *f;
    if (actor_wall(a, g.seen_ns) < l->from_ns) return;
    g.began_ns = g.began_ns ? actor_wall(a, g.began_ns) : FLOW_BEGAN_EARLIER;
    g.seen_ns = actor_wall(a, g.seen_ns);
    if (g.end != FLOW_ENDS) g.ended_ns = actor_wall(a, g.ended_ns);
    const bool known = names_follow(l, labels) && g.server < labels->program->servers_count;
    g.server = known ? l->ids[g.server] : PBC_NONE;
    flow_list_add(&l->list, &g);
}

void listed_rest(struct listed *l, const struct labels *labels, const struct actor *a)
{
    struct flow_record f;
    for (uint32_t at = 0; vm_flow_next(a->w->vm, &at, &f);) listed_add(l, labels, a, &f);
}

void listed_fini(struct listed *l)
{
    flow_list_fini(&l->list);
    for (uint32_t i = 0; i < l->names_count; i++) free(l->names[i]);
    free(l->names);
    free(l->ids);
    *l = (struct listed){0};
}
