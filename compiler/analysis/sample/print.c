/* A packet in the notation of tests, so that it can be written into one as it stands (sample.h). */
#include "compiler/ruletest/packet_priv.h"
#include "compiler/analysis/sample/sample.h"
#include "vm/words/names.h"

static bool shows_ports(const struct test_packet *p)
{
    return 1u << p->form & FORMS_PORTS && p->fragment != KIND_FRAG_LATER;
}

/* `self` has the family of the other side, and is IPv4 on both. */
static void print_side(const struct test_packet *p, bool dst, FILE *out)
{
    const struct addr *a = dst ? &p->dst : &p->src;
    const bool self = (dst ? p->dst_is_self && !p->src_is_self : p->src_is_self);
    const bool settled = !(p->src_is_self && p->dst_is_self) && !(p->family == 6 && p->form == FORM_ARP);
    char text[64];

    if (self && settled) {
        fputs("self", out);
    } else {
        addr_print(a, text);
        fprintf(out, shows_ports(p) && a->family == 6 ? "[%s]" : "%s", text);
    }
    if (shows_ports(p)) fprintf(out, ":%u", dst ? p->dst_port : p->src_port);
}

static void print_type(const struct test_packet *p, FILE *out)
{
    const char *name = icmp_type_name(p->form == FORM_ICMP ? 4 : 6, p->type);

    if (!(1u << p->form & FORMS_ICMP) || p->fragment == KIND_FRAG_LATER) return;
    if (name)
        fprintf(out, " type %s", name);
    else
        fprintf(out, " type %u", p->type);
    if (p->code) fprintf(out, " code %u", p->code);
}

static void print_flags(const struct test_packet *p, FILE *out)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

    for (unsigned i = 0; i < 8 && p->form == FORM_TCP; i++)
        if (p->flags >> i & 1) fprintf(out, " %s", names[i]);
}

static void print_iface(const struct compile *c, const struct test_packet *p, FILE *out)
{
    const struct image *img = c->image;

    if (p->iface >= img->ifaces_count) return;
    if (img->ifaces[p->iface].name)
        fprintf(out, " on %s", image_str(img, img->ifaces[p->iface].name));
    else
        fprintf(out, " on \"%s\"", image_str(img, img->ifaces[p->iface].device));
}

static void print_payload(const struct test_packet *p, FILE *out)
{
    if (!p->payload.len) return;
    fputs(" payload x\"", out);
    for (size_t i = 0; i < p->payload.len; i++) fprintf(out, "%02x", (uint8_t)p->payload.s[i]);
    fputc('"', out);
}

static void print_mac(const char *side, uint64_t mac, FILE *out)
{
    if (!mac) return;
    fprintf(out, " ether %s", side);
    for (unsigned i = 0; i < 6; i++) fprintf(out, "%c%02x", i ? ':' : ' ', (unsigned)(mac >> (40 - 8 * i) & 0xff));
}

/* 4095 is no VLAN of a rule's or a test's. */
static bool has_odd_tag(const struct test_packet *p)
{
    return (p->tags && p->vid[0] > 4094) || (p->tags == 2 && p->vid[1] > 4094);
}

static void print_tags(const struct test_packet *p, FILE *out)
{
    if (p->tags) fprintf(out, " vlan %u", p->vid[0]);
    if (p->tags == 2) fprintf(out, " inner %u", p->vid[1]);
}

/* What only its frame holds. */
static void print_unsaid(const struct test_packet *p, FILE *out)
{
    if (!p->dscp && !p->options && !p->src_mac && !p->dst_mac && !p->arp_answer && !has_odd_tag(p)) return;
    fputs(p->arp_answer ? " # an answer" : " # with", out);
    if (has_odd_tag(p)) print_tags(p, out);
    if (p->dscp) fprintf(out, " dscp %u", p->dscp);
    if (p->options) fputs(" options any", out);
    print_mac("from", p->src_mac, out);
    print_mac("to", p->dst_mac, out);
}

void sample_print(const struct compile *c, const struct test_packet *p, FILE *out)
{
    fputs(test_form_word(p->form), out);
    if (p->form == FORM_PROTO) fprintf(out, " %u", p->proto);
    fputc(' ', out);
    print_side(p, false, out);
    fputs(" -> ", out);
    print_side(p, true, out);
    print_flags(p, out);
    print_type(p, out);
    if (!has_odd_tag(p)) print_tags(p, out);
    if (p->form != FORM_ARP && p->ttl_written) fprintf(out, " ttl %u", p->ttl);
    if (p->length) fprintf(out, " length %u", p->length);
    if (p->fragment != KIND_FRAG_NO) fputs(p->fragment == KIND_FRAG_FIRST ? " fragment first" : " fragment later", out);
    print_iface(c, p, out);
    print_payload(p, out);
    print_unsaid(p, out);
}
