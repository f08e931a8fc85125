/*
 * This file is the histories of topics in Redis: what is done there, in one step, by
 * scripts.
 *
 * A topic has two keys. PREFIX"history:"TOPIC is a stream; the number of an entry is
 * its offset, so offsets are found without an index. PREFIX"place:"TOPIC is a hash:
 * the epoch, the last offset, the bytes that are kept and when the first entry was
 * published. Where Redis has lost the hash, a new epoch begins.
 */
#pragma once

enum sh_redis_script {
	SH_REDIS_SCRIPT_NONE = -1,
	/* keep and publish:
	 * keys stream, place
	 * args channel, fresh epoch, time in ms, most messages, bytes and
	 *      age in ms (0: no bound), bytes that it counts, NUMBER ENCODED
	 * reply its offset */
	SH_REDIS_SCRIPT_PUBLISH,
	/* read a page:
	 * keys stream, place
	 * args epoch and offset behind which, most messages (-1: all),
	 *      time in ms before which they are too old, bytes of the page,
	 *      last offset (0: the last there is)
	 * reply epoch, last offset, 1 for a gap, 1 when there are more,
	 *      then offset and NUMBER ENCODED of each */
	SH_REDIS_SCRIPT_READ,
	/* begin a new epoch if there is one before that which is given, or if
	 * its offset is not known any more: Redis has come back with old data:
	 * keys stream, place
	 * args epoch, offset, fresh epoch
	 * reply 1 if it has */
	SH_REDIS_SCRIPT_RENEW,
	SH_REDIS_SCRIPTS
};

/** Their texts. */
extern const char *const sh_redis_scripts[SH_REDIS_SCRIPTS];
