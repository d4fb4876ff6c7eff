/* The summary at the end of a replayed recording. */
#include <cjson/cJSON.h>

#include "runtime/base/complain.h"
#include "runtime/copies/copies_told.h"
#include "runtime/record/told/recording_priv.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/json.h"
#include "runtime/report/live_report.h"
#include "runtime/report/summary.h"
#include "runtime/worker/sum.h"

static struct copies_told copied_of(const struct recording *g)
{
    return (struct copies_told){.copies = g->copied.to.copies,
                                .table = g->copied.table,
                                .program = g->labelled,
                                .counters = g->counters,
                                .replayed = true,
                                .dir = g->o->copies};
}

/* True if all live sets of the worker's programs were empty: the recording does not contain their answers. */
static bool members_empty(const struct recording *g)
{
    const struct story *t = &g->player.story;
    bool any = t->other && t->other->lives_count;
    for (unsigned i = 0; i < t->programs_count && !t->other; i++) any |= t->programs[i]->p->lives_count != 0;
    return any && t->start.version < RECORD_HEARD && !t->start.in_kernel;
}

/* Report the questions that live sets could not answer. */
static void members_text(const cJSON *root)
{
    fill(stdout, root,
         "{/recording {?members_empty live sets   empty: a recording before version 19 doesn't have their members, so "
         "verdicts may differ\n}"
         "{?members_unknown live sets   {#members_unknown|look-up} without a recorded result; preyrun assumed that the "
         "set doesn't have the address\n}}");
}

static void more_json(cJSON *root, const struct recording *g)
{
    const struct actor_counters c = player_counters(&g->player);
    cJSON *to = cJSON_AddObjectToObject(root, "recording");
    json_number(to, "first", g->reel.files[g->chosen.first].number);
    json_number(to, "last", g->reel.files[g->chosen.last].number);
    json_number(to, "workers", g->player.story.start.workers);
    json_number(to, "packets", c.packets);
    json_number(to, "packets_otherwise", c.packets_other);
    json_number(to, "verdicts", c.verdicts);
    json_number(to, "verdicts_otherwise", c.verdicts_other);
    if (g->player.story.start.in_kernel) json_number(to, "verdicts_unclaimed", c.untold);
    json_number(to, "passed_over", c.passed_over);
    json_number(to, "members_unknown", c.unheard);
    cJSON_AddBoolToObject(to, "members_empty", members_empty(g));
    sessions_json(to, &g->sessions);
    otherwise_json(to, &g->otherwise);
    json_moment(to, "began", g->first_ns);
    json_moment(to, "ended", g->last_ns);
    const struct copies_told copied = copied_of(g);
    copies_json(root, &copied);
}

/* Return the first actor's worker that exists; NULL: none. */
static const struct worker *some_worker(const struct recording *g)
{
    for (unsigned i = 0; i < g->player.story.start.workers; i++)
        if (g->player.actors[i].w) return g->player.actors[i].w;
    return NULL;
}

static int summary_print(struct recording *g, const struct report *of)
{
    const struct options *o = g->o;
    if (o->coverage) return report_coverage(stdout, of);
    cJSON *root = report_document(of);
    if (!root) return -1;
    more_json(root, g);
    if (o->json) return report_json(stdout, root, o->flows ? &g->flows.list : NULL);
    report_text(stdout, of, root);
    const struct copies_told copied = copied_of(g);
    fill(stdout, root,
         "{/recording verdicts    {#verdicts} as recorded, {#verdicts_otherwise} otherwise\n"
         "left        {#packets|packet} as recorded, {#packets_otherwise} otherwise\n}");
    otherwise_text(stdout, &g->otherwise);
    members_text(root);
    fill(stdout, root,
         "{/recording.sessions sessions    {#begun} begun, {#ended} ended{*ended_by| (|, |{#.} {$}|)}; {#up_bytes} "
         "bytes from "
         "clients, {#down_bytes} to them\n}");
    copies_text(stdout, root, &copied);
    fill(stdout, root,
         "{/recording {?passed_over passed over {#passed_over|packet}: the recording had no state yet when "
         "{=passed_over|it|they} came\n}}");
    cJSON_Delete(root);
    if (o->flows) flow_list_behind(stdout, &g->flows.list, of->counters);
    return 0;
}

/* Print the summary of packets that the kernel judged, of which only the verdicts are known. */
static int summary_of_kernel(const struct recording *g)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    cJSON *root = cJSON_CreateObject();
    more_json(root, g);
    if (g->o->json) return json_root_print(stdout, root, NULL, NULL, NULL) ? complain("out of memory") : 0;
    printf("recording   %s\n            %s frame%s, %s bytes: a sample of the frames that the kernel judged\n",
           g->o->replay, text_number(g->frames, a), text_plural(g->frames), text_number(g->bytes, b));
    fill(stdout, root,
         "{/recording verdicts    {#verdicts} as recorded, {#verdicts_otherwise} otherwise, {#verdicts_unclaimed} that "
         "{=verdicts_unclaimed|needs|need} more than was recorded\n}");
    otherwise_text(stdout, &g->otherwise);
    members_text(root);
    cJSON_Delete(root);
    return 0;
}

int recording_summary(struct recording *g)
{
    otherwise_sort(&g->otherwise);
    if (g->player.story.start.in_kernel) return summary_of_kernel(g);
    struct totals totals = {0};
    const struct worker *some = some_worker(g);
    if (!some)
        return complain("%s: the beginning of the recording is gone, and none of its files has a worker's state",
                        g->o->replay);
    const struct program *p = some->cfg.program;
    if (g->o->flows) {
        for (unsigned i = 0; i < g->player.story.start.workers; i++) {
            const struct actor *a = &g->player.actors[i];
            if (a->w && recording_label(g, a->w->cfg.program)) listed_rest(&g->flows, &g->labels, a);
        }
        flow_list_sort(&g->flows.list);
    }
    struct sum *sum = recording_label(g, p) ? sum_new(p, vm_counters(some->vm)) : NULL;
    if (!sum) return complain("out of memory");
    /* Add up the workers that run the last program; the others stopped before the last change. */
    totals.first_ns = g->first_ns;
    totals.last_ns = g->last_ns;
    for (unsigned i = 0; i < g->player.story.start.workers; i++) {
        const struct worker *w = g->player.actors[i].w;
        if (!w) continue;
        if (w->cfg.program == p) sum_add(sum, vm_counters(w->vm));
        totals_add(&totals, &w->counters.totals);
    }
    const struct report of = {.options = g->o,
                              .program = (struct program *)(uintptr_t)p,
                              .labels = &g->labels,
                              .counters = sum_counters(sum),
                              .totals = &totals};
    g->counters = of.counters;
    const int failed = summary_print(g, &of);
    sum_free(sum);
    return failed ? complain("out of memory") : 0;
}
