/*
 * Sockets of coroutines: a client of some other server, a listener of one's
 * own, datagrams.
 *
 * A call that cannot go on suspends its coroutine and nobody else. One
 * coroutine reads a socket at a time; any number write, each one's message
 * whole, in the order in which they came. What may happen to a read is kept
 * apart:
 *
 *	0                   the end: the peer has closed in good order
 *	-SHOAL_ETRUNCATED   the end, inside of what was asked for
 *	-SHOAL_ECONNRESET   reset, or given up by the kernel as unreachable
 *	-SHOAL_ETIMEDOUT    the time is over
 *	-SHOAL_ECANCELED    the coroutine was cancelled, or the socket was
 *	                    closed or its waits were
 *
 * A read that fails consumes nothing: what has come is there for the next one.
 * A send that fails after a part has gone breaks the stream: every further send
 * fails with -SHOAL_ENOTCONN, so that nothing follows half a message.
 *
 * timeout_ms of a call is for all of it: SHOAL_FOREVER; 0 is not to wait. Where
 * a coroutine may not wait (shoal_co_may_wait()), what would have to fails with
 * -SHOAL_ENOMEM.
 *
 * Sockets live in one process and are used in it only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_sock;

/* Directions; may be or-ed. */
enum { SHOAL_SOCK_READ = 1, SHOAL_SOCK_WRITE = 2 };

/* What a connection may ask for before it is made; 0 is the default. */
struct shoal_sock_options {
	size_t size;           /* sizeof(struct shoal_sock_options) */
	const char *local;     /* own address, "192.0.2.1:0"; numeric */
	int receive_buffer;    /* bytes, of the kernel */
	int send_buffer;       /* bytes, of the kernel */
	int keepalive_idle_ms; /* in whole seconds; 0: no keepalive */
};

/**
 * Connect to a server.
 *
 * A name is resolved as nsswitch.conf(5) says, and its addresses are tried one
 * after the other, each for an equal part of the time that is left.
 * TCP_NODELAY is set.
 *
 * @param address  "host:port", "[v6]:port" or "unix:/path"; the host is a name
 *                 or a number, the port a number or a name of services(5)
 * @param options  borrowed; NULL for none
 * @param out      the socket, yours: shoal_sock_close()
 *
 * Returns  0; -SHOAL_EINVAL for an address or options that make no sense;
 *          -SHOAL_ENOTFOUND when there is no such host; -SHOAL_EAGAIN when the
 *          name service fails for now; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED;
 *          -SHOAL_EPERM outside of a worker and shoal_run(); -SHOAL_ENOMEM;
 *          -errno of the attempt that says most: -ECONNREFUSED, -EMFILE, ...
 * Context  coroutine
 * Suspends until it is connected or the last address has failed
 * See      connect(2), getaddrinfo(3); RFC 9293, 3.5; RFC 6724
 */
SHOAL_API int shoal_co_sock_connect(const char *address,
    const struct shoal_sock_options *options, int timeout_ms,
    struct shoal_sock **out);

/**
 * Listen, for shoal_co_sock_accept().
 *
 * This socket is this process' own: in a worker it is not shared with the
 * others and not handed over by a reload. What serves clients is
 * shoal_server_listen().
 *
 * @param address  "host:port", "[v6]:port", "*:port" or "unix:/path", numeric
 *                 or localhost; port 0 is one that is free,
 *                 shoal_sock_local() tells which. A socket file that nobody
 *                 listens on is replaced; it stays when the socket is closed.
 * @param backlog  connections that may wait; 0: as many as the kernel allows
 * @param out      the socket, yours
 *
 * Returns  0; -SHOAL_EINVAL; -EADDRINUSE; -SHOAL_EEXIST when the path is a
 *          file of another kind; -SHOAL_EPERM outside of a worker and
 *          shoal_run(); -SHOAL_ENOMEM; -errno of bind(2)
 * Context  worker, shoal_run()
 * Blocks   never
 * See      bind(2), listen(2), unix(7)
 */
SHOAL_API int
shoal_sock_listen(const char *address, int backlog, struct shoal_sock **out);

/**
 * Wait for a connection. Connections that were aborted before are left out.
 *
 * @param sock  a listening socket, borrowed
 * @param out   the connection, yours; TCP_NODELAY is set
 *
 * Returns  0; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_EBUSY when another
 *          coroutine is here; -SHOAL_EINVAL when it does not listen;
 *          -SHOAL_ENOMEM; -EMFILE, -ENFILE and others of the process: the call
 *          after one of these waits 100 ms before it tries, lest a loop of
 *          accepts takes the processor
 * Context  coroutine
 * Suspends until one comes
 * See      accept4(2)
 */
SHOAL_API int shoal_co_sock_accept(
    struct shoal_sock *sock, int timeout_ms, struct shoal_sock **out);

/**
 * Make a socket of a descriptor.
 *
 * @param fd   an open socket, stream or datagram; it is the socket's when this
 *             succeeds, and made non-blocking and close-on-exec
 * @param out  the socket, yours
 *
 * Returns  0; -ENOTSOCK; -EPROTOTYPE for other kinds of sockets; -EBADF;
 *          -SHOAL_EPERM outside of a worker and shoal_run(); -SHOAL_ENOMEM
 * Context  worker, shoal_run()
 * Blocks   never
 * See      fcntl(2)
 */
SHOAL_API int shoal_sock_adopt(int fd, struct shoal_sock **out);

/**
 * Give the descriptor back and free the socket. The descriptor stays
 * non-blocking.
 *
 * @param sock  cleared on success
 *
 * Returns  the descriptor, yours; -SHOAL_EBUSY while input is buffered or a
 *          coroutine is in a call on it
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int shoal_sock_detach(struct shoal_sock **sock);

/**
 * Receive what there is.
 *
 * @param buf  filled
 * @param cap  its size in bytes, at least 1
 *
 * Returns  bytes, at least 1; 0 at the end; -SHOAL_ETIMEDOUT;
 *          -SHOAL_ECANCELED; -SHOAL_ECONNRESET; -SHOAL_EBUSY when another
 *          coroutine reads; -SHOAL_EINVAL when cap is 0; -SHOAL_ENOTCONN when
 *          it is not connected, or when -SHOAL_ENOMEM has lost data;
 *          -EOPNOTSUPP for datagrams; -SHOAL_ENOMEM; -errno
 * Context  coroutine
 * Suspends until the first byte has come
 * See      recv(2)
 */
SHOAL_API ssize_t shoal_co_sock_recv(
    struct shoal_sock *sock, void *buf, size_t cap, int timeout_ms);

/**
 * Receive exactly len bytes.
 *
 * @param buf  filled; undefined unless len is returned
 * @param len  bytes; of 0 nothing is asked
 *
 * Returns  len; 0 when the end comes before the first byte; -SHOAL_ETRUNCATED
 *          when it comes later, and others as shoal_co_sock_recv(): what has
 *          come is still there. -SHOAL_ENOMEM when it could not be kept: then
 *          all further reads fail with -SHOAL_ENOTCONN
 * Context  coroutine
 * Suspends until they have come
 * See      recv(2) MSG_WAITALL
 */
SHOAL_API ssize_t shoal_co_sock_recv_all(
    struct shoal_sock *sock, void *buf, size_t len, int timeout_ms);

/**
 * Receive a line.
 *
 * @param buf  the line with its LF, and a CR before it if there is one, and a
 *             NUL; undefined unless a length is returned
 * @param cap  its size in bytes, at least 2: the longest line has cap - 1
 *
 * Returns  length of the line without the NUL, at least 1; 0 at the end;
 *          -SHOAL_ETRUNCATED when the end comes inside of a line;
 *          -SHOAL_EMSGSIZE when it is longer; -SHOAL_EINVAL for a bad cap;
 *          others as shoal_co_sock_recv(). Only a line that is returned is
 *          consumed
 * Context  coroutine
 * Suspends until its LF has come
 * See      getline(3)
 */
SHOAL_API ssize_t shoal_co_sock_recv_line(
    struct shoal_sock *sock, char *buf, size_t cap, int timeout_ms);

/**
 * Look at what has come, without consuming it.
 *
 * @param data_out  all that is buffered; untouched unless a length is returned
 * @param min       bytes to wait for; 0: lend what is buffered already, NULL if
 *                  there is nothing
 *
 * Returns  bytes at *data_out, at least min; 0 when the end comes before the
 *          first byte, and when min is 0 and nothing is buffered;
 *          -SHOAL_ETRUNCATED when the end comes before min bytes; others as
 *          shoal_co_sock_recv()
 * Owner    lends until the next call that receives from the socket, consumes or
 *          closes
 * Context  coroutine
 * Suspends until min bytes are buffered
 */
SHOAL_API ssize_t shoal_co_sock_peek(
    struct shoal_sock *sock, const void **data_out, size_t min, int timeout_ms);

/**
 * Consume bytes that shoal_co_sock_peek() has shown.
 *
 * Returns  0; -SHOAL_EINVAL when fewer than n are buffered; -SHOAL_EBUSY while
 *          a coroutine reads
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int shoal_sock_consume(struct shoal_sock *sock, size_t n);

/**
 * Send all of these bytes, after what others send already.
 *
 * @param data  borrowed until it returns
 * @param len   bytes
 *
 * Returns  0 when the kernel has all of them; -SHOAL_ETIMEDOUT and
 *          -SHOAL_ECANCELED: none of them was sent, or the stream is broken;
 *          -SHOAL_ECONNRESET when the peer is gone; -SHOAL_ENOTCONN when it is
 *          not connected, was shut down for writing, or is broken;
 *          -SHOAL_EINVAL; -EOPNOTSUPP for datagrams; -SHOAL_ENOMEM; -errno
 * Context  coroutine
 * Suspends until the kernel has taken them
 * See      send(2) MSG_NOSIGNAL
 */
SHOAL_API int shoal_co_sock_send(
    struct shoal_sock *sock, const void *data, size_t len, int timeout_ms);

/**
 * Send bytes that lie in several places, as one message.
 *
 * @param parts  borrowed, and what they point to
 * @param count  of them, 0 to 1,024
 *
 * Returns  as shoal_co_sock_send()
 * Context  coroutine
 * Suspends until the kernel has taken them
 * See      sendmsg(2)
 */
SHOAL_API int shoal_co_sock_sendv(struct shoal_sock *sock,
    const struct iovec *parts, int count, int timeout_ms);

/**
 * Send a part of a file, as one message. Nothing is copied through the process;
 * a disk that has to be read is waited for.
 *
 * @param fd      a regular file, borrowed; its offset is neither used nor moved
 * @param offset  where to begin
 * @param len     bytes; 0: up to the end of the file
 *
 * Returns  bytes sent, all of them; -EISDIR for a directory; -SHOAL_EINVAL for
 *          other kinds and when the file has not so many bytes;
 *          -SHOAL_ETRUNCATED when it became shorter meanwhile: then the stream
 *          is broken; others as shoal_co_sock_send()
 * Context  coroutine
 * Suspends until the kernel has taken them
 * Blocks   for the disk
 * See      sendfile(2)
 */
SHOAL_API ssize_t shoal_co_sock_sendfile(
    struct shoal_sock *sock, int fd, off_t offset, size_t len, int timeout_ms);

/**
 * Open a socket for datagrams, UDP or unix.
 *
 * @param address  to receive at: "host:port", "[v6]:port", "*:port" or
 *                 "unix:/path", see shoal_sock_listen(); NULL: none
 * @param family   AF_INET, AF_INET6 or AF_UNIX when address is NULL, else
 *                 ignored
 * @param out      the socket, yours
 *
 * Returns  as shoal_sock_listen(); -EAFNOSUPPORT for another family
 * Context  worker, shoal_run()
 * Blocks   never
 * See      socket(2), bind(2), udp(7)
 */
SHOAL_API int
shoal_sock_datagram(const char *address, int family, struct shoal_sock **out);

/**
 * Receive a datagram.
 *
 * @param buf       filled
 * @param cap       its size in bytes
 * @param from      its sender as text, which shoal_co_sock_sendto() takes;
 *                  "unknown" when that has no address; NULL: not wanted
 * @param from_cap  size of from in bytes; SHOAL_ADDRESS_MAX is always enough
 *
 * Returns  bytes, 0 for an empty datagram; -SHOAL_EMSGSIZE when it was longer:
 *          buf has its beginning, the rest is lost; -SHOAL_ETIMEDOUT;
 *          -SHOAL_ECANCELED; -SHOAL_EBUSY when another coroutine reads;
 *          -EOPNOTSUPP for streams; -SHOAL_ENOMEM; -errno
 * Context  coroutine
 * Suspends until one comes
 * See      recvfrom(2) MSG_TRUNC
 */
SHOAL_API ssize_t shoal_co_sock_recvfrom(struct shoal_sock *sock, void *buf,
    size_t cap, char *from, size_t from_cap, int timeout_ms);

/**
 * Send a datagram.
 *
 * @param to    "host:port", "[v6]:port" or "unix:/path", numeric or localhost;
 *              NULL: to whom an adopted one is connected
 * @param data  borrowed
 * @param len   bytes
 *
 * Returns  0; -SHOAL_EINVAL for an address that makes no sense;
 *          -SHOAL_EMSGSIZE when too long for a datagram; -SHOAL_ETIMEDOUT;
 *          -SHOAL_ECANCELED; -EOPNOTSUPP for streams; -SHOAL_ENOMEM; -errno:
 *          -EDESTADDRREQ, -ENOTCONN without an address; -ECONNREFUSED,
 *          -ENOENT, ... when nobody receives at a path
 * Context  coroutine
 * Suspends while the kernel's buffer, or a unix socket's receiver, is full
 * See      sendto(2), udp(7), unix(7)
 */
SHOAL_API int shoal_co_sock_sendto(struct shoal_sock *sock, const char *to,
    const void *data, size_t len, int timeout_ms);

/**
 * Shut a direction down.
 *
 * @param what  SHOAL_SOCK_READ, SHOAL_SOCK_WRITE or both
 *
 * Returns  0; -SHOAL_EBUSY for writing, while a coroutine sends;
 *          -SHOAL_ENOTCONN; -SHOAL_EINVAL
 * Context  worker, shoal_run()
 * Blocks   never
 * See      shutdown(2); RFC 9293, 3.6
 */
SHOAL_API int shoal_sock_shutdown(struct shoal_sock *sock, int what);

/**
 * Make the coroutines that are in a call on the socket leave it with
 * -SHOAL_ECANCELED. A message of which a part has been sent breaks the stream.
 *
 * @param what  SHOAL_SOCK_READ, SHOAL_SOCK_WRITE or both
 *
 * Returns  their number
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int shoal_sock_cancel(struct shoal_sock *sock, int what);

/**
 * Close. Coroutines that are in a call on the socket leave it with
 * -SHOAL_ECANCELED, and must not use it again. What was sent is on its way;
 * with input that was not read, TCP resets the connection.
 *
 * @param sock  cleared; NULL, or a pointer to it, is fine
 *
 * Context  worker, shoal_run()
 * Blocks   never
 * See      close(2); RFC 1122, 4.2.2.13
 */
SHOAL_API void shoal_sock_close(struct shoal_sock **sock);

/**
 * Set an option of the socket.
 *
 * Returns  0; -errno of setsockopt(2)
 * Context  worker, shoal_run()
 * Blocks   never
 * See      setsockopt(2), socket(7), tcp(7)
 */
SHOAL_API int shoal_sock_set_option(struct shoal_sock *sock, int level,
    int name, const void *value, size_t len);

/**
 * Get an option of the socket.
 *
 * @param value   filled
 * @param len_io  its size in bytes; then the bytes that were filled
 *
 * Returns  0; -errno of getsockopt(2)
 * Context  worker, shoal_run()
 * Blocks   never
 * See      getsockopt(2), socket(7), tcp(7)
 */
SHOAL_API int shoal_sock_get_option(
    struct shoal_sock *sock, int level, int name, void *value, size_t *len_io);

/**
 * Own address as text: "192.0.2.1:4711", "[2001:db8::1]:4711", "unix:/path";
 * "unknown" when there is none.
 *
 * @param buf  filled, with a NUL at its end
 * @param cap  its size in bytes; SHOAL_ADDRESS_MAX (shoal/conn.h) is always
 *             enough
 *
 * Returns  buf
 * Context  worker, shoal_run()
 * Blocks   never
 * See      getsockname(2)
 */
SHOAL_API const char *
shoal_sock_local(const struct shoal_sock *sock, char *buf, size_t cap);

/** Address of the peer as text, see shoal_sock_local() and getpeername(2). */
SHOAL_API const char *
shoal_sock_peer(const struct shoal_sock *sock, char *buf, size_t cap);

/** The descriptor, for poll(2) and the like. Reading, writing, closing it or
 *  making it blocking breaks the socket. */
SHOAL_API int shoal_sock_fd(const struct shoal_sock *sock);

/**
 * Whether a stream can still be used, as far as it is known here: nothing asks
 * the peer. For connections that are kept to be used again.
 *
 * Returns  true; false when it has ended, failed or is broken, and nothing is
 *          buffered
 * Context  worker, shoal_run()
 * Blocks   never
 * See      recv(2) MSG_PEEK
 */
SHOAL_API bool shoal_sock_is_alive(struct shoal_sock *sock);

#ifdef __cplusplus
}
#endif
