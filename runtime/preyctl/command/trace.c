/* preyctl trace: packets as they come, one line each. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/look.h"
#include "runtime/preyctl/print.h"

static const char *or_dash(const cJSON *seen, const char *member)
{
    const char *text = text_at(seen, member);
    return *text ? text : "-";
}

/* Print a packet, with the time of day from "2024-03-01T09:14:03.118000000Z". */
static void print_seen(const struct message *m)
{
    cJSON *seen = cJSON_ParseWithLength(m->body, m->len);
    const char *time = text_at(seen, "time");
    char n[TEXT_NUMBER];
    if (part(seen, "lost")) {
        printf("... %s more came too fast to be shown\n", count_at(seen, "lost", n));
        cJSON_Delete(seen);
        return;
    }
    printf("%.12s  %-8s %-7s  %-12s %-12s %-14s %s  %llu bytes", strlen(time) > 23 ? time + 11 : time,
           or_dash(seen, "interface"), or_dash(seen, "verdict"), or_dash(seen, "rule"), or_dash(seen, "server"),
           or_dash(seen, "reason"), text_at(seen, "packet"), (unsigned long long)number_at(seen, "bytes"));
    putchar('\n');
    cJSON_Delete(seen);
}

int command_TRACE(struct talk *t)
{
    struct message m;
    int next = look_ask(t, QUESTION_TRACE, "[FILTER] [--count N] [--for D]") ? -1 : 1;
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
