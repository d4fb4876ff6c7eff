/* Note DNS questions that pass, for their answers, which go up (vm/judge/answers/). */
#include "vm/kernel/bpf.h"
#include "vm/kernel/count.bpf.h"
#include "vm/kernel/counts.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { LABELS = 128, LABEL_MOST = 63, ANSWER_OR_OPCODE = 0xf800, A = 1, AAAA = 28, PAYLOAD_MOST = 1024 };

#include "vm/judge/asked/questions.c"

extern struct question_head state_question_head[];
extern struct dns_question state_questions[];

/* Write an address of the packet in the form of resolvers' rows. */
static inline void address_wide(const uint32_t addr[4], bool v6, uint64_t wide[2])
{
    wide[0] = v6 ? hash_pair(addr[1], addr[0]) : 0;
    wide[1] = v6 ? hash_pair(addr[3], addr[2]) : KERNEL_RESOLVER4 | addr[0];
}

static inline bool wide_up_to(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] < b[0] || (a[0] == b[0] && a[1] <= b[1]);
}

/* True if the packet's destination (dst) or source is a resolver whose answers the program may use. */
GLOBAL bool kernel_is_resolver(struct kpkt *k NONNULL, bool dst)
{
    const struct kernel_program *p = count_program(k->program);
    uint64_t wide[2];
    bool found = p->resolvers > KERNEL_RESOLVERS;
    address_wide(dst ? k->key.dst : k->key.src, k->key.kind & KIND_IP6, wide);
    for (uint32_t i = 0; i < KERNEL_RESOLVERS; i++) {
        const struct kernel_resolver *r = &p->resolver[i];
        found |= i < p->resolvers && wide_up_to(r->lo, wide) && wide_up_to(wide, r->hi);
    }
    return found;
}

/* Return the length of the name at that place of the head, its root's 0 included; 0: it is too long, or compressed. */
GLOBAL uint64_t kernel_name_len(struct kpkt *k NONNULL, uint32_t at)
{
    uint32_t len = LOOSE(0);
    TURNS(LABELS)
    for (uint32_t i = LOOSE(0); LOOP(i < LABELS); i++) {
        const uint32_t label = k->head[(at + len) & (KERNEL_HEAD - 1)];
        if (label > LABEL_MOST || len + 1 + label > DNS_NAME_MOST) return 0;
        len += 1 + label;
        if (!label) return len;
    }
    return 0;
}

/* Hash a question in the head, as question_hash does. */
GLOBAL uint64_t kernel_question_hash(struct kpkt *k NONNULL, uint32_t at, uint32_t len)
{
    uint64_t hash = len;
    TURNS(QUESTION_STEPS)
    for (uint32_t i = LOOSE(0); LOOP(i < len); i += 8) {
        if (i >= QUESTION_SECTION_MOST) break;
        uint64_t word = wire_get64(k->head + ((at + i) & (KERNEL_HEAD - 1)));
        if (len - i < 8) word &= UINT64_MAX << ((8 - (len - i)) * 8 & 63);
        hash = question_hash_word(&state_question_head[0].hash, hash, word);
    }
    return hash;
}

/* Note a DNS question for addresses (message_read). Return 1 if the packet is one, otherwise 0. */
GLOBAL uint64_t kernel_ask(struct kpkt *k NONNULL)
{
    const struct pkt *pkt = &k->pkt;
    const struct key *key = &k->key;
    const uint32_t at = pkt->payload;
    if (!at || at > PAYLOAD_MOST || pkt->segment || !kernel_is_resolver(k, true)) return 0;
    const uint32_t said = wire_get16(k->head + ((pkt->l4 + UDP_LENGTH) & (KERNEL_HEAD - 1)));
    const uint8_t *message = k->head + (at & (KERNEL_HEAD - 1));
    if (said < UDP_LEN + DNS_HEADER || at + said - UDP_LEN > pkt->l3_end || at + said - UDP_LEN > pkt->cap_len)
        return 0;
    if (wire_get16(message + 2) & ANSWER_OR_OPCODE || wire_get16(message + 4) != 1) return 0;
    const uint32_t name = (uint32_t)kernel_name_len(k, at + DNS_HEADER);
    if (!name || UDP_LEN + DNS_HEADER + name + 4 > said || at + DNS_HEADER + name + 4 > pkt->head_len) return 0;
    const uint8_t *behind = k->head + ((at + DNS_HEADER + name) & (KERNEL_HEAD - 1));
    const uint32_t type = wire_get16(behind);
    if ((type != A && type != AAAA) || wire_get16(behind + 2) != 1) return 0;
    struct question_id id;
    const uint64_t section = kernel_question_hash(k, at + DNS_HEADER, name + 4);
    question_id_of(&id, key->src, key->dst, key->src_port, wire_get16(message), key->kind & KIND_IP6, section);
    question_put(&state_question_head[0], state_questions, &id, k->now_ns);
    return 1;
}
