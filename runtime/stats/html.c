/* Escaped text, grouped and short numbers, and how patterns of the page write moments and rates (html.h) */
#include "runtime/stats/html.h"

#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

void html_text(FILE *out, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: fputc(*s, out);
        }
    }
}

void html_number(FILE *out, uint64_t n)
{
    char buf[TEXT_NUMBER];
    fputs(text_number(n, buf), out);
}

void html_short(FILE *out, uint64_t n)
{
    static const char units[] = "kMGTPE";
    unsigned unit = 0;
    double d = (double)n;
    if (n < 100000) {
        html_number(out, n);
        return;
    }
    for (d /= 1000; d >= 999.5 && units[unit + 1]; unit++) d /= 1000;
    fprintf(out, d < 99.95 ? "%.1f&nbsp;%c" : "%.0f&nbsp;%c", d, units[unit]);
}

void html_bits(FILE *out, uint64_t bytes_per_s)
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s", "Ebit/s"};
    enum { UNITS = sizeof units / sizeof *units };
    unsigned unit = 0;
    double d = (double)bytes_per_s * 8;
    for (; d >= 999.5 && unit + 1 < UNITS; unit++) d /= 1000;
    fprintf(out, unit && d < 99.95 ? "%.1f&nbsp;%s" : "%.0f&nbsp;%s", d, units[unit]);
}

/* Write "2024-03-01 09:14:03" for "2024-03-01T09:14:03Z". */
static void hand_moment(FILE *out, int width, const char *iso)
{
    for (; *iso && *iso != 'Z'; iso++) {
        const char c[2] = {*iso == 'T' ? ' ' : *iso, 0};
        html_text(out, c);
    }
}

/* Write "3 h 4 min". */
static void hand_time(FILE *out, int width, uint64_t ns)
{
    const uint64_t s = ns / 1000000000;
    if (s < 60)
        fprintf(out, "%u&nbsp;s", (unsigned)s);
    else if (s < 3600)
        fprintf(out, "%u&nbsp;min", (unsigned)(s / 60));
    else if (s < 48 * 3600)
        fprintf(out, "%u&nbsp;h %u&nbsp;min", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
    else
        fprintf(out, "%u&nbsp;days", (unsigned)(s / 86400));
}

static void hand_text(FILE *out, int width, const char *text) { html_text(out, text); }
static void hand_number(FILE *out, int width, uint64_t n) { html_number(out, n); }

static void hand_rate(FILE *out, int width, const cJSON *v, bool bytes)
{
    if (!v || cJSON_IsNull(v))
        fputs("–", out);
    else
        (bytes ? html_bits : html_short)(out, value_number(v));
}

void html_fill(FILE *out, const cJSON *of, const char *pattern)
{
    static const struct fill_hand hand = {hand_text, hand_number, hand_time, hand_moment, hand_rate};
    fill_with(out, &hand, of, pattern);
}
