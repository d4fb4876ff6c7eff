/* preyctl status and servers: what runs, on one screen; its servers alone. */
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/print.h"
#include "runtime/preyctl/screen.h"

int command_STATUS(struct talk *t)
{
    cJSON *seen;
    int status = command_takes(t, 0, 0, "");
    if (!status && t->line->json) return talk_print(t, talk_question(QUESTION_SEEN));
    if (!status) status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
    if (status) return status;
    screen_print(stdout, seen);
    cJSON_Delete(seen);
    return 0;
}

int command_SERVERS(struct talk *t)
{
    const cJSON *pool;
    cJSON *seen;
    int status = command_takes(t, 0, 0, "");
    if (!status) status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
    if (status) return status;
    if (t->line->json) {
        print_json(part(seen, "pools"));
    } else {
        cJSON_ArrayForEach(pool, part(seen, "pools"))
        {
            char before[80];
            snprintf(before, sizeof before, "%.70s/", text_at(pool, "pool"));
            screen_servers(stdout, pool, before);
        }
    }
    cJSON_Delete(seen);
    return 0;
}
