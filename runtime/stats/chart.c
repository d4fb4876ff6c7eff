/* See page_priv.h. Areas are stacked, so that the topmost edge is all traffic: each is drawn down to the base, and
 * the next one in front of it. A point is a value of the history; the last one is the rate that the tiles show, so
 * both agree. The drawing begins with the first known value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

enum { WIDTH = 600, HEIGHT = 140, POINTS = 601, SERIES_MOST = 8, TICKS_MOST = 5 };

struct chart {
    const char *names[SERIES_MOST];
    double value[SERIES_MOST][POINTS]; /* points of each series, the newest last */
    double stacked[POINTS];            /* sum of all series */
    unsigned series, points;
    double top; /* maximum of the sums */
    uint64_t span_ms;
};

/* Read the newest numbers of a list such as "[1,2,3]", and return their number. */
static unsigned read_series(const char *raw, double to[POINTS])
{
    unsigned count = *raw == '[' && raw[1] != ']', read = 0;
    for (const char *at = raw; *at; at++) count += *at == ',';
    for (unsigned left = count; left > 0; left--) {
        char *end;
        const double v = strtod(++raw, &end);
        if (left < POINTS) to[read++] = v; /* one place is kept for the present rate */
        raw = end;
    }
    return read;
}

static void read_chart(struct chart *c, const cJSON *root)
{
    const cJSON *one, *history = item(root, "history");
    c->span_ms = item_number(history, "span_ms") + item_number(history, "ended_ms_ago");
    cJSON_ArrayForEach(one, item(history, "packets_per_s"))
    {
        if (c->series == SERIES_MOST || !cJSON_IsRaw(one)) break;
        const cJSON *now = item(item(item(root, "verdicts"), one->string), "packets_per_s");
        double *value = c->value[c->series];
        const unsigned read = read_series(one->valuestring, value);
        if (!read) break;
        value[read] = now && !cJSON_IsNull(now) ? (double)value_number(now) : value[read - 1];
        if (!c->series || read + 1 < c->points) c->points = read + 1;
        c->names[c->series++] = one->string;
    }
    for (unsigned i = 0; i < c->points; i++) {
        for (unsigned s = 0; s < c->series; s++) c->stacked[i] += c->value[s][i];
        if (c->stacked[i] > c->top) c->top = c->stacked[i];
    }
}

/* Return the next of 1, 2, 5, 10, 20, 50 …: a scale that does not change with each packet. */
static double scale_of(double top)
{
    double scale = 1;
    for (unsigned i = 0; scale < top; i++) scale *= i % 3 == 1 ? 2.5 : 2;
    return scale;
}

static void grid(FILE *out)
{
    for (unsigned i = 0; i <= 2; i++)
        fprintf(out, "<line x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", WIDTH, HEIGHT * i / 2, HEIGHT * i / 2);
}

/* Draw an area below `edge`, from left to right along it and back along the base. Steps are relative: six hundred
 * points take a few kilobytes. */
static void area(FILE *out, const struct chart *c, const char *name, const double edge[POINTS], double scale)
{
    int x = 0, y = (int)lround(HEIGHT - edge[0] / scale * HEIGHT);
    fputs("<path class=\"v-", out);
    html_text(out, name);
    fprintf(out, "\" d=\"M0 %d", y);
    for (unsigned i = 1; i < c->points; i++) {
        const int to_x = (int)(i * WIDTH / (c->points - 1)), to_y = (int)lround(HEIGHT - edge[i] / scale * HEIGHT);
        fprintf(out, "l%d %d", to_x - x, to_y - y);
        x = to_x;
        y = to_y;
    }
    fprintf(out, "V%dH0Z\"><title>", HEIGHT);
    html_text(out, name);
    fputs("</title></path>", out);
}

/* Draw the areas from the topmost to the lowest. */
static void areas(FILE *out, const struct chart *c, double scale)
{
    double edge[POINTS];
    memcpy(edge, c->stacked, sizeof edge);
    for (unsigned s = c->series; s-- > 0;) {
        bool any = false;
        for (unsigned i = 0; i < c->points; i++) any |= c->value[s][i] > 0;
        if (any) area(out, c, c->names[s], edge, scale);
        for (unsigned i = 0; i < c->points; i++) edge[i] = fmax(0, edge[i] - c->value[s][i]);
    }
}

static void ago(FILE *out, unsigned s)
{
    if (s < 60)
        fprintf(out, "%u&nbsp;s", s);
    else if (s % 60)
        fprintf(out, "%u&nbsp;min %u&nbsp;s", s / 60, s % 60);
    else
        fprintf(out, "%u&nbsp;min", s / 60);
}

/* Write the times below the drawing, at round ones. */
static void times(FILE *out, const struct chart *c)
{
    static const unsigned steps[] = {1, 5, 10, 20, 30, 60, 120};
    const unsigned span_s = (unsigned)(c->span_ms / 1000);
    unsigned i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && span_s / steps[i] > TICKS_MOST) i++;
    fputs("<svg class=\"times\" width=\"100%\" height=\"20\" aria-hidden=\"true\">", out);
    for (unsigned s = span_s / steps[i] * steps[i]; s > 0; s -= steps[i]) {
        const double at = 100 - 100.0 * s * 1000 / (double)c->span_ms;
        if (at < 5 || at > 92) continue;
        fprintf(out, "<text x=\"%.1f%%\" y=\"14\" text-anchor=\"middle\">", at);
        ago(out, s);
        fputs(" ago</text> ", out);
    }
    fputs("<text x=\"100%\" y=\"14\" text-anchor=\"end\">now</text></svg>", out);
}

static void rates(FILE *out, double scale)
{
    fputs("<div class=\"scale\" aria-hidden=\"true\"><span>", out);
    html_short(out, (uint64_t)scale);
    fputs("/s</span> <span>", out);
    if (scale >= 2) {
        html_short(out, (uint64_t)(scale / 2));
        fputs("/s", out);
    }
    fputs("</span> <span>0</span></div>", out);
}

void chart_write(FILE *out, const cJSON *root)
{
    struct chart *c = calloc(1, sizeof *c);
    if (!c) return;
    read_chart(c, root);
    if (c->points < 2 || !c->span_ms) {
        fputs("<p class=\"none\">The chart begins with the next second.</p>", out);
        free(c);
        return;
    }
    const double scale = scale_of(c->top);
    fputs("<figure class=\"chart\"><figcaption>Packets per second of the last ", out);
    ago(out, (unsigned)((c->span_ms + 500) / 1000));
    fputs(", at most ", out);
    html_short(out, (uint64_t)(c->top + 0.5));
    fprintf(out,
            "/s</figcaption><div class=\"drawing\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
            "role=\"img\" aria-label=\"Packets per second, by verdict, one above the other\">",
            WIDTH, HEIGHT);
    grid(out);
    areas(out, c, scale);
    fputs("</svg>", out);
    rates(out, scale);
    fputs("</div>", out);
    times(out, c);
    fputs("</figure>", out);
    free(c);
}
