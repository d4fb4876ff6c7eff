/* preyctl load: put another program in place of the running one; preyctl reload: reload the rules, as SIGHUP does,
 * and wait for the answer; preyctl confirm: keep it. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/force.h"

static const char load_usage[] = "NEW.pbc [--save] [--confirm D] [--allow-unjudged DEV,...]";
static const char reload_usage[] = "[NEW.pbc] [--confirm D] [--logs]";

/* Finish reading: the rest of the arguments is a file. Add its name to the question. False after a line with the
 * reason. */
static bool file_take(const struct talk *t, cJSON *question, unsigned least, const char *usage)
{
    const struct command_line *l = t->line;
    const char *other = argument_unknown(l);
    if (other) return !talk_complain("`%.60s` isn't an option of %s: preyctl %s %s", other, l->word, l->word, usage);
    if (command_takes(t, least, 1, usage)) return false;
    return !l->count || cJSON_AddStringToObject(question, "name", l->arguments[0]);
}

int command_LOAD(struct talk *t)
{
    struct command_line *l = t->line;
    cJSON *question = talk_question(QUESTION_LOAD);
    const bool save = argument_flag(l, "--save");
    /* The devices; NULL: the option is not given; "": it has no names, and the answer lists them. */
    const char *allows = argument_value(l, "--allow-unjudged");
    const size_t len = allows ? strlen(allows) : 0;
    const bool file = len > 4 && !strcmp(allows + len - 4, ".pbc");
    if (file) l->arguments[l->count++] = (char *)(uintptr_t)allows;
    if (file) allows = "";
    if (allows) cJSON_AddStringToObject(question, "allow_unjudged", allows);
    if (save) cJSON_AddTrueToObject(question, "save");
    if (trial_take(l, question) && file_take(t, question, 1, load_usage))
        return put_in_force(t, question, l->count ? l->arguments[0] : NULL);
    cJSON_Delete(question);
    return 2;
}

int command_RELOAD(struct talk *t)
{
    struct command_line *l = t->line;
    cJSON *question = talk_question(QUESTION_RELOAD);
    const bool logs = argument_flag(l, "--logs");
    if (trial_take(l, question) && file_take(t, question, 0, reload_usage)) {
        if (!logs) return put_in_force(t, question, l->count ? l->arguments[0] : NULL);
        if (!l->count && !cJSON_GetObjectItem(question, "confirm_ns")) {
            cJSON_AddTrueToObject(question, "logs");
            return talk_done(t, question);
        }
        talk_complain(
            "--logs only reopens log files and takes neither a program nor --confirm: write `preyctl reload --logs`");
    }
    cJSON_Delete(question);
    return 2;
}

/* Confirm a start with --confirm or a loaded program, which then goes on. */
int command_CONFIRM(struct talk *t)
{
    static const char usage[] = "WORD|--force";
    struct command_line *l = t->line;
    const bool force = argument_flag(l, "--force");
    const char *other = argument_unknown(l);
    if (other) return talk_complain("`%.60s` isn't an option of confirm: preyctl confirm %s", other, usage);
    if (command_takes(t, 0, force ? 0 : 1, usage)) return 2;
    cJSON *question = talk_question(QUESTION_CONFIRM);
    if (force) cJSON_AddTrueToObject(question, "force");
    if (l->count) cJSON_AddStringToObject(question, "word", l->arguments[0]);
    const int status = talk_done(t, question);
    if (!status && !t->line->json) puts(t->words);
    return status;
}
