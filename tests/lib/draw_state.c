/* Conditions on connections, and the states that packets can have according to vm/flow/README.md. */
#include "tests/lib/draw_priv.h"
#include "vm/packet/key.h"

static void put_state_word(struct draw *d)
{
    static const char *const words[] = {"new", "established", "related", "invalid"};

    put(d, "%s", words[below(d, 4)]);
}

void put_state_conditions(struct draw *d)
{
    if (!d->flows) return;
    if (one_in(d, 3)) {
        begin(d, one_in(d, 4) ? "state not " : "state ");
        for (unsigned n = 1 + below(d, 3); n; n--) {
            put_state_word(d);
            if (n > 1) put(d, ", ");
        }
    }
    if (one_in(d, 15)) {
        begin(d, "flows over ");
        put(d, "%u per source%s", 1 + below(d, 4), one_in(d, 2) ? "" : one_in(d, 2) ? "/24,/56" : "/30,/64");
    }
}

/* Put the rules that most stateful firewalls begin with, where connections end their walk. */
void put_state_rules(struct draw *d)
{
    static const char *const words[] = {"established, related", "established", "new, related", "not invalid"};

    if (!d->flows || !one_in(d, 3)) return;
    put(d, "%c accept%cstate %s\n", DRAW_LINE, DRAW_SPLIT, words[one_in(d, 2) ? 0 : below(d, 4)]);
    d->rules++;
}

static unsigned tcp_states(uint32_t flags, uint32_t states[4])
{
    const bool syn = flags & TCP_SYN, rst = flags & TCP_RST, ack = flags & TCP_ACK;
    unsigned n = 0;

    if (syn && !ack && !rst) {
        states[n++] = MARK_NEW;
        states[n++] = MARK_ESTABLISHED; /* if both sides open at once */
        return n;
    }
    states[n++] = MARK_INVALID;
    if ((rst || ack) && !(syn && rst)) states[n++] = MARK_ESTABLISHED;
    if (ack && !syn && !rst) states[n++] = MARK_NEW; /* while `pickup` lasts */
    return n;
}

static unsigned icmp_states(uint32_t type, bool v6, uint32_t states[4])
{
    const bool error = v6 ? type < 128 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    const bool query = v6 ? type == 128 || type == 139 : type == 8 || type == 13 || type == 15 || type == 17;
    const bool answer = v6 ? type == 129 || type == 140 : type == 0 || type == 14 || type == 16 || type == 18;
    unsigned n = 0;

    if (error || (v6 && type == 134)) states[n++] = MARK_RELATED; /* 134: a router's reply to a solicitation */
    if (query || answer) states[n++] = MARK_ESTABLISHED;
    if (error || answer) states[n++] = MARK_INVALID;
    if (!error && !answer) states[n++] = MARK_NEW;
    return n;
}

unsigned states_of(const struct key *key, uint32_t states[4])
{
    if (!(key->kind & KIND_IP) || key->kind & KIND_FRAG_LATER) {
        states[0] = MARK_NONE;
        return 1;
    }
    if (key->kind & KIND_TCP) return tcp_states(key->marks, states);
    if (key->kind & (KIND_ICMP | KIND_ICMP6)) return icmp_states(key->icmp_type, key->kind & KIND_ICMP6, states);
    states[0] = MARK_NEW;
    states[1] = MARK_ESTABLISHED;
    if (!(key->kind & KIND_UDP) && key->proto != 132) return 2;
    states[2] = key->kind & KIND_UDP ? MARK_RELATED /* a lease */ : MARK_INVALID /* SCTP without an earlier INIT */;
    return 3;
}
