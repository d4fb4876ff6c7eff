/* preyc --ask with -i: packets from and to devices that are not served. They have the fate that `explain` reports
 * for a running program (runtime/live/control/asked_unjudged.h). */
#pragma once

#include "compiler/traffic/traffic.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

struct unserved {
    const struct asked *asked; /* serves NULL: all devices are served */
    struct program *program;
    struct facts *facts;
};
/* The devices of a packet, by the names in it or by the routes; "" if unknown. */
struct unserved_way {
    const char *device, *out; /* device of arrival or sending; device of forwarding */
    bool served, shut;        /* `device` is served; its unjudged packets are dropped */
};
enum { UNSERVED_LOST = 160 };

/* Remove ids and addresses of devices that rules name and that are not served, because no frames arrive by them. */
void unserved_settle(const struct unserved *u, struct known_routes *r);
/* Find the devices of an IP packet. names: devices of the packet, `on` and `out on`; "": none. */
void unserved_find(const struct unserved *u, const struct key *key, const char *const names[2],
                   struct unserved_way *way);
/* True, with the reason in `text`, if no firewall judges the packet because of its device. */
bool unserved_judges_none(const struct unserved *u, const struct key *key, const struct unserved_way *way,
                          char text[SERVED_TEXT]);
/* Give a packet forwarded from an unserved device the interface whose firewall judges it: the device's or, if no
 * firewall judges the device, that of the way out. */
void unserved_crosses(const struct unserved *u, const struct key *key, const struct unserved_way *way, struct pkt *pkt);
/* Write why a leaving packet is lost: its route leads over an unserved device that rules name. Otherwise, or if
 * unknown, `why` is unchanged. */
void unserved_lost(const struct unserved *u, const struct pkt *left, char why[UNSERVED_LOST]);
