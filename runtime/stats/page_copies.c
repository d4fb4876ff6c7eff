/* Copies that rules with `mirror` make, as the page shows them. */
#include "runtime/stats/html.h"
#include "runtime/stats/item.h"
#include "runtime/stats/page_priv.h"

static void target_cell(FILE *out, const cJSON *row, const char *key)
{
    fputs("<td>", out);
    html_fill(out, row, "{to} ");
    html_text(out, item_text(row, key));
    if (item_true(row, "sent")) fputs(" <small>as they leave</small>", out);
    fputs("</td>", out);
}

/* Write the reasons by which copies were lost, each with its count. */
static void lost_cell(FILE *out, const cJSON *row, const char *key)
{
    const char *before = "";
    const cJSON *by = item(row, key), *one;
    char form[80];
    fputs("<td>", out);
    cJSON_ArrayForEach(one, by)
    {
        if (!item_number(by, one->string)) continue;
        snprintf(form, sizeof form, "%s%s {#%s}", before, one->string, one->string);
        html_fill(out, by, form);
        before = ", ";
    }
    fputs("</td>", out);
}

void page_copies(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Rule", page_name, "rule"},
                                            {"To", target_cell, "target"},
                                            {"#Copies", page_number, "packets"},
                                            {"#Bytes", page_number, "bytes"},
                                            {"#Lost", page_number, "lost"},
                                            {"Why", lost_cell, "lost_by"},
                                            {NULL, NULL, NULL}};
    const cJSON *mirrors = item(root, "mirrors");
    if (!mirrors || !mirrors->child) return;
    page_section(out, "copies", "Copies of packets");
    page_list(out, "copies", "Rules that copy", columns, mirrors);
    fputs("</section>", out);
}
