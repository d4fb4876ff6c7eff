/* A product as a rule's conditions would say it: "tcp from not 10.0.0.0/8 to 203.0.113.10 port 80, 443". `not` as in
 * rules: whatever the list leaves, where that is the shorter list. */
#include "compiler/analysis/region_text.h"

#include <string.h>

#include "compiler/analysis/directions.h"
#include "compiler/compiler.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/packet/key.h"
#include "vm/words/words.h"

struct printer {
    const struct region_text *text;
    struct ir *ir;
    const struct ir_product *p;
    FILE *out;
    uint8_t dirs;
    bool begun;
};

static void word(struct printer *t, const char *s)
{
    fprintf(t->out, "%s%s", t->begun ? " " : "", s);
    t->begun = true;
}

/* Of a program that somebody else wrote a name may hold lines, which must not be taken for ours. */
void put_name(const char *name, FILE *out)
{
    for (; *name; name++) fputc(*name == '\n' ? ' ' : *name, out);
}

/* Protocols ---------------------------------------------------------------------------------------------------------
 */

enum { BY_4 = 1, BY_6 = 2 };
struct protocols {
    uint8_t in[256]; /* BY_4 | BY_6 */
    bool unknown, arp, other;
    bool told;    /* AH counts: then number 51 over IPv6 stands for all that carries it */
    bool some_ah; /* some of what carries it, and not all */
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

static void put_protocol(FILE *out, uint32_t lo, uint32_t hi)
{
    const char *name = lo == hi ? proto_name(lo) : NULL;
    if (name)
        fputs(name, out);
    else
        fprintf(out, lo == hi ? "proto %u" : "proto %u-%u", lo, hi);
}

/* Runs of protocols that are `in`; only counted where out is NULL. */
static unsigned put_protocols(const struct protocols *s, uint8_t in, FILE *out)
{
    unsigned n = 0;
    for (uint32_t lo = 0, hi; lo < 256; lo = hi + 1) {
        hi = lo;
        if (s->in[lo] != in) continue;
        const bool named = proto_name(lo) != NULL;
        while (!named && hi < 255 && s->in[hi + 1] == in && !proto_name(hi + 1)) hi++;
        if (out && n) fputs(", ", out);
        if (out) put_protocol(out, lo, hi);
        n++;
    }
    return n;
}

static void put_family(struct printer *t, const struct protocols *s, uint8_t in, const char *family)
{
    const unsigned members = put_protocols(s, in, NULL), others = put_protocols(s, 0, NULL);
    if (!members) return;
    if (family[0]) word(t, family);
    if (members > 8 && others <= 8) {
        if (!family[0]) word(t, "ip, ip6");
        if (!others) return;
        word(t, "not ");
        put_protocols(s, 0, t->out);
        return;
    }
    word(t, "");
    put_protocols(s, in, t->out);
}

/* ICMP is of one family, so its name says it. */
static void put_ip(struct printer *t, struct protocols *s, bool family_shows)
{
    unsigned families = 0;
    for (uint32_t i = 0; i < 256; i++) families |= s->in[i];
    if (families != (BY_4 | BY_6)) {
        const bool icmp = families == BY_4 ? s->in[1] && put_protocols(s, BY_4, NULL) == 1
                                           : s->in[58] && put_protocols(s, BY_6, NULL) == 1;
        const bool all = put_protocols(s, 0, NULL) == 0;
        if (icmp)
            word(t, families == BY_4 ? "icmp" : "icmp6");
        else
            put_family(t, s, (uint8_t)families, family_shows && !all ? "" : families == BY_4 ? "ip" : "ip6");
        return;
    }
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
        word(t, i ? "icmp6" : "icmp");
        comma = true;
    }
}

/* What the numbers do not say of AH over IPv6: that some protocols are meant with it, or, where it is left out without
 * a `not`, without it. */
static void put_ah(struct printer *t, const struct protocols *s)
{
    const bool ip6 = put_protocols(s, BY_6, NULL) || put_protocols(s, BY_4 | BY_6, NULL) || s->unknown;
    if (s->some_ah) {
        struct pbc_range r[128];
        const uint32_t n = what_numbers(t->ir, t->p->field[IR_WHAT], WHAT_AH6, r);
        if (t->begun) fputc(',', t->out);
        word(t, n ? "ah of " : "ah of unknown protocol");
        for (uint32_t i = 0; i < n; i++) {
            if (i) fputs(", ", t->out);
            put_protocol(t->out, r[i].lo, r[i].hi);
        }
    } else if (ip6 && !(s->in[WHAT_AH_NUMBER] & BY_6) && put_protocols(s, 0, NULL) > 8) {
        word(t, "without ah");
    }
}

static void put_what(struct printer *t, bool family_shows)
{
    struct protocols s = protocols_of(t);
    bool ip = s.unknown;
    for (uint32_t i = 0; i < 256; i++) ip |= s.in[i] != 0;
    if (ip && !(s.unknown && put_protocols(&s, 0, NULL) == 256)) put_ip(t, &s, family_shows);
    if (s.unknown && !t->begun) word(t, "ip6 of unknown protocol");
    if (s.told) put_ah(t, &s);
    if (s.arp) {
        if (t->begun) fputc(',', t->out);
        word(t, "arp");
    }
    if (s.other) {
        if (t->begun) fputc(',', t->out);
        word(t, "what is not IP");
    }
}

/* Addresses ---------------------------------------------------------------------------------------------------------
 */

static uint32_t count_of(const struct ir *ir, uint32_t id)
{
    const struct ir_addrs *a = ir_addrs(ir, id);
    return a->count4 + a->count6;
}

/* The list's complement, where that is shorter; else `id` itself. */
static uint32_t shorter(struct printer *t, uint32_t id, unsigned families)
{
    struct ir *ir = t->ir;
    const uint32_t not = ir_addrs_of_families(ir, ir_addrs_not(ir, id), families);
    return not != IR_EMPTY && not != IR_ALL && count_of(ir, not ) < count_of(ir, id) ? not : id;
}

static bool is_any(const struct printer *t, uint32_t id, unsigned families)
{
    return id == IR_ALL || (families && (ir_addrs_full(t->ir, id) & families) == families);
}

static const char *name_of(struct printer *t, uint32_t id, unsigned families)
{
    return t->text->set_name && !is_any(t, id, families) ? t->text->set_name(t->text->arg, id, families) : NULL;
}

/* By its name, or as not another one's. */
static bool put_named(struct printer *t, uint32_t id, unsigned families)
{
    const char *name = name_of(t, id, families), *not = NULL;
    if (!name) not = name_of(t, ir_addrs_of_families(t->ir, ir_addrs_not(t->ir, id), families), families);
    if (!name && !not ) return false;
    word(t, not ? "not " : "");
    put_name(not ? not : name, t->out);
    return true;
}

static void put_addrs(struct printer *t, uint32_t id, unsigned families)
{
    if (put_named(t, id, families)) return;
    const uint32_t list = is_any(t, id, families) ? IR_ALL : shorter(t, id, families);
    if (list != id && list != IR_ALL) word(t, "not");
    word(t, "");
    ir_print_value(t->text->c, IR_SRC, list, t->out);
}

/* What packets that travel so never are for: groups, where they cross this machine; anything but groups and services,
 * where they come in. Counted in where that makes the list shorter. */
static uint32_t as_travels(struct printer *t, enum ir_field f, uint32_t id, unsigned families)
{
    struct ir *ir = t->ir;
    if (f != IR_DST || (t->dirs != 1u << PBC_DIR_IN && t->dirs != 1u << PBC_DIR_FORWARD)) return id;
    const uint32_t never = t->dirs == 1u << PBC_DIR_IN ? ir_addrs_not(ir, t->text->come_in) : t->text->groups;
    const uint32_t more = ir_addrs_of_families(ir, ir_addrs_or(ir, id, never), families);
    if (is_any(t, more, families)) return IR_ALL;
    return count_of(ir, shorter(t, more, families)) < count_of(ir, shorter(t, id, families)) ? more : id;
}

/* Does what is printed of the side tell the family? */
static bool tells_family(struct printer *t, enum ir_field f, unsigned families)
{
    const uint32_t id = as_travels(t, f, t->p->field[f], families);
    if (id == IR_EMPTY || is_any(t, id, families)) return false;
    if (name_of(t, id, families)) return name_of(t, id, IR_V4 | IR_V6); /* all of the set is of the family */
    return shorter(t, id, families) == id;
}

/* self_possible: frames of this machine's addresses travel this way. */
static void put_side(struct printer *t, enum ir_field f, const char *keyword, bool self_possible)
{
    const unsigned families = ir_families(t->ir, t->p);
    const uint32_t others = as_travels(t, f, t->p->field[f], families), own = t->p->field[f + 1];
    word(t, keyword);
    if (others == IR_EMPTY) {
        word(t, "self");
        if (is_any(t, own, families)) return;
        word(t, "of");
        put_addrs(t, own, families);
        return;
    }
    put_addrs(t, others, families);
    if (others == own || !self_possible || (is_any(t, others, families) && is_any(t, own, families))) return;
    if (is_any(t, own, families)) {
        fputs(", self", t->out);
    } else if (own == IR_EMPTY) {
        word(t, "except self");
    } else {
        fputs(", self of", t->out);
        put_addrs(t, own, families);
    }
}

/* Numbers -----------------------------------------------------------------------------------------------------------
 */

static void put_numbers(struct printer *t, enum ir_field f, const char *keyword)
{
    struct ir *ir = t->ir;
    uint32_t id = t->p->field[f];
    if (id == IR_ALL) return;
    const uint32_t not = ir_ranges_not(ir, id, ir_fields[f].most);
    const bool shorter_not = not != IR_EMPTY && ir_ranges(ir, not ).count < ir_ranges(ir, id).count;
    word(t, keyword);
    if (shorter_not) word(t, "not");
    word(t, "");
    ir_print_value(t->text->c, f, shorter_not ? not : id, t->out);
}

/* Those that the set has, or, of `not`, lacks; where the pattern around one says so already, it is left out. */
static bool put_those(struct printer *t, uint32_t id, bool not, bool outside, const char *lead)
{
    const struct image *img = t->text->c->image;
    const struct iface_table ifaces = image_ifaces(img);
    bool any = false;
    for (uint32_t i = 0; i < img->ifaces_count; i++) {
        const uint32_t around = iface_around(&ifaces, i);
        const bool around_says = around != PBC_NONE ? ir_ranges_have(t->ir, id, around) : not ;
        if (ir_ranges_have(t->ir, id, i) != outside || around_says == outside) continue;
        fprintf(t->out, "%s\"", any ? ", " : lead);
        put_name(image_str(img, img->ifaces[i].device), t->out);
        fputc('"', t->out);
        any = true;
    }
    return any;
}

/* The named interfaces that the set has, or, of `not`, lacks. False: there are none. */
static bool put_devices(struct printer *t, uint32_t id, bool not )
{
    const bool any = put_those(t, id, not, !not, not ? "on not " : "on ");
    if (any) put_those(t, id, not, not, " except ");
    return any;
}

/* Interfaces that the file does not name are all in the set, or none is. With them it reads as those that it lacks;
 * that frames of a replay may have no interface is said only without them. */
static void put_ifaces(struct printer *t)
{
    const uint32_t id = t->p->field[IR_IFACE];
    if (id == IR_ALL) return;
    word(t, "");
    const bool others = ir_ranges_have(t->ir, id, IFACE_OTHER), any = put_devices(t, id, others);
    if (others && !any)
        fputs("on any interface", t->out);
    else if (!others && ir_ranges_have(t->ir, id, IFACE_ABSENT))
        fputs(any ? " or no interface" : "on no interface", t->out);
}

/* Likewise by which they leave; what nobody knows is said only without them. */
static void put_way(struct printer *t)
{
    const uint32_t id = t->p->field[IR_OUT];
    if (id == IR_ALL) return;
    word(t, "out ");
    const bool others = ir_ranges_have(t->ir, id, IFACE_OTHER), any = put_devices(t, id, others);
    if (others && !any)
        fputs("on any interface", t->out);
    else if (!others && ir_ranges_have(t->ir, id, IFACE_ABSENT))
        fputs(any ? " or by an unknown way" : "by an unknown way", t->out);
}

static void put_source(struct printer *t)
{
    const uint32_t id = t->p->field[IR_URPF];
    if (id != IR_ALL) word(t, ir_ranges_have(t->ir, id, 1) ? "urpf-failed" : "not urpf-failed");
}

static void put_flags(struct printer *t)
{
    const uint32_t has = t->p->field[IR_HAS], lacks = t->p->field[IR_LACKS];
    if (!has && !lacks) return;
    word(t, "flags");
    if (has) {
        word(t, "has ");
        ir_print_value(t->text->c, IR_HAS, has, t->out);
    }
    if (lacks) {
        word(t, "lacks ");
        ir_print_value(t->text->c, IR_LACKS, lacks, t->out);
    }
}

static void put_other(struct printer *t, enum ir_field f, const char *keyword)
{
    if (t->p->field[f] == IR_ALL) return;
    word(t, keyword);
    word(t, "");
    ir_print_value(t->text->c, f, t->p->field[f], t->out);
}

static void put_mac(uint64_t number, FILE *out)
{
    const uint64_t mac = mac_of_number(number);
    for (int shift = 40; shift >= 0; shift -= 8)
        fprintf(out, "%02x%s", (unsigned)(mac >> shift & 255), shift ? ":" : "");
}

/* The nth range of MACs of the list, or of what lies between them; false: there are no more. */
static bool nth_macs(const struct ir_macs *m, bool not, uint32_t n, uint64_t *lo, uint64_t *hi)
{
    const uint64_t nobody = UINT64_C(1) << 48; /* stands for frames without MACs */
    uint64_t next = 0;
    for (uint32_t i = 0; i < m->count && m->macs[i] < nobody; i += 2) {
        *lo = not ? next : m->macs[i];
        *hi = not ? m->macs[i] - 1 : m->macs[i + 1] < nobody ? m->macs[i + 1] : nobody - 1;
        next = m->macs[i + 1] + 1;
        if ((!not || m->macs[i] > *lo) && n-- == 0) return true;
    }
    *lo = next;
    *hi = nobody - 1;
    return not &&next < nobody && n == 0;
}

/* What is left of MACs after others were taken away is ranges, and the frames that have none. */
static void put_macs(struct printer *t, enum ir_field f, const char *keyword)
{
    enum { MACS_SHOWN = 8 };
    const struct ir_macs *m = ir_macs(t->ir, t->p->field[f]);
    uint32_t members = 0, others = 0, i = 0;
    uint64_t lo, hi;
    if (m->kinds != MACS_ARE_RANGES) {
        put_other(t, f, keyword);
        return;
    }
    while (nth_macs(m, false, members, &lo, &hi)) members++;
    while (nth_macs(m, true, others, &lo, &hi)) others++;
    const bool without = m->count && m->macs[m->count - 1] >> 48, not = others < members;
    word(t, keyword);
    if (not ) word(t, "not");
    for (; i < MACS_SHOWN && nth_macs(m, not, i, &lo, &hi); i++) {
        fputs(i ? ", " : " ", t->out);
        put_mac(lo, t->out);
        if (lo != hi) fputc('-', t->out), put_mac(hi, t->out);
    }
    if ((not ? others : members) > i) fprintf(t->out, " and %u more", (not ? others : members) - i);
    if (without && !not ) fputs(members ? ", none" : " none", t->out);
}

static void put_times(struct printer *t)
{
    if (!t->ir->moments) {
        put_other(t, IR_DURING, "during");
        put_other(t, IR_NOT_DURING, "not during");
    } else if (t->p->field[IR_DURING]) {
        word(t, "");
        t->text->times(t->text->arg, t->p->field[IR_DURING], t->out);
    }
}

static bool asks_addresses(struct printer *t)
{
    const unsigned families = ir_families(t->ir, t->p);
    for (enum ir_field f = IR_SRC; f <= IR_DST; f += IR_DST - IR_SRC) {
        const uint32_t others = as_travels(t, f, t->p->field[f], families), own = t->p->field[f + 1];
        if (others != IR_ALL || (own != IR_ALL && own != IR_EMPTY)) return true;
    }
    return false;
}

/* Ports, types and flags are in the first fragment at the latest. */
static bool implies_fragment(const struct printer *t)
{
    static const enum ir_field fields[] = {IR_SPORT, IR_DPORT, IR_TYPE, IR_CODE, IR_HAS, IR_LACKS};
    const struct pbc_range begins = {FRAGMENT_NO, FRAGMENT_FIRST};
    bool asked = asks_state(t->ir, t->p);
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) asked |= t->p->field[fields[i]] != IR_ALL;
    return asked && t->p->field[IR_FRAGMENT] == ir_intern_ranges(t->ir, &begins, 1, ir_fields[IR_FRAGMENT].most);
}

void region_text_print(const struct region_text *text, const struct ir_product *p, uint8_t dirs, FILE *out)
{
    struct ir *const ir = text->c->ir;
    struct printer t = {text, ir, p, out, dirs, false};
    const unsigned families = ir_families(ir, p);
    const bool src = asks_addresses(&t), arrives = dirs & ~(1u << PBC_DIR_OUT),
               comes_in = dirs != 1u << PBC_DIR_FORWARD;
    put_what(&t, tells_family(&t, IR_SRC, families) || tells_family(&t, IR_DST, families));
    if (families && (src || p->field[IR_SPORT] != IR_ALL || p->field[IR_DPORT] != IR_ALL)) {
        put_side(&t, IR_SRC, "from", !arrives);
        put_numbers(&t, IR_SPORT, "source port");
        put_side(&t, IR_DST, "to", comes_in);
        put_numbers(&t, IR_DPORT, "port");
    }
    put_numbers(&t, IR_TYPE, "type");
    put_numbers(&t, IR_CODE, "code");
    put_numbers(&t, IR_ND, "neighbour discovery");
    put_ifaces(&t);
    put_way(&t);
    put_source(&t);
    put_numbers(&t, IR_VLAN, "vlan");
    put_numbers(&t, IR_INNER, "inner");
    /* of all others it follows from what they are */
    if (ir_ranges_have(ir, p->field[IR_WHAT], WHAT_OTHER)) put_numbers(&t, IR_ETHER, "ether");
    if (p->field[IR_SRC_MAC] != IR_ALL) put_macs(&t, IR_SRC_MAC, "ether from");
    if (p->field[IR_DST_MAC] != IR_ALL) put_macs(&t, IR_DST_MAC, "ether to");
    put_flags(&t);
    if (asks_state(ir, p)) put_numbers(&t, IR_STATE, "state");
    if (!implies_fragment(&t)) put_numbers(&t, IR_FRAGMENT, "fragment");
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, name, ...) put_numbers(&t, IR_##ident, name);
#include "vm/cond.def"
    put_numbers(&t, IR_OPTIONS, "options");
    put_other(&t, IR_BYTES, "bytes");
    put_times(&t);
    put_other(&t, IR_FLOWS, "flows");
    if (p->field[IR_METERS] != IR_ALL) {
        word(&t, "");
        ir_print_value(text->c, IR_METERS, p->field[IR_METERS], out);
    }
    if (dirs == 1u << PBC_DIR_IN) fputs(", coming in", out);
    if (dirs == 1u << PBC_DIR_FORWARD) fputs(", crossing", out);
}

void region_text_whence(const struct region_text *text, const struct ir_product *p, unsigned families, FILE *out)
{
    struct printer t = {text, text->c->ir, p, out, 0, true};
    put_ifaces(&t);
    if (is_any(&t, p->field[IR_SRC], families)) return;
    word(&t, "from");
    put_addrs(&t, p->field[IR_SRC], families);
}

struct region_text region_text_of(struct compile *c)
{
    return (struct region_text){.c = c, .groups = addrs_of_groups(c->ir), .come_in = addrs_that_come_in(c)};
}
