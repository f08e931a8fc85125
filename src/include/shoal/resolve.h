/* Addresses of a host. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Addresses of one host at most; further ones are left out. */
enum { SHOAL_RESOLVE_MAX = 16 };

/**
 * Find the addresses of a stream service, in the order in which to try them.
 *
 * Names are looked up as nsswitch.conf(5) says, in a thread of those that
 * shoal_co_blocking() uses. An answer is good for 30 seconds in this worker,
 * and for 5 when there is no such host. A number is read at once.
 *
 * @param host       a name, an IPv4 or an IPv6 address without brackets;
 *                   borrowed
 * @param service    a port number or a name of services(5); NULL: port 0;
 *                   borrowed
 * @param addrs_out  filled with as many addresses as there are, up to max;
 *                   ss_family tells which length each has
 * @param max        of them, > 0
 *
 * Returns  the number of addresses, > 0; -SHOAL_ENOTFOUND when there is no such
 *          host or service; -SHOAL_EAGAIN when the name service fails for now;
 *          -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_EINVAL when host is empty
 *          or has more than 255 bytes, service more than 63, or max is 0;
 *          -SHOAL_ENOMEM, also when no thread or descriptor can be had
 * Context  coroutine
 * Suspends until there is an answer
 * See      getaddrinfo(3), RFC 6724
 */
SHOAL_API int shoal_co_resolve(const char *host, const char *service,
    struct sockaddr_storage *addrs_out, size_t max, int timeout_ms);

#ifdef __cplusplus
}
#endif
