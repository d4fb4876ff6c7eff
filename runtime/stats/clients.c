/* A place for each connection, with its turn; the first by state and turn has its socket shut down */
#include "runtime/stats/clients.h"

#include <stddef.h>
#include <sys/socket.h>

/* State of a client, in order of eviction. A client that leaves is not evicted again. */
enum client_does { CLIENT_LEAVES, CLIENT_SILENT, CLIENT_RESTS, CLIENT_HEARS };

static struct client *client_place(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct client *free_place(struct clients *all)
{
    for (unsigned i = 0; i < CLIENTS_MOST; i++)
        if (!all->all[i].connection) return &all->all[i];
    return NULL;
}

/* True if `a` is evicted before `b`. A client that already leaves is not a candidate. */
static bool sooner(const struct client *a, const struct client *b)
{
    if (!a->connection || a->does == CLIENT_LEAVES) return false;
    return !b || (a->does != b->does ? a->does < b->does : a->turn < b->turn);
}

/* Evict a client: libmicrohttpd sees the shut-down socket as closed by the client. */
static void give_way(struct clients *all)
{
    struct client *first = NULL;
    for (unsigned i = 0; i < CLIENTS_MOST; i++)
        if (sooner(&all->all[i], first)) first = &all->all[i];
    const union MHD_ConnectionInfo *info =
        first ? MHD_get_connection_info(first->connection, MHD_CONNECTION_INFO_CONNECTION_FD) : NULL;
    if (!info) return;
    shutdown(info->connect_fd, SHUT_RDWR);
    first->does = CLIENT_LEAVES;
    all->count--;
}

void clients_noted(void *with, struct MHD_Connection *c, void **place, enum MHD_ConnectionNotificationCode what)
{
    struct clients *all = with;
    struct client *one = what == MHD_CONNECTION_NOTIFY_STARTED ? free_place(all) : *place;
    if (!one) return;
    if (what != MHD_CONNECTION_NOTIFY_STARTED) {
        all->count -= one->does != CLIENT_LEAVES;
        one->connection = NULL;
        return;
    }
    if (all->count >= CLIENTS_MANY) give_way(all);
    *one = (struct client){.connection = c, .turn = all->turns++, .does = CLIENT_SILENT};
    *place = one;
    all->count++;
}

void clients_asks(struct MHD_Connection *c)
{
    struct client *one = client_place(c);
    if (one && one->does != CLIENT_LEAVES) one->does = CLIENT_HEARS;
}

void clients_answered(void *with, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
    struct clients *all = with;
    struct client *one = client_place(c);
    if (!one || one->does == CLIENT_LEAVES) return;
    one->does = CLIENT_RESTS;
    one->turn = all->turns++;
}
