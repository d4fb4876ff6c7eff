/* --down: servers by name. For an unknown name the error lists the known ones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/replay/replay_priv.h"

static bool is_string(const struct program *p, uint32_t string, const char *name, size_t len)
{
    const char *s = program_str(p, string);
    return strlen(s) == len && memcmp(s, name, len) == 0;
}

/* List the names of a pool's servers, or of all pools (NULL), as far as they fit. */
static void names_list(const struct program *p, const struct pbc_pool *pool, char *err, size_t err_len, int n)
{
    const uint32_t count = pool ? pool->server_count : p->pools_count;
    for (uint32_t i = 0; i < count && n > 0 && (size_t)n + 80 < err_len; i++)
        n += snprintf(err + n, err_len - (size_t)n, "%s %.60s", i ? "," : "",
                      program_str(p, pool ? p->servers[pool->servers + i].name : p->pools[i].name));
    text_clean(err);
}

static int down_one(struct subject *r, const char *name, char *err, size_t err_len)
{
    const struct program *p = r->program;
    const char *slash = strchr(name, '/');
    const size_t len = (size_t)(slash - name);
    for (uint32_t i = 0; i < p->pools_count; i++) {
        const struct pbc_pool *pool = &p->pools[i];
        if (!is_string(p, pool->name, name, len)) continue;
        for (uint32_t s = pool->servers; s < pool->servers + pool->server_count; s++) {
            if (!is_string(p, p->servers[s].name, slash + 1, strlen(slash + 1))) continue;
            r->down[s] = 1;
            return 0;
        }
        names_list(p, pool, err, err_len,
                   snprintf(err, err_len, "--down: the pool `%.*s` has no server `%.60s`; it has",
                            (int)(len < 60 ? len : 60), name, slash + 1));
        return -ENOENT;
    }
    if (p->pools_count)
        names_list(
            p, NULL, err, err_len,
            snprintf(err, err_len, "--down: the program has no pool `%.*s`; it has", (int)(len < 60 ? len : 60), name));
    else
        snprintf(err, err_len, "--down: the program has no pools, so `%.60s` names nothing", name);
    return -ENOENT;
}

int down_find(struct subject *r, char *err, size_t err_len)
{
    if (!r->o->down_count) return 0;
    r->down = calloc((size_t)r->program->servers_count + 1, 1);
    if (!r->down) {
        snprintf(err, err_len, "out of memory");
        return -ENOMEM;
    }
    for (unsigned i = 0; i < r->o->down_count; i++)
        if (down_one(r, r->o->down[i], err, err_len)) return -ENOENT;
    r->facts.down = r->down;
    return 0;
}
