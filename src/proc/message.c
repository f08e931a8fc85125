/* This file encodes and decodes messages between processes. */
#include "config.h"

#include "proc/message.h"

#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"

/* magic (2), version (1), type (1), value (8), length of the text (4) */
enum { HEADER = 16, MAGIC_0 = 's', MAGIC_1 = 'h', CODEC_VERSION = 1 };

size_t
sh_message_encode(const struct sh_message *message, uint8_t *buf)
{
	uint64_t value = (uint64_t)message->value;
	uint32_t len = message->text_len;
	int i;

	sh_assert(len <= SH_MESSAGE_TEXT_MAX);
	buf[0] = MAGIC_0;
	buf[1] = MAGIC_1;
	buf[2] = CODEC_VERSION;
	buf[3] = (uint8_t)message->type;
	for (i = 0; i < 8; i++)
		buf[4 + i] = (uint8_t)(value >> (8 * i));
	for (i = 0; i < 4; i++)
		buf[12 + i] = (uint8_t)(len >> (8 * i));
	memcpy(buf + HEADER, message->text, len);
	return HEADER + len;
}

int
sh_message_decode(struct sh_message *message, const uint8_t *buf, size_t len)
{
	uint64_t value = 0;
	uint32_t text_len = 0;
	int i;

	if (len < HEADER || buf[0] != MAGIC_0 || buf[1] != MAGIC_1 ||
	    buf[2] != CODEC_VERSION || buf[3] == 0 ||
	    buf[3] >= SH_MESSAGE_TYPE_END)
		return -SHOAL_EINVAL;
	for (i = 7; i >= 0; i--)
		value = value << 8 | buf[4 + i];
	for (i = 3; i >= 0; i--)
		text_len = text_len << 8 | buf[12 + i];
	if (text_len > SH_MESSAGE_TEXT_MAX || len - HEADER != text_len)
		return -SHOAL_EINVAL;
	message->type = (enum sh_message_type)buf[3];
	message->value = (int64_t)value;
	message->text_len = text_len;
	memcpy(message->text, buf + HEADER, text_len);
	message->text[text_len] = '\0';
	return 0;
}

const char *
sh_message_type_str(enum sh_message_type type)
{
	static const char *const names[SH_MESSAGE_TYPE_END] = {
		[SH_MESSAGE_READY] = "ready",
		[SH_MESSAGE_FAILED] = "failed",
		[SH_MESSAGE_REOPENED] = "reopened",
		[SH_MESSAGE_RELIEVED] = "relieved",
		[SH_MESSAGE_ASK_STOP] = "ask-stop",
		[SH_MESSAGE_ASK_START] = "ask-start",
		[SH_MESSAGE_LISTENER_DONE] = "listener-done",
		[SH_MESSAGE_DRAIN] = "drain",
		[SH_MESSAGE_STOP] = "stop",
		[SH_MESSAGE_REOPEN] = "reopen",
		[SH_MESSAGE_LISTENER_STOP] = "listener-stop",
		[SH_MESSAGE_LISTENER_CLOSE] = "listener-close",
		[SH_MESSAGE_LISTENER_START] = "listener-start",
		[SH_MESSAGE_LISTENER_END] = "listener-end",
		[SH_MESSAGE_TEXT] = "text",
		[SH_MESSAGE_PLAN] = "plan",
		[SH_MESSAGE_MODULE] = "module",
		[SH_MESSAGE_DONE] = "done",
		[SH_MESSAGE_GO] = "go",
		[SH_MESSAGE_POSTED] = "posted",
		[SH_MESSAGE_ROOM] = "room",
		[SH_MESSAGE_RETIRE] = "retire",
		[SH_MESSAGE_STOP_POOL] = "stop the pool",
		[SH_MESSAGE_AWAIT] = "await",
		[SH_MESSAGE_TAKEN] = "taken",
		[SH_MESSAGE_POST] = "post",
		[SH_MESSAGE_PARCEL] = "parcel",
	};

	if ((unsigned)type >= SH_ARRAY_LEN(names) || names[type] == NULL)
		return "?";
	return names[type];
}
