/* Several captures merged by the times of their frames. Each capture has a lane of frames that were read together; the
 * earliest first frame of all lanes comes next. An empty lane is refilled, but not while the caller still gets frames
 * of that lane whose memory the next read reuses. */
#include <stdlib.h>

#include "runtime/capture/capture_priv.h"

enum { TOGETHER = 64 };

struct lane {
    unsigned at, count;
    bool ended;
    struct capture_frame frames[TOGETHER];
};

/* Fill the empty lanes. True: each lane whose capture goes on has a frame. False: a lane must wait until the caller is
 * done with its frames, or the reading was stopped. */
static bool fill_all(struct capture *c, bool on_their_way)
{
    struct lane *lanes = c->state;
    for (unsigned i = 0; i < c->part_count; i++) {
        if (lanes[i].at < lanes[i].count || lanes[i].ended) continue;
        if (on_their_way && !c->parts[i]->keeps) return false;
        struct lane *lane = &lanes[i];
        struct capture *part = c->parts[i];
        lane->at = 0;
        lane->count = capture_batch(part, lane->frames, TOGETHER);
        lane->ended = !lane->count;
        c->stopped |= part->stopped;
        if (lane->ended && part->error[0] && !c->part_error[0])
            snprintf(c->part_error, sizeof c->part_error, "%.160s: %.240s", capture_name(part), part->error);
    }
    return !c->stopped;
}

static struct lane *earliest(struct capture *c)
{
    struct lane *lanes = c->state, *first = NULL;
    for (unsigned i = 0; i < c->part_count; i++) {
        struct lane *lane = &lanes[i];
        if (lane->at == lane->count) continue;
        if (!first || lane->frames[lane->at].time_ns < first->frames[first->at].time_ns) first = lane;
    }
    return first;
}

static unsigned merge_read(struct capture *c, struct capture_frame *f, unsigned n)
{
    unsigned got = 0;
    struct lane *lane;
    while (got < n && fill_all(c, got) && (lane = earliest(c))) f[got++] = lane->frames[lane->at++];
    c->copied = 0;
    for (unsigned i = 0; i < c->part_count; i++) c->copied += c->parts[i]->copied;
    if (!got && c->part_error[0]) capture_fault(c, "%s", c->part_error);
    return got;
}

static int merge_open(struct capture *c)
{
    c->state = calloc(c->part_count, sizeof(struct lane));
    c->part_error[0] = 0;
    return c->state ? 0 : capture_fault(c, "out of memory");
}

static const struct capture_ops capture_merge = {.open = merge_open, .read = merge_read, .close = capture_state_free};

/* Merge captures by time; at equal times the earlier capture's frame comes first. The result owns the captures.
 * NULL: out of memory, and they are closed. A fault in one capture ends only that capture: it is reported with the
 * capture's name after the last frame of all others. */
static struct capture *merged(struct capture *const of[], unsigned count)
{
    struct capture *c = calloc(1, sizeof *c);
    struct capture **parts = reallocarray(NULL, count, sizeof *parts);
    for (unsigned i = 0; parts && i < count; i++) parts[i] = of[i];
    if (c && parts) {
        *c = (struct capture){
            .ops = &capture_merge, .fd = -1, .map_slot = -1, .parts = parts, .part_count = count, .keeps = true};
        for (unsigned i = 0; i < count; i++) c->keeps &= of[i]->keeps;
        if (merge_open(c) == 0) return c;
    }
    for (unsigned i = 0; i < count; i++) capture_close(of[i]);
    free(parts);
    free(c);
    return NULL;
}

struct capture *capture_open_all(const char *const paths[], unsigned count, char *err, size_t err_len)
{
    struct capture **parts = reallocarray(NULL, count, sizeof *parts), *all = NULL;
    unsigned opened = 0;
    snprintf(err, err_len, "out of memory");
    while (parts && opened < count && (parts[opened] = capture_open(paths[opened], err, err_len))) opened++;
    if (parts && opened == count) {
        snprintf(err, err_len, "out of memory");
        all = count == 1 ? parts[0] : merged(parts, count);
        opened = 0; /* the captures are now owned by `all`, or closed */
    }
    while (opened) capture_close(parts[--opened]);
    free(parts);
    return all;
}
