/* preyctl flows: present flows, one line each, as they are reported. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command_line.h"
#include "runtime/preyctl/look_ask.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

enum { SIDE_TEXT = 80 };

/* Return a side of the flow: "10.0.0.1:5000", "[2001:db8::1]:443", "10.0.0.1" */
static const char *side(const cJSON *flow, const char *member, char buf[SIDE_TEXT])
{
    const cJSON *one = item(flow, member);
    const char *address = item_text(one, "address");
    if (!item(one, "port"))
        snprintf(buf, SIDE_TEXT, "%.60s", address);
    else
        snprintf(buf, SIDE_TEXT, strchr(address, ':') ? "[%.60s]:%u" : "%.60s:%u", address,
                 (unsigned)item_number(one, "port"));
    return buf;
}

/* Return the opener, with the VIDs of its tags, outermost first: "10.0.0.1:5000 vlan 5.7" */
static const char *opener(const cJSON *flow, char buf[SIDE_TEXT])
{
    const cJSON *vid;
    const char *before = " vlan ";
    side(flow, "opener", buf);
    cJSON_ArrayForEach(vid, item(flow, "vlans"))
    {
        const size_t used = strlen(buf);
        snprintf(buf + used, SIDE_TEXT - used, "%s%u", before, (unsigned)value_number(vid));
        before = ".";
    }
    return buf;
}

/* Return a duration of the document as text: "12.5 s". */
static const char *ago(const cJSON *flow, const char *member, char buf[TEXT_NUMBER])
{
    return text_duration(item_number(flow, member) * 1000000, buf);
}

enum { COLUMNS = 12 };

static void print_row(const char *const cells[COLUMNS])
{
    static const int widths[COLUMNS] = {8, 21, 21, 12, 10, 14, 8, 8, 10, 8, 9, 8};
    for (unsigned i = 0; i + 1 < COLUMNS; i++) printf("%-*s  ", widths[i], cells[i]);
    puts(cells[COLUMNS - 1]);
}

/* Return a count as text: "1,234"; "-" if the member is missing: only sessions count bytes. */
static const char *bytes_text(const cJSON *flow, const char *member, char buf[TEXT_NUMBER])
{
    if (!item(flow, member)) return "-";
    return text_number(item_number(flow, member), buf);
}

static void print_one(const struct talk *t, const struct message *m, bool first)
{
    if (t->line->json) {
        printf("%.*s\n", (int)m->len, m->body);
        return;
    }
    cJSON *flow = document_parse(m->body, m->len);
    if (first)
        print_row((const char *[]){"protocol", "opened by", "other side", "state", "service", "server", "age", "idle",
                                   "rule", "bytes in", "bytes out", "since"});
    char a[SIDE_TEXT], b[SIDE_TEXT], age[TEXT_NUMBER], idle[TEXT_NUMBER], up[TEXT_NUMBER], down[TEXT_NUMBER];
    char when[TEXT_TIME];
    const char *service = item_text(flow, "service"), *rule = item_text(flow, "rule");
    const char *server = item_text(flow, item(flow, "target") ? "target" : item(flow, "observed") ? "name" : "server");
    print_row((const char *[]){item_text(flow, "protocol"), opener(flow, a), side(flow, "other", b),
                               item_text(flow, "state"), *service ? service : "-", *server ? server : "-",
                               ago(flow, "age_ms", age), ago(flow, "idle_ms", idle), *rule ? rule : "-",
                               bytes_text(flow, "up_bytes", up), bytes_text(flow, "down_bytes", down),
                               *text_local(item_text(flow, "since"), when) ? when : "-"});
    cJSON_Delete(flow);
}

int command_FLOWS(struct talk *t)
{
    struct message m;
    int next = look_ask(t, QUESTION_FLOWS, "[FILTER] [--limit N]") ? -1 : 1;
    for (bool first = true; next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0 && !ferror(stdout);) {
        if (m.kind != MESSAGE_DOCUMENT) continue;
        print_one(t, &m, first);
        first = false;
    }
    const int status = talk_over(t, next);
    if (!status && !next && !t->line->json) puts(t->words);
    return status;
}
