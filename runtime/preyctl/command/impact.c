/* preyctl impact: effects of another program. The rules are compared here, as preyc --diff does; the service reports on
 * its flows. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/analysis/diff/diff.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/compared.h"
#include "runtime/preyctl/hand.h"
#include "runtime/preyctl/print.h"

enum { TRIAL_S = 300 };

struct program *command_running(struct talk *t)
{
    struct message m;
    char err[300], *bytes = NULL;
    size_t len = 0;
    int next = talk_ask(t, talk_question(QUESTION_PROGRAM), -1) ? -1 : 1;
    FILE *to = open_memstream(&bytes, &len);
    while (to && next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0)
        if (m.kind == MESSAGE_BYTES) fwrite(m.body, 1, m.len, to);
    const bool whole = to && !fclose(to) && !next && !t->status;
    if (!next && !whole) talk_complain("%s", t->status ? t->words : "out of memory");
    struct program *p = whole ? program_load(bytes, len, err, sizeof err) : NULL;
    if (whole && !p) talk_complain("the program that runs: %s", err);
    free(bytes);
    return p;
}

/* Return the impact on flows. NULL after a line with the reason. */
static cJSON *flows_of(struct talk *t, const char *path)
{
    cJSON *found, *question = talk_question(QUESTION_IMPACT);
    cJSON_AddStringToObject(question, "name", path);
    return talk_hand(t, question, hand_file(path), &found) ? NULL : found;
}

/* Return the compiler's comparison of both programs, or of one with itself as it would decide without `audit`. NULL
 * after a line with the reason. */
static char *diff_of(struct program *old, struct program *new, bool json)
{
    const struct diff_options how = {.json = json, .without_pools = !json};
    char err[300], *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    const int result = to ? diff_print(old, new, &how, to, err, sizeof err) : -1;
    if (to) fclose(to);
    if (result >= 0) {
        text[strcspn(text, json ? "\n" : "")] = 0; /* one line, as part of another document */
        return text;
    }
    talk_complain("the two programs cannot be compared: %s", to ? err : "out of memory");
    free(text);
    return NULL;
}

/* Print the first line behind the heading, the others below it. */
static void lines_print(const char *heading, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        printf("%-9s %s\n", heading, line);
        heading = "";
    }
}

static void impact_server(const cJSON *s)
{
    const cJSON *was = part(s, "was"), *now = part(s, "now");
    const char *name = text_at(s, "name");
    if (is_true(s, "moved"))
        printf("   %s has another address", name);
    else if (cJSON_IsNull(was))
        printf("   + %s (weight %.0f)", name, cJSON_GetNumberValue(now));
    else if (cJSON_IsNull(now))
        printf("   - %s", name);
    else
        printf("   %s weight %.0f -> %.0f", name, cJSON_GetNumberValue(was), cJSON_GetNumberValue(now));
}

static void pools_print(const cJSON *pools)
{
    const cJSON *pool, *server;
    const char *heading = "pools";
    cJSON_ArrayForEach(pool, pools)
    {
        printf("%-9s %s%s", heading, text_at(pool, "pool"),
               is_true(pool, "new")    ? " is new"
               : is_true(pool, "gone") ? " is gone"
                                       : "");
        cJSON_ArrayForEach(server, part(pool, "servers")) impact_server(server);
        putchar('\n');
        heading = "";
    }
}

static void server_flows_print(const cJSON *s)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    const bool one = number_at(s, "drain") == 1, reset = !strcmp(text_at(s, "then"), "reset");
    const char *then = !reset ? one ? "and goes on after that" : "and go on after that"
                       : one  ? "then it is reset"
                              : "then they are reset";
    const char *ends = !reset ? one ? "goes on until it ends" : "go on until they end" : one ? "is reset" : "are reset";
    if (number_at(s, "drain") && number_at(s, "drain_s"))
        printf("%9s %s on %s drain%s for %s, %s\n", "", count_at(s, "drain", a), text_at(s, "server"), one ? "s" : "",
               text_duration(number_at(s, "drain_s") * 1000000000, b), then);
    else if (number_at(s, "drain"))
        printf("%9s %s on %s %s\n", "", count_at(s, "drain", a), text_at(s, "server"), ends);
    if (number_at(s, "move"))
        printf("%9s %s on %s get%s another server\n", "", count_at(s, "move", a), text_at(s, "server"),
               number_at(s, "move") == 1 ? "s" : "");
}

static const char *past_of(const char *verdict)
{
    static const char *const words[][2] = {{"drop", "dropped"}, {"reject", "rejected"}, {"accept", "accepted"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(verdict, words[i][0])) return words[i][1];
    return verdict;
}

static void verdict_print(const cJSON *v)
{
    char a[TEXT_NUMBER], by[400] = "because no firewall judges them";
    const char *how = past_of(text_at(v, "verdict"));
    if (*text_at(v, "firewall"))
        snprintf(by, sizeof by, "by the default of %.100s (%.200s)", text_at(v, "firewall"), text_at(v, "place"));
    else if (*text_at(v, "rule"))
        snprintf(by, sizeof by, "by %.100s (%.200s)", text_at(v, "rule"), text_at(v, "place"));
    if (number_at(v, "flows")) printf("%9s %s would now be %s %s\n", "", count_at(v, "flows", a), how, by);
    if (number_at(v, "anew"))
        printf("%9s %s go%s on, but one that begins so would now be %s %s\n", "", count_at(v, "anew", a),
               number_at(v, "anew") == 1 ? "es" : "", how, by);
}

static void flows_print(const cJSON *found)
{
    const cJSON *flows = part(found, "flows"), *one;
    const uint64_t live = number_at(flows, "live"), judged = number_at(flows, "judged");
    const uint64_t other = number_at(flows, "drain") + number_at(flows, "move") + number_at(flows, "refused");
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    const uint64_t stay = live > other ? live - other : 0;
    printf("%-9s %s live: %s %s\n", "flows", text_number(live, a), text_number(stay, b),
           stay == 1 ? "stays where it is" : "stay where they are");
    cJSON_ArrayForEach(one, part(found, "servers")) server_flows_print(one);
    cJSON_ArrayForEach(one, part(found, "verdicts")) verdict_print(one);
    if (judged && judged < live)
        printf("%9s these are about so many: one in %s was judged by both programs\n", "",
               text_number((live + judged / 2) / judged, a));
}

/* Print a pair of numbers that differ. 0: the number follows from the machine's memory. */
static void pair_print(const char *heading, const cJSON *pair, const char *what)
{
    const uint64_t was = (uint64_t)cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 0));
    const uint64_t now = (uint64_t)cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 1));
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    if (was != now)
        printf("%-9s %s -> %s %s\n", heading, was ? text_number(was, a) : "by memory",
               now ? text_number(now, b) : "by memory", what);
}

/* Print how many connections services may translate. A program without translation has no such limit. */
static void capacity_print(const cJSON *pair)
{
    const cJSON *was = cJSON_GetArrayItem(pair, 0), *now = cJSON_GetArrayItem(pair, 1);
    const cJSON *one = cJSON_IsNull(was) ? now : was;
    char n[TEXT_NUMBER];
    if (!cJSON_IsNull(was) && !cJSON_IsNull(now)) {
        pair_print("capacity", pair, "translated flows");
    } else if (!cJSON_IsNull(one)) {
        const uint64_t room = (uint64_t)cJSON_GetNumberValue(one);
        printf(one == was ? "%-9s no service translates any more (there was room for %s flow%s)\n"
                          : "%-9s services translate now, up to %s flow%s\n",
               "capacity", text_number(room, n), text_plural(room));
    }
}

static void text_print(const char *path, char *diff, char *audit, const cJSON *pools, const cJSON *capacity,
                       const cJSON *found)
{
    const time_t back = time(NULL) + TRIAL_S;
    struct tm t;
    char when[16];
    lines_print("rules", diff);
    if (audit) lines_print("in audit", audit);
    pools_print(pools);
    flows_print(found);
    capacity_print(part(capacity, "translated"));
    pair_print("limits", part(capacity, "flows"), "flows a worker, after a restart");
    strftime(when, sizeof when, "%H:%M", localtime_r(&back, &t));
    if (*text_at(found, "refused"))
        printf("refused   %s\n", text_at(found, "refused"));
    else
        printf("load it:  preyctl load %s --confirm 5m       goes back at %s unless you say `preyctl confirm`\n", path,
               when);
}

static int tell(struct talk *t, struct program *old, struct program *new, const cJSON *found)
{
    const bool audits = new->would, json = t->line->json;
    char *diff = diff_of(old, new, json);
    char *audit = diff && audits ? diff_of(new, (struct program *)(uintptr_t) new->would, json) : NULL;
    if (!diff || (audits && !audit)) {
        free(diff);
        return 2;
    }
    cJSON *pools = compared_pools(old, new), *capacity = compared_capacity(old, new);
    if (t->line->json) {
        cJSON *all = cJSON_Duplicate(found, true);
        cJSON_AddRawToObject(all, "diff", diff);
        if (audit) cJSON_AddRawToObject(all, "audit", audit);
        cJSON_AddItemReferenceToObject(all, "pools", pools);
        cJSON_AddItemReferenceToObject(all, "capacity", capacity);
        print_json(all);
        cJSON_Delete(all);
    } else {
        text_print(t->line->arguments[0], diff, audit, pools, capacity, found);
    }
    cJSON_Delete(pools);
    cJSON_Delete(capacity);
    free(diff);
    free(audit);
    return *text_at(found, "refused") ? 1 : 0;
}

int command_IMPACT(struct talk *t)
{
    char err[500];
    if (command_takes(t, 1, 1, "NEW.pbc")) return 2;
    const char *path = t->line->arguments[0];
    cJSON *found = flows_of(t, path);
    struct program *new = found ? program_load_file(path, err, sizeof err) : NULL;
    if (found && !new) talk_complain("%s", err);
    struct program *old = new ? command_running(t) : NULL;
    const int status = old ? tell(t, old, new, found) : 2;
    program_put(old);
    program_put(new);
    cJSON_Delete(found);
    return status;
}
