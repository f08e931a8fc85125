/*
 * This file is what master, workers and the check process say to each other,
 * and its encoding; it sends nothing. One message is one packet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sh_message_type {
	/* worker to master */
	SH_MESSAGE_READY = 1, /* the loop turns, listeners are armed */
	SH_MESSAGE_FAILED,    /* text: why it cannot start; it exits */
	SH_MESSAGE_REOPENED,  /* the new log is in use */
	SH_MESSAGE_RELIEVED,  /* accepts no more connections */
	SH_MESSAGE_ASK_STOP,  /* text: a listener that is to stop everywhere;
				   value: sh_message_ask() */
	SH_MESSAGE_ASK_START, /* text: a listener that is to start again */
	SH_MESSAGE_LISTENER_DONE, /* value: so many orders were obeyed */
	/* master to worker; a worker that a signal told to says it back */
	SH_MESSAGE_DRAIN,  /* value: milliseconds; no new connections,
				   those that are there may go on that long */
	SH_MESSAGE_STOP,   /* value: milliseconds; end all connections
				   in good order within them */
	SH_MESSAGE_REOPEN, /* descriptor: the new log */
	/* orders; value: the address's place in the worker's plan. All but END
	   count for DONE, also when nothing is left to do */
	SH_MESSAGE_LISTENER_STOP,  /* accept no more, keep the socket */
	SH_MESSAGE_LISTENER_CLOSE, /* accept what waits, close the socket */
	SH_MESSAGE_LISTENER_START, /* accept again; descriptor: the socket,
				      when it is another than before */
	SH_MESSAGE_LISTENER_END,   /* end its connections in good order */
	/* check process to master */
	SH_MESSAGE_TEXT,   /* text: a finding */
	SH_MESSAGE_PLAN,   /* descriptor: memfd of a struct sh_plan */
	SH_MESSAGE_MODULE, /* descriptor: a module, in the plan's order */
	SH_MESSAGE_DONE,   /* value: exit status, 0 when all is well */
	/* of a program's own pool, src/crew: parent to worker */
	SH_MESSAGE_GO,     /* all workers are ready: begin */
	SH_MESSAGE_POSTED, /* value: result of the POST */
	SH_MESSAGE_ROOM,   /* what AWAIT has waited for */
	/* worker to parent */
	SH_MESSAGE_RETIRE,    /* value: milliseconds; replace me, I end by
				   myself within them */
	SH_MESSAGE_STOP_POOL, /* stop all workers */
	SH_MESSAGE_AWAIT,     /* value: a pair, slot and length; tell
				   when it takes a POST of that length */
	SH_MESSAGE_TAKEN,     /* value: a pair, messages and bytes */
	/* both: text, or a sealed memfd, of the program's; value: slot it goes
	 * to or comes from, -1: the parent */
	SH_MESSAGE_POST,
	SH_MESSAGE_PARCEL, /* as POST, and has a descriptor */
	SH_MESSAGE_TYPE_END
};

enum { SH_MESSAGE_TEXT_MAX = 2000, SH_MESSAGE_MAX = SH_MESSAGE_TEXT_MAX + 16 };

struct sh_message {
	enum sh_message_type type;
	int64_t value;
	uint32_t text_len;
	char text[SH_MESSAGE_TEXT_MAX + 1]; /* NUL-terminated */
};

/** The value of ASK_STOP: whether to close, and when connections are ended,
 *  -1: not at all. */
static inline int64_t
sh_message_ask(bool close, int32_t deadline_ms)
{
	return (int64_t)((uint64_t)close << 32 | (uint32_t)deadline_ms);
}

/** Read such a value. False for one that sh_message_ask() does not make. */
static inline bool
sh_message_read_ask(int64_t value, bool *close_out, int32_t *deadline_ms_out)
{
	int32_t deadline_ms = (int32_t)(uint32_t)value;

	if ((uint64_t)value >> 33 != 0 || deadline_ms < -1)
		return false;
	*close_out = (uint64_t)value >> 32 != 0;
	*deadline_ms_out = deadline_ms;
	return true;
}

/** Write a message as bytes; buf has SH_MESSAGE_MAX. Returns their number. */
size_t sh_message_encode(const struct sh_message *message, uint8_t *buf);
/** Read a message. 0, or -SHOAL_EINVAL for anything that encode() does not
 *  write. */
int
sh_message_decode(struct sh_message *message, const uint8_t *buf, size_t len);
/** Name of a type, "?" for others. */
const char *sh_message_type_str(enum sh_message_type type);
