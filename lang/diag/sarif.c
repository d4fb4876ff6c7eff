/* Diagnostics as SARIF 2.1.0 (OASIS, March 2020), the format that code hosts and editors read: one run, each code a
 * rule, each diagnostic a result. Columns count Unicode code points. */
#include <ctype.h>
#include <string.h>

#include "lang/diag/diag_priv.h"
#include "lang/json.h"
#include "lang/utf8.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"

struct region {
    const char *path;
    uint32_t artifact;
    unsigned line, col, end_line, end_col;
};

static const char *const idents[DIAG_COUNT] = {
#define DIAG(ident, code, severity, title, explain, wrong, right) [ident] = #ident,
#include "lang/diag/diag.def"
};

static const char *level_of(enum diag_severity severity) { return severity == DIAG_ERROR ? "error" : "warning"; }

/* Convert a column in bytes to code points. An invalid byte counts as one. */
static unsigned column_of(const char *line, size_t len, unsigned byte_col)
{
    return 1 + (unsigned)utf8_count(line, byte_col - 1 < len ? byte_col - 1 : len);
}

static void sarif_place(struct sources *s, struct span span, uint32_t offset, unsigned *line, unsigned *col)
{
    size_t len;
    source_place(s, span.file, offset, line, col);
    const char *text = source_line(s, span.file, *line, &len);
    *col = column_of(text, len, *col);
}

static bool region_of_span(struct diags *d, struct span span, struct region *r)
{
    if (span.file >= d->sources->count) return false;
    *r = (struct region){.path = d->sources->files[span.file].path, .artifact = span.file};
    sarif_place(d->sources, span, span.start, &r->line, &r->col);
    sarif_place(d->sources, span, span.end, &r->end_line, &r->end_col);
    return true;
}

static bool region_of(struct diags *d, const struct entry *e, uint32_t foreign_artifact, struct region *r)
{
    const struct foreign *f = e->foreign;
    if (!f) return region_of_span(d, e->span, r);
    const size_t len = strlen(f->line_text);
    const unsigned col = f->col ? f->col : 1;
    *r = (struct region){.path = f->path, .artifact = foreign_artifact, .line = f->line, .end_line = f->line};
    r->col = column_of(f->line_text, len, col);
    r->end_col = column_of(f->line_text, len, col + f->len);
    return true;
}

/* Print a path as a URI reference (RFC 3986); relative paths stay relative. */
static void put_uri(const char *path, FILE *out)
{
    fputs(path[0] == '/' ? "\"file://" : "\"", out);
    for (; *path; path++) {
        const unsigned char c = (unsigned char)*path;
        if ((c < 0x80 && isalnum(c)) || strchr("-._~/", c))
            fputc(c, out);
        else
            fprintf(out, "%%%02X", c);
    }
    fputc('"', out);
}

static void put_artifact(const struct region *r, FILE *out)
{
    json_print(out, "'artifactLocation':{'uri':");
    put_uri(r->path, out);
    json_print(out, ",'index':%u}", r->artifact);
}

static void put_region(const char *name, const struct region *r, FILE *out)
{
    json_print(out, "%s:{'startLine':%u,'startColumn':%u,'endLine':%u,'endColumn':%u}", name, r->line, r->col,
               r->end_line, r->end_col);
}

static void put_location(const struct region *r, FILE *out)
{
    json_print(out, "'physicalLocation':{");
    put_artifact(r, out);
    fputc(',', out);
    put_region("region", r, out);
    fputc('}', out);
}

static void put_fixes(struct diags *d, const struct entry *e, FILE *out)
{
    struct region r;
    unsigned n = 0;
    for (const struct suggestion *s = e->suggestions; s; s = s->next) {
        if (!region_of_span(d, s->span, &r)) continue;
        json_print(out, n++ ? "," : ",'fixes':[");
        json_print(out, "{'description':{'text':%s},'artifactChanges':[{", e->help);
        put_artifact(&r, out);
        json_print(out, ",'replacements':[{");
        put_region("deletedRegion", &r, out);
        json_print(out, ",'insertedContent':{'text':%s}}]}]}", s->text);
    }
    if (n) fputc(']', out);
}

/* Print one text for consumers that show nothing else: the sentence, the help, and notes without a place. */
static void put_message(struct diags *d, const struct entry *e, FILE *out)
{
    struct json_words w;
    fputs(e->text, json_words(&w));
    if (e->help) fprintf(w.in, "; %s", e->help);
    for (const struct note *n = e->notes; n; n = n->next)
        if (n->span.file >= d->sources->count) fprintf(w.in, "; %s", n->text);
    json_words_end(&w, out);
}

static void put_notes(struct diags *d, const struct entry *e, FILE *out)
{
    unsigned id = 0;
    for (const struct note *n = e->notes; n; n = n->next) {
        struct region r;
        if (!region_of_span(d, n->span, &r)) continue;
        json_print(out, id ? "," : ",'relatedLocations':[");
        json_print(out, "{'id':%u,", id++);
        put_location(&r, out);
        json_print(out, ",'message':{'text':%s}}", n->text);
    }
    if (id) fputc(']', out);
}

static void put_result(struct diags *d, const struct entry *e, uint32_t foreign_artifact, FILE *out)
{
    struct region r;
    json_print(out, "{'ruleId':%s,'ruleIndex':%u,'level':%s,'message':{'text':", diag_rows[e->code].code,
               (unsigned)e->code, level_of(diag_severity_of(d, e)));
    put_message(d, e, out);
    fputc('}', out);
    if (region_of(d, e, foreign_artifact, &r)) {
        json_print(out, ",'locations':[{");
        put_location(&r, out);
        fputs("}]", out);
        put_notes(d, e, out);
        put_fixes(d, e, out);
    }
    fputc('}', out);
}

/* Print E_NO_SUCH_SET as NoSuchSet. */
static void put_name(const char *ident, FILE *out)
{
    fputc('"', out);
    for (const char *s = ident + 1; *s; s++)
        if (*s != '_') fputc(s[-1] == '_' ? *s : tolower((unsigned char)*s), out);
    fputc('"', out);
}

static void put_rule(enum diag_code code, FILE *out)
{
    const struct diag_row *row = &diag_rows[code];
    char help[4096];
    snprintf(help, sizeof(help), "%s%s%s%s%s%s`preyc --explain %s` prints this text.", row->wrong[0] ? "wrong:\n" : "",
             row->wrong, row->wrong[0] ? "\n\n" : "", row->right[0] ? "right:\n" : "", row->right,
             row->right[0] ? "\n\n" : "", row->code);
    json_print(out, "{'id':%s,'name':", row->code);
    put_name(idents[code], out);
    json_print(out,
               ",'shortDescription':{'text':%s},'fullDescription':{'text':%s},'help':{'text':%s}"
               ",'defaultConfiguration':{'level':%s}}",
               row->title, row->explain, help, level_of(row->severity));
}

static bool begins_artifact(const struct diags *d, uint32_t i)
{
    const struct entry *e = &d->entries[i];
    /* Entries are sorted, so those of one file are together. */
    return e->foreign &&
           (i == 0 || !d->entries[i - 1].foreign || strcmp(d->entries[i - 1].foreign->path, e->foreign->path) != 0);
}

static void put_results(struct diags *d, FILE *out)
{
    uint32_t artifact = d->sources->count - 1;
    json_print(out, "'results':[");
    for (uint32_t i = 0; i < d->count; i++) {
        artifact += begins_artifact(d, i);
        fputs(i ? ",\n" : "\n", out);
        put_result(d, &d->entries[i], artifact, out);
    }
    fputs("\n]", out);
}

static void put_artifacts(struct diags *d, FILE *out)
{
    const char *comma = "\n";
    json_print(out, "'artifacts':[");
    for (uint32_t i = 0; i < d->sources->count; i++, comma = ",\n") {
        fputs(comma, out);
        json_print(out, "{'location':{'uri':");
        put_uri(d->sources->files[i].path, out);
        json_print(out, "},'length':%zu,'mimeType':'text/plain'}", d->sources->files[i].len);
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (!begins_artifact(d, i)) continue;
        fputs(comma, out);
        json_print(out, "{'location':{'uri':");
        put_uri(d->entries[i].foreign->path, out);
        fputs("}}", out);
        comma = ",\n";
    }
    fputs("\n]", out);
}

void diags_print_sarif(struct diags *d, const char *tool, const char *version, FILE *out)
{
    diags_sort(d);
    json_print(out, "{'$schema':%s,'version':'2.1.0','runs':[{'tool':{'driver':{'name':%s,'version':%s,'rules':[",
               SCHEMA, tool, version);
    for (unsigned code = 0; code < DIAG_COUNT; code++) {
        fputs(code ? ",\n" : "\n", out);
        put_rule(code, out);
    }
    json_print(out, "\n]}},'columnKind':'unicodeCodePoints',\n'invocations':[{'executionSuccessful':true");
    if (d->stopped_files)
        json_print(out,
                   ",'toolExecutionNotifications':[{'level':'warning','message':{'text':'gave up in %u file(s) "
                   "after %u errors'}}]",
                   d->stopped_files, DIAG_FILE_MAX);
    fputs("}],\n", out);
    put_results(d, out);
    fputs(",\n", out);
    put_artifacts(d, out);
    fputs("}]}\n", out);
}
