/* Compilation of a filter. Its words are the only rule of a chain, on a separate line, which a diagnostic shows. The
 * chain judges frames that arrive and frames that the host sends. */
#include "runtime/preyctl/filter.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/preyctl/hand.h"
#include "runtime/preyctl/talk.h"

static const char before[] = "chain filter { accept \\\n",
                  after[] =
                      "\n}\nfirewall come default drop { do filter }\nfirewall sent out default drop { do filter }\n";

static char *words_joined(const char *const words[], unsigned count)
{
    size_t len = 1;
    for (unsigned i = 0; i < count; i++) len += strlen(words[i]) + 1;
    char *text = calloc(len, 1);
    for (unsigned i = 0; text && i < count; i++) {
        strcat(text, words[i]);
        if (i + 1 < count) strcat(text, " ");
    }
    return text;
}

static int compile(const char *filter, int *fd)
{
    struct compile c;
    char *text = NULL;
    if (asprintf(&text, "%s%s%s", before, filter, after) < 0) return talk_complain("out of memory");
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const int failed = compile_typed(&c, "filter", text);
    if (failed) diags_print_text(c.diags, stderr, false);
    *fd = failed ? -1 : hand_bytes(c.pbc, c.pbc_len);
    compile_fini(&c);
    free(text);
    return *fd < 0 ? 2 : 0;
}

int filter_hand(const char *const words[], unsigned count, int *fd)
{
    *fd = -1;
    if (!count) return 0;
    char *filter = words_joined(words, count);
    if (!filter) return talk_complain("out of memory");
    /* no character may end the rule early */
    const int status = !strpbrk(filter, "{};\n#\\")
                           ? compile(filter, fd)
                           : talk_complain("`%.100s` isn't a filter: write conditions, as in a rule", filter);
    free(filter);
    return status;
}
