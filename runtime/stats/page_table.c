/* Sections and tables of the page, in which its parts are written (page_priv.h) */
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

enum { FEW_COLUMNS = 3 };

void page_section(FILE *out, const char *id, const char *heading)
{
    fprintf(out, "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s</h2>", id, id, id, heading);
}

static const char *column_name(const struct column *c) { return c->head + (*c->head == '#' || *c->head == '*'); }

void page_table(FILE *out, const char *id, const char *label, const struct column *columns)
{
    unsigned count = 0;
    while (columns[count].head) count++;
    fprintf(
        out,
        "<table id=\"t-%s\" class=\"%s\" role=\"table\" aria-label=\"%s\"><thead role=\"rowgroup\"><tr role=\"row\">",
        id, count > FEW_COLUMNS ? "cards" : "few", label);
    for (; columns->head; columns++) {
        const char *class = *columns->head == '#' ? " class=\"n\"" : *columns->head == '*' ? " class=\"wide\"" : "";
        fprintf(out, "<th scope=\"col\" role=\"columnheader\"%s>%s</th>", class, column_name(columns));
    }
    fputs("</tr></thead><tbody role=\"rowgroup\">\n", out);
}

void page_row(FILE *out, const cJSON *row, const struct column *columns)
{
    fputs("<tr role=\"row\">", out);
    for (const struct column *c = columns; c->head; c++) {
        const char *class = *c->head == '#' ? " class=\"n\"" : *c->head == '*' ? " class=\"wide\"" : "";
        if (c == columns)
            fputs("<th scope=\"row\" role=\"rowheader\">", out);
        else
            fprintf(out, "<td%s role=\"cell\" data-label=\"%s\">", class, column_name(c));
        if (c->cell)
            html_fill(out, row, c->cell);
        else
            c->write(out, row);
        fputs(c == columns ? "</th>" : "</td>", out);
    }
    fputs("</tr>\n", out);
}

void page_table_end(FILE *out) { fputs("</tbody></table>\n", out); }

void page_list(FILE *out, const char *id, const char *label, const struct column *columns, const cJSON *list)
{
    const cJSON *one;
    page_table(out, id, label, columns);
    cJSON_ArrayForEach(one, list) page_row(out, one, columns);
    page_table_end(out);
}

void page_count(FILE *out, uint64_t n)
{
    if (!n) fputs("<span class=\"zero\">0</span>", out);
    if (n) html_number(out, n);
}
