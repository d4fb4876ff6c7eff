/* Printers of diagnostics: text with carets for people, JSON for programs. */
#include <string.h>

#include "lang/diag/diag_priv.h"
#include "lang/json.h"
#include "lang/utf8.h"

#define TEXT_MAX    20  /* most diagnostics printed as text */
#define WINDOW      160 /* bytes of a source line shown */
#define WINDOW_LEAD 60  /* bytes shown before the place, on a long line */

struct colours {
    const char *bold, *error, *warning, *note, *caret, *off;
};

static const struct colours no_colours = {"", "", "", "", "", ""};
static const struct colours ansi = {"\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[1;32m", "\033[0m"};

/* Print one code point safely for a terminal: controls and invalid UTF-8 become `?`. Return the bytes consumed. */
static size_t put_char(const char *s, size_t len, FILE *out)
{
    size_t n = utf8_next(s, len);
    bool control = n == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f) && *s != '\t';
    if (!n || control || utf8_invisible(s, n)) {
        fputc('?', out);
        return n ? n : 1;
    }
    fwrite(s, 1, n, out);
    return n;
}

void diag_put_text(const char *s, FILE *out)
{
    for (size_t len = strlen(s), at = 0; at < len;) {
        if (s[at] == '\n') {
            fputc(' ', out);
            at++;
        } else {
            at += put_char(s + at, len - at, out);
        }
    }
}

/* Print the source line, or a window of it (line 0: without a number), carets under `width` bytes from `col` on, and
 * the help. */
static void put_excerpt(const char *text, size_t len, unsigned line, unsigned col, size_t width, const char *help,
                        const struct colours *c, FILE *out)
{
    size_t at = col ? col - 1 : 0, from = 0, to = len;
    if (at > len) at = len;
    if (width > len - at) width = len - at;
    if (len > WINDOW) {
        from = at > WINDOW_LEAD ? at - WINDOW_LEAD : 0;
        while (from > 0 && from < len && ((unsigned char)text[from] & 0xc0) == 0x80 && at - from < WINDOW_LEAD + 4)
            from--;
        to = len - from > WINDOW ? from + WINDOW : len;
        if (at + width > to) width = to - at;
    }
    if (line)
        fprintf(out, "%5u | %s", line, from ? "..." : "");
    else
        fprintf(out, "      | %s", from ? "..." : "");
    for (size_t i = from; i < to;) i += put_char(text + i, to - i, out);
    fprintf(out, "%s\n      | %s", to < len ? "..." : "", from ? "   " : "");
    for (size_t i = from; i < at;) {
        size_t n = utf8_next(text + i, at - i);
        fputc(text[i] == '\t' ? '\t' : ' ', out);
        i += n ? n : 1;
    }
    fputs(c->caret, out);
    const size_t carets = utf8_count(text + at, width);
    for (size_t i = 0; i == 0 || i < carets; i++) fputc('^', out);
    fputs(c->off, out);
    if (help) {
        fputc(' ', out);
        diag_put_text(help, out);
    }
    fputc('\n', out);
}

static void put_place(const char *path, unsigned line, unsigned col, const struct colours *c, FILE *out)
{
    fputs(c->bold, out);
    diag_put_text(path, out);
    if (line) fprintf(out, ":%u:%u", line, col);
    fprintf(out, ": %s", c->off);
}

static void put_span_place(struct diags *d, struct span span, const struct colours *c, FILE *out)
{
    const struct source_file *f = &d->sources->files[span.file];
    unsigned line, col;
    source_place(d->sources, span.file, span.start, &line, &col);
    put_place(f->path, f->typed ? 0 : line, col, c, out);
}

static void put_span_excerpt(struct diags *d, struct span span, const char *help, const struct colours *c, FILE *out)
{
    unsigned line, col;
    size_t len;
    source_place(d->sources, span.file, span.start, &line, &col);
    const char *text = source_line(d->sources, span.file, line, &len);
    if (d->sources->files[span.file].typed) line = 0;
    put_excerpt(text, len, line, col, span.end > span.start ? span.end - span.start : 0, help, c, out);
}

static void put_note(struct diags *d, const struct note *n, const struct colours *c, FILE *out)
{
    bool placed = n->span.file < d->sources->count;
    if (placed) put_span_place(d, n->span, c, out);
    fprintf(out, "%snote:%s ", c->note, c->off);
    diag_put_text(n->text, out);
    fputc('\n', out);
    if (placed) put_span_excerpt(d, n->span, NULL, c, out);
}

static void put_entry(struct diags *d, const struct entry *e, const struct colours *c, FILE *out)
{
    bool placed = e->span.file < d->sources->count;
    if (e->foreign) {
        put_place(e->foreign->path, e->foreign->line, e->foreign->col, c, out);
    } else if (placed) {
        put_span_place(d, e->span, c, out);
    }
    bool error = diag_severity_of(d, e) == DIAG_ERROR;
    fprintf(out, "%s%s:%s ", error ? c->error : c->warning, error ? "error" : "warning", c->off);
    diag_put_text(e->text, out);
    fprintf(out, " [%s]\n", diag_rows[e->code].code);
    if (e->foreign) {
        put_excerpt(e->foreign->line_text, strlen(e->foreign->line_text), e->foreign->line, e->foreign->col,
                    e->foreign->len, e->help, c, out);
    } else if (placed) {
        put_span_excerpt(d, e->span, e->help, c, out);
    } else if (e->help) {
        fputs("  ", out);
        diag_put_text(e->help, out);
        fputc('\n', out);
    }
    for (const struct note *n = e->notes; n; n = n->next) put_note(d, n, c, out);
}

/* With more than TEXT_MAX, errors are printed before warnings: they stop the compile. */
void diags_print_text(struct diags *d, FILE *out, bool colour)
{
    const struct colours *c = colour ? &ansi : &no_colours;
    diags_sort(d);
    unsigned errors = diags_errors(d);
    unsigned error_room = errors < TEXT_MAX ? errors : TEXT_MAX;
    unsigned warning_room = TEXT_MAX - error_room;
    unsigned errors_left = 0, warnings_left = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        bool error = diag_severity_of(d, &d->entries[i]) == DIAG_ERROR;
        unsigned *room = error ? &error_room : &warning_room;
        if (*room) {
            (*room)--;
            put_entry(d, &d->entries[i], c, out);
        } else {
            (*(error ? &errors_left : &warnings_left))++;
        }
    }
    if (errors_left || warnings_left) {
        fputs("and ", out);
        if (errors_left) fprintf(out, "%u more error%s", errors_left, errors_left == 1 ? "" : "s");
        if (warnings_left)
            fprintf(out, "%s%u more warning%s", errors_left ? ", " : "", warnings_left, warnings_left == 1 ? "" : "s");
        fputc('\n', out);
    }
    if (d->stopped_files)
        fprintf(out, "gave up in %u file%s after %u errors\n", d->stopped_files, d->stopped_files == 1 ? "" : "s",
                DIAG_FILE_MAX);
}

static void json_place(struct diags *d, struct span span, FILE *out)
{
    if (span.file >= d->sources->count) return;
    unsigned line, col, end_line, end_col;
    source_place(d->sources, span.file, span.start, &line, &col);
    source_place(d->sources, span.file, span.end, &end_line, &end_col);
    json_print(out, ",'file':%s,'line':%u,'column':%u,'end_line':%u,'end_column':%u", d->sources->files[span.file].path,
               line, col, end_line, end_col);
}

/* Print a member of a list: its text as member `name`, and its place. */
static void json_placed(struct diags *d, const char *name, const char *text, struct span span, bool more, FILE *out)
{
    json_print(out, "{%s:%s", name, text);
    json_place(d, span, out);
    fputs(more ? "}," : "}", out);
}

static void json_suggestions(struct diags *d, const struct entry *e, FILE *out)
{
    if (!e->suggestions) return;
    json_print(out, ",'suggestions':[");
    for (const struct suggestion *s = e->suggestions; s; s = s->next)
        json_placed(d, "replacement", s->text, s->span, s->next, out);
    fputc(']', out);
}

static void json_entry(struct diags *d, const struct entry *e, FILE *out)
{
    const struct foreign *f = e->foreign;
    bool error = diag_severity_of(d, e) == DIAG_ERROR;
    json_print(out, "{'code':%s,'severity':%s", diag_rows[e->code].code, error ? "error" : "warning");
    if (f)
        json_print(out, ",'file':%s,'line':%u,'column':%u,'end_line':%u,'end_column':%u", f->path, f->line, f->col,
                   f->line, f->col + f->len);
    json_place(d, e->span, out);
    json_print(out, ",'message':%s", e->text);
    if (e->help) json_print(out, ",'fix':%s", e->help);
    json_suggestions(d, e, out);
    json_print(out, ",'notes':[");
    for (const struct note *n = e->notes; n; n = n->next) json_placed(d, "message", n->text, n->span, n->next, out);
    fputs("]}", out);
}

void diags_print_json_with(struct diags *d, FILE *out, void (*more)(void *arg, FILE *out), void *arg)
{
    diags_sort(d);
    json_print(out, "{'diagnostics':[");
    for (uint32_t i = 0; i < d->count; i++) {
        fputs(i ? ",\n" : "\n", out);
        json_entry(d, &d->entries[i], out);
    }
    json_print(out, "\n],'errors':%u,'warnings':%u,'complete':%i", diags_errors(d), diags_warnings(d),
               !d->stopped_files);
    if (more) more(arg, out);
    fputs("}\n", out);
}
