/* preyctl drain, preyctl undrain: whether a service takes new connections. */
#include <stdio.h>
#include <string.h>

#include "runtime/preyctl/command.h"

static const char usage[] = "service NAME";

static int drain_ask(struct talk *t, bool off)
{
    const struct command_line *l = t->line;
    cJSON *now;
    if (command_takes(t, 2, 2, usage)) return 2;
    if (strcmp(l->arguments[0], "service") != 0)
        return talk_complain(
            "this command drains a service: preyctl %s %s; to drain a server, run: preyctl set POOL/SERVER drain",
            off ? "undrain" : "drain", usage);
    cJSON *question = talk_question(QUESTION_DRAIN);
    cJSON_AddStringToObject(question, "service", l->arguments[1]);
    if (off) cJSON_AddTrueToObject(question, "off");
    const int status = talk_document(t, question, &now);
    if (status) return status;
    talk_tell(t, now);
    cJSON_Delete(now);
    return 0;
}

int command_DRAIN(struct talk *t) { return drain_ask(t, false); }
int command_UNDRAIN(struct talk *t) { return drain_ask(t, true); }
