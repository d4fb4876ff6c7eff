/* preyctl load: put another program in place of the running one; preyctl confirm: keep it. */
#include <string.h>

#include "runtime/base/when.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command_line.h"
#include "runtime/preyctl/hand.h"
#include "runtime/preyctl/print.h"

static const char usage[] = "NEW.pbc [--save] [--confirm D] [--allow-unjudged DEV,...]";

/* Return the devices of --allow-unjudged; NULL: it is not given. "": without names, for which the answer lists them. */
static const char *allows_of(struct command_line *l)
{
    const char *allows = argument_value(l, "--allow-unjudged");
    const size_t len = allows ? strlen(allows) : 0;
    const bool file = len > 4 && !strcmp(allows + len - 4, ".pbc");
    if (file) l->arguments[l->count++] = (char *)(uintptr_t)allows;
    return file ? "" : allows;
}

/* Make the question from the arguments, which it uses up. NULL after a line with the reason. */
static cJSON *question_of(struct talk *t)
{
    struct command_line *l = t->line;
    const bool save = argument_flag(l, "--save");
    const char *allows = allows_of(l);
    const char *confirm = argument_value(l, "--confirm"), *other = argument_unknown(l);
    uint64_t ns = 0;
    if (confirm && (!duration_read(confirm, &ns) || !ns)) {
        talk_complain("--confirm: `%.60s` is not a time, as 30s, 5m, 2h are", confirm);
        return NULL;
    }
    if (other || command_takes(t, 1, 1, usage)) {
        if (other) talk_complain("`%.60s` is no option of load: preyctl load %s", other, usage);
        return NULL;
    }
    cJSON *question = talk_question(QUESTION_LOAD);
    cJSON_AddStringToObject(question, "name", l->arguments[0]);
    if (allows) cJSON_AddStringToObject(question, "allow_unjudged", allows);
    if (save) cJSON_AddTrueToObject(question, "save");
    if (confirm) cJSON_AddNumberToObject(question, "confirm_ns", (double)ns);
    return question;
}

int command_LOAD(struct talk *t)
{
    cJSON *question = question_of(t), *made;
    if (!question) return 2;
    const int status = talk_hand(t, question, hand_file(t->line->arguments[0]), &made);
    if (status) return status;
    if (t->line->json)
        print_json(made);
    else
        puts(t->words);
    if (!t->line->json && *text_at(made, "unjudged")) printf("not judged: %s\n", text_at(made, "unjudged"));
    cJSON_Delete(made);
    return 0;
}

/* Confirm a start with --confirm or a loaded program, which then goes on. */
int command_CONFIRM(struct talk *t)
{
    if (command_takes(t, 0, 0, "")) return 2;
    const int status = talk_done(t, talk_question(QUESTION_CONFIRM));
    if (!status && !t->line->json) puts(t->words);
    return status;
}
