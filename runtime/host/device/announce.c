/* Sends raw frames by a packet socket; IPv4 by ARP, IPv6 by neighbour advertisement */
#include "runtime/host/device/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/packet/wire.h"

static size_t arp_frame(uint8_t *frame, const struct host_addr *a, uint64_t mac)
{
    struct ether_arp arp = {.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4, htons(ARPOP_REQUEST)}};
    const uint32_t address = htonl(a->word[0]);
    memset(frame, 0xff, 6);
    wire_put48(arp.arp_sha, mac);
    memcpy(arp.arp_spa, &address, 4);
    memcpy(arp.arp_tpa, &address, 4);
    frame[12] = ETHERTYPE_ARP >> 8;
    frame[13] = ETHERTYPE_ARP & 0xff;
    memset(frame + 14, 0, 46); /* padded to Ethernet's minimum */
    memcpy(frame + 14, &arp, sizeof arp);
    return 60;
}

struct advertisement {
    struct ip6_hdr ip;
    struct nd_neighbor_advert na;
    uint8_t option, eights, mac[6];
};

/* Return the ICMPv6 checksum: over the message and its pseudo header (both addresses, length and protocol) */
static uint16_t checksum(const struct advertisement *ad)
{
    const uint8_t *b = (const void *)&ad->ip.ip6_src;
    uint32_t sum = IPPROTO_ICMPV6 + sizeof *ad - sizeof ad->ip;
    for (size_t i = 0; i < sizeof *ad - offsetof(struct ip6_hdr, ip6_src); i += 2)
        sum += (uint32_t)b[i] << 8 | b[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static size_t na_frame(uint8_t *frame, const struct host_addr *a, uint64_t mac)
{
    static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
    struct advertisement ad = {
        .ip = {.ip6_flow = htonl(6u << 28),
               .ip6_plen = htons(sizeof ad - sizeof ad.ip),
               .ip6_nxt = IPPROTO_ICMPV6,
               .ip6_hlim = 255,
               .ip6_dst = {{{0xff, 0x02, [15] = 1}}}},
        .na = {.nd_na_type = ND_NEIGHBOR_ADVERT, .nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE},
        .option = ND_OPT_TARGET_LINKADDR,
        .eights = 1,
    };
    for (int i = 0; i < 4; i++) ad.ip.ip6_src.s6_addr32[i] = htonl(a->word[i]);
    ad.na.nd_na_target = ad.ip.ip6_src;
    wire_put48(ad.mac, mac);
    ad.na.nd_na_cksum = checksum(&ad);
    memcpy(frame, all_nodes_mac, 6);
    frame[12] = ETHERTYPE_IPV6 >> 8;
    frame[13] = ETHERTYPE_IPV6 & 0xff;
    memcpy(frame + 14, &ad, sizeof ad);
    return 14 + sizeof ad;
}

static int mac_of(int fd, unsigned ifindex, uint64_t *mac)
{
    struct ifreq r = {.ifr_ifindex = (int)ifindex};
    *mac = 0;
    if (ioctl(fd, SIOCGIFNAME, &r) || ioctl(fd, SIOCGIFHWADDR, &r)) return -errno;
    for (int i = 0; i < 6; i++) *mac = *mac << 8 | (uint8_t)r.ifr_hwaddr.sa_data[i];
    return 0;
}

/* True if the address can belong to a single machine */
static bool is_unicast(const struct host_addr *a)
{
    const uint32_t first = a->word[0] >> 24;
    if (a->family == 4) return first && first != 127 && first < 224;
    return first != 0xff && (a->word[0] | a->word[1] | a->word[2] | (a->word[3] & ~UINT32_C(1)));
}

int announce(unsigned ifindex, const struct host_addr *a)
{
    const struct sockaddr_ll by = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = 6};
    uint8_t frame[ANNOUNCE_BYTES];
    uint64_t mac;
    if (!is_unicast(a)) return -EADDRNOTAVAIL;
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: receives nothing */
    if (fd < 0) return -errno;
    int failed = mac_of(fd, ifindex, &mac);
    if (!failed) {
        /* An ARP announcement (RFC 5227, 2.3), or an unsolicited neighbour advertisement (RFC 4861, 7.2.6) */
        static_assert(14 + sizeof(struct advertisement) == ANNOUNCE_BYTES, "RFC 4861");
        wire_put48(frame + 6, mac);
        const size_t len = a->family == 4 ? arp_frame(frame, a, mac) : na_frame(frame, a, mac);
        if (sendto(fd, frame, len, 0, (const void *)&by, sizeof by) < 0) failed = -errno;
    }
    close(fd);
    return failed;
}
