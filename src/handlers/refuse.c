/* This file says no to an HTTP client, in words. */
#include "config.h"

#include "handlers/refuse.h"

#include <shoal/response.h>

void
sh_refuse(struct shoal_request *req, int status, const char *why)
{
	(void)shoal_response_status(req, status, 0);
	(void)shoal_response_header(
	    req, "Content-Type", "text/plain; charset=utf-8");
	(void)shoal_response_header(req, "Cache-Control", "no-store");
	(void)shoal_response_printf(req, "%s\n", why);
}
