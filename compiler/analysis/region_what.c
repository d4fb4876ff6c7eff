/* Print the protocols of a product as a rule names them. */
#include <string.h>

#include "compiler/analysis/region_text_priv.h"
#include "compiler/normal/what.h"
#include "vm/words/words.h"

enum { BY_4 = 1, BY_6 = 2 };
struct protocols {
    uint8_t in[256]; /* BY_4 | BY_6 */
    bool unknown, arp, other;
    bool told;    /* the product asks for AH: number 51 over IPv6 represents all packets with AH */
    bool some_ah; /* some packets with AH, not all */
};

static struct protocols protocols_of(const struct printer *t)
{
    const uint32_t what = t->p->field[IR_WHAT];
    struct protocols s = {0};
    for (uint32_t i = 0; i < 256; i++)
        s.in[i] = (uint8_t)((ir_ranges_have(t->ir, what, WHAT_IP4 + i) ? BY_4 : 0) |
                            (ir_ranges_have(t->ir, what, WHAT_IP6 + i) ? BY_6 : 0));
    s.unknown = ir_ranges_have(t->ir, what, WHAT_IP6_UNKNOWN);
    s.told = what_asks_ah(t->ir, what);
    if (s.told) {
        struct pbc_range r[128];
        const uint32_t n = what_numbers(t->ir, what, WHAT_AH6, r);
        const bool all = n == 1 && r[0].hi - r[0].lo == 255;
        s.in[WHAT_AH_NUMBER] = (uint8_t)((s.in[WHAT_AH_NUMBER] & BY_4) | (all ? BY_6 : 0));
        s.some_ah = (n && !all) || (!n && ir_ranges_have(t->ir, what, WHAT_AH6_UNKNOWN));
    }
    s.arp = ir_ranges_have(t->ir, what, WHAT_ARP);
    s.other = ir_ranges_have(t->ir, what, WHAT_OTHER);
    return s;
}

/* True if the name is a condition by itself; others are behind `proto`. */
static bool is_bare_word(const char *name)
{
    static const char *const words[] = {
#define PROTOCOL_WORD(token, text) text,
#include "lang/words/word.def"
    };
    for (size_t i = 0; name && i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(words[i], name) == 0) return true;
    return false;
}

static void put_what_number(uint32_t number, FILE *out)
{
    const char *name = proto_name(number);
    if (name)
        fputs(name, out);
    else
        fprintf(out, "%u", number);
}

void put_protocol(unsigned number, FILE *out)
{
    if (!is_bare_word(proto_name(number))) fputs("proto ", out);
    put_what_number(number, out);
}

/* Print runs of protocols that are `in`, and return their number; out NULL: only count. */
static unsigned put_protocols(const struct protocols *s, uint8_t in, FILE *out)
{
    unsigned n = 0;
    bool words = true;
    for (uint32_t i = 0; i < 256; i++) words &= s->in[i] != in || is_bare_word(proto_name(i));
    if (out && !words) fputs("proto ", out);
    for (uint32_t lo = 0, hi; lo < 256; lo = hi + 1) {
        hi = lo;
        if (s->in[lo] != in) continue;
        const bool named = proto_name(lo) != NULL;
        while (!named && hi < 255 && s->in[hi + 1] == in && !proto_name(hi + 1)) hi++;
        if (out && n) fputs(", ", out);
        if (out) put_what_number(lo, out);
        if (out && hi > lo) fprintf(out, "-%u", hi);
        n++;
    }
    return n;
}

static void put_family(struct printer *t, const struct protocols *s, uint8_t in, const char *family)
{
    const unsigned members = put_protocols(s, in, NULL), others = put_protocols(s, 0, NULL);
    if (!members) return;
    if (family[0]) print_word(t, family);
    if (members > 8 && others <= 8) {
        if (!family[0] && !others) print_word(t, "ip, ip6");
        if (!others) return;
        print_word(t, "not ");
        put_protocols(s, 0, t->out);
        return;
    }
    print_word(t, "");
    put_protocols(s, in, t->out);
}

/* Print both families' protocols by those few that they lack: "not icmp, udp". False if no words name them. */
static bool put_without(struct printer *t, const struct protocols *s)
{
    unsigned lacking = 0;
    for (uint32_t i = 0; i < 256; i++) {
        const bool four = i == 1 || i == 2, six = i == 58; /* ICMP, IGMP and ICMPv6 have one family */
        const uint8_t named = four ? BY_4 : six ? BY_6 : BY_4 | BY_6, lacks = (uint8_t)(~s->in[i] & (BY_4 | BY_6));
        if (lacks && lacks != named) return false;
        lacking += lacks != 0;
    }
    if (!lacking || lacking > 8) return false;
    print_word(t, "not");
    for (uint32_t i = 0, n = 0; i < 256; i++) {
        if (s->in[i] == (BY_4 | BY_6)) continue;
        fputs(n++ ? ", " : " ", t->out);
        put_protocol(i, t->out);
    }
    return true;
}

/* Print protocols by family; the name of ICMP shows its family. */
static void put_ip(struct printer *t, struct protocols *s, bool family_shows)
{
    unsigned families = 0;
    for (uint32_t i = 0; i < 256; i++) families |= s->in[i];
    if (families != (BY_4 | BY_6)) {
        const bool icmp = families == BY_4 ? s->in[1] && put_protocols(s, BY_4, NULL) == 1
                                           : s->in[58] && put_protocols(s, BY_6, NULL) == 1;
        const bool all = put_protocols(s, 0, NULL) == 0;
        if (icmp)
            print_word(t, families == BY_4 ? "icmp" : "icmp6");
        else
            put_family(t, s, (uint8_t)families, family_shows && !all ? "" : families == BY_4 ? "ip" : "ip6");
        return;
    }
    if (put_without(t, s)) return;
    const bool icmp4 = s->in[1] == BY_4, icmp6 = s->in[58] == BY_6;
    if (icmp4) s->in[1] = 0;
    if (icmp6) s->in[58] = 0;
    static const struct {
        uint8_t in;
        const char *name;
    } groups[] = {{BY_4 | BY_6, ""}, {BY_4, "ip"}, {BY_6, "ip6"}};
    bool comma = false;
    for (unsigned i = 0; i < 3; i++) {
        if (!put_protocols(s, groups[i].in, NULL)) continue;
        if (comma) fputc(',', t->out);
        put_family(t, s, groups[i].in, groups[i].name);
        comma = true;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (!(i ? icmp6 : icmp4)) continue;
        if (comma) fputc(',', t->out);
        print_word(t, i ? "icmp6" : "icmp");
        comma = true;
    }
}

/* Print a word behind those that are listed. */
static void put_next(struct printer *t, const char *word, bool *listed)
{
    if (*listed) fputc(',', t->out);
    print_word(t, word);
    *listed = true;
}

/* Print AH over IPv6 if protocol numbers can't express it: "ah proto" with some protocols, or "without ah". */
static void put_ah(struct printer *t, const struct protocols *s, bool *listed)
{
    const bool ip6 = put_protocols(s, BY_6, NULL) || put_protocols(s, BY_4 | BY_6, NULL) || s->unknown;
    if (s->some_ah) {
        struct pbc_range r[128];
        const uint32_t n = what_numbers(t->ir, t->p->field[IR_WHAT], WHAT_AH6, r);
        put_next(t, n ? "ah proto " : "ah of unknown protocol", listed);
        for (uint32_t i = 0; i < n; i++) {
            if (i) fputs(", ", t->out);
            put_what_number(r[i].lo, t->out);
            if (r[i].hi > r[i].lo) fprintf(t->out, "-%u", r[i].hi);
        }
    } else if (ip6 && !(s->in[WHAT_AH_NUMBER] & BY_6) && put_protocols(s, 0, NULL) > 8) {
        print_word(t, "without ah");
    }
}

bool what_is_all(const struct printer *t)
{
    const struct protocols s = protocols_of(t);
    uint8_t families = 0;
    bool all = true;
    for (uint32_t i = 0; i < 256; i++) families |= s.in[i];
    for (uint32_t i = 0; i < 256; i++) all &= s.in[i] == families;
    return all && !s.told;
}

void print_what(struct printer *t, bool family_shows)
{
    struct protocols s = protocols_of(t);
    bool listed = false;
    for (uint32_t i = 0; i < 256; i++) listed |= s.in[i] != 0;
    if (listed) put_ip(t, &s, family_shows);
    if (s.unknown && !listed) put_next(t, "ip6 of unknown protocol", &listed);
    if (s.told) put_ah(t, &s, &listed);
    if (s.arp) put_next(t, "arp", &listed);
    if (s.other) put_next(t, "other frames", &listed);
}
