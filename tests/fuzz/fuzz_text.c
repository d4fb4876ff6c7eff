/* Fuzzes address files and host names with any bytes. Every line is a member or gets a message. A name in normal
 * form is its own normal form, and is only in the list that it makes. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/program/program.h"
#include "vm/words/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void take_member(void *arg, const struct addr_member *m)
{
    (void)arg;
    if (m->family == 4 && m->v4.lo > m->v4.hi) abort();
    if (m->family == 6 && (m->v6.lo_hi > m->v6.hi_hi || (m->v6.lo_hi == m->v6.hi_hi && m->v6.lo_lo > m->v6.hi_lo)))
        abort();
    if (m->family != 4 && m->family != 6) abort();
}

static void take_bad(void *arg, const struct addr_bad_line *l)
{
    char said[256] = "";
    (void)arg;
    if (l->line < 1 || l->col < 1 || l->col - 1 + l->len > l->text_len) abort();
    addr_fault_describe(l->text + l->col - 1, l->len, l->fault, said, sizeof said);
    if (!said[0] || strchr(said, '\n')) abort();
}

static void try_name(const char *text, size_t len)
{
    char normal[HOST_MAX + 1], again[HOST_MAX + 1], err[256] = "";
    if (host_normal(text, len, normal) != HOST_GOOD) return;
    if (host_normal(normal, strlen(normal), again) != HOST_GOOD || strcmp(normal, again) != 0) abort();
    struct imgbuild b;
    img_init(&b);
    img_add_hosts(&b, img_string(&b, normal));
    img_add_names(&b, (struct pbc_names){.name = img_string(&b, "x"), .count = 1});
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof err);
    if (!p || !names_match(p, 0, text, len)) abort();
    if (normal[0] == '*' && names_match(p, 0, normal + 2, strlen(normal + 2))) abort();
    program_put(p);
    img_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    if (!text) abort();
    if (len) memcpy(text, bytes, len);
    text = realloc(text, len ? len : 1); /* exactly as long as the bytes, so that a sanitizer finds reads past them */
    if (!text) abort();
    addr_text_read(text, len, &(struct addr_reader){.member = take_member, .bad = take_bad});
    try_name(text, len);
    free(text);
    return 0;
}
