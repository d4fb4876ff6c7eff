/* preyctl set: set a server's weight or state by hand. */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/when.h"
#include "runtime/preyctl/command.h"

static const char usage[] = "POOL/SERVER weight N|drain [D]|up|down|file";

/* Put the value into the question. Return 0 or 2. */
static int read_value(const struct talk *t, cJSON *question)
{
    const struct command_line *l = t->line;
    const char *to = l->arguments[1], *value = l->count > 2 ? l->arguments[2] : NULL;
    uint64_t ns;
    char *end;
    if (!strcmp(to, "weight")) {
        const double weight = value ? strtod(value, &end) : -1;
        if (!value || *end || !(weight >= 0 && weight <= 1000))
            return talk_complain("a weight must be a number from 0 to 1000: preyctl set %s", usage);
        cJSON_AddNumberToObject(question, "weight", weight);
        return 0;
    }
    if (value && strcmp(to, "drain") != 0) return talk_complain("usage: preyctl set %s", usage);
    if (value && (!duration_read(value, &ns) || !ns))
        return talk_complain("`%.60s` isn't a time such as 30s, 5m, 2h or 7d", value);
    if (value) cJSON_AddNumberToObject(question, "ns", (double)ns);
    return 0;
}

int command_SET(struct talk *t)
{
    const struct command_line *l = t->line;
    if (command_takes(t, 2, 3, usage)) return 2;
    cJSON *question = talk_question(QUESTION_SET), *now;
    cJSON_AddStringToObject(question, "server", l->arguments[0]);
    cJSON_AddStringToObject(question, "to", l->arguments[1]);
    if (read_value(t, question)) {
        cJSON_Delete(question);
        return 2;
    }
    const int status = talk_document(t, question, &now);
    if (status) return status;
    talk_tell(t, now);
    cJSON_Delete(now);
    return 0;
}
