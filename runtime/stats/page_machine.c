/* Interfaces, workers, limits, and what happened, as the page shows them. */
#include <string.h>

#include "runtime/counters/words.h"
#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

/* Write why a packet came up, from a member of kernel.up. */
static void up_cell(FILE *out, const cJSON *reason)
{
    html_text(out, reason->string);
    fputs(" <small>", out);
    html_text(out, words_up(reason->string));
    fputs("</small>", out);
}

/* Write which executor judges packets, and the kernel's counts; page_drops shows its losses. */
static void kernel(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"*Sent up to preyrun, because it is", NULL, up_cell},
                                            {"#Packets", CELL_NUMBER("."), NULL},
                                            {NULL, NULL, NULL}};
    static const char *const lost[] = {"lost", "pings", "unjudged"};
    const cJSON *of = item(root, "kernel"), *one;
    bool any = false;
    html_fill(out, item(root, "instance"),
              "<h3>Executor: {?exec=kernel kernel}{!exec=kernel user space}</h3>"
              "<p>Reason: {exec_why}.{!exec=kernel </p>}");
    if (!cJSON_IsObject(of)) return;
    html_fill(out, of, " {#packets|packet was|packets were} judged in the kernel.</p><ul class=\"limits\">");
#define KERNEL_COUNTER(field, key, words, doc)                                                                         \
    if (*words && strcmp(key, lost[0]) && strcmp(key, lost[1]) && strcmp(key, lost[2]))                                \
        html_fill(out, of, "{?" key " <li>{#" key "|" words "}</li>\n}");
#include "runtime/counters/counter.def"
    fputs("</ul>", out);
    cJSON_ArrayForEach(one, item(of, "up"))
    {
        if (!value_number(one)) continue;
        if (!any) page_table(out, "up", "Packets that went from the kernel to preyrun", columns);
        any = true;
        page_row(out, one, columns);
    }
    if (any) page_table_end(out);
}

/* Write the limits that were reached, except those that count lost packets: page_drops shows these. */
static void limits(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {
        {"*Limit reached", CELL_TEXT("words"), NULL}, {"#Times", CELL_NUMBER("reached"), NULL}, {NULL, NULL, NULL}};
    static const struct {
        const char *key, *told;
    } kinds[] = {
#define LIMIT(ident, key, told, words) {key, #told},
#include "runtime/counters/limit.def"
    };
    const cJSON *one;
    bool any = false;
    cJSON_ArrayForEach(one, item(root, "limits"))
    {
        bool is_loss = false;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            is_loss |= !strcmp(kinds[i].key, item_text(one, "limit")) &&
                       (!strcmp(kinds[i].told, "LOST") || !strcmp(kinds[i].told, "NEIGHBOUR"));
        if (is_loss || !item_number(one, "reached")) continue;
        if (!any) page_table(out, "limits", "Reached limits", columns);
        any = true;
        page_row(out, one, columns);
    }
    if (any) page_table_end(out);
}

void page_machine(FILE *out, const cJSON *root)
{
    static const struct column
        interfaces[] = {{"Interface", CELL_TEXT("interface"), NULL},
                        {"Link", "<span class=\"health h-{?link=up up}{!link=up down}\">{link}</span>", NULL},
                        {"Received by", "{?hook {hook}}{!hook {io}}", NULL},
                        {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
                        {"#Rate", CELL_RATE("bytes_per_s"), NULL},
                        {"#Sent/s", CELL_RATE("sent_per_s"), NULL},
                        {"#Packets", CELL_NUMBER("packets"), NULL},
                        {"#Lost", CELL_NUMBER("lost"), NULL},
                        {"#Times back", CELL_NUMBER("returned"), NULL},
                        {NULL, NULL, NULL}},
        workers[] = {{"Worker", CELL_TEXT("worker"), NULL},      {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
                     {"#Rate", CELL_RATE("bytes_per_s"), NULL},  {"#Flows", CELL_NUMBER("flows"), NULL},
                     {"#Packets", CELL_NUMBER("packets"), NULL}, {NULL, NULL, NULL}};
    page_section(out, "machine", "Interfaces and workers");
    page_list(out, "interfaces", "Interfaces", interfaces, item(root, "interfaces"));
    page_list(out, "workers", "Workers", workers, item(root, "workers"));
    kernel(out, root);
    limits(out, root);
    html_fill(out, root,
              "{/recorder <h3>Flight recorder</h3><p>{directory}: {#packets|packet}, {#bytes|byte}, {#lost|record} "
              "lost</p>}");
    fputs("</section>\n", out);
}

/* Write the lines, newest first. */
static void lines(FILE *out, const cJSON *list)
{
    const cJSON *last = list ? list->child : NULL;
    fputs("<ol class=\"lines\">", out);
    for (last = last ? last->prev : NULL; last; last = last == list->child ? NULL : last->prev)
        html_fill(out, last, "<li><time>{@time}</time> <span class=\"tag\">{event}</span> {text}</li>\n");
    fputs("</ol>", out);
}

void page_events(FILE *out, const cJSON *root)
{
    const cJSON *reloads = item(root, "reloads"), *events = item(root, "events");
    page_section(out, "events", "Events");
    html_fill(out, reloads, "<h3>Reloads <small>{#good} reloaded, {#refused} refused</small></h3>");
    lines(out, item(reloads, "history"));
    fputs("<h3>Latest events</h3>", out);
    if (events && events->child)
        lines(out, events);
    else
        fputs("<p class=\"none\">None so far.</p>", out);
    fputs("</section>", out);
}
