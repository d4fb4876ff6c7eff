/* Replay of a recording: the files of one run in order. Workers' steps are independent and run in recorded order. */
#include "runtime/record/told/recording.h"
#include "runtime/record/told/recording_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/base/files.h"
#include "runtime/record/told/explained.h"
#include "runtime/report/log.h"
#include "runtime/report/verdicts.h"

bool recording_label(struct recording *g, const struct program *p)
{
    if (g->labelled == p) return true;
    if (g->labelled) labels_fini(&g->labels);
    g->labelled = NULL;
    if (labels_init(&g->labels, p)) return false;
    g->labelled = p;
    picked_program(&g->picked, &g->labels);
    return true;
}

/* Write the header of verdict lines: before the first line, and again if only one of two successive programs has
 * audit. */
static void head(struct recording *g, bool would)
{
    if (g->headed && g->would == would) return;
    verdicts_begin(g->verdicts.f, would, g->o->json, g->o->describe);
    g->headed = true;
    g->would = would;
}

static void line(struct recording *g, const struct actor *a, const struct judged *j, unsigned i)
{
    char packet[OTHERWISE_WORDS];
    if (!picked_takes(&g->picked, &j->now[i], j->otherwise[i])) return;
    if (g->o->describe) picked_words(&g->picked, a, i, packet, sizeof packet);
    if (g->verdicts.f) {
        head(g, g->labels.would);
        verdicts_line(g->verdicts.f, &g->labels, g->o->json, g->frames, &j->now[i], g->o->describe ? packet : NULL);
    }
    picked_write(&g->picked, i, a->walls[i]);
}

static void judged(void *arg, const struct actor *a, const struct judged *j)
{
    struct recording *g = arg;
    const bool lines = (g->verdicts.f || g->o->write_seen) && recording_label(g, j->program);
    for (unsigned i = 0; i < j->n; i++) {
        const uint64_t wall = a->walls[i];
        g->frames++;
        g->bytes += a->pkts[i].wire_len;
        if (!g->first_ns || wall < g->first_ns) g->first_ns = wall;
        if (wall > g->last_ns) g->last_ns = wall;
        if (j->otherwise[i]) {
            struct otherwise_pair *first = otherwise_add(&g->otherwise, j, i, g->frames, a->walls[i]);
            if (first) picked_words(&g->picked, a, i, first->packet, sizeof first->packet);
        }
        if (lines && wall >= g->chosen.from_ns) line(g, a, j, i);
    }
    played_turn(g);
}

static void left(void *arg, const struct tape_frame *f, uint64_t wall_ns)
{
    struct recording *g = arg;
    const struct capture_frame frame = {.data = (const uint8_t *)(f + 1),
                                        .cap_len = f->cap_len,
                                        .wire_len = f->wire_len,
                                        .time_ns = wall_ns,
                                        .link = (uint8_t)tape_link(f),
                                        .iface = f->port == TAPE_TO_HOST ? g->player.story.start.ports : f->port};
    if (wall_ns < g->chosen.from_ns) return;
    if (g->writer && !g->write_error) g->write_error = capture_write(g->writer, &frame);
}

static void logged(void *arg, const struct actor *a, const struct log_note *n)
{
    struct recording *g = arg;
    const uint64_t wall = actor_wall(a, n->mono_ns);
    if (wall < g->chosen.from_ns || !recording_label(g, a->w->cfg.program)) return;
    log_say(stderr, &(struct log_said){.form = g->o->log,
                                       .labels = &g->labels,
                                       .rule = n->rule,
                                       .would = n->would,
                                       .bytes = n->bytes,
                                       .packet = n->text,
                                       .time_ns = wall});
}

static void moment(void *arg, unsigned loop, const struct session_moment *m, const struct told_program *k)
{
    struct recording *g = arg;
    const uint64_t wall = m->now_ns + g->player.story.start.wall_ns;
    if (wall < g->chosen.from_ns) return;
    sessions_add(&g->sessions, m);
    if (g->o->log && recording_label(g, k->p)) sessions_say(stderr, &g->labels, m, wall, g->o->log == LOG_JSON);
}

static void flow_ended(void *arg, const struct actor *a, const struct flow_record *f)
{
    struct recording *g = arg;
    if (recording_label(g, a->w->cfg.program)) listed_add(&g->flows, &g->labels, a, f);
}

static int results_open(struct recording *g)
{
    const struct options *o = g->o;
    const int failed = o->verdicts ? out_open(&g->verdicts, o->verdicts) : 0;
    if (failed) return complain("%s: %s", o->verdicts, strerror(-failed));
    const unsigned ports = g->player.story.start.ports;
    const char *names[PORTS_MOST];
    uint8_t links[PORTS_MOST];
    char err[400];
    for (unsigned i = 0; i < ports; i++) {
        names[i] = g->player.story.name[i % g->player.story.start.devices];
        links[i] = g->player.story.start.port[i].how & RECORD_BARE ? LINK_RAW : LINK_ETHER;
    }
    if (g->o->write && !(g->writer = capture_create(g->o->write, names, links, ports, err, sizeof err)))
        return complain("%s", err);
    return picked_open(&g->picked, g->o, names, links, ports, err, sizeof err) ? complain("%s", err) : 0;
}

static int results_close(struct recording *g)
{
    int status = 0;
    if (g->verdicts.f && !g->headed) head(g, false);
    const int written = capture_finish(g->writer), lines = g->verdicts.f ? out_close(&g->verdicts) : 0,
              seen = picked_close(&g->picked);
    if (written && -written != EPIPE) status = complain("%s: %s", g->o->write, strerror(-written));
    if (lines && -lines != EPIPE) status = complain("%s: %s", g->verdicts.name, strerror(-lines));
    if (seen && -seen != EPIPE) status = complain("%s: %s", g->o->write_seen, strerror(-seen));
    return written || lines || seen ? 2 : status;
}

/* Explain the packets of this batch that --explain names; its verdicts are not used otherwise. */
static bool explains(struct recording *g, struct actor *a, unsigned n)
{
    const uint64_t first = options_explained_after(g->o, g->frames);
    if (!first || first > g->frames + n) return false;
    const struct explaining e = {.o = g->o, .labels = &g->labels, .frames = g->frames, .any = g->explained};
    if (!recording_label(g, a->w->cfg.program)) {
        g->short_of_memory = true;
        return true;
    }
    const int status = explained(a, n, &e);
    if (status) g->explained_status = status;
    for (uint64_t at = first; at && at <= g->frames + n; at = options_explained_after(g->o, at)) g->explained = at;
    g->frames += n;
    return true;
}

static bool before(void *arg, struct actor *a, unsigned n)
{
    struct recording *g = arg;
    if (g->o->explained_count) return explains(g, a, n);
    if (!picked_keep(&g->picked, a, n)) g->short_of_memory = true;
    return g->short_of_memory;
}

static bool is_done(const struct recording *g)
{
    const bool all_told = g->explained && !options_explained_after(g->o, g->explained);
    return all_told || g->short_of_memory || *g->copied.fault || player_over(&g->player);
}

/* Play a file. A fault is kept for the end, because the data before it is valid. */
static int play_file(struct recording *g, unsigned at)
{
    char name[RECORDING_NAME], err[200];
    struct film f = {0};
    struct scene s;
    recording_name(g->reel.files[at].number, name);
    int failed = chosen_open(&g->reel, at, &f, &s, err, sizeof err);
    for (bool more = !failed; more; more = !failed && !is_done(g) && film_next(&f, &s))
        failed = player_scene(&g->player, &s, err, sizeof err);
    if (failed)
        snprintf(g->stopped, sizeof g->stopped, "%s: %s", name, err);
    else if (f.fault && at == g->chosen.last)
        snprintf(g->stopped, sizeof g->stopped, "%s: %s", name, f.fault);
    else if (f.fault)
        player_gap(&g->player, "an earlier file was cut short");
    film_close(&f);
    return failed == -ENOMEM ? 2 : 0;
}

static int recording_choose(struct recording *g)
{
    char err[300];
    if (!g->reel.count) return complain("%s: the directory has no recording", g->o->replay);
    if (chosen_find(&g->chosen, &g->reel, g->o, &g->player.story, err, sizeof err))
        return complain("%s/%s", g->o->replay, err);
    char name[RECORDING_NAME];
    for (unsigned i = g->reel.count - g->chosen.unbegun; i < g->reel.count; i++) {
        recording_name(g->reel.files[i].number, name);
        complain("notice: %s/%s isn't a recording, perhaps after a full disk; preyrun leaves the file out",
                 g->o->replay, name);
    }
    if (g->chosen.to_ns && g->chosen.to_ns < g->chosen.from_ns) return complain("--from is after --to");
    return 0;
}

static void say_stopped(const struct recording *g)
{
    if (*g->stopped) complain("%s/%s", g->o->replay, g->stopped);
    for (unsigned i = 0; g->player.begun && i < g->player.story.start.workers; i++) {
        const struct actor *a = &g->player.actors[i];
        if (a->missed) complain("%s: worker %u continues from a later state: %s", g->o->replay, i, a->missed);
        if (a->stopped) complain("%s: worker %u can't continue: %s", g->o->replay, i, a->stopped);
    }
}

static int explained_ends(struct recording *g)
{
    const uint64_t missing = options_explained_after(g->o, g->explained);
    if (missing) say_stopped(g);
    const int closed = results_close(g);
    if (missing) return complain("--explain %" PRIu64 ": only %" PRIu64 " frames were replayed", missing, g->frames);
    return g->explained_status ? g->explained_status : closed;
}

/* Reject options that need flows or sent packets, which a recording of the kernel does not have. */
static int refuse_unknown(const struct recording *g)
{
    const struct options *o = g->o;
    const char *asked = o->explained_count ? "--explain"
                        : o->flows         ? "--flows"
                        : o->coverage      ? "--coverage"
                        : o->write         ? "--write"
                        : o->copies        ? "--copies"
                        : o->observed      ? "--observed"
                                           : NULL;
    if (!asked || !g->player.story.start.in_kernel) return 0;
    return complain("%s: the recording is of the kernel executor and has only some verdicts: leave out %s", o->replay,
                    asked);
}

static int play(struct recording *g)
{
    if (refuse_unknown(g)) return 2;
    int status = results_open(g);
    g->player.watch = (struct actor_watch){.before = before,
                                           .judged = judged,
                                           .left = left,
                                           .logged = g->o->log ? logged : NULL,
                                           .ended = g->o->flows ? flow_ended : NULL,
                                           .arg = g,
                                           .copies = g->o->explained_count ? NULL : played_program,
                                           .observed = g->o->explained_count ? NULL : observing_program,
                                           .to_ns = g->chosen.to_ns};
    g->player.moment = moment;
    g->flows.from_ns = g->chosen.from_ns;
    for (unsigned i = g->chosen.first; i <= g->chosen.last && !status && !is_done(g); i++) status = play_file(g, i);
    player_end(&g->player);
    if (!status && !g->player.begun) status = complain("%s: the recording has no packets", g->o->replay);
    if (!status && g->short_of_memory) status = complain("out of memory");
    if (!status && g->o->only && !g->picked.known && *g->picked.unknown)
        status = complain("%s", g->picked.unknown); /* a name that no program had */
    if (!status && g->o->explained_count) return explained_ends(g);
    played_turn(g);
    if (!status && options_summarise(g->o)) status = recording_summary(g);
    fflush(stdout);
    say_stopped(g);
    const int closed = results_close(g), copied = played_end(g), observing = observing_end(g);
    const struct actor_counters c = player_counters(&g->player);
    if (status || closed || copied || observing) return status ? status : closed ? closed : copied ? copied : observing;
    return g->same && (c.packets_other || c.verdicts_other) ? 1 : 0;
}

int recording(const struct options *o)
{
    struct recording *g = calloc(1, sizeof *g);
    char err[600];
    if (!g) return complain("out of memory");
    g->o = o;
    const bool compiled = !o->program || path_is_compiled(o->program, err, sizeof err);
    struct program *other = o->program && compiled ? program_load_file(o->program, err, sizeof err) : NULL;
    int status = o->program && !other ? complain("%s", err) : 0;
    g->player.story.other = other;
    if (other && !opened_init(&g->player.story.other_opened, other)) status = complain("out of memory");
    g->same = !other;
    if (!status && reel_open(&g->reel, o->replay, 0, err, sizeof err)) status = complain("%s", err);
    if (!status) status = recording_choose(g);
    if (!status) status = play(g);
    if (g->labelled) labels_fini(&g->labels); /* labels of a program that the player holds */
    listed_fini(&g->flows);
    player_fini(&g->player);
    replayed_end(&g->copied.to);
    reel_close(&g->reel);
    program_put(other);
    free(g);
    return status;
}
