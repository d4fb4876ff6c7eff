/* Devices of this machine that the checked rules may mean. */
#pragma once

#include "vm/packet/pkt.h"

/* Find the link header of this machine's device of that name (netdevice(7), SIOCGIFHWADDR; pkt_link_of).
 * DEVICE_UNKNOWN: no such device, or no permission to ask. DEVICE_UNREADABLE: neither Ethernet nor bare IP packets. */
enum device_link { DEVICE_UNKNOWN, DEVICE_ETHERNET, DEVICE_BARE, DEVICE_UNREADABLE };
enum device_link device_link(const char *name);
