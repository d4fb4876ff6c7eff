#include "runtime/record/told/single_said.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "runtime/report/text.h"

static int json(report_more_fn *more, const void *arg)
{
    cJSON *root = cJSON_CreateObject();
    more(root, arg);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    if (!text) return -1;
    puts(text);
    free(text);
    return 0;
}

int single_summary(const struct options *o, const struct totals *t, const struct actor_counters *c,
                   report_more_fn *more, const void *arg)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], d[TEXT_NUMBER];
    if (o->json) return json(more, arg);
    printf("recording   %s\n            %s frame%s, %s bytes, of those that the kernel judged\n", o->replay,
           text_number(t->frames, a), text_plural(t->frames), text_number(t->bytes, b));
    printf("verdicts    %s as recorded, %s otherwise, %s that hang%s on more than was recorded\n",
           text_number(c->verdicts, a), text_number(c->verdicts_other, b), text_number(c->unclaimed, d),
           c->unclaimed == 1 ? "s" : "");
    return 0;
}
