/* See page_priv.h. Areas are stacked, so that their sum is the height; a column of the drawing is the mean over its
 * time. */
#include <stdlib.h>
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

enum { WIDTH = 600, HEIGHT = 140, COLUMNS = 120, SPAN_MS = 600000, COLUMN_MS = SPAN_MS / COLUMNS, SERIES_MOST = 8 };

struct chart {
    const char *names[SERIES_MOST];
    double value[SERIES_MOST][COLUMNS]; /* newest column last */
    unsigned series;
    double top; /* maximum over all columns */
};

/* Add a value that held from `from` to `until` ms ago to the columns of that time; column 0 is the newest. */
static void column_add(double column[COLUMNS], double v, uint64_t until, uint64_t from)
{
    for (uint64_t c = until / COLUMN_MS; c < COLUMNS && c * COLUMN_MS < from; c++) {
        const uint64_t begins = until > c * COLUMN_MS ? until : c * COLUMN_MS;
        const uint64_t ends = from < (c + 1) * COLUMN_MS ? from : (c + 1) * COLUMN_MS;
        column[COLUMNS - 1 - c] += v * (double)(ends - begins) / COLUMN_MS;
    }
}

/* Read numbers such as "[1,2,3]", which span span_ms in equal parts and end at the right edge. A part is one second
 * where the document is cheap to make, else longer. */
static void read_series(const char *raw, uint64_t span_ms, double column[COLUMNS])
{
    uint64_t count = *raw == '[' && raw[1] != ']';
    for (const char *at = raw; *at; at++) count += *at == ',';
    for (uint64_t left = count; left > 0; left--) {
        char *end;
        const double v = strtod(++raw, &end);
        column_add(column, v, span_ms * (left - 1) / count, span_ms * left / count);
        raw = end;
    }
    const uint64_t part = span_ms % COLUMN_MS; /* part of the oldest column that has data; its mean is over that part */
    if (part && span_ms < SPAN_MS) column[COLUMNS - 1 - span_ms / COLUMN_MS] *= (double)COLUMN_MS / (double)part;
}

static void read_chart(struct chart *c, const cJSON *history)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, item(history, "packets_per_s"))
    {
        if (c->series == SERIES_MOST || !cJSON_IsRaw(one)) break;
        c->names[c->series] = one->string;
        read_series(one->valuestring, item_number(history, "span_ms"), c->value[c->series++]);
    }
    for (unsigned i = 0; i < COLUMNS; i++) {
        double sum = 0;
        for (unsigned s = 0; s < c->series; s++) sum += c->value[s][i];
        if (sum > c->top) c->top = sum;
    }
}

/* Return the next of 1, 2, 5, 10, 20, 50 …: a scale that does not change with each packet. */
static double scale_of(double top)
{
    double scale = 1;
    for (unsigned i = 0; scale < top; i++) scale *= i % 3 == 1 ? 2.5 : 2;
    return scale;
}

static double height(double sum, double scale) { return HEIGHT - sum / scale * HEIGHT; }

static bool series_is_empty(const double *v)
{
    for (unsigned i = 0; i < COLUMNS; i++)
        if (v[i] > 0) return false;
    return true;
}

/* Draw the area of a series: left to right along its top, and back along the top of the series below. */
static void area(FILE *out, const struct chart *c, unsigned series, double scale)
{
    double under[COLUMNS] = {0};
    const double step = (double)WIDTH / (COLUMNS - 1);
    if (series_is_empty(c->value[series])) return;
    for (unsigned s = 0; s < series; s++)
        for (unsigned i = 0; i < COLUMNS; i++) under[i] += c->value[s][i];
    fputs("<path class=\"v-", out);
    html_text(out, c->names[series]);
    fputs("\" d=\"M", out);
    for (unsigned i = 0; i < COLUMNS; i++)
        fprintf(out, "%.0f %.1f ", i * step, height(under[i] + c->value[series][i], scale));
    for (unsigned i = COLUMNS; i-- > 0;) fprintf(out, "%.0f %.1f ", i * step, height(under[i], scale));
    fputs("Z\"/>", out);
}

static void frame(FILE *out, double scale)
{
    for (unsigned i = 0; i <= 2; i++)
        fprintf(out, "<line x1=\"0\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", WIDTH, HEIGHT * i / 2.0, HEIGHT * i / 2.0);
    fputs("</svg><div class=\"scale\"><span>", out);
    html_short(out, (uint64_t)scale);
    fputs("</span><span>", out);
    if (scale >= 2) html_short(out, (uint64_t)(scale / 2));
    fputs(
        "</span><span>0</span></div></div><div class=\"ago\"><span>10 minutes ago</span><span>5</span><span>now</span>"
        "</div>",
        out);
}

void chart_write(FILE *out, const cJSON *history)
{
    struct chart *c = calloc(1, sizeof *c);
    if (!c) return;
    read_chart(c, history);
    const double scale = scale_of(c->top);
    fprintf(out,
            "<div class=\"chart\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"Packets a second by verdict, over the last ten minutes\">",
            WIDTH, HEIGHT);
    for (unsigned s = 0; s < c->series; s++) area(out, c, s, scale);
    frame(out, scale);
    free(c);
}
