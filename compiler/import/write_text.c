/* Write values, lists, strings and declarations. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/utf8.h"
#include "vm/words/words.h"

/* Return the bytes of the character at `s`; 0 if it can't be printed. */
static size_t character(const char *s)
{
    const unsigned char c = (unsigned char)*s;
    if (c < 0x80) return c >= 0x20 && c != 0x7f;
    const size_t n = utf8_next(s, strnlen(s, 4));
    return n && !utf8_invisible(s, n) ? n : 0;
}

void put_string(FILE *out, const char *s)
{
    fputc('"', out);
    while (*s) {
        const size_t n = character(s);
        if (!n)
            fprintf(out, "\\x%02x", (unsigned char)*s);
        else if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else
            fwrite(s, 1, n, out);
        s += n ? n : 1;
    }
    fputc('"', out);
}

void put_comment(FILE *out, const char *s)
{
    enum { COMMENT_MOST = 600 };
    const char *end = s + COMMENT_MOST;
    while (*s && s < end) {
        const size_t n = character(s);
        if (n)
            fwrite(s, 1, n, out);
        else
            fputc('?', out);
        s += n ? n : 1;
    }
    if (*s) fputs(" ...", out);
}

static void put_one_address(FILE *out, uint8_t family, wide a)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    const unsigned len = family == 4 ? 4 : 16;
    for (unsigned i = 0; i < len; i++) bytes[i] = (unsigned char)(a >> 8 * (len - 1 - i));
    fputs(inet_ntop(family == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) ? text : "?", out);
}

void put_address(FILE *out, uint8_t family, wide lo, wide hi)
{
    const wide differ = lo ^ hi;
    const bool prefix = !(differ & (differ + 1)) && !(lo & differ);
    put_one_address(out, family, lo);
    if (lo == hi) return;
    if (prefix) {
        unsigned host = 0;
        while (host < 128 && differ >> host) host++;
        fprintf(out, "/%u", (family == 4 ? 32 : 128) - host);
    } else {
        fputc('-', out);
        put_one_address(out, family, hi);
    }
}

static void put_asked_number(FILE *out, enum about about, uint64_t n)
{
    const char *name = about == ASK_PROTO ? proto_name((unsigned)n) : NULL;
    if (name)
        fputs(name, out);
    else
        fprintf(out, about == ASK_ETHER_TYPE ? "0x%04" PRIx64 : "%" PRIu64, n);
}

static void put_extent(FILE *out, const struct extent *e, enum about about, enum about_kind kind)
{
    static const bool quoted[ASK_COUNT] = {[ASK_ON] = true, [ASK_OUT_ON] = true};
    if (e->word && quoted[about]) {
        put_string(out, e->word);
    } else if (e->word) {
        fputs(e->word, out);
    } else if (kind == ABOUT_ADDRESSES) {
        put_address(out, e->family, e->lo, e->hi);
    } else {
        put_asked_number(out, about, (uint64_t)e->lo);
        if (e->lo != e->hi) fputc('-', out);
        if (e->lo != e->hi) put_asked_number(out, ASK_COUNT, (uint64_t)e->hi);
    }
}

/* Write the list's members; both ends of a range of protocols are numbers. */
static void put_each(FILE *out, const struct list *l, enum about about, enum about_kind kind)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const bool range = l->of[i].lo != l->of[i].hi;
        if (i) fputs(", ", out);
        put_extent(out, &l->of[i], range && about == ASK_PROTO ? ASK_COUNT : about, kind);
    }
}

void put_list(struct writer *w, const struct list *l, enum about about)
{
    static const enum about_kind kinds[] = {
#define ABOUT(ident, words, kind) ABOUT_##kind,
#include "compiler/import/about.def"
    };
    if (l->negated) fputs("not ", w->out);
    if (l->set)
        fputs(set_said(w, l->set), w->out);
    else
        put_each(w->out, l, about, kinds[about]);
}

static const char *const set_words[] = {[ABOUT_NUMBERS] = "ports", [ABOUT_ADDRESSES] = "set", [ABOUT_WORDS] = "macs"};

const char *set_said(struct writer *w, struct set *set)
{
    static const char *const behind[] = {
        [ABOUT_NUMBERS] = "_ports", [ABOUT_ADDRESSES] = "_set", [ABOUT_WORDS] = "_macs"};
    if (set->said) return set->said;
    set->said = name_give(&w->names, set->name, behind[set->kind]);
    if (set->left) set_said(w, set->left);
    if (set->right) set_said(w, set->right);
    return set->said;
}

/* Write a live set. Its members in the listing are left out, and reported with the statement that adds them. */
static void put_live_set(struct writer *w, const struct set *set)
{
    enum { SIZE_GUESSED = 1 << 18, SIZE_MOST = 1 << 24 };
    const uint64_t size = set->size > SIZE_MOST ? SIZE_MOST : set->size ? set->size : SIZE_GUESSED;
    const bool nft = strcmp(set->scope, "ipset") != 0;
    if (set->members.count) {
        fprintf(w->out, "# NOT IMPORTED: its %" PRIu32 " member%s; to add them permanently, run: ", set->members.count,
                text_plural(set->members.count));
        put_comment(w->out, nft ? import_format(w->s, "nft list set %s %s", set->scope, set->name)
                                : import_format(w->s, "ipset save %s", set->name));
        fprintf(w->out, " | preyctl sets %s replace\n", set->said);
        w->unsaid.parts++;
        w->unsaid.wider_parts++;
    }
    fprintf(w->out, "set %s = live size %" PRIu64, set->said, size);
    if (set->family) fputs(set->family == 4 ? " in 0.0.0.0/0" : " in ::/0", w->out);
    fputs(set->full ? " refuse\n" : "\n", w->out);
}

void put_adding(struct writer *w, const struct adding *a)
{
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    const uint64_t most = UINT64_C(3660) * 86400, s = a->for_s && a->for_s < most ? a->for_s : most;
    unsigned i = 0;
    while (s % units[i].seconds) i++;
    w->adds = true;
    fprintf(w->out, "add %s to %s for %" PRIu64 "%c%s", a->destination ? "destination" : "source", set_said(w, a->to),
            s / units[i].seconds, units[i].unit, a->renews ? "" : " once");
}

static void put_set(struct writer *w, const struct set *set)
{
    if (set->text) fputs("# ", w->out);
    if (set->text) put_comment(w->out, set->text);
    if (set->text) fputc('\n', w->out);
    if (!set->left && set_is_live(set)) {
        put_live_set(w, set);
        return;
    }
    w->lists |= !set->left && *set->scope && set->kind == ABOUT_ADDRESSES;
    fprintf(w->out, "%s %s = ", set_words[set->kind], set->said);
    if (set->left)
        fprintf(w->out, "%s %s %s", set->left->said, set->except ? "except" : "and", set->right->said);
    else
        put_each(w->out, &set->members, ASK_COUNT, set->kind);
    if (set->changes) fputs("  # not imported: changes of the set at run time; the set had these members", w->out);
    if (set->changes) w->unsaid.parts++;
    fputc('\n', w->out);
}

static uint8_t set_family(const struct set *set)
{
    while (set->left) set = set->left; /* both kinds of made sets are subsets of `left` */
    return set->family;
}

bool list_is_of(const struct list *l, uint8_t family)
{
    if (l->set) return set_family(l->set) == family;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->of[i].family != family) return false;
    return l->count > 0;
}

void put_lengths(struct writer *w, unsigned length4, unsigned length6)
{
    if (length4 != 32 || length6 != 128) fprintf(w->out, "/%u,/%u", length4, length6);
}

static void put_meter(struct writer *w, const struct meter *m)
{
    static const char *const keys[] = {[METER_ALL] = "",
                                       [METER_SOURCE] = " per source",
                                       [METER_DESTINATION] = " per destination",
                                       [METER_FLOW] = " per flow"};
    const bool by_address = m->per == METER_SOURCE || m->per == METER_DESTINATION;
    fprintf(w->out, "meter %s = ", m->said);
    if (m->bytes) {
        /* bits per second, rounded up to a multiple of 1000 */
        const uint64_t bits = m->rate * 8 / m->unit, kilo = (bits + 999) / 1000;
        fprintf(w->out, kilo % 1000 ? "%" PRIu64 "kbit/s" : "%" PRIu64 "Mbit/s", kilo % 1000 ? kilo : kilo / 1000);
    } else {
        const unsigned hours = m->unit / 3600;
        const char *const unit = m->unit == 1 ? "s" : m->unit == 60 ? "m" : "h";
        fprintf(w->out, "%" PRIu64 "/%s", hours ? m->rate / hours : m->rate, unit);
    }
    if (m->burst) fprintf(w->out, " burst %" PRIu64 "%s", m->burst, m->bytes ? "B" : "");
    fputs(keys[m->per], w->out);
    if (by_address) put_lengths(w, m->length4, m->length6);
    if (m->bytes && m->rate * 8 % (1000 * (uint64_t)m->unit)) fputs("  # rounded up to a thousand bits", w->out);
    fputc('\n', w->out);
}

const char *meter_unsayable(const struct meter *m)
{
    const unsigned hours = m->unit / 3600;
    if (!m->rate) return "with a rate of 0, no packet passes";
    if (m->bytes) return m->rate / m->unit > 125000000000 ? "the rate is above 1000 Gbit/s" : NULL;
    if (hours && m->rate % hours) return "prey has rates only per second, minute and hour";
    return m->rate / m->unit > 1000000000 ? "the rate is above 1,000,000,000/s" : NULL;
}

void put_declarations(struct writer *w)
{
    for (const struct set *set = w->s->sets; set; set = set->next)
        if (set->said) put_set(w, set);
    for (const struct meter *m = w->s->meters; m; m = m->next)
        if (m->said) put_meter(w, m);
    for (const struct schedule *t = w->schedules; t; t = t->next)
        fprintf(w->out, "schedule %s = %s\n", t->name, t->text);
}
