/* Each scene goes to the story or to its worker's actor; after a gap actors wait for their next state */
#include "runtime/record/again/player.h"

#include <errno.h>
#include <stdio.h>

static int player_begin(struct player *p, char *err, size_t err_len)
{
    p->watch.unmade = &p->unmade;
    for (unsigned i = 0; i < p->story.start.workers; i++) {
        struct actor *a = &p->actors[i];
        actor_init(a, &p->story, i, &p->watch);
        if (p->story.start.fresh && actor_begin(a)) {
            snprintf(err, err_len, "out of memory: each of %u workers needs the tables of the rules",
                     p->story.start.workers);
            return -ENOMEM;
        }
    }
    p->begun = true;
    return 0;
}

void player_gap(struct player *p, const char *why)
{
    for (unsigned i = 0; p->begun && i < p->story.start.workers; i++) actor_stop(&p->actors[i], why);
}

/* Begin the next file. If something was lost before it, the actors stop until their next state. */
static void next_file(struct player *p, const struct scene *s)
{
    struct cursor c = {s->body, s->len};
    struct record_start start;
    if (!cursor_copy(&c, &start, sizeof start)) return;
    p->story.start.wall_ns = start.wall_ns; /* the wall clock may have been set */
    const bool cut = p->story.start.version >= RECORD_FOLLOWED && !p->followed;
    p->followed = false;
    if (start.torn)
        player_gap(p, "the disk was too slow for a while");
    else if (cut)
        player_gap(p, "an earlier file was cut short");
}

/* Hand on a moment of a session, if its program is known. */
static void moment(const struct player *p, const struct scene *s)
{
    struct cursor c = {s->body, s->len};
    struct session_moment m;
    if (!p->moment || !cursor_copy(&c, &m, sizeof m) || m.kind >= MOMENTS || (m.family != 4 && m.family != 6)) return;
    m.end[sizeof m.end - 1] = 0;
    const struct told_program *k = story_program(&p->story, m.program);
    if (k && (!p->watch.to_ns || m.now_ns + p->story.start.wall_ns <= p->watch.to_ns))
        p->moment(p->watch.arg, s->worker, &m, k);
}

int player_scene(struct player *p, const struct scene *s, char *err, size_t err_len)
{
    const bool told = s->kind == SCENE_CUSTOM && s->what != RECORD_STEP;
    p->ended |= told && s->what == RECORD_END;
    p->followed |= told && s->what == RECORD_NEXT;
    if (told && s->what == RECORD_START) next_file(p, s);
    if (p->ended || (told && (s->what == RECORD_START || s->what == RECORD_NEXT))) return 0;
    if (told && s->what == RECORD_SESSION) {
        moment(p, s);
        return 0;
    }
    if (told) return story_hear(&p->story, s, err, err_len);
    if (s->worker >= p->story.start.workers || !p->story.programs_count) {
        snprintf(err, err_len, "the recording is damaged: a record comes before its program");
        return -EINVAL;
    }
    const int failed = p->begun ? 0 : player_begin(p, err, err_len);
    if (failed) return failed;
    if (s->kind == SCENE_PACKET)
        actor_packet(&p->actors[s->worker], s);
    else
        actor_step(&p->actors[s->worker], s);
    return 0;
}

bool player_over(const struct player *p)
{
    bool over = p->begun;
    for (unsigned i = 0; i < p->story.start.workers; i++) over &= p->actors[i].over;
    return over;
}

void player_end(struct player *p)
{
    for (unsigned i = 0; p->begun && i < p->story.start.workers; i++) {
        if (p->ended)
            actor_rest(&p->actors[i]);
        else
            actor_finish(&p->actors[i]);
    }
}

void player_fini(struct player *p)
{
    for (unsigned i = 0; i < WORKERS_MOST; i++) actor_fini(&p->actors[i]);
    unmade_fini(&p->unmade);
    story_end(&p->story);
}

struct actor_counters player_counters(const struct player *p)
{
    struct actor_counters all = {0};
    for (unsigned i = 0; p->begun && i < p->story.start.workers; i++) {
        const struct actor_counters *c = &p->actors[i].counters;
        all.packets += c->packets;
        all.packets_other += c->packets_other;
        all.verdicts += c->verdicts;
        all.verdicts_other += c->verdicts_other;
        all.unheard += c->unheard;
        all.untold += c->untold;
        all.passed_over += c->passed_over;
    }
    return all;
}
