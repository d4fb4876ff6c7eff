/* preyctl flows: present flows, one line each, as they are reported. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command_line.h"
#include "runtime/preyctl/filter.h"
#include "runtime/preyctl/print.h"

enum { PATIENCE_MS = 10000, SIDE_TEXT = 80 };

static const char usage[] = "[FILTER] [--limit N]";

/* "10.0.0.1:5000", "[2001:db8::1]:443", "10.0.0.1" */
static const char *side(const cJSON *flow, const char *member, char buf[SIDE_TEXT])
{
    const cJSON *one = part(flow, member);
    const char *address = text_at(one, "address");
    if (!part(one, "port"))
        snprintf(buf, SIDE_TEXT, "%.60s", address);
    else
        snprintf(buf, SIDE_TEXT, strchr(address, ':') ? "[%.60s]:%u" : "%.60s:%u", address,
                 (unsigned)number_at(one, "port"));
    return buf;
}

/* Return a duration of the document as text: "12.5 s". */
static const char *ago(const cJSON *flow, const char *member, char buf[TEXT_NUMBER])
{
    return text_duration(number_at(flow, member) * 1000000, buf);
}

enum { COLUMNS = 11 };

static void print_row(const char *const cells[COLUMNS])
{
    static const int widths[COLUMNS] = {8, 21, 21, 12, 10, 14, 8, 8, 10, 8, 8};
    for (unsigned i = 0; i + 1 < COLUMNS; i++) printf("%-*s  ", widths[i], cells[i]);
    puts(cells[COLUMNS - 1]);
}

/* Return a count as text: "1,234"; "-" if the member is missing: only sessions count bytes. */
static const char *count(const cJSON *flow, const char *member, char buf[TEXT_NUMBER])
{
    if (!part(flow, member)) return "-";
    return text_number((uint64_t)number_at(flow, member), buf);
}

static void print_flow(const cJSON *flow)
{
    char a[SIDE_TEXT], b[SIDE_TEXT], age[TEXT_NUMBER], idle[TEXT_NUMBER], up[TEXT_NUMBER], down[TEXT_NUMBER];
    const char *service = text_at(flow, "service"), *rule = text_at(flow, "rule");
    const char *server = text_at(flow, part(flow, "target") ? "target" : "server");
    print_row((const char *[]){text_at(flow, "protocol"), side(flow, "opener", a), side(flow, "other", b),
                               text_at(flow, "state"), *service ? service : "-", *server ? server : "-",
                               ago(flow, "age_ms", age), ago(flow, "idle_ms", idle), *rule ? rule : "-",
                               count(flow, "up_bytes", up), count(flow, "down_bytes", down)});
}

static void print_one(const struct talk *t, const struct message *m, bool first)
{
    if (t->line->json) {
        printf("%.*s\n", (int)m->len, m->body);
        return;
    }
    cJSON *flow = cJSON_ParseWithLength(m->body, m->len);
    if (first)
        print_row((const char *[]){"protocol", "opened by", "other side", "state", "service", "server", "age", "idle",
                                   "rule", "bytes in", "bytes out"});
    print_flow(flow);
    cJSON_Delete(flow);
}

static int hear(struct talk *t, cJSON *question, int fd)
{
    struct message m;
    int next = talk_ask(t, question, fd) ? -1 : 1;
    for (bool first = true; next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0 && !ferror(stdout);) {
        if (m.kind != MESSAGE_DOCUMENT) continue;
        print_one(t, &m, first);
        first = false;
    }
    if (next < 0) return 2;
    if (t->status) return talk_complain("%s", t->words) ? t->status : 0;
    if (!t->line->json) puts(t->words);
    return 0;
}

int command_FLOWS(struct talk *t)
{
    struct command_line *l = t->line;
    const char *limit = argument_value(l, "--limit"), *other = argument_unknown(l);
    char *end = NULL;
    const unsigned long long most = limit ? strtoull(limit, &end, 10) : 0;
    int fd;
    if (limit && (*limit < '0' || *limit > '9' || *end || !most || most > UINT32_MAX))
        return talk_complain("--limit: `%.60s` is not a number of flows", limit);
    if (other) return talk_complain("`%.60s` is no option of flows: preyctl flows %s", other, usage);
    if (filter_hand(l->arguments, l->count, &fd)) return 2;
    cJSON *question = talk_question(QUESTION_FLOWS);
    if (limit) cJSON_AddNumberToObject(question, "limit", (double)most);
    const int status = hear(t, question, fd);
    if (fd >= 0) close(fd);
    return status;
}
