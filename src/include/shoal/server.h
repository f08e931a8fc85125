/* A server: listeners and handlers of a program, and its command line. */
#pragma once

#include <stddef.h>

#include <shoal/conn.h>
#include <shoal/error.h>
#include <shoal/framing.h>
#include <shoal/handler.h>
#include <shoal/visibility.h>
#include <shoal/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_server;

/**
 * Make a server without listeners.
 *
 * Returns  the server, or NULL when out of memory
 * Owner    the caller; freed by shoal_server_free()
 * Context  before shoal_main()
 */
SHOAL_API struct shoal_server *shoal_server_new(void);

/** Free a server and clear the pointer. NULL and a NULL pointer are fine. */
SHOAL_API void shoal_server_free(struct shoal_server **server);

/**
 * Serve TCP on an address.
 *
 * @param address    "host:port", "[v6]:port" or "unix:/path", copied; port 0
 *                   lets the kernel pick one; "*" as host is every address
 * @param callbacks  copied; on_receive is required
 * @param arg        handed to the callbacks; the caller keeps it alive
 *
 * Returns  0; -SHOAL_EINVAL for a malformed address or missing callback;
 *          -SHOAL_EEXIST when the server has the address already;
 *          -SHOAL_ENOMEM. The address is bound by shoal_main(), not here
 * Context  before shoal_main()
 * Blocks   never
 * See      bind(2), listen(2), socket(7) SO_REUSEPORT; RFC 3986, 3.2.2
 */
SHOAL_API int
shoal_server_listen(struct shoal_server *server, const char *address,
    const struct shoal_tcp_callbacks *callbacks, void *arg);

/*
 * What a listener made by code may ask for; 0 is the default everywhere. The
 * same as the keys of a listener in shoal.conf(5).
 */
struct shoal_listen_options {
	size_t size;               /* sizeof(struct shoal_listen_options) */
	const char *name;          /* in status and log, copied; NULL: the
				      address */
	int backlog;               /* connections that may wait; 0: 4096 */
	int keepalive_idle_ms;     /* 0: no keepalive */
	int keepalive_interval_ms; /* 0: 60 s */
	int keepalive_count;       /* 0: 5 */
	int user_timeout_ms;       /* 0: the kernel's */
	int notsent_lowat;         /* bytes; 0: 64 KiB, -1: no limit */
	int idle_timeout_ms;       /* 0: limits.idle_timeout, -1: none */
	size_t queue_high;         /* bytes; 0: limits.send_queue.high */
	size_t queue_low;          /* bytes, at most queue_high; used when
				      queue_high is not 0 */
	const struct shoal_framing *framing; /* lent as long as the server
				      lives; NULL: raw */
	/* See struct shoal_send_queue */
	enum shoal_when_full when_full;
	int64_t stall_timeout_ms; /* 0: limits.send_queue.stall_timeout, -1:
				     never */
};

/**
 * Serve TCP on an address, with options.
 *
 * @param options  copied, but for the framing, which is lent with all it
 *                 points to as long as the server lives; NULL is
 *                 shoal_server_listen()
 *
 * The other parameters and the results are those of shoal_server_listen();
 * -SHOAL_EINVAL also for a negative option, queue_low above queue_high or a
 * framing that makes no sense.
 *
 * Context  before shoal_main()
 * Blocks   never
 * See      tcp(7) TCP_KEEPIDLE, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT
 */
SHOAL_API int shoal_server_listen_with(struct shoal_server *server,
    const char *address, const struct shoal_listen_options *options,
    const struct shoal_tcp_callbacks *callbacks, void *arg);

/**
 * Serve TCP on an address in coroutine style: a coroutine for each connection.
 *
 * @param options  copied; NULL for none; see shoal_server_listen_with()
 * @param serve    what serves a connection
 * @param arg      handed to it; the caller keeps it alive
 *
 * Returns  as shoal_server_listen_with()
 * Context  before shoal_main()
 * Blocks   never
 * See      shoal_co(3), shoal_co_recv() in shoal_conn(3)
 */
SHOAL_API int shoal_server_serve(struct shoal_server *server,
    const char *address, const struct shoal_listen_options *options,
    shoal_serve_fn *serve, void *arg);

/**
 * Make a handler known, so that a configuration file can name it.
 *
 * @param handler  lent as long as the server lives
 *
 * Returns  0; -SHOAL_EINVAL for a missing name or callback, or a framing that
 *          makes no sense; -SHOAL_EEXIST, -SHOAL_ENOMEM
 * Context  before shoal_main()
 */
SHOAL_API int shoal_server_add_handler(
    struct shoal_server *server, const struct shoal_handler *handler);

/**
 * Set the hooks that every worker calls.
 *
 * @param hooks  copied
 * @param arg    handed to the hooks
 *
 * Returns  0; -SHOAL_EINVAL
 * Context  before shoal_main()
 */
SHOAL_API int shoal_server_set_hooks(struct shoal_server *server,
    const struct shoal_worker_hooks *hooks, void *arg);

/**
 * Give a program the whole command line of shoal(8): run, start, stop,
 * restart, reload, status, test, config, reopen, workers, modules, version.
 *
 * Without a command, a program that has listeners of its own runs in the
 * foreground. Forks: call it with one thread only.
 *
 * @param server  borrowed
 *
 * Returns  the exit status for main(), see shoal(8)
 * Context  main()
 * Blocks   the process, until the command is done
 * See      fork(2); the exit statuses are those of sysexits.h where it has them
 */
SHOAL_API int shoal_main(struct shoal_server *server, int argc, char **argv);

/**
 * Serve without a command line and without a configuration file, in the
 * foreground: what `run' does with every setting at its default.
 *
 * @param server  borrowed
 *
 * Returns  0 after an orderly stop; else the exit status that `run' would
 *          give, see shoal(8)
 * Context  main(), with one thread only
 * Blocks   the process, until it is stopped by a signal
 * See      fork(2)
 */
SHOAL_API int shoal_server_run(struct shoal_server *server);

#ifdef __cplusplus
}
#endif
