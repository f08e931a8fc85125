/* This file is what <shoal/topic.h> says of one connection. */
#include "config.h"

#include <shoal/topic.h>

#include "topic/remote.h"

int
shoal_send(uint64_t id, enum shoal_ws_type type, const void *data, size_t len)
{
	return sh_remote_send(id, type, data, len);
}

int
shoal_close(uint64_t id, int code, const char *reason)
{
	return sh_remote_close_conn(id, code, reason);
}
