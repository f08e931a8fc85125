/*
 * This file finds the addresses of a host, and remembers them for a while; it
 * does not connect. Name services are asked on the thread pool, in the way that
 * nsswitch.conf(5) says.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "base/sock.h"

struct sh_resolver;

/* Addresses of a host beyond these are left out. */
enum { SH_RESOLVE_MAX = 16 };

/** The addresses of a stream service, in the order in which to try them. host
 *  is a name or a number, without brackets; service is a port number or a name
 *  of services(5), NULL for port 0. Of more than max addresses the first ones.
 *  Their number, from 1 on; -SHOAL_ENOTFOUND; -SHOAL_EAGAIN when the name
 *  service fails for now; -SHOAL_EINVAL when host is empty or host or service
 *  too long, or max 0; -SHOAL_ENOMEM; and as sh_await(). Suspends, but not for
 *  a number. A query goes on when nobody waits for it any longer, and the next
 *  one for the same name finds its answer. */
int sh_resolve(const char *host, const char *service, struct sh_addr *addrs_out,
    size_t max, int64_t deadline_us);

/** For loop.c: forget what is remembered. Before the thread pool ends: queries
 *  that are not answered are left to it. */
void sh_resolver_free(struct sh_resolver **resolver);
