/* The table of intended differences */
#include <string.h>

#include "tests/diff/routers/known_priv.h"

const struct known known_differences[] = {
    {"fragments, or an error about them, that come late",
     "fragments come up to the process, and leave, or get to the host's stack through a TUN device, once the next "
     "packet "
     "is on its way",
     is_said_late, false},
    {"reject in the name of the destination",
     "a rule's reject comes from the address that was asked, by the interface that the packet came by, and quotes it "
     "as it came: the same wherever it is "
     "judged; netfilter's comes from the router, by its routes",
     is_reject_in_its_name, false},
    {"address of an error",
     "an error of prey's own leaves where the packet came from, with the first address of this machine there; Linux "
     "asks its routes, and may take another address",
     is_error_of_its_own, false},
    {"errors are limited",
     "Linux says to one host that no way leads somewhere five times, then once a second (net.ipv4.route.error_burst), "
     "and each sibling has said it to others",
     is_no_way_said_once, false},
    {"a reject where an error was limited",
     "prey rejects each packet, also those of which Linux would have said that no way leads there",
     is_reject_in_its_place, false},
    {"two answers",
     "in user space the host's stack gets what its routes refuse, beside prey: it answers, and so does a rule that "
     "rejects; it gets what policy rules with iif send from port to port, too, and says that no hop was left "
     "(runtime/host/guard/)",
     is_answered_twice, false},
    {"a port of rules that are gone",
     "in user space guard rules hide what a forward or a map of the program before took, for five minutes "
     "(docs/live.md), so this machine answers nothing there, and sends nothing past the ports",
     is_hidden_since_before, false},
    {"an error goes back",
     "an error or a reject of prey's own leaves where the packet came from, also where no route leads back; Linux then "
     "says "
     "nothing",
     is_error_without_route, false},
    {"judged before it is routed",
     "what rules drop or reject gets the rules' answer, so nobody learns of TTLs and routes behind them",
     is_judged_first, false},
    {"the last hop is looked at first",
     "what a map without `out on` takes asks for no way, so its sender hears that no hop was left; Linux asks its "
     "routes before (docs/semantics.md)",
     is_last_hop_first, false},
    {"an end outside is for all",
     "whoever the firewall lets in reaches an inside host at its end outside (RFC 4787, REQ-8), from inside, too "
     "(REQ-9); conntrack knows one peer",
     is_end_for_all, false},
    {"errors about fragments",
     "each fragment is routed as it is, and an error is about one; conntrack puts them together before",
     is_said_of_each_fragment, false},
    {"TCP after its end",
     "a reset ends a connection, and what comes after it is invalid; conntrack lets segments by for ten seconds more, "
     "or, where a reset answered a SYN, forgets it at once, with errors about it; so it does where a rule rejects an "
     "answer past the translation, in the opener's name",
     is_after_the_end, false},
    {"a reset that is not expected",
     "a reset ends a connection at the very number that its receiver expects alone (RFC 5961, 3.2), conntrack anywhere "
     "in "
     "the window",
     is_early_reset, true},
    {"the end outside stays",
     "an inside end keeps its end outside while its flow is there, also behind a reset (RFC 5382, REQ-1); conntrack "
     "begins another connection, with another port",
     is_of_kept_end, true},
    {"behind a last hop",
     "a SYN that is let in begins a flow, also where it had no hop left, and an ACK behind it is invalid; conntrack "
     "keeps "
     "what the host has sent on alone",
     is_after_last_hop, true},
    {"an answer to what nobody saw",
     "what neither comes nor leaves by an interface of prey's nobody judges or follows "
     "(docs/guide/explanation/enforcement.md); "
     "its answer, by one of prey's, is of no connection, and begins one if it may",
     is_answer_to_unseen, false},
    {"after an answer that nobody saw",
     "an answer that comes in and leaves by interfaces which prey doesn't serve, or that the host's routes refuse, is "
     "none to it, and an ACK behind it is invalid; conntrack sees each packet that comes in",
     is_after_unseen_answer, false},
    {"a FIN of no connection",
     "it is *new*, as each segment that may be of a connection from before is; conntrack calls it invalid",
     is_fin_of_nothing, false},
    {"after a segment of no connection",
     "prey follows it as a connection's, so a SYN with its numbers is an old one, and a reset behind it ends one; "
     "conntrack has kept nothing of it",
     is_after_fin_of_nothing, false},
    {"an answer of no connection",
     "a reset, a SYN ACK, an echo reply or an error without a flow that would leave by a statement is refused (RFC "
     "5508, "
     "REQ-4): it would show what is inside; conntrack calls it invalid, and netfilter lets it out as it is, or to this "
     "machine, which resets it; so does a reject that this machine's stack sends by such a statement in an inside "
     "host's "
     "name",
     is_refused_without_flow, false},
    {"a segment of no connection is translated",
     "what begins a flow is translated, also what conntrack calls invalid and netfilter lets out with its inside "
     "address",
     is_translated_all_the_same, false},
    {"a SYN of an open connection",
     "the inside host gets it, and challenges it (RFC 5961, 4); conntrack calls it invalid, so netfilter's router gets "
     "it, and resets it",
     is_syn_of_open, false},
    {"equal ends",
     "what would have the outside address at both ends is refused, as it would come back (docs/semantics.md); "
     "netfilter "
     "sends it",
     is_of_equal_ends, false},
    {"past a translation",
     "an answer to the inside tuple is of no connection (docs/semantics.md): prey changes no packet that no statement "
     "takes, and makes no second flow of one tuple; netfilter takes another port, lest two connections look alike",
     is_past_the_translation, false},
    {"replies go where the opener was heard",
     "a reply of a bound flow goes to the interface and the station that its opener came from (vm/forward/bind/), as "
     "pf's reply-to; Linux asks its routes",
     is_where_it_was_heard, false},
    {"an error goes the way of its flow",
     "an error about a translated flow leaves where the flow's packets do, by the line whose address it gets "
     "(vm/forward/bind/); Linux asks its routes about the error itself, which a router may send from elsewhere; "
     "at XDP it is lost where Linux sends it by an interface of no nat; and where a route refuses it, Linux says "
     "nothing",
     is_error_by_its_flow, false},
    {"an error past the ports",
     "guard rules know no flows, so in user space this machine's stack sends an ICMP error about a masqueraded flow by "
     "the interface to which policy rules lead it, beside prey's, if prey doesn't serve that one (docs/live.md)",
     is_error_past_ports, false},
    {"an interface without an address",
     "who masquerades by one has the address of another, and which one is free (RFC 6724 is about a socket's); where "
     "this machine has none, prey sends nothing, and Linux with its loopback address",
     is_anothers_address, false},
    {"a target behind no port",
     "prey sends by the interfaces that it serves alone, what a map translates, too, and a start names a target behind "
     "another (docs/live.md)",
     is_turned_to_no_port, true},
    {"a mapped host past the ports",
     "what a map without `out on` takes, and the routes lead by an interface that isn't served, is lost as no_port: "
     "this machine's stack takes no packet with an address of its own as source, and would send it with its inside "
     "address (docs/live.md)",
     is_mapped_past_ports, false},
    {"no way for what is turned",
     "prey itself sends on what a map turned, and where no route leads it anywhere loses it without a word "
     "(docs/live.md, "
     "no_way), also what asks for an end outside; Linux says so in the name of the address that was asked, or that "
     "nobody "
     "is there",
     is_lost_without_way, false},
    {"a way by arrival",
     "what prey gives the host comes by a TUN device, so policy rules with iif don't know it: what they refuse or lead "
     "past the ports is lost (runtime/live/carry/kernel/); in user space guard rules hide what leaves by a nat's "
     "interface, and what "
     "crosses between ports that a firewall judges, and nft's fib asks no such rule (runtime/host/guard/)",
     is_routed_without_arrival, true},
    {"fragments that only leave here",
     "what came by an interface that is not served is first seen where it leaves; nobody holds a fragment there until "
     "its "
     "first has come (vm/kernel/README.md), and what a statement takes of later ones is dropped, as it has no ports "
     "(docs/kernel.md); conntrack joins them before",
     is_without_later_fragments, false},
    {"only watched",
     "the executor in user space holds back nothing that crosses by an interface which isn't served "
     "(docs/guide/explanation/enforcement.md)",
     is_only_watched, false},
    {NULL, NULL, NULL, false},
};

/* True if a packet leaves with a source that netfilter's router hides. Packets to the opener don't count, because
 * the opener is inside or knows the source already. No row may excuse such a packet, except the one whose document
 * tells users what to do. */
static bool is_exposed(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (is_error_past_ports(d)) return false;
    if (!packet_parse(d->sent, &sent)) return true;
    for (unsigned i = 0; i < d->prey_count; i++)
        for (unsigned k = 0; k < d->netfilter_count; k++) {
            if (!packet_parse(&d->prey[i], &prey) || !packet_parse(&d->netfilter[k], &netfilter)) continue;
            if (prey.ttl + 1 != sent.ttl || netfilter.ttl + 1 != sent.ttl) continue; /* a router's own packet */
            if (!memcmp(prey.dst, d->talk->src, 16)) continue;
            if (!memcmp(prey.src, sent.src, 16) && memcmp(netfilter.src, sent.src, 16)) return true;
        }
    return false;
}

int known_find(const struct difference *d)
{
    for (int i = 0; known_differences[i].name && !is_exposed(d); i++)
        if (known_differences[i].is(d)) return i;
    return -1;
}
