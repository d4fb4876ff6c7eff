/* Losses by cause; the meter counts packets that the rate left out */
#include "runtime/copies/copies_told.h"

#include <cjson/cJSON.h>

#include "runtime/report/document/fill.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

/* Return the copies that the rule's rate left out, which its meter has counted. */
static uint64_t over_rate(const struct copies_told *of, unsigned mirror)
{
    const struct program *p = of->program; /* the table may be an earlier program's */
    const uint32_t meter = p && mirror < p->mirrors_count ? p->mirrors[mirror].meter : 0;
    return meter && of->counters && of->counters->meters ? of->counters->meters[meter - 1].over : 0;
}

static uint64_t lost_in_all(const struct copy_count *n, uint64_t rate)
{
    uint64_t all = rate;
    for (unsigned i = 0; i < COPY_LOSSES; i++) all += n->lost[i];
    return all;
}

void copies_json(cJSON *root, const struct copies_told *of)
{
    struct copy_count n;
    cJSON *mirrors = cJSON_AddArrayToObject(root, "mirrors");
    for (unsigned i = 0; of->copies && of->table && i < of->table->count; i++) {
        copies_count(of->table->slot[i], &n);
        cJSON *one = json_object(mirrors);
        const uint64_t rate = over_rate(of, i);
        json_text(one, "rule", n.rule);
        cJSON_AddStringToObject(one, "to", n.to);
        json_text(one, "target", n.target);
        cJSON_AddBoolToObject(one, "sent", n.sent);
        json_number(one, "packets", n.packets);
        json_number(one, "bytes", n.bytes);
        json_number(one, "lost", lost_in_all(&n, rate));
        cJSON *by = cJSON_AddObjectToObject(one, "lost_by");
        json_number(by, "rate", rate);
        for (unsigned k = 0; k < COPY_LOSSES; k++) json_number(by, copy_loss_keys[k], n.lost[k]);
    }
}

void copies_text(FILE *out, const cJSON *root, const struct copies_told *of)
{
    char dir[340];
#define COPY_LOSS(ident, key, words) "{?lost_by." key " ; lost {#lost_by." key "}: " words "}"
    fill(out, root,
         "{*mirrors|mirrors     |            |{rule}{?sent , as they leave,} to {to} {target}: {#packets|copy|copies}, "
         "{#bytes|byte}{?lost_by.rate ; lost {#lost_by.rate}: over the rule's rate}"
#include "runtime/copies/loss.def"
         "\n}");
    if (!of->replayed || !of->table) return;
    if (of->dir)
        fprintf(out, "            a replay sends nothing: the copies are in files below %s\n",
                text_tail(of->dir, 80, dir, sizeof dir));
    else
        fprintf(out, "            a replay sends nothing: the copies were only counted (--copies DIR keeps them)\n");
}
