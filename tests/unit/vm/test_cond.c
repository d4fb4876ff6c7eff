/* Every kind of condition on packets that have the field, have another value, and lack it; and explain's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/frame.h"
#include "tests/lib/imgbuild.h"

/* Ranges that the conditions below name by index. */
enum { R_WEB, R_TLS, R_LOW, R_IP, R_GRE, R_UNREACHABLE, R_FRAME, R_ZERO, R_ONE, R_LLDP, R_MANY };
enum { S_ABUSERS, S_ONE, S_SIX, S_EMPTY };

struct sample {
    const char *name; /* string of the list's name */
    uint8_t kind;
    uint32_t arg, first, count;
    uint8_t flags; /* PBC_COND_ANY */
    struct key key;
    uint16_t way;    /* as in struct pkt */
    uint8_t source;  /* as in struct pkt */
    bool has, holds; /* has: the field exists; holds: the condition is true */
    const char *why; /* why it fails; if it holds, why its `not` fails */
};

#define TCP4                                                                                                           \
    (KIND_IP4 | KIND_TCP | KIND_PROTO | KIND_PORTS | KIND_TCP_FLAGS | KIND_FRAG_NO | KIND_IN | KIND_ETHER |            \
     KIND_ETHERTYPE)
#define UDP6   (KIND_IP6 | KIND_UDP | KIND_PROTO | KIND_PORTS | KIND_FRAG_NO | KIND_IN)
#define ECHO4  (KIND_IP4 | KIND_ICMP | KIND_PROTO | KIND_ICMP_HEADER | KIND_FRAG_NO | KIND_IN)
#define ND6    (KIND_IP6 | KIND_ICMP6 | KIND_PROTO | KIND_ICMP_HEADER | KIND_FRAG_NO | KIND_IN)
#define LATER4 (KIND_IP4 | KIND_TCP | KIND_PROTO | KIND_FRAG_LATER | KIND_IN)
#define ARP    (KIND_ARP | KIND_IN | KIND_ETHER | KIND_ETHERTYPE)
#define LLC    (KIND_IN | KIND_ETHER)

static const struct sample samples[] = {
    {.kind = COND_FAMILY, .arg = KIND_IP4, .key = {.kind = TCP4}, .has = true, .holds = true, .why = "is ip"},
    {.kind = COND_FAMILY, .arg = KIND_IP6, .key = {.kind = TCP4}, .has = true, .why = "not ip6"},
    {.kind = COND_FAMILY, .arg = KIND_IP4 | KIND_IP6, .key = {.kind = ARP}, .has = true, .why = "not ip or ip6"},
    {.kind = COND_FAMILY, .arg = KIND_ARP, .key = {.kind = LLC}, .has = true, .why = "not arp"},
    {.kind = COND_PROTO,
     .arg = KIND_TCP,
     .key = {.kind = TCP4, .proto = 6},
     .has = true,
     .holds = true,
     .why = "is tcp"},
    {.kind = COND_PROTO, .arg = KIND_ICMP6, .key = {.kind = TCP4, .proto = 6}, .has = true, .why = "not icmp6"},
    {.kind = COND_PROTO,
     .arg = KIND_TCP | KIND_UDP,
     .key = {.kind = ECHO4, .proto = 1},
     .has = true,
     .why = "not tcp or udp"},
    {.kind = COND_PROTO,
     .arg = KIND_TCP,
     .first = R_GRE,
     .count = 1,
     .key = {.kind = ECHO4, .proto = 1},
     .has = true,
     .why = "protocol is icmp, not tcp, gre"},
    {.kind = COND_PROTO,
     .first = R_GRE,
     .count = 1,
     .key = {.kind = KIND_IP4 | KIND_PROTO, .proto = 47},
     .has = true,
     .holds = true,
     .why = "protocol is gre, which `not` excludes"},
    {.kind = COND_PROTO,
     .arg = KIND_TCP,
     .key = {.kind = KIND_IP6 | KIND_FRAG_LATER},
     .why = "protocol isn't known in this fragment"},
    {.kind = COND_PROTO, .arg = KIND_TCP, .key = {.kind = ARP}, .why = "not an IP packet"},
    {.kind = COND_PROTO,
     .arg = KIND_AH | KIND_UDP,
     .key = {.kind = KIND_IP6 | KIND_PROTO | KIND_TCP | KIND_AH, .proto = 6},
     .has = true,
     .holds = true,
     .why = "is ah"},
    {.kind = COND_PROTO,
     .arg = KIND_AH,
     .key = {.kind = KIND_IP6 | KIND_FRAG_LATER | KIND_AH},
     .has = true,
     .holds = true,
     .why = "is ah"},
    {.kind = COND_PROTO,
     .arg = KIND_TCP,
     .key = {.kind = KIND_IP6 | KIND_FRAG_LATER | KIND_AH},
     .why = "protocol isn't known in this fragment"},
    {.kind = COND_PROTO, .arg = KIND_AH, .key = {.kind = TCP4, .proto = 6}, .has = true, .why = "not ah"},
    {.kind = COND_ETHER,
     .first = R_LLDP,
     .count = 1,
     .key = {.kind = LLC | KIND_ETHERTYPE, .ether_type = 0x88cc},
     .has = true,
     .holds = true,
     .why = "Ethernet type is 0x88cc, which `not` excludes"},
    {.kind = COND_ETHER,
     .first = R_LLDP,
     .count = 1,
     .key = {.kind = TCP4, .ether_type = 0x0800},
     .has = true,
     .why = "Ethernet type is 0x0800, not 0x88cc"},
    {.kind = COND_ETHER, .first = R_LLDP, .count = 1, .key = {.kind = LLC}, .why = "no Ethernet type in this frame"},
    {.kind = COND_FROM,
     .name = "abusers",
     .count = 1,
     .key = {.kind = TCP4, .src = {0x0a000001}},
     .has = true,
     .holds = true,
     .why = "source is in abusers"},
    {.kind = COND_FROM,
     .name = "abusers",
     .count = 1,
     .key = {.kind = TCP4, .src = {0x0b000001}},
     .has = true,
     .why = "source is not in abusers"},
    {.kind = COND_FROM,
     .first = S_ONE,
     .count = 1,
     .key = {.kind = TCP4, .src = {0xcb00710b}},
     .has = true,
     .why = "source is 203.0.113.11, not 203.0.113.10"},
    {.kind = COND_FROM,
     .first = S_ABUSERS,
     .count = 2,
     .key = {.kind = TCP4, .src = {0xcb00710a}},
     .has = true,
     .holds = true,
     .why = "source is 203.0.113.10, which `not` excludes"},
    {.kind = COND_FROM,
     .arg = KIND_SRC_SELF,
     .key = {.kind = TCP4 | KIND_SRC_SELF},
     .has = true,
     .holds = true,
     .why = "source is self"},
    {.kind = COND_FROM,
     .arg = KIND_SRC_SELF,
     .key = {.kind = TCP4 | KIND_DST_SELF},
     .has = true,
     .why = "source is not self"},
    {.kind = COND_FROM,
     .arg = KIND_SRC_SELF,
     .first = S_ONE,
     .count = 1,
     .key = {.kind = TCP4},
     .has = true,
     .why = "source is 0.0.0.0, not self, 203.0.113.10"},
    {.kind = COND_FROM,
     .flags = PBC_COND_ANY,
     .key = {.kind = UDP6},
     .has = true,
     .holds = true,
     .why = "`not any` holds for no source"},
    {.kind = COND_FROM,
     .count = 1,
     .key = {.kind = ARP, .src = {0x0a000001}},
     .why = "no source address in this frame"},
    {.kind = COND_FROM,
     .first = S_EMPTY,
     .count = 1,
     .key = {.kind = TCP4},
     .has = true,
     .why = "source is 0.0.0.0, not set 3"},
    {.kind = COND_TO,
     .first = S_SIX,
     .count = 1,
     .key = {.kind = UDP6, .dst = {0x20010db8, 0, 0, 7}},
     .has = true,
     .holds = true,
     .why = "destination is 2001:db8::7, which `not` excludes"},
    {.kind = COND_TO,
     .first = S_SIX,
     .count = 1,
     .key = {.kind = UDP6, .dst = {0x20010db9, 0, 0, 7}},
     .has = true,
     .why = "destination is 2001:db9::7, not 2001:db8::/32"},
    {.kind = COND_TO,
     .first = S_SIX,
     .count = 1,
     .key = {.kind = TCP4, .dst = {0x20010db8}},
     .has = true,
     .why = "destination is 32.1.13.184, not 2001:db8::/32"},
    {.kind = COND_TO, .count = 1, .key = {.kind = LLC}, .why = "no destination address in this frame"},
    {.kind = COND_PORT,
     .name = "web",
     .count = 2,
     .key = {.kind = TCP4, .dst_port = 80},
     .has = true,
     .holds = true,
     .why = "destination port is 80, in web"},
    {.kind = COND_PORT,
     .name = "web",
     .count = 2,
     .key = {.kind = TCP4, .dst_port = 81},
     .has = true,
     .why = "destination port is 81, not in web"},
    {.kind = COND_PORT,
     .count = 2,
     .key = {.kind = TCP4, .dst_port = 22},
     .has = true,
     .why = "destination port is 22, not 80, 443-450"},
    {.kind = COND_PORT,
     .count = R_MANY,
     .key = {.kind = TCP4, .dst_port = 9},
     .has = true,
     .why = "destination port is 9, not in the list"},
    {.kind = COND_PORT, .count = 1, .key = {.kind = ECHO4}, .why = "no ports in this packet"},
    {.kind = COND_PORT, .count = 1, .key = {.kind = LATER4}, .why = "no ports in this packet"},
    {.kind = COND_PORT, .arg = KIND_TCP, .count = 1, .key = {.kind = UDP6, .dst_port = 80}, .why = "not tcp"},
    {.kind = COND_PORT,
     .arg = KIND_TCP | KIND_SCTP,
     .count = 1,
     .key = {.kind = UDP6, .dst_port = 80},
     .why = "not tcp or sctp"},
    {.kind = COND_SOURCE_PORT,
     .count = 1,
     .key = {.kind = UDP6, .src_port = 80},
     .has = true,
     .holds = true,
     .why = "source port is 80, which `not` excludes"},
    {.kind = COND_SOURCE_PORT,
     .count = 1,
     .key = {.kind = UDP6, .dst_port = 80},
     .has = true,
     .why = "source port is 0, not 80"},
    {.kind = COND_SOURCE_PORT, .count = 1, .key = {.kind = ARP}, .why = "no ports in this packet"},
    {.kind = COND_ICMP_TYPE,
     .arg = KIND_ICMP,
     .first = R_UNREACHABLE,
     .count = 1,
     .key = {.kind = ECHO4, .icmp_type = 3},
     .has = true,
     .holds = true,
     .why = "type is destination-unreachable, which `not` excludes"},
    {.kind = COND_ICMP_TYPE,
     .arg = KIND_ICMP,
     .first = R_UNREACHABLE,
     .count = 1,
     .key = {.kind = ECHO4, .icmp_type = 8},
     .has = true,
     .why = "type is echo-request, not destination-unreachable"},
    {.kind = COND_ICMP_TYPE,
     .arg = KIND_ICMP6,
     .first = R_UNREACHABLE,
     .count = 1,
     .key = {.kind = ND6, .icmp_type = 3},
     .has = true,
     .holds = true,
     .why = "type is time-exceeded, which `not` excludes"},
    {.kind = COND_ICMP_TYPE,
     .arg = KIND_ICMP,
     .first = R_UNREACHABLE,
     .count = 1,
     .key = {.kind = ND6, .icmp_type = 3},
     .why = "not icmp"},
    {.kind = COND_ICMP_TYPE,
     .arg = KIND_ICMP,
     .first = R_UNREACHABLE,
     .count = 1,
     .key = {.kind = KIND_IP4 | KIND_ICMP | KIND_FRAG_LATER},
     .why = "no ICMP header in this packet"},
    {.kind = COND_ICMP_ND,
     .key = {.kind = ND6 | KIND_ND, .icmp_type = 135},
     .has = true,
     .holds = true,
     .why = "is neighbour discovery"},
    {.kind = COND_ICMP_ND,
     .key = {.kind = ND6, .icmp_type = 135, .ttl = 64},
     .has = true,
     .why = "hop limit is 64, not 255"},
    {.kind = COND_ICMP_ND, .key = {.kind = ND6, .icmp_type = 128}, .has = true, .why = "type is 128, not nd"},
    {.kind = COND_ICMP_ND, .key = {.kind = ECHO4, .icmp_type = 135}, .why = "not icmp6"},
    {.kind = COND_ICMP_CODE,
     .first = R_ONE,
     .count = 1,
     .key = {.kind = ECHO4, .icmp_code = 1},
     .has = true,
     .holds = true,
     .why = "code is 1, which `not` excludes"},
    {.kind = COND_ICMP_CODE,
     .first = R_ONE,
     .count = 1,
     .key = {.kind = ECHO4, .icmp_code = 0},
     .has = true,
     .why = "code is 0, not 1"},
    {.kind = COND_ICMP_CODE, .first = R_ONE, .count = 1, .key = {.kind = TCP4}, .why = "no ICMP header in this packet"},
    {.kind = COND_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4, .iface = 0},
     .has = true,
     .holds = true,
     .why = "interface is wan, which `not` excludes"},
    {.kind = COND_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4, .iface = 1},
     .has = true,
     .why = "interface is eth1, not wan"},
    {.kind = COND_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4, .iface = 7},
     .has = true,
     .why = "interface is one that the rules don't name, not wan"},
    {.kind = COND_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4, .iface = IFACE_NONE},
     .why = "interface isn't known"},
    {.kind = COND_OUT_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4 | KIND_FORWARD},
     .way = 1,
     .has = true,
     .holds = true,
     .why = "output interface is wan, which `not` excludes"},
    {.kind = COND_OUT_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4 | KIND_FORWARD, .iface = 0},
     .way = 2,
     .has = true,
     .why = "output interface is eth1, not wan"},
    {.kind = COND_OUT_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4 | KIND_FORWARD},
     .why = "output interface isn't known"},
    {.kind = COND_OUT_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4 | KIND_IN},
     .way = 1,
     .why = "output interface isn't known"},
    {.kind = COND_OUT_ON,
     .first = R_ZERO,
     .count = 1,
     .key = {.kind = TCP4 | KIND_OUT, .iface = 1},
     .way = 1,
     .has = true,
     .why = "output interface is eth1, not wan"},
    {.kind = COND_URPF,
     .first = R_ONE,
     .count = 1,
     .key = {.kind = TCP4},
     .source = SOURCE_FAILED,
     .has = true,
     .holds = true},
    {.kind = COND_URPF,
     .first = R_ONE,
     .count = 1,
     .key = {.kind = TCP4},
     .source = SOURCE_REACHED,
     .has = true,
     .why = "source is reached by the interface on which it arrived"},
    {.kind = COND_URPF, .first = R_ONE, .count = 1, .key = {.kind = TCP4}, .why = "route to its source isn't known"},
    {.kind = COND_VLAN,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4 | KIND_VLAN, .vlan_outer = 80},
     .has = true,
     .holds = true,
     .why = "VLAN is 80, which `not` excludes"},
    {.kind = COND_VLAN,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4 | KIND_VLAN, .vlan_outer = 7},
     .has = true,
     .why = "VLAN is 7, not 80"},
    {.kind = COND_VLAN, .first = R_ZERO, .count = 1, .key = {.kind = TCP4}, .why = "no VLAN tag"},
    {.kind = COND_VLAN,
     .arg = VLAN_ANY,
     .key = {.kind = TCP4 | KIND_VLAN},
     .has = true,
     .holds = true,
     .why = "has a VLAN tag"},
    {.kind = COND_VLAN, .arg = VLAN_ANY, .key = {.kind = TCP4}, .has = true, .why = "no VLAN tag"},
    {.kind = COND_VLAN, .arg = VLAN_NONE, .key = {.kind = TCP4}, .has = true, .holds = true, .why = "no VLAN tag"},
    {.kind = COND_VLAN, .arg = VLAN_NONE, .key = {.kind = TCP4 | KIND_VLAN}, .has = true, .why = "has a VLAN tag"},
    {.kind = COND_VLAN,
     .arg = VLAN_NONE,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4 | KIND_VLAN, .vlan_outer = 80},
     .has = true,
     .holds = true,
     .why = "has a VLAN tag"},
    {.kind = COND_VLAN_INNER,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4 | KIND_VLAN | KIND_VLAN2, .vlan_inner = 80},
     .has = true,
     .holds = true,
     .why = "inner VLAN is 80, which `not` excludes"},
    {.kind = COND_VLAN_INNER,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4 | KIND_VLAN | KIND_VLAN2, .vlan_inner = 81},
     .has = true,
     .why = "inner VLAN is 81, not 80"},
    {.kind = COND_VLAN_INNER,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4 | KIND_VLAN, .vlan_outer = 80},
     .why = "no second VLAN tag"},
    {.kind = COND_ETHER_FROM,
     .name = "desks",
     .count = 1,
     .key = {.kind = TCP4},
     .has = true,
     .holds = true,
     .why = "source MAC is 02:00:00:00:00:01, in desks"},
    {.kind = COND_ETHER_FROM,
     .first = 1,
     .count = 1,
     .key = {.kind = TCP4},
     .has = true,
     .why = "source MAC is 02:00:00:00:00:01, not 02:00:00:00:00:02"},
    {.kind = COND_ETHER_FROM, .count = 1, .key = {.kind = KIND_IP4}, .why = "no source MAC on this link"},
    {.kind = COND_ETHER_TO,
     .first = 1,
     .count = 1,
     .key = {.kind = ARP},
     .has = true,
     .holds = true,
     .why = "destination MAC is 02:00:00:00:00:02, which `not` excludes"},
    {.kind = COND_ETHER_TO,
     .arg = MAC_MULTICAST | MAC_BROADCAST,
     .key = {.kind = ARP},
     .has = true,
     .why = "destination MAC is 02:00:00:00:00:02, not multicast, broadcast"},
    {.kind = COND_ETHER_TO, .count = 1, .key = {.kind = KIND_IP4}, .why = "no destination MAC on this link"},
    {.kind = COND_STATE,
     .arg = MARK_NEW,
     .key = {.kind = TCP4, .marks = MARK_NEW | TCP_SYN},
     .has = true,
     .holds = true,
     .why = "state is new"},
    {.kind = COND_STATE,
     .arg = MARK_ESTABLISHED | MARK_RELATED,
     .key = {.kind = UDP6, .marks = MARK_NEW},
     .has = true,
     .why = "state is new, not established or related"},
    {.kind = COND_STATE, .arg = MARK_NEW, .key = {.kind = LATER4}, .why = "no state in this packet"},
    {.kind = COND_STATE, .arg = MARK_NEW, .key = {.kind = ARP}, .why = "not an IP packet"},
    {.kind = COND_FLOWS_OVER,
     .arg = 100,
     .count = 1,
     .key = {.kind = TCP4, .marks = MARK_NEW | TCP_SYN},
     .has = true,
     .why = "source has no more than 100 flows"},
    {.kind = COND_FLOWS_OVER,
     .arg = 100,
     .first = 1,
     .count = 1,
     .key = {.kind = UDP6, .marks = MARK_NEW},
     .has = true,
     .why = "source's network has no more than 100 flows"},
    {.kind = COND_FLOWS_OVER, .arg = 100, .count = 1, .key = {.kind = LATER4}, .why = "no state in this packet"},
    {.kind = COND_FLAGS,
     .arg = TCP_SYN | TCP_ACK << 8,
     .key = {.kind = TCP4, .marks = TCP_SYN | TCP_ECE},
     .has = true,
     .holds = true},
    {.kind = COND_FLAGS,
     .arg = TCP_SYN | TCP_ACK << 8,
     .key = {.kind = TCP4, .marks = TCP_SYN | TCP_ACK},
     .has = true,
     .why = "has ack"},
    {.kind = COND_FLAGS,
     .arg = TCP_SYN | TCP_ACK,
     .key = {.kind = TCP4, .marks = TCP_SYN},
     .has = true,
     .why = "lacks ack"},
    {.kind = COND_FLAGS, .arg = TCP_SYN | TCP_ACK, .key = {.kind = TCP4}, .has = true, .why = "lacks syn, ack"},
    {.kind = COND_FLAGS, .arg = TCP_SYN, .key = {.kind = UDP6, .marks = TCP_SYN}, .why = "no TCP flags in this packet"},
    {.kind = COND_FRAGMENT,
     .arg = KIND_FRAG_FIRST | KIND_FRAG_LATER,
     .key = {.kind = LATER4},
     .has = true,
     .holds = true,
     .why = "is a later fragment"},
    {.kind = COND_FRAGMENT,
     .arg = KIND_FRAG_LATER,
     .key = {.kind = KIND_IP4 | KIND_FRAG_FIRST},
     .has = true,
     .why = "is a first fragment"},
    {.kind = COND_FRAGMENT, .arg = KIND_FRAG_FIRST, .key = {.kind = TCP4}, .has = true, .why = "not a fragment"},
    {.kind = COND_FRAGMENT, .arg = KIND_FRAG_NO, .key = {.kind = ARP}, .why = "not an IP packet"},
    {.kind = COND_TTL,
     .first = R_LOW,
     .count = 1,
     .key = {.kind = TCP4, .ttl = 5},
     .has = true,
     .holds = true,
     .why = "ttl is 5, which `not` excludes"},
    {.kind = COND_TTL,
     .first = R_LOW,
     .count = 1,
     .key = {.kind = UDP6, .ttl = 64},
     .has = true,
     .why = "hop limit is 64, not 0-5"},
    {.kind = COND_TTL, .first = R_LOW, .count = 1, .key = {.kind = ARP}, .why = "not an IP packet"},
    {.kind = COND_LENGTH,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4, .length = 80},
     .has = true,
     .holds = true,
     .why = "length is 80, which `not` excludes"},
    {.kind = COND_LENGTH,
     .first = R_WEB,
     .count = 1,
     .key = {.kind = TCP4, .length = 79},
     .has = true,
     .why = "length is 79, not 80"},
    {.kind = COND_LENGTH, .first = R_WEB, .count = 1, .key = {.kind = LLC, .length = 80}, .why = "not an IP packet"},
    {.kind = COND_DSCP,
     .first = R_LOW,
     .count = 1,
     .key = {.kind = UDP6, .dscp = 0},
     .has = true,
     .holds = true,
     .why = "dscp is 0, which `not` excludes"},
    {.kind = COND_DSCP,
     .first = R_LOW,
     .count = 1,
     .key = {.kind = UDP6, .dscp = 46},
     .has = true,
     .why = "dscp is 46, not 0-5"},
    {.kind = COND_DSCP, .first = R_LOW, .count = 1, .key = {.kind = ARP}, .why = "not an IP packet"},
    /* The frame's first word has 46 in its lowest twenty bits. */
    {.kind = COND_FLOWLABEL,
     .first = R_FRAME,
     .count = 1,
     .key = {.kind = UDP6},
     .has = true,
     .holds = true,
     .why = "flow label is 46, which `not` excludes"},
    {.kind = COND_FLOWLABEL,
     .first = R_LOW,
     .count = 1,
     .key = {.kind = UDP6},
     .has = true,
     .why = "flow label is 46, not 0-5"},
    {.kind = COND_FLOWLABEL, .first = R_FRAME, .count = 1, .key = {.kind = TCP4}, .why = "not an IPv6 packet"},
    {.kind = COND_OPTIONS,
     .arg = 1,
     .key = {.kind = TCP4 | KIND_OPTIONS},
     .has = true,
     .holds = true,
     .why = "has options"},
    {.kind = COND_OPTIONS, .arg = 1, .key = {.kind = TCP4}, .has = true, .why = "no options"},
    {.kind = COND_OPTIONS, .arg = 0, .key = {.kind = TCP4}, .has = true, .holds = true, .why = "no options"},
    {.kind = COND_OPTIONS, .arg = 0, .key = {.kind = TCP4 | KIND_OPTIONS}, .has = true, .why = "has options"},
    {.kind = COND_OPTIONS, .arg = 0, .key = {.kind = UDP6}, .why = "not an IPv4 packet"},
    {.kind = COND_BYTES, .first = 0, .count = 1, .key = {.kind = TCP4, .length = 46}, .has = true, .holds = true},
    {.kind = COND_BYTES,
     .first = 1,
     .count = 1,
     .key = {.kind = TCP4, .length = 46},
     .has = true,
     .why = "L4 has other bytes at 2"},
    {.kind = COND_BYTES,
     .first = 2,
     .count = 1,
     .key = {.kind = TCP4, .length = 46},
     .has = true,
     .why = "payload has no 1 bytes at 200"},
    {.kind = COND_BYTES,
     .first = 3,
     .count = 1,
     .key = {.kind = LLC},
     .has = true,
     .why = "IP packet has no 1 bytes at 0"},
    {.kind = COND_DURING,
     .arg = 1,
     .key = {.kind = ARP, .marks = 1u << MARK_SCHEDULES},
     .has = true,
     .holds = true,
     .why = "it is work"},
    {.kind = COND_DURING,
     .arg = 2,
     .key = {.kind = TCP4, .marks = 1u << MARK_SCHEDULES},
     .has = true,
     .why = "it isn't night"},
    {.kind = COND_DURING, .arg = 3, .key = {.kind = TCP4, .marks = 0xff}, .has = true, .why = "it isn't work or night"},
    {.kind = COND_OVER,
     .count = 1,
     .arg = KIND_IP,
     .key = {.kind = TCP4, .length = 46},
     .has = true,
     .why = "syns has a token"},
    {.kind = COND_OVER, .count = 1, .arg = KIND_IP, .key = {.kind = ARP}, .why = "not an IP packet"},
    {.kind = COND_WITHIN, .count = 1, .arg = KIND_IP, .key = {.kind = TCP4, .length = 46}, .has = true, .holds = true},
    {.kind = COND_WITHIN,
     .first = 1,
     .count = 1,
     .arg = KIND_IP,
     .key = {.kind = TCP4, .length = 101},
     .has = true,
     .why = "bulk has no token"},
    {.kind = COND_WITHIN, .first = 1, .count = 1, .arg = KIND_IP, .key = {.kind = ARP}, .why = "not an IP packet"},
};

static void add_tables(struct imgbuild *b)
{
    static const struct pbc_range ranges[] = {
        [R_WEB] = {80, 80}, [R_TLS] = {443, 450},        [R_LOW] = {0, 5},     [R_IP] = {0x800, 0x800},
        [R_GRE] = {47, 47}, [R_UNREACHABLE] = {3, 3},    [R_FRAME] = {46, 46}, [R_ZERO] = {0, 0},
        [R_ONE] = {1, 1},   [R_LLDP] = {0x88cc, 0x88cc},
    };
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) img_add_ranges(b, ranges[i]);
    img_add_set4(b, (struct pbc_range){0x0a000000, 0x0affffff});
    img_add_set4(b, (struct pbc_range){0xcb00710a, 0xcb00710a});
    img_add_set6(b, (struct pbc_range6){0x20010db800000000, 0, 0x20010db8ffffffff, UINT64_MAX});
    img_add_sets(b, (struct pbc_set){.name = img_string(b, "abusers"), .count4 = 1});
    img_add_sets(b, (struct pbc_set){.first4 = 1, .count4 = 1});
    img_add_sets(b, (struct pbc_set){.count6 = 1});
    img_add_sets(b, (struct pbc_set){.first4 = 2});
    img_add_macs(b, 0x020000000001);
    img_add_macs(b, 0x020000000002);
    img_add_macsets(b, (struct pbc_set){.count4 = 2});
    img_add_macsets(b, (struct pbc_set){.first4 = 1, .count4 = 1});
    img_add_ifaces(b, (struct pbc_iface){.name = img_string(b, "wan"), .device = img_string(b, "eth0")});
    img_add_ifaces(b, (struct pbc_iface){.device = img_string(b, "eth1")});
    img_add_patterns(
        b, (struct pbc_pattern){.layer = PBC_L4, .at = 2, .len = 2, .value = {1, 0xbb}, .mask = {0xff, 0xff}});
    img_add_patterns(
        b, (struct pbc_pattern){.layer = PBC_L4, .at = 2, .len = 2, .value = {1, 0xbc}, .mask = {0xff, 0xff}});
    img_add_patterns(b, (struct pbc_pattern){.layer = PBC_PAYLOAD, .at = 200, .len = 1, .value = {1}, .mask = {0xff}});
    img_add_patterns(b, (struct pbc_pattern){.layer = PBC_L3, .len = 1, .value = {0x40}, .mask = {0xf0}});
    img_add_patterns(b,
                     (struct pbc_pattern){.layer = PBC_L2, .at = 12, .len = 2, .value = {8, 0}, .mask = {0xff, 0xff}});
}

static void frame_view(struct pkt *pkt, uint8_t frame[FRAME_LEN])
{
    const struct header h = {.src = 0x0a010203, .dst = 0xcb00710a, .src_port = 50000, .dst_port = 443, .proto = 6};
    struct key key;
    frame_build(&h, frame);
    pkt_view(pkt, frame, FRAME_LEN, FRAME_LEN, LINK_ETHER, 0);
    assert_int_equal(pkt_parse(pkt, &(struct facts){0}, &key), REASON_NONE);
}

/* Make a program with one rule that has all samples. */
static struct program *program_of_samples(void)
{
    struct imgbuild b;
    char err[256] = "";
    img_init(&b);
    add_tables(&b);
    img_add_meters(&b, (struct pbc_meter){.name = img_string(&b, "syns"),
                                          .entries = 8,
                                          .per = PBC_PER_SOURCE,
                                          .len4 = 32,
                                          .len6 = 128,
                                          .count = 1,
                                          .per_ns = 1000000000,
                                          .burst = 1});
    img_add_meters(&b, (struct pbc_meter){.name = img_string(&b, "bulk"),
                                          .unit = PBC_METER_BYTES,
                                          .count = 1000,
                                          .per_ns = 1000000000,
                                          .burst = 100});
    img_add_grains(&b, (struct pbc_grain){.len4 = 32, .len6 = 128});
    img_add_grains(&b, (struct pbc_grain){.len4 = 32, .len6 = 56});
    img_add_settings(&b, (struct pbc_settings){.flows = 16, .half_open = 16, .fragments = 16});
    img_add_schedules(&b, (struct pbc_schedule){.name = img_string(&b, "work")});
    img_add_schedules(&b, (struct pbc_schedule){.name = img_string(&b, "night")});
    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct sample *s = &samples[i];
        uint32_t name = s->name ? img_string(&b, s->name) : 0;
        img_add_conds(
            &b,
            (struct pbc_cond){
                .kind = s->kind, .flags = s->flags, .arg = s->arg, .first = s->first, .count = s->count, .name = name});
    }
    img_add_firewalls(&b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = 1});
    img_add_rules(&b, (struct pbc_rule){.chain = PBC_NONE, .cond_count = b.conds_count});
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(&b);
    return p;
}

static void every_kind(void **state)
{
    (void)state;
    struct program *p = program_of_samples();
    uint8_t frame[FRAME_LEN];
    struct pkt pkt;
    frame_view(&pkt, frame);
    bool seen[COND_COUNT] = {0};
    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct sample *s = &samples[i];
        const bool no_not = s->kind == COND_FLAGS || s->kind == COND_BYTES || s->kind == COND_OVER ||
                            s->kind == COND_WITHIN || s->kind == COND_FLOWS_OVER || s->kind == COND_URPF;
        struct pbc_cond plain = p->conds[i], negated = plain;
        char line[256];
        negated.flags |= PBC_COND_NOT;
        seen[s->kind] = true;
        pkt.way = s->way;
        pkt.source = s->source;
        if (cond_match(p, &plain, &s->key, &pkt) != s->holds) fail_msg("sample %u: plain", i);
        if (!no_not && cond_match(p, &negated, &s->key, &pkt) != (s->has && !s->holds)) fail_msg("sample %u: not", i);
        if (no_not && s->holds) continue;
        cond_explain(p, s->holds ? &negated : &plain, &s->key, &pkt, line, sizeof line);
        if (strcmp(line, s->why) != 0) fail_msg("sample %u: expected `%s`, got `%s`", i, s->why, line);
        if (s->has || no_not) continue;
        cond_explain(p, &negated, &s->key, &pkt, line, sizeof line); /* a missing field also fails `not` */
        assert_string_equal(line, s->why);
    }
    for (unsigned k = 0; k < COND_SNI; k++) /* later kinds don't test packets */
        if (!seen[k]) fail_msg("no sample of kind %u", k);
    program_put(p);
}

/* A line that is too long is cut, never written past. */
static void short_buffers(void **state)
{
    (void)state;
    struct program *p = program_of_samples();
    uint8_t frame[FRAME_LEN];
    struct pkt pkt;
    frame_view(&pkt, frame);
    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++)
        for (size_t len = 0; len < 40; len++) {
            char line[48];
            memset(line, '#', sizeof line);
            cond_explain(p, &p->conds[i], &samples[i].key, &pkt, line, len);
            if (len) assert_true(strlen(line) < len);
            assert_int_equal(line[len], '#');
        }
    program_put(p);
}

/* Names come from the file: no terminal control passes. */
static void hostile_names(void **state)
{
    (void)state;
    struct imgbuild b;
    char line[128], err[256] = "";
    img_init(&b);
    add_tables(&b);
    img_add_conds(
        &b, (struct pbc_cond){.kind = COND_FROM, .first = S_ONE, .count = 1, .name = img_string(&b, "a\033[2Jb\n")});
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    const struct key key = {.kind = TCP4};
    cond_explain(p, &p->conds[0], &key, &(struct pkt){0}, line, sizeof line);
    assert_string_equal(line, "source is not in a?[2Jb?");
    program_put(p);
    img_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(short_buffers),
        cmocka_unit_test(hostile_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
