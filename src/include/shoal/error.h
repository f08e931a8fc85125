/*
 * Error codes. Functions that can fail return 0 or a count on success and one
 * of these, negated, on failure. An error of the system is -errno; errors of
 * shoal's own begin at -1000.
 */
#pragma once

#include <errno.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_error {
	SHOAL_EAGAIN = EAGAIN,         /* not now; try again later */
	SHOAL_EBUSY = EBUSY,           /* somebody else is using it */
	SHOAL_ECANCELED = ECANCELED,   /* the wait was cancelled */
	SHOAL_ECONNRESET = ECONNRESET, /* the peer reset the connection */
	SHOAL_EEXIST = EEXIST,         /* there is one already */
	SHOAL_EINVAL = EINVAL,         /* an argument makes no sense */
	SHOAL_EMSGSIZE = EMSGSIZE,     /* longer than the limit */
	SHOAL_ENOENT = ENOENT,         /* no such thing, or no longer */
	SHOAL_ENOMEM = ENOMEM,         /* out of memory */
	SHOAL_ENOTCONN = ENOTCONN,     /* the connection is closed or closing */
	SHOAL_EPERM = EPERM,           /* not allowed here */
	SHOAL_ETIMEDOUT = ETIMEDOUT,   /* the time is over */

	SHOAL_EBASE = 1000,
	SHOAL_ECONFIG = SHOAL_EBASE, /* a setting is wrong */
	SHOAL_EABI,                  /* module made for another shoal */
	SHOAL_ESTATE,                /* called at the wrong time */
	SHOAL_ETRUNCATED,            /* the end came inside a message */
	SHOAL_ECLOSED,               /* closed, and nothing is left in it */
	SHOAL_EDEADLK,               /* everyone waits for another one */
	SHOAL_EPROTO,                /* the peer breaks the protocol */
	SHOAL_ENOTFOUND,             /* no such host or service */
	SHOAL_EEND
};

/**
 * Describe an error code.
 *
 * @param error  a code as shoal's functions return it (negative), or the
 *               positive value of the enumeration
 *
 * Returns  a sentence without a full stop, never NULL; "unknown error N" for
 *          others, in a buffer of this thread that the next call overwrites
 * Owner    lends until the next call in the same thread
 * Context  any, in any thread
 * Blocks   never
 * See      errno(3), strerror(3)
 */
SHOAL_API const char *shoal_strerror(int error);

#ifdef __cplusplus
}
#endif
