/* preyctl counters: every number of the service's document, under its name in the document. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"

enum { PATH_MOST = 300 };

struct listing {
    const char *begins; /* prefix of names; NULL: all numbers that are not 0 */
    unsigned zeros;
};

/* Return the name of a list's member: the text of a naming member, else its index. */
static const char *member_name(const cJSON *item, char buf[24], unsigned at)
{
    static const char *const members[] = {"rule",      "firewall", "service", "server", "pool",
                                          "interface", "meter",    "limit",   "set"};
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++)
        if (*item_text(item, members[i])) return item_text(item, members[i]);
    snprintf(buf, 24, "%u", at);
    return buf;
}

static void number_print(struct listing *l, const char *path, const cJSON *item)
{
    if (l->begins && strncmp(path, l->begins, strlen(l->begins)) != 0) return;
    if (!l->begins && !value_number(item)) {
        l->zeros++;
        return;
    }
    printf("%-44s", path);
    fill(stdout, item, " {#.:22}\n");
}

/* Print the numbers below a list. The service's documents are only a few levels deep. */
static void numbers_walk(struct listing *l, const cJSON *list, const char *path, unsigned depth)
{
    unsigned at = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        char below[PATH_MOST], number[24];
        const char *name = cJSON_IsArray(list) ? member_name(item, number, at++) : item->string;
        snprintf(below, sizeof below, "%.200s%s%.80s", path, *path ? "." : "", name);
        if (cJSON_IsRaw(item)) number_print(l, below, item);
        if ((cJSON_IsObject(item) || cJSON_IsArray(item)) && depth) numbers_walk(l, item, below, depth - 1);
    }
}

int command_COUNTERS(struct talk *t)
{
    struct listing l = {.begins = t->line->count ? t->line->arguments[0] : NULL};
    cJSON *seen;
    int status = command_takes(t, 0, 1, "[BEGINS]");
    if (!status) status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
    if (status) return status;
    cJSON_DeleteItemFromObject(seen, "history");
    cJSON_DeleteItemFromObject(seen, "time_ms");
    if (t->line->json)
        print_json(seen);
    else
        numbers_walk(&l, seen, "", 8);
    if (l.zeros) printf("and %u counters that are 0\n", l.zeros);
    cJSON_Delete(seen);
    return 0;
}
