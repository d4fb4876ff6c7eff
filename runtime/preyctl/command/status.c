/* preyctl status: the state of the service on one screen; preyctl servers: its servers. */
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/preyctl/screen.h"
#include "runtime/report/document/item.h"

int command_STATUS(struct talk *t)
{
    cJSON *seen;
    int status = command_takes(t, 0, 0, "");
    if (!status) status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
    if (status) return status;
    if (t->line->json)
        print_json(seen);
    else
        screen_print(stdout, seen);
    cJSON_Delete(seen);
    return 0;
}

typedef char pool_name[80];

/* Return the label before a server's own name. */
static const char *label(const cJSON *pool, pool_name text)
{
    snprintf(text, sizeof(pool_name), "%.70s/", item_text(pool, "pool"));
    return text;
}

int command_SERVERS(struct talk *t)
{
    cJSON *seen;
    int status = command_takes(t, 0, 0, "");
    if (!status) status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
    if (status) return status;
    if (t->line->json)
        print_json(item(seen, "pools"));
    else {
        const cJSON *pools = item(seen, "pools");
        pool_name before;
        const cJSON *pool;
        int width = 0;
        cJSON_ArrayForEach(pool, pools)
        {
            const int own = screen_width(pool, label(pool, before));
            if (own > width) width = own;
        }
        cJSON_ArrayForEach(pool, pools) screen_servers(stdout, pool, label(pool, before), width);
    }
    cJSON_Delete(seen);
    return 0;
}
