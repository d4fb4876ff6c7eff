/* The formatter of a rule file: it keeps tokens and comments, changes blanks and line breaks, and replaces old words by
 * their present form. Each run checks that the tree stays the same, because the result may overwrite the user's text.
 */
#include "lang/format/format.h"
#include "lang/format/format_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "lang/parse/parse_file.h"

static bool is_same(struct arena *arena, const char *path, const struct node *tree, const char *text, size_t len)
{
    struct sources sources;
    bool same = false;
    sources_init(&sources);
    struct diags *d = diags_new(&sources);
    const int file = sources_add(&sources, path, text, len);
    if (file >= 0) {
        const struct node *again = parse_alone(arena, &sources, d, (uint32_t)file, NULL);
        same = !diags_errors(d) && node_equal(tree, again);
    }
    diags_free(d);
    sources_fini(&sources);
    return same;
}

int lang_format(struct sources *sources, struct diags *d, uint32_t file, char **out, size_t *len)
{
    const unsigned errors = diags_errors(d);
    struct arena *arena = arena_new();
    struct token_log log = {0};
    int rc = -EINVAL;
    *out = NULL;
    const struct node *tree = parse_alone(arena, sources, d, file, &log);
    if (diags_errors(d) == errors) {
        const struct source_file *f = &sources->files[file];
        struct fmt fmt = {.arena = arena, .text = f->text, .len = (uint32_t)f->len};
        fmt_read(&fmt, &log);
        fmt_marks(&fmt, tree);
        fmt_columns(&fmt);
        *out = fmt_print(&fmt, len);
        rc = is_same(arena, f->path, tree, *out, *len) ? 0 : -EPROTO;
    }
    if (rc < 0) {
        free(*out);
        *out = NULL;
    }
    free(log.tokens);
    arena_free(arena);
    return rc;
}
