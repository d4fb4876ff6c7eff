/* preyc --ask with -i: devices that are not served, from and to which packets go as `explain` reports of a running
 * program (runtime/live/control/asked_unjudged.h). */
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
    const char *device, *out; /* the one it comes by, or that this machine sends it by; the one it crosses to */
    bool served, shut;        /* the device is */
};
enum { UNSERVED_LOST = 160 };

/* Take ids and addresses of the frames from devices that rules name and that are not served: none come by them. */
void unserved_settle(const struct unserved *u, struct known_routes *r);
/* Find the devices of an IP packet. names: devices of the packet, `on` and `out on`; "": none. */
void unserved_find(const struct unserved *u, const struct key *key, const char *const names[2],
                   struct unserved_way *way);
/* True, with the words, if no firewall judges the packet because of its device. */
bool unserved_judges_none(const struct unserved *u, const struct key *key, const struct unserved_way *way,
                          char text[SERVED_TEXT]);
/* Give a packet forwarded from an unserved device the interface whose firewall judges it: if none judges the device,
 * that of the way out. */
void unserved_crosses(const struct unserved *u, const struct key *key, const struct unserved_way *way, struct pkt *pkt);
/* Write why a leaving packet is lost: its route leads by an unserved device that rules name. Otherwise, or if
 * unknown, `why` is unchanged. */
void unserved_lost(const struct unserved *u, const struct pkt *left, char why[UNSERVED_LOST]);
