/* Fragments and VLAN stacks of a packet that pkt_parse has parsed, see fragment.h. */
#include "vm/packet/parse/fragment.h"

#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

static bool read_ip4(const struct pkt *pkt, struct fragment *out)
{
    const uint32_t field = bytes_get16(pkt, pkt->l3 + (uint32_t)IP4_FRAG);
    const uint32_t header = (bytes_get8(pkt, pkt->l3) & 15u) * 4,
                   total = bytes_get16(pkt, pkt->l3 + (uint32_t)IP4_TOTAL);
    *out = (struct fragment){
        .id = bytes_get16(pkt, pkt->l3 + (uint32_t)IP4_ID),
        .offset = (field & IP4_OFFSET) * 8,
        .bytes = total > header ? total - header : 0,
        .more = field & IP4_MF,
    };
    return out->offset || out->more;
}

/* Read a fragment header at `at`; the packet ends at `end`. False: it is atomic. */
static bool read_header(const struct pkt *pkt, uint32_t at, uint32_t end, struct fragment *out)
{
    const uint32_t field = bytes_get16(pkt, at + IP6_FRAG_OFFSET), begins = at + IP6_FRAG_LEN;
    *out = (struct fragment){
        .id = bytes_get32(pkt, at + IP6_FRAG_ID),
        .offset = field & 0xfff8u,
        .bytes = end > begins ? end - begins : 0,
        .more = field & 1,
    };
    return out->offset || out->more;
}

static bool read_ip6(const struct pkt *pkt, struct fragment *out)
{
    const uint32_t end = pkt->l3 + (uint32_t)IP6_LEN + bytes_get16(pkt, pkt->l3 + (uint32_t)IP6_PAYLOAD);
    uint32_t at = LOOSE(pkt->l3 + (uint32_t)IP6_LEN);
    uint8_t next = LOOSE(bytes_get8(pkt, pkt->l3 + (uint32_t)IP6_NEXT));
    TURNS(IP6_EXT_MOST)
    for (unsigned i = LOOSE(0u); LOOP(i < pkt->ext_headers); i = LOOSE(i + 1)) {
        if (next == IPPROTO_NR_FRAGMENT && read_header(pkt, at, end, out)) return true;
        const uint32_t len = ip6_extension_len(next, bytes_get8(pkt, at + 1));
        next = LOOSE(bytes_get8(pkt, at));
        at = LOOSE(at + len);
    }
    return false;
}

bool fragment_read(const struct pkt *pkt, const struct key *key, struct fragment *out)
{
    if (!(key->kind & (KIND_FRAG_FIRST | KIND_FRAG_LATER))) return false;
    return key->kind & KIND_IP4 ? read_ip4(pkt, out) : read_ip6(pkt, out);
}

static uint32_t link_len(const struct pkt *pkt)
{
    switch ((enum pkt_link)pkt->link) {
    case LINK_SLL: return SLL_LEN;
    case LINK_SLL2: return SLL2_LEN;
    default: return ETHER_LEN;
    }
}

unsigned tags_read(const struct pkt *pkt, uint32_t tags[TAGS_MOST])
{
    unsigned count = 0;
    for (unsigned i = 0; i < pkt->tag_count && i < sizeof(pkt->tags) / sizeof(pkt->tags[0]); i++)
        tags[count++] = (uint32_t)pkt->tags[i].tpid << 16 | (pkt->tags[i].tci & VLAN_VID);
    uint32_t tpid_at = tags_type_at(pkt), tci_at = link_len(pkt);
    for (unsigned i = 0; i < pkt->tags_in_frame && count < TAGS_MOST; i++, tci_at += VLAN_LEN) {
        tags[count++] = (uint32_t)bytes_get16(pkt, tpid_at) << 16 | (bytes_get16(pkt, tci_at) & VLAN_VID);
        tpid_at = tci_at + 2;
    }
    return count;
}
