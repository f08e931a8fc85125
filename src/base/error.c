/* This file puts error codes into words. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <shoal/error.h>

static const char *const own_texts[] = {
	[SHOAL_ECONFIG - SHOAL_EBASE] = "a setting is wrong",
	[SHOAL_EABI - SHOAL_EBASE] = "made for another version of shoal",
	[SHOAL_ESTATE - SHOAL_EBASE] = "called at the wrong time",
	[SHOAL_ETRUNCATED - SHOAL_EBASE] = "the end came inside a message",
	[SHOAL_ECLOSED - SHOAL_EBASE] = "closed, and nothing is left in it",
	[SHOAL_EDEADLK - SHOAL_EBASE] = "everyone waits for another one",
	[SHOAL_EPROTO - SHOAL_EBASE] = "the peer breaks the protocol",
	[SHOAL_ENOTFOUND - SHOAL_EBASE] = "no such host or service",
};

const char *
shoal_strerror(int error)
{
	static _Thread_local char text[64];

	if (error < 0)
		error = -error;
	if (error == 0)
		return "success";
	if (error >= SHOAL_EBASE && error < SHOAL_EEND)
		return own_texts[error - SHOAL_EBASE];
	if (error < SHOAL_EBASE && strerrordesc_np(error) != NULL)
		return strerrordesc_np(error);
	snprintf(text, sizeof(text), "unknown error %d", error);
	return text;
}
