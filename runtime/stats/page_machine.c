/* Interfaces, workers, limits, and what happened, as the page shows them. */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

void page_machine(FILE *out, const cJSON *root)
{
    static const struct column
        interfaces[] = {{"Interface", CELL_NAME("interface"), NULL},
                        {"Link", "<td><span class=\"health h-{?link=up up}{!link=up down}\">{link}</span></td>", NULL},
                        {"By", CELL_TEXT("io"), NULL},
                        {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
                        {"#Rate", CELL_RATE("bytes_per_s"), NULL},
                        {"#Sent/s", CELL_RATE("sent_per_s"), NULL},
                        {"#Packets", CELL_NUMBER("packets"), NULL},
                        {"#Lost", CELL_NUMBER("lost"), NULL},
                        {"#Came back", CELL_NUMBER("returned"), NULL},
                        {NULL, NULL, NULL}},
        workers[] = {{"Worker", CELL_NAME("worker"), NULL},      {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
                     {"#Rate", CELL_RATE("bytes_per_s"), NULL},  {"#Flows", CELL_NUMBER("flows"), NULL},
                     {"#Packets", CELL_NUMBER("packets"), NULL}, {NULL, NULL, NULL}};
    page_section(out, "machine", "Interfaces and workers");
    page_list(out, "interfaces", "Interfaces", interfaces, item(root, "interfaces"));
    page_list(out, "workers", "Workers", workers, item(root, "workers"));
    html_fill(out, root,
              "<p class=\"exec\">Judged {/instance {?exec=kernel in the kernel}{!exec=kernel in user space}: "
              "{exec_why}}</p>");
    const cJSON *kernel = item(root, "kernel");
    if (cJSON_IsObject(kernel)) {
        html_fill(
            out, kernel,
            "<h3>Judged in the kernel</h3><p>{#packets} packets{*up?.|||; {#.} came up: {$}}</p><ul class=\"limits\">");
#define KERNEL_COUNTER(field, key, words, doc)                                                                         \
    if (*words) html_fill(out, kernel, "{?" key " <li><b>{#" key "}</b> " words "</li>}");
#include "runtime/counters/counter.def"
        fputs("</ul>", out);
    }
    html_fill(
        out, root,
        "{*limits?reached|<h3>Limits reached</h3><ul class=\"limits\">||<li><b>{#reached}</b> {words}</li>|</ul>}"
        "{/recorder <h3>Flight recorder</h3><p>{directory}: {#packets} packets, {#bytes} bytes, {#lost} records lost "
        "{error}</p>}</section>");
}

/* Write the lines, newest first. */
static void lines(FILE *out, const cJSON *list)
{
    const cJSON *last = list ? list->child : NULL;
    fputs("<ol class=\"lines\">", out);
    for (last = last ? last->prev : NULL; last; last = last == list->child ? NULL : last->prev)
        html_fill(out, last, "<li><time>{@time}</time> <span class=\"tag\">{event}</span> {text}</li>");
    fputs("</ol>", out);
}

void page_events(FILE *out, const cJSON *root)
{
    const cJSON *reloads = item(root, "reloads"), *events = item(root, "events");
    page_section(out, "events", "What happened");
    html_fill(out, reloads, "<h3>Programs <small>{good} reloaded, {refused} refused</small></h3>");
    lines(out, item(reloads, "history"));
    fputs("<h3>Events</h3>", out);
    if (events && events->child)
        lines(out, events);
    else
        fputs("<p class=\"none\">Nothing to tell of.</p>", out);
    fputs("</section>", out);
}
