/* See page_priv.h. Bounds grow by factors of 2 and 5, so bars of equal width form a logarithmic scale. */
#include <stdlib.h>
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

enum { BARS = 32, BAR = 20, GAP = 2, HEIGHT = 60 };

struct histogram {
    const char *bound[BARS]; /* bounds in seconds, as text; the last is "more" */
    uint64_t value[BARS];
    uint64_t all, top;
    unsigned count;
};

static void read_took(struct histogram *h, const cJSON *took)
{
    const cJSON *one;
    *h = (struct histogram){0};
    cJSON_ArrayForEach(one, item(took, "within_s"))
    {
        if (h->count == BARS || !cJSON_IsRaw(one)) continue;
        const uint64_t n = strtoull(one->valuestring, NULL, 10);
        h->bound[h->count] = one->string;
        h->value[h->count++] = n;
        h->all += n;
        if (n > h->top) h->top = n;
    }
}

/* Write a bound, given in seconds, as "2.5 ms" or "10 s". */
static void bound_text(FILE *out, const char *seconds)
{
    const double s = strtod(seconds, NULL);
    if (s < 1)
        fprintf(out, "%.3g&nbsp;ms", s * 1000);
    else
        fprintf(out, "%.3g&nbsp;s", s);
}

/* Write the bound within which this many of a thousand fall. */
static void share_text(FILE *out, const struct histogram *h, unsigned thousandths)
{
    uint64_t n = 0;
    unsigned i = 0;
    while (i + 1 < h->count && (n += h->value[i]) * 1000 < h->all * thousandths) i++;
    const bool above = i + 1 == h->count;
    fprintf(out, above ? "%.3g&nbsp;%% above " : "%.3g&nbsp;%% within ", thousandths / 10.0);
    if (h->count > 1) bound_text(out, h->bound[above ? i - 1 : i]);
}

static void bars(FILE *out, const struct histogram *h)
{
    fprintf(
        out,
        "<svg viewBox=\"0 0 %u %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"How often by how long\">",
        h->count * BAR, HEIGHT);
    for (unsigned i = 0; i < h->count; i++) {
        double high = (double)h->value[i] * HEIGHT / (double)h->top;
        if (h->value[i] && high < 1) high = 1;
        fprintf(out, "<rect x=\"%u\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"><title>", i * BAR, HEIGHT - high,
                BAR - GAP, high);
        html_number(out, h->value[i]);
        fputs(strcmp(h->bound[i], "more") ? " within " : " longer", out);
        if (strcmp(h->bound[i], "more") != 0) bound_text(out, h->bound[i]);
        fputs("</title></rect>", out);
    }
    fputs("</svg>", out);
}

void histogram_write(FILE *out, const char *name, const cJSON *took)
{
    struct histogram h;
    read_took(&h, took);
    if (!h.all || h.count < 2) return;
    fprintf(out, "<figure class=\"took\"><figcaption>%s <small>", name);
    share_text(out, &h, 500);
    fputs(", ", out);
    share_text(out, &h, 990);
    fputs("</small></figcaption> ", out);
    bars(out, &h);
    fputs("<div class=\"ago\"><span>", out);
    bound_text(out, h.bound[0]);
    fputs("</span> <span>", out);
    bound_text(out, h.bound[(h.count - 1) / 2]);
    fputs("</span> <span>longer</span></div></figure>", out);
}
