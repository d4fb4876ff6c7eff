/* Parser of one file that was read: its text through lexer and grammar. */
#include "lang/parse/parse_file.h"

#include <string.h>

#include "lang/lex/tokens.tab.h"

static struct node *file_node(struct arena *arena, const struct sources *sources, uint32_t file)
{
    const struct source_file *f = &sources->files[file];
    struct node *n = node_new(arena, N_FILE, (struct span){file, 0, 0});
    n->v = (struct value){.kind = VALUE_STR, .str = {arena_strndup(arena, f->path, strlen(f->path)), strlen(f->path)}};
    return n;
}

struct node *parse_alone(struct arena *arena, struct sources *sources, struct diags *d, uint32_t file,
                         struct token_log *log)
{
    const struct source_file *f = &sources->files[file];
    static const char begin[] = "prey.pbc"; /* beginning of a compiled program */
    if (f->len >= sizeof begin - 1 && !memcmp(f->text, begin, sizeof begin - 1)) {
        diag(d, E_UTF8, SPAN_NONE,
             "`%s` is a compiled program: give the rule file (.prey); only preyrun, preyctl, and preyc with --ask, "
             "--diff and --against, take programs",
             f->path);
        return file_node(arena, sources, file);
    }
    const bool bom = f->len >= 3 && memcmp(f->text, "\xef\xbb\xbf", 3) == 0;
    struct parser p = {
        .arena = arena,
        .sources = sources,
        .diags = d,
        .text = f->text,
        .len = (uint32_t)f->len,
        .file = file,
        .pos = bom ? 3 : 0,
        .errors_before = diags_errors(d),
        .tree = file_node(arena, sources, file),
        .ahead.kind = -1,
        .log = log,
        .prev = NL,
        .comma_nl = SPAN_NONE,
        .unclosed_paren = UINT32_MAX,
    };
    lex_open(&p);
    yyparse(&p);
    lex_close(&p);
    return p.tree;
}
