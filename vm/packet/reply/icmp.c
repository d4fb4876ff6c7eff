/* ICMP and ICMPv6 replies: echo replies and errors. */
#include <errno.h>

#include "vm/packet/reply/build_priv.h"

static uint8_t icmp_proto(const struct key *key) { return key->kind & KIND_IP4 ? IPPROTO_NR_ICMP : IPPROTO_NR_ICMP6; }

static bool is_echo(const struct pkt *pkt, const struct key *key)
{
    uint32_t needs = KIND_ICMP_HEADER | KIND_FRAG_NO;
    if (pkt->reason || (key->kind & needs) != needs || key_is_to_group(key) || key->icmp_code != 0) return false;
    return key->icmp_type == (key->kind & KIND_ICMP ? ICMP4_ECHO : ICMP6_ECHO);
}

/* True if the copied ICMP message has a right checksum. */
static bool echo_sum_ok(const struct reply *r)
{
    const struct pkt *pkt = r->w.pkt;
    uint32_t len = pkt->head_len - pkt->l4;
    uint64_t pseudo = reply_is4(r) ? 0 : csum_pseudo6(r->to.src, r->to.dst, IPPROTO_NR_ICMP6, len);
    return csum_fold(write_sum(&r->w, pseudo, pkt->l4, pkt->head_len)) == 0;
}

int build_echo_reply(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out)
{
    uint32_t end = (uint32_t)request->l3 + key->length;
    if (!is_echo(request, key) || end > request->cap_len) return -EINVAL;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ether_type_of(key), 0);
    if (err) return err;
    struct reply_ip ip = {.proto = icmp_proto(key), .ttl = BUILD_TTL, .tos = key_tos(key)};
    if (key->kind & KIND_IP4) {
        ip.id = bytes_get16(request, request->l3 + (uint32_t)IP4_ID);
        ip.frag = bytes_get16(request, request->l3 + (uint32_t)IP4_FRAG) & IP4_DF;
    }
    reply_ip(&r, &ip);
    write_from(&r.w, request, request->l4, end - request->l4);
    if (!r.w.full && !echo_sum_ok(&r)) {
        pool_put(r.w.pkt);
        return -EINVAL;
    }
    write_patch16(&r.w, r.w.pkt->l4, (uint16_t)((key->kind & KIND_IP4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY) << 8));
    return reply_finish(&r, ICMP_SUM, out);
}

/* The fields in which errors differ: type, code, and the four bytes after the checksum. */
struct error {
    uint8_t type, code;
    uint32_t rest;
    const uint32_t *from; /* NULL: the address that the request went to */
};

/* Build an error that quotes as much of the request as was captured and is allowed. */
static int build_error(const struct pkt *request, const struct key *key, const struct error *error, struct pool *pool,
                       struct pkt **out)
{
    bool v4 = key->kind & KIND_IP4;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ether_type_of(key), 0);
    if (err) return err;
    if (error->from) memcpy(r.to.src, error->from, v4 ? sizeof(uint32_t) : sizeof(r.to.src));
    reply_ip(&r, &(struct reply_ip){
                     .proto = icmp_proto(key), .ttl = BUILD_TTL, .tos = v4 ? BUILD_TOS_ERROR : 0, .frag = IP4_DF});
    write8(&r.w, error->type);
    write8(&r.w, error->code);
    write16(&r.w, 0); /* checksum, written later */
    write32(&r.w, error->rest);
    uint32_t most = (v4 ? BUILD_QUOTE4 - IP4_LEN : BUILD_QUOTE6 - IP6_LEN) - ICMP_LEN;
    uint32_t there = request->cap_len - request->l3, quote = key->length < there ? key->length : there;
    write_from(&r.w, request, request->l3, quote < most ? quote : most);
    return reply_finish(&r, ICMP_SUM, out);
}

int build_unreachable(const struct pkt *request, const struct key *key, enum build_unreachable what, struct pool *pool,
                      struct pkt **out)
{
    static const uint8_t code4[] = {
        [UNREACHABLE_NET] = 0, [UNREACHABLE_HOST] = 1, [UNREACHABLE_PORT] = 3, [UNREACHABLE_PROHIBITED] = 13};
    static const uint8_t code6[] = {
        [UNREACHABLE_NET] = 0, [UNREACHABLE_HOST] = 3, [UNREACHABLE_PORT] = 4, [UNREACHABLE_PROHIBITED] = 1};
    if (request->reason || !(key->kind & KIND_IP) || (unsigned)what >= sizeof(code4)) return -EINVAL;
    bool v4 = key->kind & KIND_IP4;
    const struct error error = {.type = v4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE,
                                .code = v4 ? code4[what] : code6[what]};
    return build_error(request, key, &error, pool, out);
}

int build_time_exceeded(const struct pkt *request, const struct key *key, const uint32_t from[4], struct pool *pool,
                        struct pkt **out)
{
    if (request->reason || !(key->kind & KIND_IP)) return -EINVAL;
    const struct error error = {.type = key->kind & KIND_IP4 ? ICMP4_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED, .from = from};
    return build_error(request, key, &error, pool, out);
}

int build_too_big(const struct pkt *request, const struct key *key, uint32_t mtu, const uint32_t from[4],
                  struct pool *pool, struct pkt **out)
{
    if (request->reason || !(key->kind & KIND_IP)) return -EINVAL;
    struct error error = {.type = ICMP6_TOO_BIG, .rest = mtu < IP6_LEAST_MTU ? IP6_LEAST_MTU : mtu, .from = from};
    if (key->kind & KIND_IP4) {
        if (!(bytes_get16(request, request->l3 + (uint32_t)IP4_FRAG) & IP4_DF)) return -EINVAL;
        error = (struct error){.type = ICMP4_UNREACHABLE,
                               .code = ICMP4_CODE_TOO_BIG,
                               .rest = mtu < UINT16_MAX ? mtu : UINT16_MAX,
                               .from = from};
    }
    return build_error(request, key, &error, pool, out);
}
