/* preyctl history: programs that ran, or the text of one; preyctl rollback: one of them in place of the running one. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/force.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"

/* Return the user's name, or the number if it has no name. */
static const char *user_of(const cJSON *program, const char *member, char name[40])
{
    const struct passwd *pw = getpwuid((uid_t)item_number(program, member));
    if (pw)
        snprintf(name, 40, "%.30s", pw->pw_name);
    else
        snprintf(name, 40, "user %llu", (unsigned long long)item_number(program, member));
    return name;
}

/* Add the argument, a number, to the question. Return 0 or 2. */
static int number_take(const struct talk *t, cJSON *question, const char *usage)
{
    const struct command_line *l = t->line;
    char *end = NULL;
    if (command_takes(t, 0, 1, usage)) return 2;
    if (!l->count) return 0;
    const unsigned long n = strtoul(l->arguments[0], &end, 10);
    if (*l->arguments[0] < '0' || *l->arguments[0] > '9' || *end || n > UINT16_MAX)
        return talk_complain("`%.60s` isn't a number: preyctl %s %s", l->arguments[0], l->word, usage);
    return cJSON_AddNumberToObject(question, "number", (double)n) ? 0 : talk_complain("out of memory");
}

/* Print the text that the service sends. Return the exit status. */
static int text_print(struct talk *t, cJSON *question)
{
    struct message m;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    int next = talk_ask(t, question, -1) ? -1 : 1;
    while (to && next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0)
        if (m.kind == MESSAGE_BYTES) fwrite(m.body, 1, m.len, to);
    if (!to || fclose(to)) return talk_complain("out of memory");
    const int status = talk_over(t, next);
    cJSON *o = t->line->json && !status ? cJSON_CreateObject() : NULL;
    if (o) {
        cJSON_AddStringToObject(o, "text", text);
        print_json(o);
    } else if (!status) {
        fwrite(text, 1, len, stdout);
    }
    cJSON_Delete(o);
    free(text);
    return status;
}

int command_HISTORY(struct talk *t)
{
    cJSON *question = talk_question(QUESTION_HISTORY), *all = NULL;
    const cJSON *program;
    if (number_take(t, question, "[N]")) {
        cJSON_Delete(question);
        return 2;
    }
    if (t->line->count) return text_print(t, question);
    const int status = talk_document(t, question, &all);
    if (status) return status;
    if (t->line->json)
        print_json(all);
    else
        cJSON_ArrayForEach(program, item(all, "programs"))
        {
            char user[40];
            fill(stdout, program,
                 "{number}  {@since:-16}  {how:-11}  {#rules|rule}{?services , {#services|service}}  {program}");
            if (item(program, "uid")) printf("  by %s", user_of(program, "uid", user));
            if (item(program, "login")) printf(", logged in as %s", user_of(program, "login", user));
            fill(stdout, program, "{?trial   ({?number never confirmed}{!number on trial})}{!kept   (not kept)}\n");
        }
    cJSON_Delete(all);
    return 0;
}

int command_ROLLBACK(struct talk *t)
{
    static const char usage[] = "[N] [--save] [--confirm D]";
    struct command_line *l = t->line;
    cJSON *question = talk_question(QUESTION_ROLLBACK);
    if (argument_flag(l, "--save")) cJSON_AddTrueToObject(question, "save");
    if (trial_take(l, question)) {
        const char *other = argument_unknown(l);
        if (other)
            talk_complain("`%.60s` isn't an option of rollback: preyctl rollback %s", other, usage);
        else if (!number_take(t, question, usage))
            return put_in_force(t, question, NULL);
    }
    cJSON_Delete(question);
    return 2;
}
