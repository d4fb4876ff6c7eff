/* preyctl impact: effects of another program. The rules are compared here, as preyc --diff does; the service reports on
 * its flows. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/analysis/diff/diff.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/compared.h"
#include "runtime/preyctl/hand.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

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
    if (whole && !p) talk_complain("the running program can't be used: %s", err);
    free(bytes);
    return p;
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
    talk_complain("the two programs can't be compared: %s", to ? err : "out of memory");
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

/* Pools that differ, with their servers. */
static const char pools_differ[] =
    "{*pools|pools     |          |{pool}{?new  is new}{!new {?gone  is gone}}{*servers|||   "
    "{?moved {name} has another address}"
    "{!moved {!was? + {name} (weight {now})}{?was? {!now? - {name}}{?now? {name}{?weighs  weight {was} -> {now}}"
    "{?another_port  port {?port_was {port_was}}{!port_was of the service} -> {?port_now {port_now}}{!port_now of the "
    "service}}}}}}\n|}";

/* Flows that cannot stay on their servers. */
static const char servers_flows[] =
    "{*servers|||{?drain           {#drain} on {server} "
    "{?drain_s {=drain|drains|drain} for {~drain_s}, {?then=reset then {=drain|it is|they are} reset}"
    "{!then=reset {=drain|and stays|and stay} open after that}}"
    "{!drain_s {?then=reset {=drain|is|are} reset}{!then=reset {=drain|stays open until it ends|stay open until they "
    "end}}}\n}"
    "{?move           {#move} on {server} {=move|gets|get} another server\n}}";

static const char *past_of(const char *verdict)
{
    static const char *const words[][2] = {{"drop", "dropped"}, {"reject", "rejected"}, {"accept", "accepted"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(verdict, words[i][0])) return words[i][1];
    return verdict;
}

static void verdict_print(const cJSON *v)
{
    static const char by[] = "{?firewall by the default of {firewall} ({place})}"
                             "{!firewall {?rule by {rule} ({place})}{!rule because no firewall judges them}}\n";
    const char *how = past_of(item_text(v, "verdict"));
    if (item_number(v, "flows")) {
        fill(stdout, v, "          {#flows} would now be ");
        printf("%s ", how);
        fill(stdout, v, by);
    }
    if (item_number(v, "anew")) {
        fill(stdout, v, "          {#anew} {=anew|stays|stay} open, but a new one would now be ");
        printf("%s ", how);
        fill(stdout, v, by);
    }
}

static void flows_print(const cJSON *found)
{
    const cJSON *flows = item(found, "flows"), *one;
    const uint64_t live = item_number(flows, "live"), judged = item_number(flows, "judged");
    const uint64_t other = item_number(flows, "drain") + item_number(flows, "move") + item_number(flows, "refused");
    char a[TEXT_NUMBER];
    const uint64_t stay = live > other ? live - other : 0;
    fill(stdout, flows, "flows     {#live} live: ");
    printf("%s %s\n", text_number(stay, a), stay == 1 ? "stays on its server" : "stay on their servers");
    fill(stdout, found, servers_flows);
    cJSON_ArrayForEach(one, item(found, "verdicts")) verdict_print(one);
    if (judged && judged < live)
        printf("%9s these numbers are estimates: both programs judged one flow in %s\n", "",
               text_number((live + judged / 2) / judged, a));
}

/* Print pairs of numbers that differ. Without translation, ports set no limit; a table size of 0 follows from
 * memory. */
static void capacity_print(const cJSON *capacity)
{
    const cJSON *translated = item(capacity, "translated"), *flows = item(capacity, "flows");
    if (item_known(translated, "was") != item_known(translated, "now"))
        fill(stdout, translated,
             "capacity  {?was? no service translates any more (there was room for {#was|flow})}"
             "{?now? services translate now, up to {#now|flow}}\n");
    else if (item_number(translated, "was") != item_number(translated, "now"))
        fill(stdout, translated, "capacity  {#was} -> {#now} translated flows\n");
    if (item_number(flows, "was") != item_number(flows, "now"))
        fill(stdout, flows,
             "limits    {?was {#was}}{!was by memory} -> {?now {#now}}{!now by memory} flows per worker, after a "
             "restart\n");
}

/* Print the names of the new program with their present addresses. */
static void names_print(const cJSON *names)
{
    enum { SHOWN = 20 };
    static const char name[] = "{name}  {?addresses {*addresses||, |{.}}}{!addresses {?why no address: {why}}"
                               "{!why not looked up yet}}\n";
    const int count = cJSON_GetArraySize(names);
    int shown = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, names)
    {
        if (shown == SHOWN) break;
        printf("%-9s ", shown++ ? "" : "names");
        fill(stdout, one, name);
    }
    if (count > SHOWN) printf("%9s and %d more, which --json lists\n", "", count - SHOWN);
}

static void text_print(const struct talk *t, char *diff, char *audit, const cJSON *all)
{
    const time_t back = time(NULL) + TRIAL_S;
    struct tm tm;
    char when[16];
    lines_print("rules", diff);
    if (audit) lines_print("in audit", audit);
    fill(stdout, all, pools_differ);
    names_print(item(all, "names"));
    flows_print(all);
    capacity_print(item(all, "capacity"));
    strftime(when, sizeof when, "%H:%M", localtime_r(&back, &tm));
    if (*item_text(all, "refused"))
        fill(stdout, all, "refused   {refused}\n");
    else
        printf("load it:  preyctl load %s --confirm 5m       the old program comes back at %s unless you run: preyctl "
               "confirm\n",
               t->line->arguments[0], when);
}

/* Complete the document of the findings, and print it. Return the status. */
static int impact_tell(const struct talk *t, struct program *old, struct program *new, cJSON *found)
{
    const bool audits = new->would, json = t->line->json;
    char *diff = diff_of(old, new, json);
    char *audit = diff && audits ? diff_of(new, (struct program *)(uintptr_t) new->would, json) : NULL;
    if (!diff || (audits && !audit)) {
        free(diff);
        return 2;
    }
    if (json) {
        cJSON_AddRawToObject(found, "diff", diff);
        if (audit) cJSON_AddRawToObject(found, "audit", audit);
    }
    cJSON_AddItemToObject(found, "pools", compared_pools(old, new));
    cJSON_AddItemToObject(found, "capacity", compared_capacity(old, new));
    if (json)
        print_json(found);
    else
        text_print(t, diff, audit, found);
    free(diff);
    free(audit);
    return *item_text(found, "refused") ? 1 : 0;
}

int command_IMPACT(struct talk *t)
{
    char err[500];
    if (command_takes(t, 1, 1, "NEW.pbc")) return 2;
    const char *path = t->line->arguments[0];
    cJSON *found, *question = talk_question(QUESTION_IMPACT);
    cJSON_AddStringToObject(question, "name", path);
    if (talk_hand(t, question, hand_file(path), &found)) return 2;
    struct program *new = program_load_file(path, err, sizeof err);
    if (!new) talk_complain("%s", err);
    struct program *old = new ? command_running(t) : NULL;
    const int status = old ? impact_tell(t, old, new, found) : 2;
    program_put(old);
    program_put(new);
    cJSON_Delete(found);
    return status;
}
