/* Untrusted bytes are quoted or in hex; the conditions are those known to fail */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/report/said/said.h"
#include "vm/judge/decide.h"
#include "vm/vm.h"
#include "vm/words/words.h"

enum { WORDS = 600, QUOTED = 100 };

struct text {
    char *at;
    size_t len;
};

static void words_say(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(t->at + t->len, WORDS - t->len, fmt, ap);
    va_end(ap);
    t->len += (size_t)n < WORDS - t->len ? (size_t)n : WORDS - 1 - t->len;
}

/* Append a quoted text of untrusted origin; all but printable ASCII becomes `?`. */
static void say_quoted(struct text *t, const char *what, struct view v)
{
    char plain[QUOTED + 1];
    const uint32_t n = v.len < QUOTED ? v.len : QUOTED;
    for (uint32_t i = 0; i < n; i++)
        plain[i] = v.at[i] >= 0x20 && v.at[i] < 0x7f && v.at[i] != '"' ? (char)v.at[i] : '?';
    plain[n] = 0;
    words_say(t, "%s%s \"%s%s\"", t->len ? ", " : "", what, plain, n < v.len ? "..." : "");
}

/* Append text as text, other bytes in hex. */
static void say_bytes(struct text *t, const char *what, struct view v)
{
    bool plain = true;
    for (uint32_t i = 0; i < v.len; i++) plain &= v.at[i] >= 0x20 && v.at[i] < 0x7f;
    if (plain) {
        say_quoted(t, what, v);
        return;
    }
    words_say(t, "%s%s x\"", t->len ? ", " : "", what);
    for (uint32_t i = 0; i < v.len; i++) words_say(t, "%02x", v.at[i]);
    words_say(t, "\"");
}

static void say_absent(struct text *t, const char *what) { words_say(t, "%sno %s", t->len ? ", " : "", what); }

static void say_hello(struct text *t, const struct first *f)
{
    struct view v;
    if (f->tls != FIRST_KNOWN) {
        say_absent(t, "TLS hello");
        return;
    }
    if (first_sni(f, &v) == FIRST_KNOWN)
        say_quoted(t, "sni is", v);
    else
        say_absent(t, "sni");
    for (uint32_t i = 0; i < f->alpn.len && i + 1 + f->alpn.at[i] <= f->alpn.len; i += 1u + f->alpn.at[i])
        say_quoted(t, "alpn offers", (struct view){f->alpn.at + i + 1, f->alpn.at[i]});
}

static void say_request(struct text *t, const struct first *f)
{
    struct view v;
    if (f->http != FIRST_KNOWN) {
        say_absent(t, "HTTP request");
        return;
    }
    if (first_method(f, &v) == FIRST_KNOWN) say_quoted(t, "method is", v);
    if (first_host(f, &v) == FIRST_KNOWN)
        say_quoted(t, "host is", v);
    else
        say_absent(t, "host");
    if (first_path(f, &v) == FIRST_KNOWN) say_quoted(t, "path is", v);
}

static void say_address(struct text *t, const char *what, const struct stream_addr *a)
{
    char text[INET6_ADDRSTRLEN];
    words_say(t, a->v6 ? "%s%s [%s]:%u" : "%s%s %s:%u", t->len ? ", " : "", what,
              address_text(a->v6 ? 6 : 4, a->addr, text), a->port);
}

/* Return the first condition of a branch that is known to fail, or PBC_NONE. */
static uint32_t failed(const struct said_world *w, const struct pbc_branch *b, const struct key *key)
{
    const struct program *p = w->program;
    for (uint32_t i = b->conds; i < b->conds + b->cond_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        if (stream_asks(c) ? stream_cond(p, c, &w->first, false) == STREAM_NO : !cond_match(p, c, key, NULL)) return i;
    }
    return PBC_NONE;
}

static void say_passed(FILE *out, const struct said_world *w, uint32_t branch, const struct key *key)
{
    const struct program *p = w->program;
    const struct pbc_branch *b = &p->branches[branch];
    char why[300];
    const uint32_t at = failed(w, b, key);
    if (at == PBC_NONE) return;
    fprintf(out, "%u ", b->place.line);
    if (stream_asks(&p->conds[at])) {
        stream_cond_print(p, &p->conds[at], out);
    } else {
        cond_explain(p, &p->conds[at], key, NULL, why, sizeof why);
        fputs(why, out);
    }
    fputc('\n', out);
}

static void say_branches(const struct said_world *w, struct said *c, const struct key *key)
{
    size_t len;
    free(c->passed);
    c->passed = NULL;
    FILE *out = open_memstream(&c->passed, &len);
    if (!out) return;
    for (uint32_t b = w->program->services[c->service].branches; b < c->branch && c->branch != PBC_NONE; b++)
        say_passed(out, w, b, key);
    fclose(out);
}

void said_words(const struct said_world *w, struct said *c, const struct key *key)
{
    const uint32_t wants = c->wants;
    const struct first *f = &w->first;
    const struct proxy_header *h;
    struct text t = {.at = malloc(WORDS)};
    say_branches(w, c, key);
    free(c->words);
    c->words = t.at;
    if (!t.at) return;
    t.at[0] = 0;
    if (wants && first_proxy(f, &h) == FIRST_KNOWN) say_address(&t, "PROXY header of", &h->src);
    if (wants & FIRST_TLS) say_hello(&t, f);
    if (wants & FIRST_HTTP) say_request(&t, f);
    if (wants & FIRST_INSTRUCTION) {
        const struct instruction *i;
        if (first_instruction(f, &i) == FIRST_KNOWN)
            say_address(&t, "instruction to", &i->target);
        else
            say_absent(&t, "instruction");
    }
    if (wants >> FIRST_BYTES_SHIFT)
        say_bytes(&t, "it begins", (struct view){f->bytes + f->skip, f->n - f->skip < 16 ? f->n - f->skip : 16});
    if (!wants) words_say(&t, "the rules don't test its bytes");
}
