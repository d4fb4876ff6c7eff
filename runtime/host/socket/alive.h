/* Keep-alive of TCP: the system probes a silent peer, and a connection to a vanished peer ends with an error */
#pragma once

enum { ALIVE_AFTER_S = 60, ALIVE_EVERY_S = 15, ALIVE_TIMES = 4 };

/* Turn keep-alive on for a socket, or for a listener, which passes it on to accepted connections: a peer that is
 * silent for ALIVE_AFTER_S is probed ALIVE_TIMES times, every ALIVE_EVERY_S seconds. Failures are harmless. */
void socket_keep_alive(int fd);
