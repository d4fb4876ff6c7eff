/* Devices of this machine, as far as rules that are checked here may mean them. */
#pragma once

#include <stdbool.h>

/* True if this machine has a device of that name and it carries no Ethernet, as one of WireGuard, PPP or TUN
 * (netdevice(7), SIOCGIFHWADDR). False, too, if that is not known. */
bool device_is_without_ethernet(const char *name);
