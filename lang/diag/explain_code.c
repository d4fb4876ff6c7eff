/* The explanation of a code, and the nearest name by edit distance. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lang/diag/diag_priv.h"

#define WRAP        78
#define NEAREST_MAX 64 /* longer names are not compared */

static void put_wrapped(const char *text, FILE *out)
{
    size_t col = 0;
    for (const char *p = text; *p;) {
        size_t word = strcspn(p, " ");
        if (col && col + 1 + word > WRAP) {
            fputc('\n', out);
            col = 0;
        }
        if (col) {
            fputc(' ', out);
            col++;
        }
        fwrite(p, 1, word, out);
        col += word;
        p += word;
        p += strspn(p, " ");
    }
    fputc('\n', out);
}

static void put_example(const char *title, const char *text, FILE *out)
{
    if (!*text) return;
    fprintf(out, "\n%s:\n", title);
    while (*text) {
        size_t len = strcspn(text, "\n");
        fprintf(out, "    %.*s\n", (int)len, text);
        text += len;
        text += *text == '\n';
    }
}

enum diag_code diag_of_code(const char *code)
{
    enum diag_code i = 0;
    while (i < DIAG_COUNT && strcasecmp(diag_rows[i].code, code) != 0) i++;
    return i;
}

int diag_explain(const char *code, FILE *out)
{
    const enum diag_code found = diag_of_code(code);
    if (found == DIAG_COUNT) return -ENOENT;
    const struct diag_row *row = &diag_rows[found];
    fprintf(out, "%s (%s): %s\n\n", row->code, diag_is_warning(found) ? "warning" : "error", row->title);
    put_wrapped(row->explain, out);
    put_example("wrong", row->wrong, out);
    put_example("right", row->right, out);
    return 0;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Return the edit distance with swaps of neighbours as one edit (optimal string alignment); inexact above `limit`. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m, unsigned limit)
{
    unsigned rows[3][NEAREST_MAX + 1];
    if ((n > m ? n - m : m - n) > limit) return limit + 1;
    for (unsigned j = 0; j <= m; j++) rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *prev = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            now[j] = min3(prev[j] + 1, now[j - 1] + 1, prev[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

const char *diag_nearest(const char *name, const char *const *candidates, size_t n)
{
    size_t len = strlen(name);
    if (len == 0 || len > NEAREST_MAX) return NULL;
    unsigned limit = len < 3 ? 1 : (unsigned)len / 3;
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(candidates[i]);
        if (m > NEAREST_MAX || strcmp(name, candidates[i]) == 0) continue;
        unsigned d = distance(name, len, candidates[i], m, limit);
        /* Names with every letter replaced are not close: `ab` and `x`. */
        if (d <= limit && d < (m > len ? m : len)) {
            if (d == 0) return candidates[i];
            best = candidates[i];
            limit = d - 1;
        }
    }
    return best;
}
