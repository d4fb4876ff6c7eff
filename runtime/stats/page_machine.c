/* Interfaces, workers, limits, and what happened, as the page shows them. */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

static void link_cell(FILE *out, const cJSON *one, const char *key)
{
    fprintf(out, "<td><span class=\"health h-%s\">", strcmp(item_text(one, key), "up") ? "down" : "up");
    html_text(out, item_text(one, key));
    fputs("</span></td>", out);
}

static void limits(FILE *out, const cJSON *root)
{
    const cJSON *one;
    bool any = false;
    cJSON_ArrayForEach(one, item(root, "limits"))
    {
        if (!item_number(one, "reached")) continue;
        fputs(any ? "" : "<h3>Limits reached</h3><ul class=\"limits\">", out);
        any = true;
        html_fill(out, one, "<li><b>{#reached}</b> {words}</li>");
    }
    fputs(any ? "</ul>" : "", out);
}

static void recorder(FILE *out, const cJSON *one)
{
    if (!cJSON_IsObject(one)) return;
    html_fill(out, one,
              "<h3>Flight recorder</h3><p>{directory}: {#packets} packets, {#bytes} bytes, {#lost} records lost "
              "{error}</p>");
}

/* Write what the kernel executor judges, and its faults. */
static void in_kernel(FILE *out, const cJSON *kernel)
{
    const cJSON *why;
    if (!cJSON_IsObject(kernel)) return;
    html_fill(out, kernel, "<h3>Judged in the kernel</h3><p>{#packets} packets");
    cJSON_ArrayForEach(why, item(kernel, "up"))
    {
        if (!item_number(item(kernel, "up"), why->string)) continue;
        fputs("; ", out);
        html_number(out, item_number(item(kernel, "up"), why->string));
        fputs(" came up: ", out);
        html_text(out, why->string);
    }
    fputs("</p><ul class=\"limits\">", out);
#define KERNEL_COUNTER(field, key, words, doc)                                                                         \
    if (*words && item_number(kernel, key)) html_fill(out, kernel, "<li><b>{#" key "}</b> " words "</li>");
#include "runtime/counters/counter.def"
    fputs("</ul>", out);
}

void page_machine(FILE *out, const cJSON *root)
{
    static const struct column interfaces[] = {{"Interface", page_name, "interface"},
                                               {"Link", link_cell, "link"},
                                               {"By", page_text, "io"},
                                               {"#Packets/s", page_rate, "packets_per_s"},
                                               {"#Rate", page_bits, "bytes_per_s"},
                                               {"#Sent/s", page_rate, "sent_per_s"},
                                               {"#Packets", page_number, "packets"},
                                               {"#Lost", page_number, "lost"},
                                               {"#Came back", page_number, "returned"},
                                               {NULL, NULL, NULL}},
                               workers[] = {
                                   {"Worker", page_name, "worker"},      {"#Packets/s", page_rate, "packets_per_s"},
                                   {"#Rate", page_bits, "bytes_per_s"},  {"#Flows", page_number, "flows"},
                                   {"#Packets", page_number, "packets"}, {NULL, NULL, NULL}};
    page_section(out, "machine", "Interfaces and workers");
    page_list(out, "interfaces", "Interfaces", interfaces, item(root, "interfaces"));
    page_list(out, "workers", "Workers", workers, item(root, "workers"));
    fprintf(out, "<p class=\"exec\">Judged %s: ",
            strcmp(item_text(item(root, "instance"), "exec"), "kernel") ? "in user space" : "in the kernel");
    html_fill(out, item(root, "instance"), "{exec_why}</p>");
    in_kernel(out, item(root, "kernel"));
    limits(out, root);
    recorder(out, item(root, "recorder"));
    fputs("</section>", out);
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
