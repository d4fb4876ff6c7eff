/* A hash table with one id per place: a newer id replaces an older one */
#include "runtime/record/again/unmade.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES_BITS = 16, PLACES = 1 << PLACES_BITS };

/* Return the id without its VLAN stack, whose number differs between tables. */
static struct flow_id plain(const struct flow_id *id)
{
    struct flow_id of = *id;
    of.stack = 0;
    return of;
}

static unsigned unmade_place(const struct flow_id *id)
{
    uint64_t words[sizeof *id / 8], sum = 0;
    memcpy(words, id, sizeof words);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15) + (sum >> 32);
    return (unsigned)(sum >> (64 - PLACES_BITS));
}

void unmade_note(struct unmade *u, const struct flow_id *id, bool begun)
{
    const struct flow_id of = plain(id);
    if (!u->ids && !begun) u->ids = calloc(PLACES, sizeof *u->ids);
    if (!u->ids || (begun && !unmade_has(u, id))) return;
    u->ids[unmade_place(&of)] = begun ? (struct flow_id){0} : of;
}

bool unmade_has(const struct unmade *u, const struct flow_id *id)
{
    const struct flow_id of = plain(id);
    return u->ids && memcmp(&u->ids[unmade_place(&of)], &of, sizeof of) == 0;
}

void unmade_fini(struct unmade *u)
{
    free(u->ids);
    u->ids = NULL;
}
