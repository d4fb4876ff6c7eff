/* preyctl trace: packets as they come, one line each. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/look_ask.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"

static const char *or_dash(const cJSON *seen, const char *member)
{
    const char *text = item_text(seen, member);
    return *text ? text : "-";
}

/* Print a packet, with the time of day from "2024-03-01T09:14:03.118000000Z". */
static void print_seen(const struct message *m)
{
    cJSON *seen = document_parse(m->body, m->len);
    const char *time = item_text(seen, "time");
    if (item(seen, "left_out")) { /* the last line reports it */
        cJSON_Delete(seen);
        return;
    }
    if (item(seen, "lost")) {
        fill(stdout, seen, "... {#lost} more packets came too fast to be shown\n");
        cJSON_Delete(seen);
        return;
    }
    printf("%.12s  %-8s %-7s  %-12s %-12s %-14s ", strlen(time) > 23 ? time + 11 : time, or_dash(seen, "interface"),
           or_dash(seen, "verdict"), or_dash(seen, "rule"), or_dash(seen, "server"), or_dash(seen, "reason"));
    fill(stdout, seen, "{packet}  {bytes} bytes\n");
    cJSON_Delete(seen);
}

int command_TRACE(struct talk *t)
{
    struct message m;
    int next = look_ask(t, QUESTION_TRACE, "[FILTER] [--only WHICH] [--count N] [--for D]") ? -1 : 1;
    while (next > 0 && (next = talk_next(t, &m, -1)) > 0 && !ferror(stdout)) {
        if (m.kind == MESSAGE_TEXT)
            fprintf(stderr, "%.*s\n", (int)m.len, m.body);
        else if (t->line->json)
            printf("%.*s\n", (int)m.len, m.body);
        else
            print_seen(&m);
        fflush(stdout);
    }
    const int status = talk_over(t, next);
    if (!status && !next) fprintf(stderr, "%s\n", t->words);
    return status;
}
