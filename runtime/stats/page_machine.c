/* Interfaces, workers, limits, and what happened, as the page shows them. */
#include <string.h>

#include "runtime/stats/html.h"
#include "runtime/stats/item.h"
#include "runtime/stats/page_priv.h"

static void interface_row(FILE *out, const cJSON *one)
{
    fputs("<tr>", out);
    page_name(out, item_text(one, "interface"));
    fprintf(out, "<td><span class=\"health h-%s\">%s</span></td>", strcmp(item_text(one, "link"), "up") ? "down" : "up",
            item_text(one, "link"));
    page_text(out, item_text(one, "io"));
    page_rate(out, one, "packets_per_s");
    page_bits(out, one, "bytes_per_s");
    page_rate(out, one, "sent_per_s");
    page_number(out, item_number(one, "packets"));
    page_number(out, item_number(one, "lost"));
    fputs("</tr>", out);
}

static void worker_row(FILE *out, const cJSON *one)
{
    fputs("<tr>", out);
    page_name(out, item_text(one, "worker"));
    page_rate(out, one, "packets_per_s");
    page_bits(out, one, "bytes_per_s");
    page_number(out, item_number(one, "flows"));
    page_number(out, item_number(one, "packets"));
    fputs("</tr>", out);
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
        fputs("<li><b>", out);
        html_number(out, item_number(one, "reached"));
        fputs("</b> ", out);
        html_text(out, item_text(one, "words"));
        fputs("</li>", out);
    }
    fputs(any ? "</ul>" : "", out);
}

static void recorder(FILE *out, const cJSON *one)
{
    if (!cJSON_IsObject(one)) return;
    fputs("<h3>Flight recorder</h3><p>", out);
    html_text(out, item_text(one, "directory"));
    fputs(": ", out);
    html_number(out, item_number(one, "packets"));
    fputs(" packets, ", out);
    html_number(out, item_number(one, "bytes"));
    fputs(" bytes, ", out);
    html_number(out, item_number(one, "lost"));
    fputs(" records lost ", out);
    html_text(out, item_text(one, "error"));
    fputs("</p>", out);
}

/* What is judged there, and what of it is not as it should be. */
static void in_kernel(FILE *out, const cJSON *kernel)
{
    const cJSON *why;
    if (!cJSON_IsObject(kernel)) return;
    fputs("<h3>Judged in the kernel</h3><p>", out);
    html_number(out, item_number(kernel, "packets"));
    fputs(" packets", out);
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
    if (*words && item_number(kernel, key)) {                                                                          \
        fputs("<li><b>", out);                                                                                         \
        html_number(out, item_number(kernel, key));                                                                    \
        fputs("</b> " words "</li>", out);                                                                             \
    }
#include "runtime/counters/counter.def"
    fputs("</ul>", out);
}

void page_machine(FILE *out, const cJSON *root)
{
    static const char *const interfaces[] = {"Interface", "Link",    "By",       "#Packets/s",
                                             "#Rate",     "#Sent/s", "#Packets", "#Lost"};
    static const char *const workers[] = {"Worker", "#Packets/s", "#Rate", "#Flows", "#Packets"};
    const cJSON *one;
    page_section(out, "machine", "Interfaces and workers");
    page_table(out, "interfaces", "Interfaces", interfaces, sizeof interfaces / sizeof *interfaces);
    cJSON_ArrayForEach(one, item(root, "interfaces")) interface_row(out, one);
    page_table_end(out);
    page_table(out, "workers", "Workers", workers, sizeof workers / sizeof *workers);
    cJSON_ArrayForEach(one, item(root, "workers")) worker_row(out, one);
    page_table_end(out);
    fprintf(out, "<p class=\"exec\">Judged %s: ",
            strcmp(item_text(item(root, "instance"), "exec"), "kernel") ? "in user space" : "in the kernel");
    html_text(out, item_text(item(root, "instance"), "exec_why"));
    fputs("</p>", out);
    in_kernel(out, item(root, "kernel"));
    limits(out, root);
    recorder(out, item(root, "recorder"));
    fputs("</section>", out);
}

/* The newest first. */
static void lines(FILE *out, const cJSON *list)
{
    const cJSON *last = list ? list->child : NULL;
    fputs("<ol class=\"lines\">", out);
    for (last = last ? last->prev : NULL; last; last = last == list->child ? NULL : last->prev) {
        fputs("<li><time>", out);
        html_date(out, item_text(last, "time"));
        fputs("</time> <span class=\"tag\">", out);
        html_text(out, item_text(last, "event"));
        fputs("</span> ", out);
        html_text(out, item_text(last, "text"));
        fputs("</li>", out);
    }
    fputs("</ol>", out);
}

void page_events(FILE *out, const cJSON *root)
{
    const cJSON *reloads = item(root, "reloads"), *events = item(root, "events");
    page_section(out, "events", "What happened");
    fprintf(out, "<h3>Programs <small>%s reloaded, %s refused</small></h3>", item_text(reloads, "good"),
            item_text(reloads, "refused"));
    lines(out, item(reloads, "history"));
    fputs("<h3>Events</h3>", out);
    if (events && events->child)
        lines(out, events);
    else
        fputs("<p class=\"none\">Nothing to tell of.</p>", out);
    fputs("</section>", out);
}
