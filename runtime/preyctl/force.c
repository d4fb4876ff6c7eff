/* Questions with a program's file, and the time after which the program is taken back (force.h) */
#include "runtime/preyctl/force.h"

#include "runtime/base/when.h"
#include "runtime/preyctl/hand.h"
#include "runtime/report/document/item.h"

int put_in_force(struct talk *t, cJSON *question, const char *file)
{
    cJSON *made;
    t->waits = true;
    const int status = file ? talk_hand(t, question, hand_file(file), &made) : talk_document(t, question, &made);
    if (status) return status;
    talk_tell(t, made);
    if (!t->line->json && *item_text(made, "unjudged")) printf("not judged: %s\n", item_text(made, "unjudged"));
    cJSON_Delete(made);
    return 0;
}

bool trial_take(struct command_line *l, cJSON *question)
{
    const char *confirm = argument_value(l, "--confirm");
    uint64_t ns = 0;
    if (!confirm) return true;
    if (!duration_read(confirm, &ns) || !ns)
        return !talk_complain("--confirm: `%.60s` isn't a time such as 30s, 5m or 2h", confirm);
    return cJSON_AddNumberToObject(question, "confirm_ns", (double)ns);
}
