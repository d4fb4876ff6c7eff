/* preyctl dropped: senders whose packets were dropped or rejected in the last minutes. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/look_ask.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

enum { BY_TEXT = 120 };

/* Return the decider: "SSH", "default of edge", "short-ip", "no-server of shop" */
static const char *decider(const cJSON *row, char buf[BY_TEXT])
{
    const char *rule = item_text(row, "rule"), *firewall = item_text(row, "default");
    const char *reason = item_text(row, "reason"), *service = item_text(row, "service");
    if (*rule)
        snprintf(buf, BY_TEXT, "%.60s", rule);
    else if (*firewall)
        snprintf(buf, BY_TEXT, "default of %.60s", firewall);
    else if (*reason)
        snprintf(buf, BY_TEXT, "%.40s%s%.60s", reason, *service ? " of " : "", service);
    else
        return "-";
    return buf;
}

static const char *sender(const cJSON *row)
{
    const char *source = item_text(row, "source");
    return item_true(row, "others") ? "others" : *source ? source : "-";
}

static void print_row(const cJSON *row)
{
    char number[TEXT_NUMBER], packets[TEXT_NUMBER + 1], by[BY_TEXT], when[TEXT_TIME];
    const char *iface = item_text(row, "interface"), *port = item_text(row, "port");
    snprintf(packets, sizeof packets, "%s%s", item_true(row, "estimated") ? "~" : "",
             text_number(item_number(row, "packets"), number));
    printf("%12s  %-15s  %-8s  %-24s  %-10s  %5s  %s\n", packets, sender(row),
           item_true(row, "passed") ? "watched" : item_text(row, "verdict"), decider(row, by), *iface ? iface : "-",
           *port ? port : "-", text_local(item_text(row, "last"), when));
}

int command_DROPPED(struct talk *t)
{
    struct message m;
    int next = look_ask(t, QUESTION_DROPPED, "[--for D] [--limit N]") ? -1 : 1;
    for (bool first = true; next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0 && !ferror(stdout); first = false) {
        if (m.kind != MESSAGE_DOCUMENT) continue;
        if (t->line->json) {
            printf("%.*s\n", (int)m.len, m.body);
            continue;
        }
        if (first)
            printf("%12s  %-15s  %-8s  %-24s  %-10s  %5s  %s\n", "packets", "from", "verdict", "by", "interface",
                   "port", "last");
        cJSON *row = document_parse(m.body, m.len);
        print_row(row);
        cJSON_Delete(row);
    }
    const int status = talk_over(t, next);
    if (!status && !next && !t->line->json) puts(t->words);
    return status;
}
