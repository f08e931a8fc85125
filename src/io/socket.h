/*
 * This file is a socket that coroutines read and write, of a client or of a
 * listener: it waits, buffers and keeps messages whole. It speaks no protocol,
 * and is not a connection of a service (io/conn.h).
 *
 * One coroutine reads at a time, any number write. timeout_ms and the results
 * of a wait are those of io/await.h; what the calls promise is written at
 * <shoal/sock.h>, call by call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <shoal/sock.h>

struct sh_socket;
struct sh_loop;

/* --- socket.c: from open to close ------------------------------------------ */

/** Take an open socket, stream or datagram; it is made non-blocking. fd is the
 *  socket's from then on, and stays the caller's on failure: -ENOTSOCK,
 *  -EPROTOTYPE, -errno, -SHOAL_EPERM without a loop, -SHOAL_ENOMEM. */
int sh_socket_adopt(int fd, struct sh_socket **out);
/** Give the descriptor back and free the rest: the descriptor, or -SHOAL_EBUSY
 *  while input is buffered or somebody uses it. */
int sh_socket_detach(struct sh_socket **socket);
/** Close and wake all who use it; it is freed when the last of them has
 *  left. NULL is fine. */
void sh_socket_close(struct sh_socket **socket);
/** Make those who read or write (SHOAL_SOCK_READ, _WRITE) leave with
 *  -SHOAL_ECANCELED. Their number. */
int sh_socket_cancel(struct sh_socket *socket, int what);
/** The descriptor; lent. */
int sh_socket_fd(const struct sh_socket *socket);
/** Whether it is one and has not been freed. */
bool sh_socket_is_valid(const struct sh_socket *socket);
/** For loop.c: sockets may live longer than the loop. */
void sh_socket_unwatch_all(struct sh_loop *loop);

/* --- socket_connect.c, socket_listen.c ------------------------------------- */

/** Resolve and connect, all within the time. options may be NULL. */
int
sh_socket_connect(const char *address, const struct shoal_sock_options *options,
    int timeout_ms, struct sh_socket **out);
/** Bind and listen; backlog 0 is as long as the kernel allows. */
int sh_socket_listen(const char *address, int backlog, struct sh_socket **out);
/** Wait for a connection. An error of the process, such as -EMFILE, is
 *  returned; the call after it waits a moment before it tries again. */
int sh_socket_accept(
    struct sh_socket *socket, int timeout_ms, struct sh_socket **out);

/* --- socket_read.c --------------------------------------------------------- */

/** What there is, at most cap bytes; 0 at the end. */
ssize_t
sh_socket_recv(struct sh_socket *socket, void *buf, size_t cap, int timeout_ms);
/** len bytes, 0 at the end, -SHOAL_ETRUNCATED when it comes inside. */
ssize_t sh_socket_recv_all(
    struct sh_socket *socket, void *buf, size_t len, int timeout_ms);
/** A line with its LF, and a NUL; -SHOAL_EMSGSIZE when it does not fit. */
ssize_t sh_socket_recv_line(
    struct sh_socket *socket, char *buf, size_t cap, int timeout_ms);
/** Buffer at least min bytes and lend all that is buffered: its length. It is
 *  valid until the next call that receives or consumes. */
ssize_t sh_socket_peek(struct sh_socket *socket, const void **data_out,
    size_t min, int timeout_ms);
/** Drop n buffered bytes. 0; -SHOAL_EINVAL when there are fewer; -SHOAL_EBUSY
 *  while somebody reads. */
int sh_socket_consume(struct sh_socket *socket, size_t n);
/** Whether a read would not find the end or a failure. */
bool sh_socket_is_alive(struct sh_socket *socket);

/* --- socket_write.c -------------------------------------------------------- */

/** Send all of these bytes, as one message among those of other writers. */
int sh_socket_send(
    struct sh_socket *socket, const void *data, size_t len, int timeout_ms);
/** Likewise, bytes that lie in several places. */
int sh_socket_sendv(struct sh_socket *socket, const struct iovec *parts,
    int count, int timeout_ms);
/** Likewise, a part of a file; len 0 is up to its end. Bytes sent. */
ssize_t sh_socket_sendfile(
    struct sh_socket *socket, int fd, off_t offset, size_t len, int timeout_ms);

/* --- socket_datagram.c ----------------------------------------------------- */

/** A datagram socket: bound to an address, or unbound and of a family. */
int sh_socket_datagram(const char *address, int family, struct sh_socket **out);
/** The next datagram, its sender as text in from; -SHOAL_EMSGSIZE when it was
 *  cut. */
ssize_t sh_socket_recvfrom(struct sh_socket *socket, void *buf, size_t cap,
    char *from, size_t from_cap, int timeout_ms);
/** Send a datagram; to NULL is the peer of one that is connected. */
int sh_socket_sendto(struct sh_socket *socket, const char *to, const void *data,
    size_t len, int timeout_ms);

/* --- socket_option.c ------------------------------------------------------- */

/** shutdown(2); -SHOAL_EBUSY for writing while somebody writes. */
int sh_socket_shutdown(struct sh_socket *socket, int what);
/** setsockopt(2). 0 or -errno. */
int sh_socket_set_option(struct sh_socket *socket, int level, int name,
    const void *value, size_t len);
/** getsockopt(2); len_io is the size of value, then what was written. */
int sh_socket_get_option(
    struct sh_socket *socket, int level, int name, void *value, size_t *len_io);
/** Its own address as text, "unknown" when it has none. Returns buf. */
const char *
sh_socket_local(const struct sh_socket *socket, char *buf, size_t cap);
/** Its peer's address likewise. */
const char *
sh_socket_peer(const struct sh_socket *socket, char *buf, size_t cap);
