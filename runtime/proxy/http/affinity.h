/* `affinity cookie "N"`: the cookie by which a client comes to its server again. Who has none, or that of a server that
 * is gone, gets it with the answer; what it says is read by chooser_affinity. */
#pragma once

struct session;

enum { AFFINITY_COOKIE_MAX = 512 };

/* The line `Set-Cookie` for the answer of the session's server; empty where the client has it, or none is asked for. */
void affinity_say(const struct session *s, char line[AFFINITY_COOKIE_MAX]);
