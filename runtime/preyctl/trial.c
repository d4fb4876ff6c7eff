#include "runtime/preyctl/trial.h"

#include "runtime/base/when.h"
#include "runtime/preyctl/talk.h"

bool trial_take(struct command_line *l, cJSON *question)
{
    const char *confirm = argument_value(l, "--confirm");
    uint64_t ns = 0;
    if (!confirm) return true;
    if (!duration_read(confirm, &ns) || !ns)
        return !talk_complain("--confirm: `%.60s` is not a time, as 30s, 5m, 2h are", confirm);
    return cJSON_AddNumberToObject(question, "confirm_ns", (double)ns);
}
