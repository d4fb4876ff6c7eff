/* Print a frame in the notation of tests, ready to be copied into one (notation.h). */
#include <string.h>

#include "compiler/analysis/sample/notation.h"
#include "compiler/compiler.h"
#include "compiler/normal/ir.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

const char *form_word(unsigned form)
{
    if (form < UPPERS) return uppers[form].name;
    return form == FORM_PROTO ? "proto" : form == FORM_ARP ? "arp" : "reply";
}

bool address_is_group(uint8_t family, const uint32_t addr[4])
{
    return family == 6 ? addr[0] >> 24 == 0xff : addr[0] >> 28 == 0xe || addr[0] == UINT32_MAX;
}

bool own_address(const struct facts *own, uint8_t family, uint32_t addr[4])
{
    memset(addr, 0, 4 * sizeof(*addr));
    if (family == 4)
        addr[0] = own->addr4;
    else
        memcpy(addr, own->addr6, sizeof(own->addr6));
    return addr[0] | addr[1] | addr[2] | addr[3];
}

const struct facts *own_default(void)
{
    static const uint32_t v4 = 0xc0000008;
    static const struct pbc_range6 v6 = {0x20010db8ffff0000, 1, 0x20010db8ffff0000, 1};
    static const struct facts self = {.self4 = &v4,
                                      .self6 = &v6,
                                      .self4_count = 1,
                                      .self6_count = 1,
                                      .addr4 = 0xc0000008,
                                      .addr6 = {0x20010db8, 0xffff0000, 0, 1}};
    return &self;
}

const char *state_name(uint32_t marks)
{
    static const char *const names[] = {"new", "established", "related", "invalid"};
    return marks & MARK_STATES ? names[__builtin_ctz(marks & MARK_STATES) - __builtin_ctz(MARK_NEW)] : "none";
}

static bool shows_ports(const struct frame_spec *p)
{
    return form_adds(p->form, KIND_PORTS) && p->fragment != KIND_FRAG_LATER;
}

/* Print one side. `self` is printed on one side only: it takes the other side's family, and on both sides it would mean
 * IPv4. */
static void print_side(const struct frame_spec *p, bool dst, FILE *out)
{
    const unsigned selves = p->notes & (NOTE_SRC_SELF | NOTE_DST_SELF);
    char text[64];
    if (selves == (dst ? NOTE_DST_SELF : NOTE_SRC_SELF)) {
        fputs("self", out);
    } else {
        address_text(p->family, dst ? p->dst : p->src, text);
        fprintf(out, shows_ports(p) && p->family == 6 ? "[%s]" : "%s", text);
    }
    if (shows_ports(p)) fprintf(out, ":%u", dst ? p->dst_port : p->src_port);
}

static void print_type(const struct frame_spec *p, FILE *out)
{
    const char *name = icmp_type_name(p->form == FORM_ICMP ? 4 : 6, p->type);
    if ((p->form != FORM_ICMP && p->form != FORM_ICMP6) || p->fragment == KIND_FRAG_LATER) return;
    if (name)
        fprintf(out, " type %s", name);
    else
        fprintf(out, " type %u", p->type);
    if (p->code) fprintf(out, " code %u", p->code);
}

static void print_flags(const struct frame_spec *p, FILE *out)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    for (unsigned i = 0; i < 8 && p->form == FORM_TCP; i++)
        if (p->flags >> i & 1) fprintf(out, " %s", names[i]);
}

static bool is_device(const struct image *img, const char *name)
{
    for (uint32_t i = 0; i < img->ifaces_count; i++)
        if (strcmp(image_str(img, img->ifaces[i].device), name) == 0) return true;
    return false;
}

/* Print a device that the program does not name. */
static void print_other(const struct image *img, const char *word, FILE *out)
{
    char name[16];
    for (uint32_t n = 0; n <= img->ifaces_count; n++) {
        snprintf(name, sizeof(name), "other%u", n);
        if (!is_device(img, name)) break;
    }
    fprintf(out, " %s \"%s\"", word, name);
}

/* Print an interface. word: "on" or "out on". */
static void print_iface(const struct compile *c, const char *word, uint16_t iface, FILE *out)
{
    const struct image *img = c->image;
    if (iface == IFACE_NONE) return;
    if (iface >= img->ifaces_count)
        print_other(img, word, out);
    else if (img->ifaces[iface].name)
        fprintf(out, " %s %s", word, image_str(img, img->ifaces[iface].name));
    else
        fprintf(out, " %s \"%s\"", word, image_str(img, img->ifaces[iface].device));
}

static void print_payload(const struct frame_spec *p, FILE *out)
{
    if (!p->payload.len) return;
    fputs(" payload x\"", out);
    for (uint32_t i = 0; i < p->payload.len; i++) fprintf(out, "%02x", p->payload.bytes[i]);
    fputc('"', out);
}

static void print_mac(const char *side, uint64_t mac, FILE *out)
{
    if (!mac) return;
    fprintf(out, " ether %s", side);
    for (unsigned i = 0; i < 6; i++) fprintf(out, "%c%02x", i ? ':' : ' ', (unsigned)(mac >> (40 - 8 * i) & 0xff));
}

/* True for VLAN 4095, which rules and tests can't name. */
static bool has_odd_tag(const struct frame_spec *p)
{
    return (p->tags && p->vid[0] > 4094) || (p->tags == 2 && p->vid[1] > 4094);
}

static void print_tags(const struct frame_spec *p, FILE *out)
{
    if (p->tags) fprintf(out, " vlan %u", p->vid[0]);
    if (p->tags == 2) fprintf(out, " inner %u", p->vid[1]);
}

/* Print the frame's assumptions on live sets. text: the text before it. */
static void print_assumed(const struct compile *c, const struct frame_spec *p, const char *text, FILE *out)
{
    char address[INET6_ADDRSTRLEN];
    for (unsigned side = 0; side < 2; side++)
        for (live_bits live = p->live[side]; live; live &= live - 1) {
            address_text(p->family, side ? p->dst : p->src, address);
            fprintf(out, "%s %s were in %s", text, address,
                    image_str(c->image, c->image->lives[live_bits_first(live)].name));
            text = " and";
        }
}

/* Print parts that only the frame can have. False if there are none. */
static bool print_unsaid(const struct frame_spec *p, FILE *out)
{
    bool unsaid = false;
    for (unsigned i = 0; i < IP_NUMBERS; i++) unsaid |= i != NUMBER_FLOWLABEL && p->number[i];
    if (!unsaid && p->source == SOURCE_UNKNOWN && !p->options && !p->arp_answer && !has_odd_tag(p)) return false;
    fputs(p->arp_answer ? " # an answer" : " # with", out);
    if (has_odd_tag(p)) print_tags(p, out);
    for (unsigned i = 0; i < IP_NUMBERS; i++)
        if (i != NUMBER_FLOWLABEL && p->number[i])
            fprintf(out, " %s %u", cond_info[ip_number_conds[i]].name, p->number[i]);
    if (p->options) fputs(" options any", out);
    if (p->source) fputs(p->source == SOURCE_FAILED ? " urpf-failed" : " a source that is reached", out);
    return true;
}

void frame_print(const struct compile *c, const struct frame_spec *p, FILE *out)
{
    const bool ah_alone = p->form == FORM_PROTO && p->proto == (p->ah ? IPPROTO_NR_NONE : IPPROTO_NR_AH);
    fputs(ah_alone ? "ah" : form_word(p->form), out);
    if (p->form == FORM_PROTO && !ah_alone) fprintf(out, " %u", p->proto);
    fputc(' ', out);
    print_side(p, false, out);
    fputs(" -> ", out);
    print_side(p, true, out);
    print_flags(p, out);
    print_type(p, out);
    if (!has_odd_tag(p)) print_tags(p, out);
    if (p->form != FORM_ARP && p->notes & NOTE_TTL) fprintf(out, " ttl %u", p->ttl);
    if (p->ah && !ah_alone) fputs(" ah", out);
    if (p->length) fprintf(out, " length %u", p->length);
    if (p->number[NUMBER_FLOWLABEL]) fprintf(out, " flowlabel %u", p->number[NUMBER_FLOWLABEL]);
    if (p->fragment != KIND_FRAG_NO) fputs(p->fragment == KIND_FRAG_FIRST ? " fragment first" : " fragment later", out);
    print_mac("from", p->src_mac, out);
    print_mac("to", p->dst_mac, out);
    print_iface(c, "on", p->iface, out);
    print_iface(c, "out on", (uint16_t)(p->way - 1), out);
    print_payload(p, out);
    const bool unsaid = print_unsaid(p, out);
    print_assumed(c, p, unsaid ? ", if" : " # if", out);
}
