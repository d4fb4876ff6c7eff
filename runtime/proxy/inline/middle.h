/* A user's process in the middle of an inline connection (`-> program "SOCKET"`): two streams to its Unix socket,
 * one per direction. Bytes that it reads from a stream come from one end; bytes that it writes go to the other.
 *
 *      client ──▶ stream UP ──▶ program ──▶ stream UP ──▶ server
 *      server ──▶ stream DOWN ─▶ program ─▶ stream DOWN ─▶ client
 *
 * README.md has the header that each stream begins with, and how they end. */
#pragma once

#include "runtime/proxy/session.h"

enum middle_way { MIDDLE_UP, MIDDLE_DOWN, MIDDLE_WAYS };

struct middle {
    struct side streams[MIDDLE_WAYS];
    struct way in[MIDDLE_WAYS]; /* from an end of the connection to its stream; s->up and s->down continue from there */
    bool shut[MIDDLE_WAYS];     /* the process takes no more input, after an orderly end of its output */
};

/* Put the process of s->branch between the session's client and its server, both already connected. False:
 * connecting failed. */
bool middle_begin(struct session *s);
/* Move all available bytes between the ends and the process. False: the session has ended. */
bool middle_move(struct session *s);
/* Close the streams, by a reset of their ends if the session ends by one */
void middle_fini(struct session *s);
