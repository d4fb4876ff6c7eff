/* Fields of checks, pools, servers, services, proxies and observe services in the words of the language, by their rows
 * (vm/program/fields/). */
#include <string.h>

#include "vm/program/fields/fields.h"
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

enum { VALUE = 200 /* longest text of a value other than a list */ };
#define MS UINT64_C(1000000)

/* True for bytes that read better as a text than as hex */
static bool is_text(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((bytes[i] < 0x20 && bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] >= 0x7f)
            return false;
    return true;
}

static void put_bytes(const uint8_t *bytes, size_t len, FILE *out)
{
    const bool text = is_text(bytes, len);
    fputs(text ? "\"" : "x\"", out);
    for (size_t i = 0; i < len; i++) {
        if (!text)
            fprintf(out, i ? " %02x" : "%02x", bytes[i]);
        else if (bytes[i] < 0x20)
            fputs(bytes[i] == '\r' ? "\\r" : bytes[i] == '\n' ? "\\n" : "\\t", out);
        else
            fprintf(out, bytes[i] == '"' || bytes[i] == '\\' ? "\\%c" : "%c", bytes[i]);
    }
    fputc('"', out);
}

static void put_step(const struct program *p, const struct pbc_check *c, const struct pbc_step *step, FILE *out)
{
    static const char *const names[PBC_STEP_KINDS] = {"send", "expect", "expect has", "header"};
    const bool http = c->kind == PBC_CHECK_HTTP || c->kind == PBC_CHECK_HTTPS;
    const uint8_t *bytes = p->said + step->bytes;
    size_t len = step->len;
    fprintf(out, "%s ", http && step->kind == PBC_STEP_HAS ? "body has" : names[step->kind]);
    if (step->kind == PBC_STEP_HEADER) {
        const size_t name = (size_t)((const uint8_t *)memchr(bytes, ':', len) - bytes);
        put_bytes(bytes, name, out);
        fputc(' ', out);
        bytes += name + 2;
        len -= name + 2;
    }
    put_bytes(bytes, len, out);
}

static void put_statuses(const struct pbc_range *r, uint32_t count, FILE *out)
{
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, i ? ", %u" : "%u", r[i].lo);
        if (r[i].hi != r[i].lo) fprintf(out, "-%u", r[i].hi);
    }
}

/* Print a check or a meter: its name, in a listing behind its number. */
static void put_named(const struct program *p, const char *what, uint32_t i, uint32_t name, bool listed, FILE *out)
{
    if (listed) fprintf(out, name ? "%s%u (" : "%s%u", what, i);
    text_put_name(program_str(p, name), out);
    if (listed && name) fputc(')', out);
}

static void put_field(const struct program *p, const struct field *f, const void *entry, bool listed, FILE *out)
{
    const uint64_t n = field_number(f, entry);
    const uint32_t id = (uint32_t)n;
    char line[VALUE];
    struct text t = text_of(line, sizeof line);
    switch ((enum field_type)f->type) {
    case FIELD_NUMBER: fprintf(out, "%u", id); break;
    case FIELD_CHOICE: fputs(f->names[n], out); break;
    case FIELD_TIME: duration_print(n, out); break;
    case FIELD_MILLISECONDS: duration_print(n * MS, out); break;
    case FIELD_SIZE: text_add_bytes(&t, n); break;
    case FIELD_MSS: text_add(&t, n == PBC_MSS_AUTO ? "auto" : "%u", id); break;
    case FIELD_MAC: text_add_mac(&t, n); break;
    case FIELD_ADDRESS: {
        uint32_t words[4];
        memcpy(words, (const uint8_t *)entry + f->at, sizeof words);
        text_add_address(&t, words, ((const uint8_t *)entry)[f->if_at] == 6);
        break;
    }
    case FIELD_TEXT:
    case FIELD_PATH: text_put_quoted(program_str(p, id), out); break;
    case FIELD_SETS: sets_print(p, id, field_count(f, entry), out); break;
    case FIELD_RANGES: put_statuses(&p->ranges[id], field_count(f, entry), out); break;
    case FIELD_CHECK: put_named(p, "", id, p->checks[id].name, listed, out); break;
    case FIELD_METER:
        put_named(p, "meter ", id - 1, p->meters[id - 1].name, listed, out);
        if (listed) break;
        text_add(&t, " (");
        text_add_meter(&t, &p->meters[id - 1]);
        text_add(&t, ")");
        break;
    default: break;
    }
    fputs(line, out);
}

/* Print a list whose entries are separate statements; false: not such a field. */
static bool put_entries(const struct program *p, const struct field *f, const void *entry,
                        const struct fields_text *how, FILE *out)
{
    const uint32_t first = (uint32_t)field_number(f, entry);
    if (f->type == FIELD_PROXY) {
        fields_print(p, FIELDS_PROXY, first - 1, how, out);
        return true;
    }
    if (f->type != FIELD_CERTS && f->type != FIELD_STEPS) return false;
    for (uint32_t i = first; i < first + field_count(f, entry); i++) {
        if (f->type == FIELD_CERTS)
            fields_print(p, FIELDS_CERT, i, how, out);
        else
            fputs(how->between, out), put_step(p, entry, &p->steps[i], out);
    }
    return true;
}

/* True for an option that the mode of the proxy's service has. */
static bool has_option(const struct program *p, const struct field *f, const void *proxy)
{
    return !f->modes || mode_is(p->services[((const struct pbc_proxy *)proxy)->service].mode, f->modes);
}

void fields_print(const struct program *p, enum fields_of of, uint32_t i, const struct fields_text *how, FILE *out)
{
    const void *entry = fields_entry(p, of, i);
    const char *before = how->first ? how->first : how->between;
    for (const struct field *f = record_fields[of].rows, *end = f + record_fields[of].count; f < end; f++) {
        if (!(how->parts >> f->part & 1) || !field_shows(f, entry, how->listed) || !has_option(p, f, entry)) continue;
        if (put_entries(p, f, entry, how, out)) continue;
        const char *words = f->otherwise && !field_number(f, entry) ? f->otherwise : f->words;
        fprintf(out, "%s%s", f->joined ? " " : before, words);
        before = how->between;
        if (*words && f->type != FIELD_FLAG) fputc(' ', out);
        put_field(p, f, entry, how->listed, out);
        if (f->behind) fputs(f->behind, out);
    }
}
