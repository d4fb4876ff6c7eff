/* Keep-alive of TCP: the system asks a silent peer whether it is there, and a connection to one that has vanished ends
 * with an error */
#pragma once

enum { ALIVE_AFTER_S = 60, ALIVE_EVERY_S = 15, ALIVE_TIMES = 4 };

/* Turn it on for a socket, or for a listener, from which accepted connections have it: a peer that is silent for
 * ALIVE_AFTER_S is asked ALIVE_TIMES, each ALIVE_EVERY_S. A failure is no harm. */
void socket_keep_alive(int fd);
