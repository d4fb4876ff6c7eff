/* One call serves both forms: text is printed as it is given, JSON gets its key and its commas here */
#include "compiler/figures.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "vm/words/words.h"

static void comma(struct figures *f)
{
    if (f->more) fputc(',', f->out);
    f->more = true;
}

static bool is_unit(const char *word, size_t len)
{
    static const char *const units[] = {"ms", "ns", "bytes", "KiB"};
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strlen(units[i]) == len && memcmp(units[i], word, len) == 0) return true;
    return false;
}

static void put_word(FILE *out, const char *s, size_t len)
{
    bool apart = false;
    for (size_t i = 0; i < len; i++)
        if (isalnum((unsigned char)s[i])) {
            if (apart) fputc('_', out);
            fputc(tolower((unsigned char)s[i]), out);
            apart = false;
        } else {
            apart = s[i] != '\'';
        }
}

static void put_key(struct figures *f, const char *what, const char *unit)
{
    const size_t len = strcspn(unit, " ");
    what += strspn(what, " ");
    comma(f);
    fputc('"', f->out);
    put_word(f->out, what, strlen(what));
    if (is_unit(unit, len)) {
        fputc('_', f->out);
        put_word(f->out, unit, len);
    }
    fputs("\":", f->out);
}

void figures_begin(struct figures *f, FILE *out, bool json)
{
    *f = (struct figures){.out = out, .json = json};
    if (json) fputc('{', out);
}

static void close_section(struct figures *f)
{
    if (f->json && f->inside) fputc('}', f->out);
    f->more = f->inside;
    f->inside = false;
}

void figures_end(struct figures *f)
{
    close_section(f);
    if (f->json) fputs("}\n", f->out);
}

void figures_section(struct figures *f, const char *name)
{
    close_section(f);
    if (f->json) {
        put_key(f, name, "");
        fputc('{', f->out);
    } else {
        fprintf(f->out, "%s\n", name);
    }
    f->inside = true;
    f->more = false;
}

void figures_count(struct figures *f, const char *what, uint64_t value, const char *unit)
{
    char number[TEXT_NUMBER];
    if (f->json) {
        put_key(f, what, unit);
        fprintf(f->out, "%llu", (unsigned long long)value);
        return;
    }
    fprintf(f->out, "  %-24s %12s%s%s\n", what, text_number(value, number), *unit ? " " : "", unit);
}

void figures_real(struct figures *f, const char *what, double value, unsigned decimals, const char *unit)
{
    if (f->json) {
        put_key(f, what, unit);
        fprintf(f->out, "%.*f", (int)decimals, value);
        return;
    }
    fprintf(f->out, "  %-24s %12.*f%s%s\n", what, (int)decimals, value, *unit ? " " : "", unit);
}

void figures_number(struct figures *f, const char *key, double value, unsigned decimals)
{
    if (f->json) figures_real(f, key, value, decimals, "");
}

void figures_say(struct figures *f, const char *fmt, ...)
{
    va_list args;
    if (f->json) return;
    va_start(args, fmt);
    vfprintf(f->out, fmt, args);
    va_end(args);
}

static void open_as(struct figures *f, char bracket)
{
    fputc(bracket, f->out);
    f->more = false;
}

static void close_as(struct figures *f, char bracket)
{
    fputc(bracket, f->out);
    f->more = true;
}

void figures_list_begin(struct figures *f, const char *key)
{
    if (!f->json) return;
    put_key(f, key, "");
    open_as(f, '[');
}

void figures_list_end(struct figures *f)
{
    if (f->json) close_as(f, ']');
}

void figures_item_begin(struct figures *f)
{
    if (!f->json) return;
    comma(f);
    open_as(f, '{');
}

void figures_item_end(struct figures *f)
{
    if (f->json) close_as(f, '}');
}

void figures_text(struct figures *f, const char *key, const char *value)
{
    if (!f->json) return;
    put_key(f, key, "");
    json_string(f->out, value);
}

void figures_bool(struct figures *f, const char *key, bool value)
{
    if (!f->json) return;
    put_key(f, key, "");
    json_print(f->out, "%i", value);
}

FILE *figures_words(struct figures *f, const char *key)
{
    if (!f->json) return f->out;
    put_key(f, key, "");
    return json_words(&f->words);
}

void figures_words_end(struct figures *f)
{
    if (f->json) json_words_end(&f->words, f->out);
}
