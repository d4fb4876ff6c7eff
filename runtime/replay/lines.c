/* Verdicts in a ring by frame number; once the first is final, it is printed with all final ones behind it */
#include "runtime/replay/lines.h"

#include "runtime/base/grown.h"

static struct verdict *line_at(const struct lines *l, size_t i) { return &l->ring[(l->begin + i) % l->room]; }

static void first_out(struct lines *l)
{
    l->print(l->arg, l->first, line_at(l, 0));
    l->begin = (l->begin + 1) % l->room;
    l->count--;
    l->first++;
}

/* Print all lines before the first that is not final. */
static void due_out(struct lines *l)
{
    while (l->count && line_at(l, 0)->action != ACTION_HELD) first_out(l);
}

void lines_hurry(struct lines *l)
{
    first_out(l);
    due_out(l);
}

/* Make room for one more line. False if memory ran out. */
static bool lines_make_room(struct lines *l)
{
    if (l->count == l->room && l->room >= l->most) return false;
    return ring_grow(&l->ring, l->count, &l->room, &l->begin, 256, sizeof *l->ring);
}

void lines_add(struct lines *l, uint64_t frame, const struct verdict *v)
{
    if (!l->count && v->action != ACTION_HELD) {
        l->print(l->arg, frame, v);
        return;
    }
    while (!lines_make_room(l) && l->count) {
        lines_hurry(l);
    }
    if (!l->room) { /* not even room for one line */
        l->print(l->arg, frame, v);
        return;
    }
    if (!l->count) l->first = frame;
    *line_at(l, l->count++) = *v;
    due_out(l);
}

void lines_settle(struct lines *l, uint64_t frame, const struct verdict *v)
{
    if (frame < l->first || frame - l->first >= l->count) return; /* the frame's line is already printed */
    *line_at(l, (size_t)(frame - l->first)) = *v;
    due_out(l);
}

void lines_end(struct lines *l)
{
    while (l->count) first_out(l);
    free(l->ring);
    l->ring = NULL;
    l->room = l->begin = 0;
}
