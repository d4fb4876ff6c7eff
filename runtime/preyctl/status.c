/* preyctl status: what runs, on one screen. */
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/print.h"

int command_STATUS(struct talk *t)
{
    cJSON *seen;
    int status = command_takes(t, 0, 0, "");
    if (!status) status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
    if (status) return status;
    if (t->line->json) {
        print_json(seen);
    } else {
        printf("%s: %s\n", text_at(cJSON_GetObjectItem(seen, "instance"), "name"),
               text_at(cJSON_GetObjectItem(seen, "program"), "path"));
    }
    cJSON_Delete(seen);
    return 0;
}
