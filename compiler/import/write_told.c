/* Comments on rules, each once. A rule may be at several places, and many rules may read alike, so a comment that
 * was written before is only counted. A mark behind the first comment becomes the count when all is written. */
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/heap.h"

enum { MARK = 1 }; /* a byte that no comment has (put_comment) */

struct told {
    const char *text;
    uint64_t more;
};

static int told_order(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    return strcmp(x->text, y->text);
}

/* Return the comment if it was written before; else enter it. */
static struct told *told_before(struct writer *w, const char *text)
{
    const struct told wanted = {.text = text};
    struct told *const *found = tfind(&wanted, &w->told_tree, told_order);
    if (found) return *found;
    struct told *one = arena_alloc(w->s->arena, sizeof(*one));
    *one = wanted;
    if (!tsearch(one, &w->told_tree, told_order)) out_of_memory();
    if (w->told_count == w->told_cap)
        w->told = heap_grown(w->told, w->told_count + 1, sizeof(struct told *), &w->told_cap);
    w->told[w->told_count++] = one;
    return NULL;
}

void put_why(struct writer *w, const char *what, const char *text, const char *why)
{
    struct told *before = told_before(w, import_format(w->s, "%s: %s (%s)", what, text, why));
    if (before) {
        before->more++;
        return;
    }
    fprintf(w->out, "# %s: ", what);
    put_comment(w->out, text);
    fputs(" (", w->out);
    put_comment(w->out, why);
    fprintf(w->out, ")%c%08" PRIx32 "\n", MARK, w->told_count - 1);
}

void put_counted(const struct writer *w, const char *text, size_t len, FILE *out)
{
    const char *const end = text + len;
    for (const char *mark; (mark = memchr(text, MARK, (size_t)(end - text))); text = mark + 9) {
        const uint64_t more = w->told[strtoul(mark + 1, NULL, 16)]->more;
        fwrite(text, 1, (size_t)(mark - text), out);
        if (more) fprintf(out, "; %" PRIu64 " more like this", more);
    }
    fwrite(text, 1, (size_t)(end - text), out);
}

void told_fini(struct writer *w)
{
    heap_tree_free(w->told_tree);
    free(w->told);
}
