/* This file is <shoal/resolve.h>. */
#include "config.h"

#include <shoal/resolve.h>

#include <stdlib.h>

#include "base/mem.h"
#include "io/await.h"
#include "io/resolve.h"

_Static_assert((int)SHOAL_RESOLVE_MAX == (int)SH_RESOLVE_MAX, "one limit");

int
shoal_co_resolve(const char *host, const char *service,
    struct sockaddr_storage *addrs_out, size_t max, int timeout_ms)
{
	int64_t deadline_us = sh_deadline_us(timeout_ms);
	struct sh_addr *addrs; /* too large for a stack that sleeps */
	int i, r;

	(void)sh_await_self(__func__);
	if (max == 0)
		return -SHOAL_EINVAL;
	if (max > SH_RESOLVE_MAX)
		max = SH_RESOLVE_MAX;
	addrs = sh_try_calloc(max, sizeof(*addrs));
	if (addrs == NULL)
		return -SHOAL_ENOMEM;
	r = sh_resolve(host, service, addrs, max, deadline_us);
	for (i = 0; i < r; i++)
		addrs_out[i] = addrs[i].storage;
	free(addrs);
	return r;
}
