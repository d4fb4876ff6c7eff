/* Devices of this machine, as far as rules that are checked here may mean them. */
#pragma once

#include "vm/packet/pkt.h"

/* Find what packets of this machine's device of that name begin with (netdevice(7), SIOCGIFHWADDR; pkt_link_of).
 * DEVICE_UNKNOWN: there is none, or nobody may ask. DEVICE_UNREADABLE: neither Ethernet nor bare IP packets. */
enum device_link { DEVICE_UNKNOWN, DEVICE_ETHERNET, DEVICE_BARE, DEVICE_UNREADABLE };
enum device_link device_link(const char *name);
