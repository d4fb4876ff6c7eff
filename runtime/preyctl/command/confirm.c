/* preyctl confirm: what was started with --confirm goes on. */
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/print.h"

int command_CONFIRM(struct talk *t)
{
    if (command_takes(t, 0, 0, "")) return 2;
    const int status = talk_done(t, talk_question(QUESTION_CONFIRM));
    if (!status && !t->line->json) puts(t->words);
    return status;
}
