/* Bodies of program records, kept as long as a program in use is made from them; a file is written only once */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/record/blocks.h"
#include "runtime/record/recorder_priv.h"

static struct record_program head_of(const struct program_said *s)
{
    struct record_program h;
    memcpy(&h, s->body.at, sizeof h);
    return h;
}

bool programs_add(struct programs *p, struct bytes *body, bool plain)
{
    if (!grow(&p->all, p->count, &p->room, 8, sizeof *p->all)) {
        bytes_fini(body);
        return false;
    }
    p->all[p->count++] = (struct program_said){.body = *body, .plain = plain};
    *body = (struct bytes){0};
    return true;
}

void programs_forget(struct programs *p, uint64_t number)
{
    unsigned first = 0;
    for (unsigned i = 0; i < p->count && head_of(&p->all[i]).number <= number; i++)
        if (p->all[i].plain) first = i;
    for (unsigned i = 0; i < first; i++) bytes_fini(&p->all[i].body);
    p->count -= first;
    if (first) memmove(p->all, p->all + first, p->count * sizeof *p->all);
}

void programs_fini(struct programs *p)
{
    for (unsigned i = 0; i < p->count; i++) bytes_fini(&p->all[i].body);
    free(p->all);
    *p = (struct programs){0};
}

/* True if an earlier program of the list has the same file. */
static bool stands_before(const struct programs *p, unsigned at, const struct record_program *h)
{
    for (unsigned i = at; i-- > 0;) {
        const struct record_program before = head_of(&p->all[i]);
        if (!memcmp(before.digest, h->digest, sizeof h->digest)) return true;
    }
    return false;
}

/* Append a program. The first one is reduced to its file: the change that led to it is left out. */
static void program_put_in(const struct programs *p, unsigned at, struct bytes *to)
{
    const struct bytes *from = &p->all[at].body;
    struct record_program h = head_of(&p->all[at]);
    const size_t change = from->len - sizeof h - h.file;
    const uint8_t *rest = from->at + sizeof h;
    struct bytes body = {0};
    if (!at) h.remap_ns = h.prepare_ns = h.world = h.ids = h.gone = 0;
    if (stands_before(p, at, &h)) h.file = 0;
    bytes_put(&body, &h, sizeof h);
    if (at) bytes_put(&body, rest, change);
    bytes_put(&body, rest + change, h.file);
    blocks_custom(to, RECORD_PROGRAM, 0, body.at, body.len);
    to->failed |= body.failed;
    bytes_fini(&body);
}

void programs_put_last(const struct programs *p, struct bytes *to) { program_put_in(p, p->count - 1, to); }

void programs_put_all(const struct programs *p, struct bytes *to)
{
    for (unsigned i = 0; i < p->count; i++) program_put_in(p, i, to);
}
